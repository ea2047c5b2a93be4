"""Columns of text that fit a terminal's width."""

from __future__ import annotations

import re
from collections.abc import Sequence

_GAP = 2
# A name is cut in its middle, where names of runs differ least, to no less than so many letters.
_SHORTEST_NAME = 16
_NUMBER = re.compile(r"[-+]?(\d[\d,.]*(e[-+]?\d+)?%?|nan|inf)|-|never|")


def aligned(
    heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> tuple[list[str], list[str]]:
    """Aligns columns, numbers to the right.

    Args:
      heads: of the columns; the last column names what a row is of.
      rows: the first column is the rank, the most important ones follow.
      width: in characters; None for no limit.

    Returns:
      (lines, heads of the columns for which there was no room). The last column is cut in its middle first, then
      columns go from the right, those before the last.
    """
    columns = [[head, *cells] for head, cells in zip(heads, zip(*rows, strict=True), strict=True)]
    left_out: list[str] = []
    if width is not None:
        while len(columns) > 3 and _least(columns) > width:
            left_out.insert(0, columns.pop(-2)[0])
        room = width - sum(_widest(column) + _GAP for column in columns[:-1])
        columns[-1] = [_cut(name, max(_SHORTEST_NAME, room)) for name in columns[-1]]
    padded = [_padded(column) for column in columns]
    return ["  ".join(row).rstrip() for row in zip(*padded, strict=True)], left_out


def _widest(column: Sequence[str]) -> int:
    return max(map(len, column))


def _least(columns: Sequence[Sequence[str]]) -> int:
    """The width that these columns take if the names are cut as far as they may."""
    return sum(_widest(column) + _GAP for column in columns[:-1]) + min(_SHORTEST_NAME, _widest(columns[-1]))


def _padded(column: Sequence[str]) -> list[str]:
    width = _widest(column)
    are_numbers = all(map(_NUMBER.fullmatch, column[1:]))
    return [cell.rjust(width) if are_numbers else cell.ljust(width) for cell in column]


def _cut(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    head = (most - 1) // 3
    return f"{name[:head]}…{name[head + 1 - most :]}"
