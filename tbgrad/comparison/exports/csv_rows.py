"""Series of scalars as CSV, every number in the shortest spelling that reads back as the same one.

Whole columns are spelled at once, a bounded number of rows at a time: row by row it would take many times as long.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np

from tbgrad.records import Scalars

TIDY_HEADER = "run,tag,step,wall_time,value\n"
# TensorBoard's own, of what its scalars dashboard offers to download; it names neither run nor tag.
TENSORBOARD_HEADER = "Wall time,Step,Value\n"

_ROWS = 1 << 16
# As in our JSON documents; Python's float and NumPy read these too.
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def tidy_rows(run: str, series: Scalars) -> Iterator[bytes]:
    """Lines of `run,tag,step,wall_time,value`, a block of them at a time."""
    names = _quoted(run, series.tag)
    for step, wall_time, value in _columns(series):
        yield _lines(zip(repeat(names, len(step)), step, wall_time, value, strict=True))


def tensorboard_rows(series: Scalars) -> Iterator[bytes]:
    """Lines of `Wall time,Step,Value`, a block of them at a time."""
    for step, wall_time, value in _columns(series):
        yield _lines(zip(wall_time, step, value, strict=True))


def _columns(series: Scalars) -> Iterator[tuple[list[str], list[str], list[str]]]:
    for low in range(0, len(series.step), _ROWS):
        rows = slice(low, low + _ROWS)
        yield (
            list(map(str, series.step[rows].tolist())),
            _spelled(series.wall_time[rows], lambda numbers: list(map(repr, numbers.tolist()))),
            _spelled(series.value[rows], _shortest),
        )


def _shortest(numbers: np.ndarray) -> list[str]:
    """NumPy spells a float32 in its own digits, where Python would take those of a float64."""
    # A user may have asked NumPy for its ways of old, which print fewer digits.
    with np.printoptions(legacy=False):
        return numbers.astype("U").tolist()


def _spelled(column: np.ndarray, spell: Callable[[np.ndarray], list[str]]) -> list[str]:
    """Spells floats `[n]`; neighbours of the same bits, as wall times often are, are spelled once."""
    bits = column.view(np.dtype(f"i{column.itemsize}"))
    first = np.flatnonzero(np.concatenate([[True], bits[1:] != bits[:-1]]))
    texts = spell(column[first])
    if not np.isfinite(column).all():
        texts = [_NOT_FINITE.get(text, text) for text in texts]
    if len(first) == len(column):
        return texts
    return np.repeat(np.array(texts, object), np.diff(first, append=len(column))).tolist()


def _lines(rows: Iterator[tuple[str, ...]]) -> bytes:
    # A directory whose name is no UTF-8 keeps its bytes.
    return ("\n".join(map(",".join, rows)) + "\n").encode("utf-8", "surrogateescape")


def _quoted(*fields: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
