"""The gradient by hand: a forward pass node by node, then a backward pass, in plain Python on numbers.

It uses the derivatives of `functions.operations`, not TensorFlow's, so that the two can be held against each
other. This module must not import TensorFlow.

Source: Linnainmaa (1976), Taylor Expansion of the Accumulated Rounding Error; Griewank & Walther (2008),
Evaluating Derivatives, section 3.2.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from tbgrad import naming
from tbgrad.errors import NoFormulaError
from tbgrad.functions import expressions, notation
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import PYTHON, interpret
from tbgrad.functions.operations import OPERATIONS
from tbgrad.results import Backward, BackwardNode

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

    local: list[tuple] = [()] * len(nodes)
    gradients = [0.0] * len(nodes)
    gradients[-1] = 1.0
    for i in reversed(range(len(nodes))):
        local[i] = _local_derivatives(nodes, i, values, labels)
        for argument, derivative in zip(nodes[i].arguments, local[i], strict=True):
            if derivative is not None:
                gradients[argument] += gradients[i] * derivative[1]

    def text(i: int) -> str:
        if nodes[i].operation in _LEAVES:
            return full[i]
        return notation.operation_text(nodes[i], [labels[a] for a in nodes[i].arguments])

    rows = zip(nodes, labels, full, values, local, gradients, strict=True)
    return Backward(
        f.subject(),
        point,
        tuple(
            BackwardNode(label, text(i), whole, node.arguments, float(value), derivatives, gradient)
            for i, (node, label, whole, value, derivatives, gradient) in enumerate(rows)
        ),
    )


def _labels(nodes: Sequence[expressions.Node]) -> list[str]:
    """Names each intermediate value v1, v2, ...; leaves keep their own names."""
    taken = {node.name.rstrip("0123456789") for node in nodes}
    letter = next(letter for letter in map("v".ljust, itertools.count(1), itertools.repeat("_")) if letter not in taken)
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


def _local_derivatives(nodes, i: int, values: list[float], labels: list[str]) -> tuple:
    """The derivative of node i with respect to each argument; None for numbers."""
    node = nodes[i]
    arguments = dict(zip(("u", "v"), node.arguments, strict=False))
    numbers = {name: values[a] for name, a in arguments.items()}
    texts = {name: labels[a] for name, a in arguments.items()}
    held = node.operation == "power" and nodes[node.arguments[1]].operation == "number"
    exponent = numbers["v"] if held else None
    found: list = []
    for which, argument in enumerate(node.arguments):
        if nodes[argument].operation == "number":
            found.append(None)
            continue
        formula = _derivative(node.operation, which, exponent).nodes
        found.append((notation.infix(formula, texts)[-1], float(interpret(formula, PYTHON, numbers)[-1])))
    return tuple(found)
