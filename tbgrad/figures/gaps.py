"""Where a drawn curve must not go on: between samples that their slopes do not connect, and where there is no value."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from tbgrad.figures.style import UNDEFINED, VALUE
from tbgrad.results import Sweep

# A jump smaller than this share of the curve's height cannot be seen.
_SEEN = 0.02
# A curve jumps where it rises so many times more than its slopes say, a slope where it changes so many times more than
# beside that.
_SUDDEN_RISE, _SUDDEN = 4.0, 8.0
# Where more of a curve's pieces seem to jump, the samples are too few to tell.
_FEW = 0.2
# A pole's slope at the last sample would have brought so many times the rise that there was.
_STEEP = 2.0
# Both sides of a hole point at one height, within this share of the picture's height.
_MEETS = 0.03


def value_breaks(x: np.ndarray, value: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Bool `[n - 1]`: between which samples the curve has a pole or a jump.

    Args:
      x: `[n]`, increasing.
      value: `[n]`.
      slope: `[n]`, of the curve.
    """
    with np.errstate(all="ignore"):
        way, rise = np.diff(x), np.diff(value)
        left, right = slope[:-1], slope[1:]
        seen = np.abs(rise) > _SEEN * _height(value)
        jumps = seen & (np.abs(rise) > _SUDDEN_RISE * way * np.fmax(np.abs(left), np.abs(right)))
        size = np.abs(slope)
        steeper = np.append(False, size[1:-1] > size[:-2]) & np.append(size[1:-1] > size[2:], False)
        # As 1/x: ever steeper uphill on both sides, and yet lower behind; or the other way round.
        odd = seen & (rise * left < 0) & (rise * right < 0) & steeper
        # As 1/x²: uphill on one side, downhill on the other, ever steeper than the way there was.
        before, after = np.append(np.nan, rise[:-1]), np.append(rise[1:], np.nan)
        steep = (way * np.abs(left) > _STEEP * np.abs(before)) & (way * np.abs(right) > _STEEP * np.abs(after))
        even = steep & (left * before > 0) & (right * after > 0) & (left * right < 0)
        return _if_few(jumps | odd | even)


def slope_breaks(slope: np.ndarray) -> np.ndarray:
    """Bool `[n - 1]`: between which samples a derivative jumps, as at a kink, for which its own slope is not known."""
    with np.errstate(all="ignore"):
        change, size = np.abs(np.diff(slope)), np.abs(slope)
        sudden = change > _SUDDEN * _beside(change)
        # Through zero a smooth curve gets smaller from both sides.
        grows = (size[1:-2] > size[:-3]) & (size[2:-1] > size[3:]) & (slope[1:-2] * slope[2:-1] < 0)
        sudden[1:-1] |= grows
        return _if_few(sudden & (change > _SEEN * _height(slope)))


def with_gaps(x: np.ndarray, y: np.ndarray, breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve's points, with one that is not a number in each gap."""
    behind = np.flatnonzero(breaks) + 1
    return np.insert(x, behind, (x[behind - 1] + x[behind]) / 2), np.insert(y, behind, np.nan)


def draw_undefined(axes: Axes, sweep: Sweep, hidden: bool = False) -> None:
    """Marks what has no value: hatched stretches, holes in the curve, and single points at the foot of the axes.

    Args:
      axes: with its limits set.
      sweep: drawn there.
      hidden: where its values are not, as below a derivative: then stretches only.
    """
    undefined = ~np.isfinite(sweep.value)
    if not undefined.any():
        return
    x, foot = sweep.coordinate.astype(np.float64), axes.get_xaxis_transform()
    beside = np.append(False, undefined[:-1]) | np.append(undefined[1:], False)
    stretch, alone = undefined & beside, np.flatnonzero(undefined & ~beside)
    if stretch.any():
        axes.fill_between(x, 0, 1, where=stretch, transform=foot, facecolor="none", edgecolor=UNDEFINED, hatch="////",
                          linewidth=0, label="undefined")  # fmt: skip
    if hidden:
        return
    heights = _holes(x, sweep, alone, np.ptp(axes.get_ylim()))
    is_hole = np.isfinite(heights)
    if is_hole.any():
        axes.plot(x[alone[is_hole]], heights[is_hole], "o", markerfacecolor="white", markeredgecolor=VALUE["color"],
                  markersize=6, zorder=4, label="hole: no value here")  # fmt: skip
    if not is_hole.all():
        at, name = x[alone[~is_hole]], "undefined point" if stretch.any() else "undefined"
        axes.plot(at, np.full(len(at), 0.03), "x", color="black", transform=foot, clip_on=False, label=name)


def _holes(x: np.ndarray, sweep: Sweep, alone: np.ndarray, height: float) -> np.ndarray:
    """At which height `[k]` the curve goes through points without a value; NaN where its two sides do not meet."""
    inner = alone.clip(1, max(1, len(x) - 2))
    if len(x) < 3:
        return np.full(len(alone), np.nan)
    value, slope = sweep.value.astype(np.float64), sweep.slope.astype(np.float64)
    with np.errstate(all="ignore"):
        left = value[inner - 1] + slope[inner - 1] * (x[inner] - x[inner - 1])
        right = value[inner + 1] + slope[inner + 1] * (x[inner] - x[inner + 1])
        meets = (inner == alone) & (np.abs(left - right) <= _MEETS * height)
        # In the middle of the cubic curve through both neighbours with their slopes.
        bend = (x[inner + 1] - x[inner - 1]) * (slope[inner - 1] - slope[inner + 1]) / 8
        between = (value[inner - 1] + value[inner + 1]) / 2 + bend
    return np.where(meets, between, np.nan)


def _beside(change: np.ndarray) -> np.ndarray:
    """The larger one of the two changes beside each."""
    known = np.where(np.isfinite(change), change, 0.0)
    return np.maximum(np.append(0.0, known[:-1]), np.append(known[1:], 0.0))


def _height(values: np.ndarray) -> float:
    """The height of a curve, whatever it does beside poles."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0
    return float(np.ptp(np.percentile(known, (5, 95)))) or float(np.ptp(known))


def _if_few(breaks: np.ndarray) -> np.ndarray:
    """None, where there seem to be many; and none beside a sample that would stand alone."""
    alone = breaks[:-1] & breaks[1:]
    breaks = breaks & ~(np.append(alone, False) | np.append(False, alone))
    return breaks if breaks.sum() <= _FEW * len(breaks) else np.zeros_like(breaks)
