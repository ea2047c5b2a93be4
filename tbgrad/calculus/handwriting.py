"""The two passes by hand as text, the way one writes them on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tbgrad.results import Backward, BackwardNode


def written(passes: Backward) -> list[str]:
    """Writes both passes out, line by line: forward from the variables to the value, then backward."""
    subject = passes.subject
    at = ", ".join(f"{n} = {_number(x)}" for n, x in zip(subject.variables, passes.position, strict=True))
    name = "f" if subject.label == subject.formula else subject.label
    lines = [f"{name} = {subject.formula}   at {at}", "", "forward: each value from the ones before it"]
    forward = [(n.label, n.text, _number(n.value)) for n in passes.nodes if n.label != n.text]
    lines += _columns([(label, f"= {text}", f"= {value}") for label, text, value in forward])
    lines += [f"  {name} = {passes.nodes[-1].label} = {_number(passes.value)}", ""]
    lines += [f"backward: ∂{name}/∂(each value) from the ones after it, by the chain rule"]
    lines += _columns(list(_backward(passes, name)))
    lines += ["", "gradient"]
    lines += [f"  ∂{name}/∂{n} = {_number(g)}" for n, g in zip(subject.variables, passes.gradient, strict=True)]
    return lines


def _backward(passes: Backward, name: str) -> Iterator[tuple[str, str, str]]:
    nodes = passes.nodes
    wanted = set(passes.subject.variables)
    for i in reversed(range(len(nodes))):
        node = nodes[i]
        if i == len(nodes) - 1:
            yield f"∂{name}/∂{node.label}", "= 1", ""
            continue
        if node.label == node.text and node.label not in wanted:
            continue
        uses = list(_uses(nodes, i))
        formula = " + ".join(f"∂{name}/∂{user.label} * {_factor(d[0])}" for user, d in uses)
        numbers = " + ".join(f"{_factor(_number(user.gradient))} * {_factor(_number(d[1]))}" for user, d in uses)
        yield f"∂{name}/∂{node.label}", f"= {formula}", f"= {numbers} = {_number(node.gradient)}"


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


def _number(x: float) -> str:
    return repr(x + 0.0).removesuffix(".0")
