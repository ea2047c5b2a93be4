"""How a result shows itself: as a table with a line that says of what, in a notebook and at Python's prompt."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np

from tbgrad.results.subjects import Subject

# Of samples, evenly spaced ones.
MOST_ROWS = 20
_MOST_TOLD = 8
# Of a graph's nodes, say, the first; and of very many variables the first and the last.
_MOST_SHOWN, _MOST_COLUMNS = 50, 16
# Or a share, or what stands for a number that is missing.
_NUMBER = re.compile(r"[-+]?(\d[\d,.]*(e[-+]?\d+)? ?%?|nan|inf|…)|-?")


class Tabular:
    """Makes a table of a result: `_rows` yields the heads first, `_caption` says what it is.

    Its dataclasses say `repr=False`, or else Python would write out whole arrays.
    """

    def __repr__(self) -> str:
        heads, *rows = self._rows()
        return text_table(heads, rows, self._caption())

    def _repr_html_(self) -> str:
        heads, *rows = self._rows()
        return html_table(heads, rows, self._caption())


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> str:
    """A table as notebooks show it, numbers to the right and text to the left; of very many rows the first ones."""
    told, caption = _shortened(heads, rows, caption)
    sides = _sides(told)
    lines = []
    for i, row in enumerate(told):
        tag = "td" if i else "th"
        cells = zip(row, sides, strict=True)
        lines.append("".join(f'<{tag} style="text-align:{side}">{html.escape(text)}</{tag}>' for text, side in cells))
    said = f'<caption style="text-align:left;white-space:nowrap">{html.escape(caption)}</caption>'
    return f"<table>{said}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def text_table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> str:
    """The same as text."""
    told, caption = _shortened(heads, rows, caption)
    widths = [max(map(len, column)) for column in zip(*told, strict=True)]
    places = [*zip(_sides(told), widths, strict=True)]
    lines = [
        "  ".join(text.rjust(width) if side == "right" else text.ljust(width) for text, (side, width) in row).rstrip()
        for row in (zip(cells, places, strict=True) for cells in told)
    ]
    return "\n".join([caption, *lines])


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown: texts as they are, all of them."""
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def sample_rows(subject: Subject, lead: dict[str, np.ndarray], position, value, gradient):
    """Heads and at most 20 evenly spaced rows of samples."""
    yield [*lead, *subject.variables, "value", *(f"∂/∂{v}" for v in subject.variables)]
    for i in np.unique(np.linspace(0, len(value) - 1, min(MOST_ROWS, len(value))).round().astype(int)):
        yield [*(column[i] for column in lead.values()), *position[i], value[i], *gradient[i]]


def sampled(count: int) -> str:
    """How many samples there are and how many of them the table shows: `20 of 201 points`."""
    told = "1 point" if count == 1 else f"{count:,} points"
    return told if count <= MOST_ROWS else f"{MOST_ROWS} of {told}"


def _shortened(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> tuple[list[list[str]], str]:
    """The heads and rows as texts, without what nobody would look at, and a caption that says so."""
    rows = iter(rows)
    told = [[_cell(cell) for cell in row] for row in [heads, *itertools.islice(rows, _MOST_SHOWN)]]
    if len(heads) > _MOST_COLUMNS:
        half = _MOST_COLUMNS // 2
        told = [[*row[:half], "…", *row[1 - half :]] for row in told]
    left = sum(1 for _ in rows)
    return told, caption + f" – and {left:,} more rows" * bool(left)


def _sides(told: Sequence[Sequence[str]]) -> list[str]:
    """On which side each column is aligned; where there are no rows, each head stands as text."""
    _, *rows = told
    if not rows:
        return ["left"] * len(told[0])
    columns = zip(*rows, strict=True)
    return ["right" if any(column) and all(map(_NUMBER.fullmatch, column)) else "left" for column in columns]


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def in_short(words: list[str]) -> str:
    """A list in a line; of very many words the first ones and the last one."""
    return ", ".join(words if len(words) <= _MOST_TOLD else [*words[: _MOST_TOLD - 2], "…", words[-1]])
