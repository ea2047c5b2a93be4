"""Formulas as text with the fewest parentheses, which parses back to the same tree."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from tbgrad import naming
from tbgrad.functions.nodes import LOOPS
from tbgrad.functions.operations import CONSTANTS, OPERATIONS

ATOM = 9
_LOOSEST = -9
CONSTANT_NAMES = {value: name for name, value in CONSTANTS.items()}


def infix(nodes: Sequence, names: Mapping[str, str] | None = None, longest: int | None = None) -> list[str]:
    """Writes every node of a formula as text that parses back to the same tree.

    Args:
      nodes: `Node`s in forward order.
      names: how variables and parameters are written, where not by their own names.
      longest: where a text is cut off, and with it what it stands in.

    Returns:
      The text of each node.
    """
    return [text for text, _ in _infix(nodes, names or {}, longest)]


def label_letter(names: Iterable[str]) -> str:
    """What intermediate values v1, v2, ... are called by: v, or what none of these names begins with."""
    taken = {name.rstrip("0123456789") for name in names}
    return next(letter for letter in map("v".ljust, itertools.count(1), itertools.repeat("_")) if letter not in taken)


def operation_text(name: str, arguments: Sequence[str]) -> str:
    """Writes one operation on arguments that are written already: `v1*v2`, `sin(v3)`."""
    operation = OPERATIONS[name]
    if operation.infix and operation.arity == 2:
        return operation.infix.join(arguments)
    return f"{operation.infix}{arguments[0]}" if operation.infix else f"{name}({', '.join(arguments)})"


def _infix(nodes: Sequence, names: Mapping[str, str], longest: int | None = None) -> list[tuple[str, int]]:
    texts: list[tuple[str, int]] = []
    for node in nodes:
        if node.operation == "number":
            text = CONSTANT_NAMES.get(node.value) or naming.number(node.value)
            # A negative number binds like a negation, and so does the exponent's sign of 1e-05.
            texts.append((text, 3 if math.copysign(1, node.value) < 0 else ATOM))
        elif node.operation in LOOPS:
            texts.append((_loop_text(node, [texts[i][0] for i in node.arguments]), ATOM))
        elif node.operation == "element":
            texts.append((f"{node.name}[{texts[node.arguments[0]][0]}]", ATOM))
        elif node.operation in ("variable", "parameter", "condition", "index", "dimension"):
            text = names.get(node.name, node.name)
            texts.append((text, ATOM if _is_atom(text) else _LOOSEST))
        else:
            text, binding = infix_operation(node.operation, [texts[i] for i in node.arguments])
            texts.append((text[:longest], binding))
    return texts


def _loop_text(node, arguments: Sequence[str]) -> str:
    body, *bounds = arguments
    bounds = bounds[:2] if bounds[2] == "1" else bounds
    bounds = bounds[1:] if len(bounds) == 2 and bounds[0] == "0" else bounds
    return f"{node.operation}({body} for {node.name} in range({', '.join(bounds)}))"


def _is_atom(text: str) -> bool:
    """Whether it is one name, number or call, which needs no parentheses."""
    if not re.match(r"[\w.]+(\(|$)", text):
        return False
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return i == len(text) - 1
    return True


def infix_operation(name: str, arguments: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """Writes one operation with the fewest parentheses.

    Args:
      name: of the operation.
      arguments: of each its text and how tightly that binds: an operation's precedence, or `ATOM`.

    Returns:
      The same of the operation itself.
    """
    operation = OPERATIONS[name]
    if not operation.infix:
        return operation_text(name, [text for text, _ in arguments]), ATOM
    level = operation.precedence
    # Equal precedence needs parentheses on the right, for powers on the left, for comparisons on both sides.
    least = {1: [level], 2: [level, level + 1]}[operation.arity]
    if name == "power":
        least = [level + 1, 3]
    elif operation.is_condition and not operation.takes_conditions:
        least = [level + 1, level + 1]
    inner = [text if binding >= low else f"({text})" for (text, binding), low in zip(arguments, least, strict=True)]
    return operation_text(name, inner), level
