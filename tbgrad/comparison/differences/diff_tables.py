"""A difference of two runs as text and as a JSON document."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from tbgrad import naming
from tbgrad.comparison.differences.diffing import Difference, RunDifference
from tbgrad.comparison.differences.partings import ScalarParting

_WIDTH = 100
_MOST = 40
_LONGEST = 400
_SHORTEST_TAG = 16
_GAP = "  "


def text_lines(difference: RunDifference) -> list[str]:
    """Lines for a terminal of 100 columns."""
    head = [f"one    {difference.one}", f"other  {difference.other}", ""]
    count = len(difference.damage)
    damaged = [f"{_counted(count, 'damaged events')} {'was' if count == 1 else 'were'} passed over."] if count else []
    if difference.is_empty:
        return [*head, *_wrapped(f"No difference found in {_counts(difference)}."), *damaged]
    settings = [*difference.asked, *(Difference(f"{d.name} version", *_sides(d)) for d in difference.versions)]
    compared = difference.compared
    counts = [_counted(compared[kind], kind) for kind in ("settings", "versions") if compared[kind]]
    of = f"no difference in {' and '.join(counts)}" if counts else "neither tells what was asked"
    said = _first_step(difference)
    lines = [*head, *said, *([""] if said else []), *_section("asked", settings, of)]
    lines += ["", *_section("came out", difference.came_out, "no difference in what was reported")]
    lines += ["", *_scalars(difference)]
    others = [*_others(difference)]
    return [*lines, *(["", "besides", *others] if others else []), *damaged]


def document(difference: RunDifference) -> dict[str, Any]:
    """The difference for --json."""
    exact = difference.exact
    listed = {
        name: [vars(d) for d in getattr(difference, name)]
        for name in ("asked", "versions", "came_out", "scalars", "tags")
    }
    return {
        "one": difference.one,
        "other": difference.other,
        "equal": difference.is_empty,
        "first_step": difference.first_step,
        **listed,
        "exact": None if exact is None else vars(exact),
        "contents": [{"kind": kind, "tag": tag, "step": step} for kind, tag, step in difference.contents],
        "compared": difference.compared,
        "unread": difference.unread,
        "damage": difference.damage,
    }


def _sides(difference: Difference) -> tuple[Any, Any, str]:
    return difference.one, difference.other, difference.alone


def _counts(difference: RunDifference) -> str:
    *first, last = [_counted(n, kind) for kind, n in difference.compared.items() if n] or ["what both have"]
    return f"{', '.join(first)} and {last}" if first else last


def _counted(number: int, kind: str) -> str:
    return f"{number:,} {kind}" if number != 1 else f"1 {kind.removesuffix('es' if kind == 'meshes' else 's')}"


def _first_step(difference: RunDifference) -> list[str]:
    """The sentence that matters most."""
    exact, partings = difference.exact, difference.scalars
    if difference.first_step is None:
        return ["They part at no step: all scalars that both have are equal."] if difference.compared["scalars"] else []
    if partings:
        step = partings[0].step
        first = [p for p in partings if p.step == step]
        ended = {"one" if p.one is None else "other" for p in first if p.one is None or p.other is None}
        tags = naming.listed([p.tag for p in first[:3]]) + (f" and {len(first) - 3} more" if len(first) > 3 else "")
        how = f", which {ended.pop()} lacks" if len(ended) == 1 and all(None in (p.one, p.other) for p in first) else ""
        said = f"They part at step {step}{how}: {tags}."
    else:
        said = "All scalars that both have are equal as float32."
    if exact is not None:
        if exact.array == "step":
            said += f" At full precision (arrays.npz) only one of them has step {exact.step}."
        else:
            values = f"{_cell(exact.one)} and {_cell(exact.other)}"
            said += f" At full precision (arrays.npz) they part at step {exact.step}, in {exact.array}: {values}."
    return _wrapped(said)


def _section(title: str, differences: Sequence[Difference], nothing: str) -> list[str]:
    """A table of what differs; what is too long for it stands below, a line for each run."""
    if not differences:
        return [title, f"{_GAP}{nothing}"]
    rows = [[d.name, *(("-" if d.alone == side else text) for side, text in _texts(d))] for d in differences]
    half = (_WIDTH - 30) // 2
    short = [row for row in rows if len(row[0]) <= 26 and max(map(len, row[1:])) <= half and "\n" not in "".join(row)]
    lines = [title, *(_aligned([["", "one", "other"], *short]) if short else [])]
    for name, *sides in (row for row in rows if row not in short):
        lines.append(f"{_GAP}{name}")
        for side, text in zip(("one", "other"), sides, strict=True):
            lines += _wrapped(_cut(text, _LONGEST), f"{_GAP}{_GAP}{side:5}{_GAP}", " " * 11)
    return lines


def _texts(difference: Difference) -> list[tuple[str, str]]:
    """The texts of both, each with who would have it alone if it were missing."""
    return [("other", _cell(difference.one)), ("one", _cell(difference.other))]


def _scalars(difference: RunDifference) -> list[str]:
    partings, common = difference.scalars, difference.compared["scalars"]
    if not partings:
        return ["scalars", f"{_GAP}{f'all {common} are equal' if common else 'none that both have'}"]
    heads = ["", "part at", "one", "other", "largest", "at step", "last one", "last other"]
    rows = [heads, *(_scalar_row(parting) for parting in partings[:_MOST])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # What does not fit goes, the last values first; --json has it.
    while sum(widths) + len(_GAP) * len(widths) - widths[0] + min(widths[0], _SHORTEST_TAG) > _WIDTH:
        widths.pop()
    room = _WIDTH - sum(widths[1:]) - len(_GAP) * len(widths)
    lines = ["scalars", *_aligned([[_cut(row[0], room), *row[1 : len(widths)]] for row in rows])]
    if len(partings) > _MOST:
        lines.append(f"{_GAP}and {len(partings) - _MOST} more, which --json lists")
    equal = common - len(partings)
    return [*lines, f"{_GAP}{equal} of {common} are equal"]


def _scalar_row(parting: ScalarParting) -> list[str]:
    one, other = _apart(parting.one, parting.other)
    largest = "-" if parting.largest is None else _number(parting.largest, 3)
    at = "-" if parting.largest_step is None else str(parting.largest_step)
    return [parting.tag, str(parting.step), one, other, largest, at, *_apart(*parting.last)]


def _others(difference: RunDifference) -> Iterable[str]:
    for kind, tag, step in difference.contents:
        yield _cut(f"{_GAP}{tag}: the {kind} differ{'' if step is None else f', first at step {step}'}", _WIDTH)
    counts = {kind: n - sum(k == kind for k, *_ in difference.contents) for kind, n in difference.compared.items()}
    equal = [_counted(counts[kind], kind) for kind in [*counts][4:] if counts[kind]]
    if equal:
        yield f"{_GAP}equal: {', '.join(equal)}"
    for side in ("one", "other"):
        alone = [f"{d.name} ({getattr(d, side)})" for d in difference.tags if d.alone == side]
        if alone:
            yield from _wrapped(f"only in {side}: {naming.listed(alone)}", _GAP, _GAP * 2)
    if difference.unread:
        yield from _wrapped(f"not compared: {naming.listed(difference.unread)}", _GAP, _GAP * 2)


def _apart(one: float | None, other: float | None) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to tell them from one another; float32 has nine."""
    for digits in range(5, 10):
        texts = _number(one, digits), _number(other, digits)
        if texts[0] != texts[1] or one == other:
            break
    return texts


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else _NOT_FINITE.get(f"{value:.{digits}g}", f"{value:.{digits}g}")


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, float):
        return naming.number(value) if math.isfinite(value) else _number(value, 1)
    return value if isinstance(value, str) else json.dumps(naming.plain(value), ensure_ascii=False)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_GAP + _GAP.join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cut(text: str, width: int) -> str:
    """The beginning and the end of a long text: what tells tags apart is often at the end."""
    if len(text) <= width:
        return text
    kept = width - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"


def _wrapped(text: str, first: str = "", then: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False) or [first]
