"""Secants through a point of a curve, with h halved again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tbgrad.calculus.lines import Line
from tbgrad.results import Secant

_HALVINGS = 10
# Rounding may change a chord's slope by this share of the curve's slopes here, no more.
_TOLERATED = 1e-3


def secants(line: Line, coordinates: np.ndarray) -> Sequence[tuple[Secant, ...]]:
    """Chords from each coordinate `[k]`, from about a third of the line's length down to a 512th of that.

    They lie above the point, or below it where more of them have a value there: the function may be undefined, or the
    line end. What rounding would spoil is left out.
    """
    h = _first(line.high - line.low) * 0.5 ** np.arange(_HALVINGS) * np.array([[1], [-1]])
    x = coordinates[:, None, None]
    # What the floats on the line really are apart.
    reached = (x + h).astype(line.dtype).astype(np.float64)
    apart = reached - x.astype(line.dtype).astype(np.float64)
    inside = (reached >= line.low) & (reached <= line.high)
    asked = np.where(inside, reached, x)
    value, slope = line.value_and_slope(np.append(coordinates, asked.ravel()))
    here, found = value[: len(x), None, None].astype(np.float64), value[len(x) :].reshape(asked.shape)
    with np.errstate(all="ignore"):
        chord = (found.astype(np.float64) - here) / apart
        steepest = np.fmax(np.abs(slope[: len(x), None, None]), np.fmax.reduce(np.abs(chord), axis=2, keepdims=True))
        rounding = np.finfo(line.dtype).eps * np.fmax(np.abs(here), np.abs(found)) / np.abs(apart)
        exact = (rounding <= _TOLERATED * steepest) | (chord == slope[: len(x), None, None])
        kept = inside & np.isfinite(chord) & exact
    sides = np.argmax(kept.sum(axis=2), axis=1)
    chosen = [(apart[i, k, kept[i, k]], found[i, k, kept[i, k]], chord[i, k, kept[i, k]]) for i, k in enumerate(sides)]
    return [tuple(Secant(*map(float, one)) for one in zip(*each, strict=True)) for each in chosen]


def _first(length: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten in a third of the length: its halves are easy to read."""
    third = length / 3
    power = 10.0 ** math.floor(math.log10(third))
    return max((k * power for k in (1, 2, 5) if k * power <= third), default=power / 2)
