"""Formulas for people: as text with the fewest parentheses, and as mathtext for titles.

This module must not know Matplotlib: mathtext is a string.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from tbgrad import naming
from tbgrad.functions.operations import CONSTANTS, OPERATIONS

ATOM = 9
_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|phi|chi|psi|omega"
)
_UPRIGHT = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp"})
_TEX_NAMES = {"asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "log": r"\ln"}
_CONSTANT_NAMES = {value: name for name, value in CONSTANTS.items()}


def infix(nodes: Sequence, names: Mapping[str, str] | None = None) -> list[str]:
    """Writes every node of a formula as text that parses back to the same tree.

    Args:
      nodes: `Node`s in forward order.
      names: how variables and parameters are written, where not by their own names.

    Returns:
      The text of each node.
    """
    return [text for text, _ in _infix(nodes, names or {})]


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


def _infix(nodes: Sequence, names: Mapping[str, str]) -> list[tuple[str, int]]:
    texts: list[tuple[str, int]] = []
    for node in nodes:
        if node.operation == "number":
            text = _CONSTANT_NAMES.get(node.value) or naming.number(node.value)
            # A negative number binds like a negation, and so does the exponent's sign of 1e-05.
            texts.append((text, 3 if math.copysign(1, node.value) < 0 else ATOM))
        elif node.operation in ("variable", "parameter"):
            text = names.get(node.name, node.name)
            texts.append((text, ATOM if _is_atom(text) else 0))
        else:
            texts.append(infix_operation(node.operation, [texts[i] for i in node.arguments]))
    return texts


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
    # Equal precedence needs parentheses on the right, for powers on the left.
    least = {1: [level], 2: [level, level + 1]}[operation.arity]
    if name == "power":
        least = [level + 1, 3]
    inner = [text if binding >= low else f"({text})" for (text, binding), low in zip(arguments, least, strict=True)]
    return operation_text(name, inner), level


def mathtext(nodes: Sequence) -> str:
    """Writes a formula in Matplotlib's mathtext, without the dollar signs."""
    texts: list[tuple[str, int]] = []
    for node in nodes:
        if node.operation == "number":
            named = _CONSTANT_NAMES.get(node.value)
            text = {"e": "e", "pi": r"\pi", "tau": r"\tau"}.get(named) or _tex_number(node.value)
            texts.append((text, 2 if "times" in text else 3 if node.value < 0 else ATOM))
        elif node.operation in ("variable", "parameter"):
            texts.append((tex_name(node.name), ATOM))
        else:
            texts.append(_tex_operation(node, nodes, [texts[i] for i in node.arguments]))
    return texts[-1][0]


def tex_name(name: str) -> str:
    """Writes a variable's name: `x0` is x₀, `alpha` the letter, a longer word upright."""
    stem, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()
    if not stem:
        stem, digits = name, ""
    tex = (
        f"\\{stem}" if _GREEK.fullmatch(stem) else stem if len(stem) == 1 else rf"\mathrm{{{stem}}}".replace("_", r"\_")
    )
    return f"{tex}_{{{digits}}}" if digits else tex


def _tex_number(value: float) -> str:
    mantissa, e, exponent = naming.number(value).partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if e else mantissa


def _tex_operation(node, nodes: Sequence, arguments: list[tuple[str, int]]) -> tuple[str, int]:
    name = node.operation
    level = OPERATIONS[name].precedence
    plain = [text for text, _ in arguments]

    def at_least(i: int, least: int) -> str:
        text, binding = arguments[i]
        return text if binding >= least else _parentheses(text)

    if name in ("add", "subtract"):
        return f"{at_least(0, level)} {'+' if name == 'add' else '-'} {at_least(1, level + 1)}", level
    if name == "multiply":
        # Two numbers side by side would read as one.
        right_is_number = nodes[node.arguments[1]].operation == "number" and nodes[node.arguments[1]].value >= 0
        between = r" \cdot " if right_is_number or at_least(1, level + 1)[:1].isdigit() else r"\,"
        return f"{at_least(0, level)}{between}{at_least(1, level + 1)}", level
    if name == "divide":
        return rf"\dfrac{{{plain[0]}}}{{{plain[1]}}}", ATOM - 1
    if name == "negative":
        return f"-{at_least(0, level)}", level
    if name == "power":
        return f"{{{at_least(0, ATOM)}}}^{{{plain[1]}}}", level
    if name == "sqrt":
        return rf"\sqrt{{{plain[0]}}}", ATOM
    if name == "abs":
        return f"|{plain[0]}|", ATOM
    function = _TEX_NAMES.get(name) or (f"\\{name}" if name in _UPRIGHT else rf"\mathrm{{{name}}}")
    # A function's power would read as the power of its argument: its own text binds like a product.
    return function + _parentheses(", ".join(plain)), ATOM - 1


def _parentheses(text: str) -> str:
    """Parentheses of the content's height; mathtext draws the automatic ones too small around single letters."""
    return rf"\left({text}\right)" if "frac" in text or "sqrt" in text else f"({text})"
