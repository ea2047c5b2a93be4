"""Secants through a point of a curve, with h halved again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tbgrad.calculus.lines import Line
from tbgrad.results import Secant

_HALVINGS = 10
# So many more times, to see where the slopes go at last.
_FURTHER = 30
# Rounding may change a chord's slope by this share of the curve's slopes here, no more.
_TOLERATED = 1e-3


def secants(line: Line, coordinates: np.ndarray) -> Sequence[tuple[tuple[Secant, ...], Secant | None]]:
    """Chords from each coordinate `[k]`, from about a third of the line's length down to a 512th of that.

    Behind them comes the nearest one, if h can be smaller still: a curve may turn within a 512th, and yet be smooth.
    They lie above the point, or below it where more of them have a value there: the function may be undefined, or the
    line end. What rounding would spoil is left out.
    """
    h = _first(line.high - line.low) * 0.5 ** np.arange(_HALVINGS + _FURTHER) * np.array([[1], [-1]])
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
        # Of the nearest ones rounding may be all that there is.
        far = np.fmax.reduce(np.abs(chord[..., :_HALVINGS]), axis=2, keepdims=True)
        steepest = np.fmax(np.abs(slope[: len(x), None, None]), far)
        rounding = np.finfo(line.dtype).eps * np.fmax(np.abs(here), np.abs(found)) / np.abs(apart)
        exact = rounding <= _TOLERATED * steepest
        # Of the nearest ones a slope of zero may be a rise that was lost.
        exact[..., :_HALVINGS] |= (chord == slope[: len(x), None, None])[..., :_HALVINGS]
        kept = inside & np.isfinite(chord) & exact
    sides = np.argmax(kept[..., :_HALVINGS].sum(axis=2), axis=1)
    chosen = []
    for i, k in enumerate(sides):
        shown, further = np.split(np.flatnonzero(kept[i, k]), [kept[i, k, :_HALVINGS].sum()])
        one = [Secant(*map(float, (apart[i, k, j], found[i, k, j], chord[i, k, j]))) for j in (*shown, *further[-1:])]
        chosen.append((tuple(one[: len(shown)]), one[-1] if further.size else None))
    return chosen


def _first(length: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten in a third of the length: its halves are easy to read."""
    third = length / 3
    power = 10.0 ** math.floor(math.log10(third))
    return max((k * power for k in (1, 2, 5) if k * power <= third), default=power / 2)
