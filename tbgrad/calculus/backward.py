"""The gradient by hand: a forward pass node by node, then a backward pass, in plain Python on numbers.

It uses the derivatives of `functions.operations`, not TensorFlow's, so that the two can be held against each
other. This module must not import TensorFlow.

Source: Linnainmaa (1976), Taylor Expansion of the Accumulated Rounding Error; Griewank & Walther (2008),
Evaluating Derivatives, section 3.2.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from tbgrad import naming
from tbgrad.errors import NoFormulaError
from tbgrad.functions import expressions, notation
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import PYTHON, interpret
from tbgrad.functions.operations import OPERATIONS
from tbgrad.results import Backward, BackwardNode
from tbgrad.results.passes import LONGEST_SHOWN

_LEAVES = ("number", "variable")


def backward(f: Function, point: Sequence[float]) -> Backward:
    """Computes value and gradient of a formula at one point as one does it on paper.

    Args:
      f: a `Function` with a formula.
      point: d numbers, in the units of f's variables.

    Returns:
      `Backward`: each node with its value, its local derivatives as formula and number, and its gradient, in float64.

    Raises:
      NoFormulaError: f is a Python function.
      ShapeError: the point has another number of coordinates.
    """
    if f.formula is None:
        raise NoFormulaError(f"'{f.label}' is a Python function; the passes by hand need a formula.")
    point = f.check_point(point)
    nodes = f.nodes
    values = interpret(nodes, PYTHON, dict(zip(f.variables, point, strict=True)))
    labels = _labels(nodes)
    full = notation.infix(nodes)

    shown = [whole if len(whole) <= LONGEST_SHOWN else label for whole, label in zip(full, labels, strict=True)]
    local: list[tuple] = [()] * len(nodes)
    gradients = [0.0] * len(nodes)
    gradients[-1] = 1.0
    for i in reversed(range(len(nodes))):
        local[i] = _local_derivatives(nodes, i, values)
        for argument, derivative in zip(nodes[i].arguments, local[i], strict=True):
            if derivative is not None:
                gradients[argument] += gradients[i] * derivative[1]

    def made(i: int) -> BackwardNode:
        node = nodes[i]
        is_leaf = node.operation in _LEAVES
        text = full[i] if is_leaf else notation.operation_text(node.operation, [labels[a] for a in node.arguments])
        return BackwardNode(
            node.operation,
            labels[i],
            text,
            full[i],
            full[i] if all(shown[a] == full[a] for a in node.arguments) else _written_operation(node, shown),
            node.arguments,
            float(values[i]),
            tuple(d and (_written(d[0], node, labels), d[1]) for d in local[i]),
            tuple(d and _written(d[0], node, shown) for d in local[i]),
            gradients[i],
        )

    return Backward(f.subject(), point, tuple(made(i) for i in range(len(nodes))))


def _labels(nodes: Sequence[expressions.Node]) -> list[str]:
    """Names each intermediate value v1, v2, ...; leaves keep their own names."""
    letter = notation.label_letter(node.name for node in nodes)
    labels, count = [], 0
    for node, text in zip(nodes, notation.infix(nodes), strict=True):
        count += node.operation not in _LEAVES
        labels.append(text if node.operation in _LEAVES else f"{letter}{count}")
    return labels


@functools.cache
def _derivative(operation: str, which: int, exponent: float | None) -> expressions.Formula:
    if exponent is None:
        return expressions.parse(f"u, v -> {OPERATIONS[operation].derivatives[which]}")
    # With a number as exponent people write 2*x, not 2*x**(2 - 1).
    power = "" if exponent == 2 else f"**{naming.number(exponent - 1)}"
    return expressions.parse(f"u, v -> {naming.number(exponent)}*u{power}")


def _local_derivatives(nodes: Sequence[expressions.Node], i: int, values: Sequence[float]) -> tuple:
    """The derivative of node i by each argument as (formula in u and v, number); None for numbers."""
    node = nodes[i]
    numbers = dict(zip(("u", "v"), (values[a] for a in node.arguments), strict=False))
    held = node.operation == "power" and nodes[node.arguments[1]].operation == "number"
    exponent = numbers["v"] if held else None
    found: list = []
    for which, argument in enumerate(node.arguments):
        if nodes[argument].operation == "number":
            found.append(None)
            continue
        formula = _derivative(node.operation, which, exponent).nodes
        found.append((formula, float(interpret(formula, PYTHON, numbers)[-1])))
    return tuple(found)


def _written(nodes: Sequence[expressions.Node], node: expressions.Node, names: Sequence[str]) -> str:
    """A formula in u and v, the node's arguments, in these names of the nodes."""
    return notation.infix(nodes, dict(zip(("u", "v"), (names[a] for a in node.arguments), strict=False)))[-1]


def _written_operation(node: expressions.Node, names: Sequence[str]) -> str:
    arguments = [expressions.Node("variable", name=name) for name in ("u", "v")[: len(node.arguments)]]
    whole = expressions.Node(node.operation, arguments=tuple(range(len(arguments))))
    return _written([*arguments, whole], node, names)
