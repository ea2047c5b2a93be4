"""The two passes by hand as text, the way one writes them on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tbgrad.results.passes import Backward, BackwardNode


def written(passes: Backward) -> list[str]:
    """Writes both passes out, line by line: forward from the variables to the value, then backward."""
    subject, name = passes.subject, function_name(passes)
    lines = [f"{name} = {subject.formula}   at {point_text(passes)}", ""]
    lines += ["forward: each value from the ones before it"]
    lines += _columns([(label, f"= {text}", f"= {value}") for label, text, value in forward_rows(passes)])
    lines += [f"  {name} = {passes.nodes[-1].label} = {number_text(passes.value)}", ""]
    lines += [f"backward: ∂{name}/∂(each value) from the ones after it, by the chain rule"]
    rows = backward_rows(passes)
    lines += _columns([(left, f"= {formula}", f"= {numbers}" if numbers else "") for left, formula, numbers in rows])
    lines += ["", "gradient"]
    lines += [f"  ∂{name}/∂{n} = {number_text(g)}" for n, g in zip(subject.variables, passes.gradient, strict=True)]
    return lines


def function_name(passes: Backward) -> str:
    """How the function is called in the lines: by its name, or f."""
    subject = passes.subject
    return "f" if subject.label == subject.formula else subject.label


def point_text(passes: Backward) -> str:
    """The point: `x = 2, y = 0`."""
    pairs = zip(passes.subject.variables, passes.position, strict=True)
    return ", ".join(f"{name} = {number_text(x)}" for name, x in pairs)


def forward_rows(passes: Backward) -> list[tuple[str, str, str]]:
    """(label, what it computes, value) of each operation, in forward order."""
    return [(n.label, n.text, number_text(n.value)) for n in passes.nodes if n.label != n.text]


def backward_rows(passes: Backward) -> list[tuple[str, str, str]]:
    """(partial derivative, chain rule as a formula, and in numbers) of operations and variables, last first."""
    return list(_backward(passes, function_name(passes)))


def number_text(x: float) -> str:
    """The shortest spelling that reads back as the same float."""
    return repr(x + 0.0).removesuffix(".0").replace("e+", "e")


def _backward(passes: Backward, name: str) -> Iterator[tuple[str, str, str]]:
    nodes = passes.nodes
    wanted = set(passes.subject.variables)
    for i in reversed(range(len(nodes))):
        node = nodes[i]
        if i == len(nodes) - 1:
            yield f"∂{name}/∂{node.label}", "1", ""
            continue
        if node.label == node.text and node.label not in wanted:
            continue
        uses = list(_uses(nodes, i))
        formula = " + ".join(f"∂{name}/∂{user.label} * {_factor(d[0])}" for user, d in uses)
        numbers = " + ".join(
            f"{_factor(number_text(user.gradient))} * {_factor(number_text(d[1]))}" for user, d in uses
        )
        yield f"∂{name}/∂{node.label}", formula, f"{numbers} = {number_text(node.gradient)}"


def _uses(nodes: tuple[BackwardNode, ...], i: int) -> Iterator[tuple[BackwardNode, tuple[str, float]]]:
    """The later nodes that node i goes into, with the local derivative by it."""
    for user in nodes[i + 1 :]:
        for argument, derivative in zip(user.arguments, user.derivatives, strict=True):
            if argument == i and derivative is not None:
                yield user, derivative


def _factor(text: str) -> str:
    """Puts a factor into parentheses unless it is one name, number or call."""
    return text if re.fullmatch(r"[\w.]+(e-\d+)?|[a-z0-9]+\(\w+\)", text) else f"({text})"


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
    return [f"  {a:<{widths[0]}} {b:<{widths[1]}} {c}".rstrip() for a, b, c in rows]
