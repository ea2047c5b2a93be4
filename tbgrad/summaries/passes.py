"""Backward to records: the formula's own graph with the numbers of both passes on its nodes, and the same as tables."""

from __future__ import annotations

from tbgrad.records import GraphNode, GraphRecord, Record, Texts
from tbgrad.results import Backward, BackwardNode
from tbgrad.results.handwriting import backward_rows, forward_rows, function_name, number_text, point_text
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.pages import code, page
from tbgrad.summaries.summarizing import summarize


@summarize.register
def _(passes: Backward) -> tuple[Record, ...]:
    names = [_name(node) for node in passes.nodes]
    nodes = [
        GraphNode(
            name,
            node.operation,
            tuple(names[i] for i in node.arguments),
            _attributes(node, names),
            (),
        )
        for name, node in zip(names, passes.nodes, strict=True)
    ]
    description = "The forward and the backward pass by hand."
    return GraphRecord(nodes), Texts("graph/backward", 0, _tables(passes), description=description)


def _name(node: BackwardNode) -> str:
    # A slash would open a scope.
    return (node.shown if node.shown == node.full else f"{node.label} = {node.written}").replace("/", "÷")


def _attributes(node: BackwardNode, names: list[str]) -> dict[str, str]:
    """What the card shows: value, gradient, and the local derivative by each argument as formula and number."""
    shown = {"value": number_text(node.value)}
    if node.operation != "number":
        # Nobody asks for the derivative by a number, and the backward pass does not compute it.
        shown["gradient"] = number_text(node.gradient)
    by_argument = zip(node.arguments, node.derivatives, node.derivatives_written, strict=True)
    for argument, derivative, formula in by_argument:
        if derivative is not None:
            number = number_text(derivative[1])
            said = formula if formula == number else f"{formula} = {number}"
            # The same argument twice, as in x*x, has a derivative for each place.
            key = f"derivative by {names[argument]}"
            shown[key] = f"{shown[key]}; {said}" if key in shown else said
    return shown


def _tables(passes: Backward) -> str:
    name = function_name(passes)
    forward = [(code(label), code(text), value) for label, text, value in forward_rows(passes)]
    backward = [(code(left), code(formula), code(numbers)) for left, formula, numbers in backward_rows(passes)]
    gradient = zip(passes.subject.variables, passes.gradient, strict=True)
    result = [(code(f"∂{name}/∂{variable}"), number_text(partial)) for variable, partial in gradient]
    partials = ", ".join(number_text(partial) for partial in passes.gradient)
    parts = [
        f"**At {point_text(passes)} the value is {number_text(passes.value)}, the gradient ({partials}).**",
        "**Forward**: each value from the ones before it.",
        markdown_table(("", "formula", "value"), forward),
        "**Backward**: each derivative from the ones after it, by the chain rule.",
        markdown_table(("derivative", "chain rule", "in numbers"), backward),
        "**The gradient**",
        markdown_table(("", ""), result),
    ]
    asked = [("How does the gradient come about, node by node?", "Graphs: the run ..._by_hand, click on a node", "")]
    return page(f"Both passes by hand: `{passes.subject.equation}`", parts, asked)
