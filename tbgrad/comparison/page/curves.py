"""The curves of a page: which tags, how many points of each, and as the text that the page's script reads."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.comparison.logged import METRICS
from tbgrad.comparison.page.thinning import in_order, thin
from tbgrad.records import Scalars

# Bytes of all curves, before they become text, which is a third longer: half of a page of 2 MiB.
BUDGET = 750_000
# Points of a curve: more than two for each pixel of a wide screen cannot be seen, fewer than the least say nothing.
_MOST_POINTS, _LEAST_POINTS = 4_000, 60
# Curves in all, and the tags that are offered whatever their number.
_MOST_CURVES, _MOST_TAGS, _LEAST_TAGS = 600, 24, 4
# How steps are written: as differences of 16 or 32 bits, or as they are, as floats.
_SHORT, _LONG, _FLOAT = "H", "I", "d"
_VALUE_BYTES = 4


@dataclass(frozen=True)
class Curve:
    """A series of one run, thinned.

    Attributes:
      step: int64 `[n]`, strictly increasing.
      value: float32 `[n]`, bit for bit what was logged.
      total: of how many points these are.
      description: what the dashboards say of the tag.
    """

    step: np.ndarray
    value: np.ndarray
    total: int
    description: str = ""

    @property
    def kind(self) -> str:
        """How its steps are written, the shortest way that keeps them."""
        # As Python's integers, since a difference of two int64 may be none.
        span = int(self.step[-1]) - int(self.step[0])
        if span < 2**16:
            return _SHORT
        return _LONG if span < 2**32 else _FLOAT

    @property
    def point_bytes(self) -> int:
        """What a point takes."""
        return _VALUE_BYTES + np.dtype(self.kind).itemsize

    def thinned(self, most: int) -> Curve:
        """With at most so many points."""
        kept = thin(self.step, self.value, most)
        return Curve(self.step[kept], self.value[kept], self.total, self.description)

    def encoded(self) -> bytes:
        """Steps, then values, little-endian."""
        step = self.step if self.kind == _FLOAT else np.diff(self.step, prepend=self.step[:1])
        return step.astype(f"<{np.dtype(self.kind).str[1:]}").tobytes() + self.value.astype("<f4").tobytes()


def curves_of(scalars: Mapping[str, Scalars], runs: int) -> dict[str, Curve]:
    """The curves of one run by tag, thinned so far that many runs fit into memory; numbers logged once are none.

    Args:
      scalars: of the run.
      runs: how many runs the page has.
    """
    most = min(max(200_000 // runs, 400), _MOST_POINTS)
    found = {}
    for tag, series in scalars.items():
        kept = in_order(series.step)
        if len(kept) > 1 and not tag.startswith(METRICS):
            whole = Curve(series.step[kept], series.value[kept], len(kept), series.description)
            found[tag] = whole.thinned(most)
    return found


def charts(curves: Sequence[Mapping[str, Curve]], first: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """One chart for each tag, with the curves of all runs.

    Args:
      curves: of each run, by tag.
      first: the tags that the page is about; then come those that most runs have.

    Returns:
      (charts as JSON can hold them, how many tags are left out).
    """
    counts: dict[str, int] = {}
    for of_run in curves:
        for tag in of_run:
            counts[tag] = counts.get(tag, 0) + 1
    tags = sorted(counts, key=lambda tag: (first.index(tag) if tag in first else len(first), -counts[tag]))
    fit = max(_LEAST_TAGS, min(_MOST_TAGS, _MOST_CURVES // max(1, len(curves))))
    shown = tags[:fit]
    most = _points([of_run[tag] for of_run in curves for tag in shown if tag in of_run])
    return [_chart(tag, curves, most) for tag in shown], len(tags) - len(shown)


def _points(curves: Sequence[Curve]) -> int:
    """The most points that each may have, so that all keep to the budget; short ones leave theirs to others."""
    low, high = _LEAST_POINTS, _MOST_POINTS
    while low < high:
        most = (low + high + 1) // 2
        fits = sum(min(len(curve.step), most) * curve.point_bytes for curve in curves) <= BUDGET
        low, high = (most, high) if fits else (low, most - 1)
    return low


def _chart(tag: str, curves: Sequence[Mapping[str, Curve]], most: int) -> dict[str, Any]:
    drawn = {run: of_run[tag].thinned(most) for run, of_run in enumerate(curves) if tag in of_run}
    return {
        "tag": tag,
        "about": next((curve.description for curve in drawn.values() if curve.description), ""),
        "runs": [*drawn],
        "points": [len(curve.step) for curve in drawn.values()],
        "totals": [curve.total for curve in drawn.values()],
        "first": [int(curve.step[0]) for curve in drawn.values()],
        "kinds": "".join(curve.kind for curve in drawn.values()),
        "data": base64.b64encode(b"".join(curve.encoded() for curve in drawn.values())).decode(),
    }
