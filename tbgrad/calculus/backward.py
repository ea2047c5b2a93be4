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
from tbgrad.functions import notation
from tbgrad.functions.floats import PYTHON
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import interpret
from tbgrad.functions.nodes import Node
from tbgrad.functions.operations import OPERATIONS
from tbgrad.functions.syntax import Reader
from tbgrad.results import Backward, BackwardNode
from tbgrad.results.passes import LONGEST_SHOWN

_LEAVES = ("number", "variable")
_ARGUMENTS = ("u", "v", "w")
_LONGEST_TEXT = 10_000


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
    nodes = f.nodes_by_hand
    values = interpret(nodes, PYTHON, dict(zip(f.variables, point, strict=True)))
    # Each text holds those that it is made of: whole, those of a long product would fill the memory.
    full = notation.infix(nodes, longest=_LONGEST_TEXT)
    labels = _labels(nodes, full)
    shown = [whole if len(whole) <= LONGEST_SHOWN else label for whole, label in zip(full, labels, strict=True)]
    local: list[tuple] = [()] * len(nodes)
    gradients = [0.0] * len(nodes)
    gradients[-1] = 1.0
    # Behind a step, as floor is one, there is nothing to pass on, not even 0·∞.
    reached = {len(nodes) - 1}
    for i in reversed(range(len(nodes))):
        local[i] = _local_derivatives(nodes, i, values)
        for argument, derivative in zip(nodes[i].arguments, local[i], strict=True):
            if derivative is not None and i in reached and not _is_zero(derivative[0]):
                reached.add(argument)
                # TensorFlow takes 0·∞ for 0 here.
                kept = gradients[i] == 0.0 and OPERATIONS[nodes[i].operation].keeps_zero
                gradients[argument] += 0.0 if kept else gradients[i] * derivative[1]

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


def _labels(nodes: Sequence[Node], full: Sequence[str]) -> list[str]:
    """Names each intermediate value v1, v2, ...; leaves keep their own names."""
    letter = notation.label_letter(node.name for node in nodes)
    labels, count = [], 0
    for node, text in zip(nodes, full, strict=True):
        count += node.operation not in _LEAVES
        labels.append(text if node.operation in _LEAVES else f"{letter}{count}")
    return labels


@functools.cache
def _derivative(operation: str, which: int, held: float | None) -> tuple[Node, ...]:
    """The nodes of an operation's derivative by one of its arguments, another of which may be a number; or none."""
    if held is not None and operation == "power":
        # With a number as exponent people write 2*x, not 2*x**(2 - 1).
        power = "" if held == 2 else f"**{naming.number(held - 1)}"
        return Reader(f"{naming.number(held)}*u{power}", 0, {"u": "variable"}).nodes()
    if operation == "polygamma":
        return Node("number", value=held + 1), Node("variable", name="v"), Node("polygamma", (0, 1))
    known = OPERATIONS[operation]
    takes = known.takes_conditions or (False,) * known.arity
    kinds = {name: "condition" if c else "variable" for name, c in zip(_ARGUMENTS, takes, strict=False)}
    text = known.derivatives[which]
    return () if text is None else Reader(text, 0, kinds).nodes()


def _local_derivatives(nodes: Sequence[Node], i: int, values: Sequence[float]) -> tuple:
    """The derivative of node i by each argument as (formula in u and v, number); None for numbers."""
    node = nodes[i]
    numbers = dict(zip(_ARGUMENTS, (values[a] for a in node.arguments), strict=False))
    which_is_held = {"power": 1, "polygamma": 0}.get(node.operation)
    held = None
    if which_is_held is not None and nodes[node.arguments[which_is_held]].operation == "number":
        held = numbers[_ARGUMENTS[which_is_held]]
    found: list = []
    for which, argument in enumerate(node.arguments):
        formula = () if nodes[argument].operation == "number" else _derivative(node.operation, which, held)
        found.append((formula, float(interpret(formula, PYTHON, numbers)[-1])) if formula else None)
    return tuple(found)


def _is_zero(formula: Sequence[Node]) -> bool:
    return formula[-1].operation == "number" and formula[-1].value == 0.0


def _written(nodes: Sequence[Node], node: Node, names: Sequence[str]) -> str:
    """A formula in u and v, the node's arguments, in these names of the nodes."""
    return notation.infix(nodes, dict(zip(_ARGUMENTS, (names[a] for a in node.arguments), strict=False)))[-1]


def _written_operation(node: Node, names: Sequence[str]) -> str:
    arguments = [Node("variable", name=name) for name in _ARGUMENTS[: len(node.arguments)]]
    whole = Node(node.operation, arguments=tuple(range(len(arguments))))
    return _written([*arguments, whole], node, names)
