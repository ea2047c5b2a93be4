"""`tbgrad functions`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tbgrad import naming
from tbgrad.cli.base import Command, echo_json, echo_lines
from tbgrad.cli.options import output_options
from tbgrad.cli.types import FUNCTION

if TYPE_CHECKING:
    from tbgrad.functions.function import Function


@click.command(cls=Command)
@click.argument("name", required=False, type=FUNCTION)
@output_options
def functions(name: str | None, as_json: bool, quiet: bool, debug: bool) -> None:
    """List the catalogue, or describe the function NAME."""
    from tbgrad.functions.catalogue import catalogue, lookup

    if name is not None:
        f = lookup(name)
        echo_json(_document(f)) if as_json else echo_lines(_description(f))
    elif as_json:
        echo_json({"functions": [_document(f) for f in catalogue().values()]})
    else:
        echo_lines(_listing(list(catalogue().values())))


def _listing(known: list[Function]) -> list[str]:
    rows = [("name", "variables", "formula", "known minimum")]
    for f in known:
        minima = f.known_minima()
        best = f"{naming.number(minima[0].value)} at {_where(f, 0)}" if minima else "none"
        rows.append((f.name, ", ".join(f.variables), f.text(), best))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, (*widths, 0), strict=True)).rstrip() for row in rows]
    return [*lines, "", "'tbgrad functions NAME' tells more of one."]


def _where(f: Function, which: int) -> str:
    points = f.known_minima()[which].points
    if len(points) > 1:
        return "(" + ", ".join(str(text) for text in f.minima[which].position) + "), 0 ≤ t < 2π"
    return "(" + ", ".join(naming.number(x) for x in points[0]) + ")"


def _description(f: Function) -> list[str]:
    minima = f.known_minima()
    rows = [
        ("formula", f.text()),
        ("variables", ", ".join(f.variables)),
        ("parameters", ", ".join(f"{n} = {naming.number(v)}" for n, v in f.parameters.items())),
        ("domain", ", ".join(f"{naming.number(lo)} ≤ {v} ≤ {naming.number(hi)}" for v, (lo, hi) in _domain(f))),
        ("start", "(" + ", ".join(map(naming.number, f.start)) + ")" if f.start else ""),
        *(("minimum", f"{naming.number(m.value)} at {_where(f, i)}") for i, m in enumerate(minima)),
        ("minimum", "" if minima else "none known"),
        ("remark", f.remark),
        ("source", f.source),
    ]
    return [f.name, *(f"  {head:<11} {text}" for head, text in rows if text)]


def _domain(f: Function) -> list[tuple[str, tuple[float, float]]]:
    return list(zip(f.variables, f.domain or (), strict=False))


def _document(f: Function) -> dict[str, object]:
    minima = [{"positions": m.points, "value": m.value} for m in f.known_minima()]
    return {
        "name": f.name,
        "formula": f.text(),
        "variables": f.variables,
        "dimension": f.dimensions,
        "parameters": dict(f.parameters),
        "domain": f.domain,
        "start": f.start,
        "minima": minima,
        "source": f.source,
        "remark": f.remark,
    }
