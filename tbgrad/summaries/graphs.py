"""Graph to records: TensorFlow's graph of a function and of its gradient in two scopes, and a page about it."""

from __future__ import annotations

from tbgrad.records import GraphNode, GraphRecord, Record, Texts
from tbgrad.results import Graph
from tbgrad.results.graphs import FORWARD, GRADIENT, GRADIENT_AGAIN, times
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.pages import code, page
from tbgrad.summaries.summarizing import summarize

_MEANINGS = {
    FORWARD: "the value, from the variables",
    GRADIENT: "the partial derivatives, from the end backward",
    GRADIENT_AGAIN: "the same once more, because the gradient was asked for in two places",
}
_CONTROL_FLOW = ("While", "If", "Case")


@summarize.register
def _(graph: Graph) -> tuple[Record, ...]:
    names = [f"{operation.scope}/{operation.name}" for operation in graph.operations]
    nodes = []
    for name, operation in zip(names, graph.operations, strict=True):
        inputs = tuple(names[i] + (f":{output}" if output else "") for i, output in operation.inputs)
        attributes = {"original_name": operation.original_name, "dtype": operation.dtype}
        kept = {key: text for key, text in attributes.items() if text}
        nodes.append(GraphNode(name, operation.kind, inputs, kept))
    return GraphRecord(nodes), Texts("graph/story", 0, _story(graph), description="What the graph shows.")


def _story(graph: Graph) -> str:
    rows = [(code(scope), _MEANINGS[scope], str(count)) for scope, count in graph.counts.items()]
    value, total = graph.counts.get(FORWARD, 0), len(graph.operations)
    parts = [
        f"**{value:,} operations compute the value, {total - value:,} more the gradient.** One compiled function gives "
        f"both together. TensorFlow traced it {times(graph.traces)}.",
        markdown_table(("scope", "what it computes", "operations"), rows),
        "A double click on a scope opens it. Each operation is named by what it computes; a click on it shows its type "
        "and what TensorFlow calls it. Arrows show what flows where: the gradient takes values of the forward pass.",
    ]
    if any(operation.kind.removeprefix("Stateless") in _CONTROL_FLOW for operation in graph.operations):
        parts.append("A loop or a branch is one operation here; what happens inside it is not shown.")
    asked = [("What computes the gradient?", "Graphs", "")]
    return page(f"The graph of `{graph.subject.equation}`", parts, asked)
