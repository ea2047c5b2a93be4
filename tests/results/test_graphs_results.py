"""A graph as a result: counts, and its table."""

import dataclasses

import pytest
from html_tables import cells

import tbgrad
from tbgrad.results import Graph, GraphOperation

SUBJECT = tbgrad.catalogue()["sphere"].subject()
OPERATIONS = (
    GraphOperation("forward", "x", "Placeholder", (), "x", "float64"),
    GraphOperation("forward", "x<y", "Less", ((0, 0), (0, 0)), "Less", "bool"),
    GraphOperation("gradient", "∂f÷∂x", "Identity", ((1, 0),), "", "float64"),
)


def test_counts_are_of_each_scope():
    graph = Graph(SUBJECT, OPERATIONS, 1)
    assert graph.counts == {"forward": 2, "gradient": 1}
    assert Graph(SUBJECT, (), 1).counts == {}


def test_as_a_table():
    assert cells(Graph(SUBJECT, OPERATIONS, 1)) == [
        ["scope", "operation", "kind", "inputs"],
        ["forward", "x", "Placeholder", ""],
        ["forward", "x<y", "Less", "x, x"],
        ["gradient", "∂f÷∂x", "Identity", "x<y"],
    ]


@pytest.mark.parametrize("f", tbgrad.catalogue().values(), ids=tbgrad.catalogue())
def test_a_traced_graph_as_a_table(f):
    graph = tbgrad.trace_graph(f)
    heads, *rows = cells(graph)
    assert [row[:3] for row in rows] == [[o.scope, o.name, o.kind] for o in graph.operations[:50]]
    assert all(len(row) == len(heads) for row in rows)
    assert [row[:2] for row in rows if row[2] == "Placeholder"] == [
        ["forward", v] for v in (["position"] if f.takes_vector else f.variables)
    ]


@pytest.mark.parametrize("made", [Graph(SUBJECT, OPERATIONS, 1), OPERATIONS[0]], ids=lambda made: type(made).__name__)
def test_results_are_frozen(made):
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.scope = made.traces = 2
