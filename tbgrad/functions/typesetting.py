"""Formulas in Matplotlib's mathtext, for titles. This module must not know Matplotlib: mathtext is a string."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tbgrad import naming
from tbgrad.functions.nodes import LOOPS
from tbgrad.functions.notation import ATOM, CONSTANT_NAMES
from tbgrad.functions.operations import OPERATIONS

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|phi|chi|psi|omega"
)
_UPRIGHT = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp"})
_TEX_NAMES = {
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "log": r"\ln",
    "log2": r"\log_{2}",
    "log10": r"\log_{10}",
    "lgamma": r"\ln\Gamma",
    "digamma": r"\psi",
    "sigmoid": r"\sigma",
    "maximum": r"\max",
    "minimum": r"\min",
}
# How an operation on one argument is written around it.
_AROUND = {
    "sqrt": (r"\sqrt{", "}"),
    "cbrt": (r"\sqrt[3]{", "}"),
    "abs": ("|", "|"),
    "floor": (r"\lfloor ", r" \rfloor"),
    "ceil": (r"\lceil ", r" \rceil"),
}
_BETWEEN = {
    "floordiv": r"\,//\,",
    "mod": r"\;\mathrm{mod}\;",
    "less": " < ",
    "less_equal": r" \leq ",
    "greater": " > ",
    "greater_equal": r" \geq ",
    "equal": " = ",
    "not_equal": r" \neq ",
    "logical_and": r" \wedge ",
    "logical_or": r" \vee ",
}
_SIGNS = {"sum": r"\sum", "prod": r"\prod"}


def mathtext(nodes: Sequence) -> str:
    """Writes a formula in Matplotlib's mathtext, without the dollar signs."""
    texts: list[tuple[str, int]] = []
    for node in nodes:
        if node.operation == "number":
            named = CONSTANT_NAMES.get(node.value)
            text = {"e": "e", "pi": r"\pi", "tau": r"\tau"}.get(named) or _tex_number(node.value)
            texts.append((text, 2 if "times" in text else 3 if node.value < 0 else ATOM))
        elif node.operation in LOOPS:
            texts.append((_tex_loop(node, nodes, texts), 1))
        elif node.operation == "element":
            texts.append((f"{tex_name(node.name)}_{{{texts[node.arguments[0]][0]}}}", ATOM))
        elif node.operation in ("variable", "parameter", "index", "dimension"):
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
    if name == "square":
        return f"{{{at_least(0, ATOM)}}}^{{2}}", OPERATIONS["power"].precedence
    if name == "rsqrt":
        return rf"\dfrac{{1}}{{\sqrt{{{plain[0]}}}}}", ATOM - 1
    if name in _AROUND:
        before, after = _AROUND[name]
        return f"{before}{plain[0]}{after}", ATOM
    if name in _BETWEEN:
        looser = 1 if OPERATIONS[name].takes_conditions or OPERATIONS[name].precedence > 0 else 0
        return f"{at_least(0, level + 1 - looser)}{_BETWEEN[name]}{at_least(1, level + 1)}", level
    if name == "logical_not":
        return rf"\neg {at_least(0, ATOM)}", level
    function = _TEX_NAMES.get(name) or (f"\\{name}" if name in _UPRIGHT else rf"\mathrm{{{name}}}")
    # A function's power would read as the power of its argument: its own text binds like a product.
    return function + _parentheses(", ".join(plain)), ATOM - 1


def _tex_loop(node, nodes: Sequence, texts: Sequence[tuple[str, int]]) -> str:
    """A sum or a product with its bounds below and above the sign."""
    body, start, stop, step = node.arguments
    # A longer body than a product would reach beyond the sum.
    text, binding = texts[body]
    text = text if binding >= OPERATIONS["multiply"].precedence else _parentheses(text)
    first, stride = texts[start][0], nodes[step].value if nodes[step].operation == "number" else None
    if stride != 1:
        first = rf"{first},\,{_second(start, step, nodes, texts)},\,\ldots"
    last = _off_by(-1 if stride is None or stride > 0 else 1, stop, nodes, texts)
    return rf"{_SIGNS[node.operation]}_{{{tex_name(node.name)}={first}}}^{{{last}}} {text}"


def _second(start: int, step: int, nodes: Sequence, texts: Sequence[tuple[str, int]]) -> str:
    """A range's second number."""
    begins, stride = nodes[start], nodes[step]
    if begins.operation == "number" and begins.value == 0:
        return texts[step][0]
    if stride.operation != "number":
        return f"{texts[start][0]}+{texts[step][0]}"
    return _off_by(stride.value, start, nodes, texts)


def _off_by(more: float, i: int, nodes: Sequence, texts: Sequence[tuple[str, int]]) -> str:
    """A number so much more than a node, as a range's last one is 1 less than what it stops before."""
    node, (text, binding) = nodes[i], texts[i]
    if node.operation == "number":
        return naming.number(node.value + more)
    if node.operation in ("add", "subtract") and nodes[node.arguments[1]].operation == "number":
        more += nodes[node.arguments[1]].value * (1 if node.operation == "add" else -1)
        text, binding = texts[node.arguments[0]][0], 1
    text = text if binding > 0 else _parentheses(text)
    return text if more == 0 else f"{text} {'+' if more > 0 else '-'} {naming.number(abs(more))}"


def _parentheses(text: str) -> str:
    """Parentheses of the content's height; mathtext draws the automatic ones too small around single letters."""
    return rf"\left({text}\right)" if "frac" in text or "sqrt" in text else f"({text})"
