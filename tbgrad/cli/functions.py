"""`tbgrad functions`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tbgrad import naming
from tbgrad.cli.base import Command, echo_json, echo_lines
from tbgrad.cli.options import output_options
from tbgrad.cli.types import FUNCTION

if TYPE_CHECKING:
    from tbgrad.functions.function import Function, Minimum
    from tbgrad.results import KnownMinimum

LONGEST_FORMULA = 72


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
        places = _places(f)
        best = f"{naming.number(places[0][1].value)} at {_where(*places[0])}" if places else "none"
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        variables = ", ".join([*f.variables, *(["..."] if f.family else [])])
        rows.append((f.name, variables, _shortened(f.text()), best + more))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, (*widths, 0), strict=True)).rstrip() for row in rows]
    return [*lines, "", "'tbgrad functions NAME' tells more of one."]


def _shortened(formula: str) -> str:
    return formula if len(formula) <= LONGEST_FORMULA else formula[: LONGEST_FORMULA - 1] + "…"


def _places(f: Function) -> list[tuple[Minimum, KnownMinimum]]:
    """The minima that these parameters leave, as stated and in numbers."""
    known = [(stated, stated.known(f.parameters)) for stated in f.minima]
    return [(stated, minimum) for stated, minimum in known if minimum is not None]


def _where(stated: Minimum, minimum: KnownMinimum) -> str:
    if minimum.is_curve:
        return "(" + ", ".join(str(text) for text in stated.position) + "), 0 ≤ t < 2π"
    return "(" + ", ".join(naming.number(x) for x in minimum.points[0]) + ")"


def _on_boundary(f: Function, minimum: KnownMinimum) -> bool:
    edges = zip(minimum.points[0], f.domain or (), strict=False)
    return not minimum.is_curve and any(x in edge for x, edge in edges)


def _told(f: Function, stated: Minimum, minimum: KnownMinimum) -> str:
    remarks = [
        "on the boundary of the domain" if _on_boundary(f, minimum) else "",
        "lower values lie outside the domain" if stated.only_in_domain else "",
        "at a kink" if stated.kink else "",
    ]
    return "; ".join([f"{naming.number(minimum.value)} at {_where(stated, minimum)}", *filter(None, remarks)])


def _description(f: Function) -> list[str]:
    places = _places(f)
    rows = [
        ("formula", f.text()),
        ("variables", ", ".join(f.variables)),
        ("dimensions", _sizes(f)),
        ("parameters", ", ".join(f"{n} = {naming.number(v)}" for n, v in f.parameters.items())),
        ("domain", ", ".join(f"{naming.number(lo)} ≤ {v} ≤ {naming.number(hi)}" for v, (lo, hi) in _domain(f))),
        ("start", "(" + ", ".join(map(naming.number, f.start)) + ")" if f.start else ""),
        *(("minimum", _told(f, stated, minimum)) for stated, minimum in places),
        ("minimum", "" if places else "none known"),
        ("kinks", f.kinks),
        ("remark", f.remark),
        ("source", f.source),
    ]
    return [f.name, *(f"  {head:<11} {text}" for head, text in rows if text)]


def _sizes(f: Function) -> str:
    if f.family is None:
        return ""
    return f"{f.dimensions} as shown, or {f.family.numbers}"


def _domain(f: Function) -> list[tuple[str, tuple[float, float]]]:
    return list(zip(f.variables, f.domain or (), strict=False))


def _document(f: Function) -> dict[str, object]:
    family = f.family
    return {
        "name": f.name,
        "formula": f.text(),
        "variables": f.variables,
        "dimension": f.dimensions,
        "dimensions": {"least": family.least, "multiple": family.multiple} if family else None,
        "parameters": dict(f.parameters),
        "domain": f.domain,
        "start": f.start,
        "minima": [
            {
                "positions": minimum.points,
                "value": minimum.value,
                "on_boundary": _on_boundary(f, minimum),
                "only_in_domain": stated.only_in_domain,
                "kink": stated.kink,
            }
            for stated, minimum in _places(f)
        ],
        "kinks": f.kinks,
        "source": f.source,
        "remark": f.remark,
    }
