"""TensorFlow's graph as records: scopes, names, inputs, attributes, and the page beside it."""

import re
from collections import Counter

import pytest
import tensorflow as tf

import tbgrad
from tbgrad.functions.imports import from_callable
from tbgrad.records import GraphRecord, Texts
from tbgrad.results import Graph, GraphOperation

CATALOGUE = tbgrad.catalogue()
SUBJECT = CATALOGUE["sphere"].subject()


def summarized(graph):
    record, page = tbgrad.summarize(graph)
    assert isinstance(record, GraphRecord) and isinstance(page, Texts)
    assert page.tag == "graph/story" and page.step.tolist() == [0]
    return record, page.text[0]


def loop(x, y):
    return tf.while_loop(lambda a, _: tf.reduce_sum(a) > 0.0, lambda a, b: (a - b, b), (x, y))[0] * y


@pytest.mark.parametrize("gradients", [1, 2])
@pytest.mark.parametrize("f", [*CATALOGUE.values(), from_callable(tf.function(loop))], ids=[*CATALOGUE, "loop"])
def test_every_operation_is_a_node_in_its_scope(f, gradients):
    graph = tbgrad.trace_graph(f, gradients=gradients)
    record, text = summarized(graph)
    names = [node.name for node in record.nodes]
    assert len(set(names)) == len(names) == len(graph.operations)
    for i, (node, operation) in enumerate(zip(record.nodes, graph.operations, strict=True)):
        scope, _, name = node.name.partition("/")
        assert (scope, name, node.operation) == (operation.scope, operation.name, operation.kind)
        assert "/" not in name and ":" not in name and not name.startswith("^")
        told = {"original_name": operation.original_name, "dtype": operation.dtype}
        assert node.attributes == {key: value for key, value in told.items() if value}
        # A node's inputs are earlier nodes; a second output is `name:1`.
        sources = [re.fullmatch(r"(.*?)(?::([1-9]\d*))?", given).groups() for given in node.inputs]
        assert [(names[:i].index(source), int(output or 0)) for source, output in sources] == list(operation.inputs)
    scopes = Counter(name.partition("/")[0] for name in names)
    assert list(scopes) == ["forward", "gradient", "gradient_again"][: 1 + gradients]
    for scope, count in scopes.items():
        assert re.search(rf"^\| `{scope}` \| [^|]+ \| {count} \|$", text, re.MULTILINE)
    assert f"The graph of `{graph.subject.equation}`" in text and "TensorFlow traced it once." in text


def test_the_tutorials_graph():
    record, _ = summarized(tbgrad.trace_graph(CATALOGUE["tilted_waves"]))
    nodes = {node.name: node for node in record.nodes}
    sine = nodes["forward/sin(y)"]
    assert (sine.operation, sine.inputs) == ("Sin", ("forward/y",))
    assert sine.attributes == {"original_name": "Sin", "dtype": "float64"}
    assert nodes["forward/x÷y"].inputs == ("forward/x", "forward/y")
    assert nodes["forward/value"].inputs == ("forward/cos(x)*sin(y) + x÷y",)
    assert nodes["forward/value"].attributes == {"dtype": "float64"}
    cosine = nodes["gradient/cos(y)"]
    assert cosine.inputs == ("forward/y",) and cosine.attributes["original_name"].startswith("gradient_tape/")
    assert {"gradient/∂f÷∂x", "gradient/∂f÷∂y"} <= set(nodes)


def test_a_second_output_is_named_so():
    operations = (
        GraphOperation("forward", "x", "Placeholder", (), "x", "float64"),
        GraphOperation("forward", "v1", "Split", ((0, 0),), "split", "float64"),
        GraphOperation("gradient", "v2", "Sub", ((1, 0), (1, 1), (1, 12)), "Sub", ""),
    )
    record, text = summarized(Graph(SUBJECT, operations, 3))
    assert record.nodes[2].inputs == ("forward/v1", "forward/v1:1", "forward/v1:12")
    assert record.nodes[2].attributes == {"original_name": "Sub"}
    assert "what happens inside" not in text
    assert "| `forward` |" in text and "| 2 |" in text and "TensorFlow traced it 3 times." in text


def test_arrows_of_a_loop_name_its_outputs():
    record, text = summarized(tbgrad.trace_graph(from_callable(tf.function(loop))))
    assert "what happens inside it is not shown" in text
    loops = [node.name for node in record.nodes if "While" in node.operation]
    taken = {given for node in record.nodes for given in node.inputs}
    assert loops and any(re.fullmatch(rf"{re.escape(name)}:\d+", given) for name in loops for given in taken)
