"""The curves of a sweep, f and its derivatives, on axes that show each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import drawable, new_panels
from tbgrad.figures.gaps import draw_undefined, slope_breaks, value_breaks, with_gaps
from tbgrad.figures.style import SECOND, SLOPE, TEXT, VALUE
from tbgrad.figures.units import Units, with_unit
from tbgrad.results import Sweep

# Beside a pole or a hole a few samples would flatten everything else: of this share of the curve on either side only
# as much is shown as half of the other values' height.
_WILD, _FAR = 0.05, 0.5
# Curves share an axis that leaves each of them at least one part in so many of its height.
_FLATTEST = 3.0
_MARGIN = 0.06
# Numbers that differ by no more than this share are the same on any axis.
_SAME = 1e-12
_LONGEST_NAME = 14
_MOST_TICKS = 6


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve of a sweep.

    Attributes:
      name: for its axis.
      unit: what it is measured in.
      scale: the power of ten that it is drawn in.
      x: `[n]`, and more where it has gaps.
      y: as long.
      limits: the part of its axis that shows it.
      style: of its line.
    """

    name: str
    unit: str
    scale: float
    x: np.ndarray
    y: np.ndarray
    limits: tuple[float, float]
    style: dict[str, Any]

    @property
    def label(self) -> str:
        """For a legend: its name, and its unit."""
        return f"{self.name} ({with_unit(self.unit, self.scale)})"

    @property
    def height(self) -> float:
        """How much of an axis it needs: what it goes through, or for a constant its distance from zero."""
        known = self.y[np.isfinite(self.y)]
        if not known.size or np.ptp(known) <= _SAME * np.abs(known).max():
            return float(np.abs(known).max(initial=0.0)) or np.inf
        return self.limits[1] - self.limits[0]


def sweep_curves(sweep: Sweep, units: Units) -> list[Curve]:
    """F, its derivative, and its second derivative if there is one, with gaps where they jump."""
    x = sweep.coordinate.astype(np.float64)
    value, slope = drawable(sweep.value), drawable(sweep.slope)
    name, first, second = _names(sweep)
    poles = value_breaks(x, value, slope)
    # What breaks a curve breaks its derivatives, but only beside poles and jumps may they go far off.
    breaks = poles | slope_breaks(slope)
    limits = curve_limits(value, poles, _turns(x, sweep))
    curves = [
        Curve("f", "value", units.value, *with_gaps(x, value, poles), limits, VALUE),
        Curve(first, f"value per {name}", units.slope, *with_gaps(x, slope, breaks), curve_limits(slope, poles), SLOPE),
    ]
    if sweep.second is not None:
        bend = drawable(sweep.second)
        drawn = with_gaps(x, bend, breaks | slope_breaks(bend))
        curves.append(Curve(second, f"value per {name}²", units.second, *drawn, curve_limits(bend, poles), SECOND))
    return curves


def grouped(curves: Sequence[Curve], most_turns: int, turns: int) -> list[list[Curve]]:
    """Curves, in their order, that can be read on one axis: of like size, and no more turns than lines can show."""
    groups = [[curves[0]]]
    for curve in curves[1:]:
        low, high = _union([c.limits for c in [*groups[-1], curve]])
        if turns <= most_turns and all(high - low <= _FLATTEST * c.height for c in [*groups[-1], curve]):
            groups[-1].append(curve)
        else:
            groups.append([curve])
    return groups


def draw_panels(sweep: Sweep, groups: Sequence[Sequence[Curve]], units: Units) -> tuple[Figure, list[Axes]]:
    """Axes above each other for groups of curves, with what they are drawn over, and what is undefined."""
    figure, panels = new_panels(len(groups))
    for axes, curves in zip(panels, groups, strict=True):
        _draw_curves(axes, curves)
        draw_undefined(axes, sweep, hidden=axes is not panels[0])
    _limit_axis(panels[0], sweep)
    over = sweep.axis_label if sweep.axis is not None else f"s, {sweep.axis_label}"
    panels[-1].set_xlabel(with_unit(over, units.coordinate), size=TEXT)
    figure.align_ylabels(panels)
    return figure, panels


def _draw_curves(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draws curves into axes with limits that show all of them, and the line at zero."""
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for curve in curves:
        axes.plot(curve.x, curve.y, label=curve.label, **curve.style)
        # A line has no length where its neighbours are missing.
        known = np.isfinite(curve.y)
        alone = known & ~np.append(False, known[:-1]) & ~np.append(known[1:], False)
        if alone.any():
            axes.plot(curve.x[alone], curve.y[alone], ".", color=curve.style["color"])
    axes.set_ylim(*_union([curve.limits for curve in curves]))
    axes.set_ylabel(", ".join("value" if curve.name == "f" else curve.name for curve in curves), size=TEXT)
    axes.locator_params(axis="x", nbins=_MOST_TICKS)


def _limit_axis(axes: Axes, sweep: Sweep) -> None:
    """Shows the sweep from its first to its last point; around a single one, a little."""
    places = [*sweep.coordinate[[0, -1]].tolist(), *(t.coordinate for t in sweep.tangents)]
    low, high = min(places), max(places)
    if low == high:
        half = max(1.0, 1e-3 * abs(low))
        low, high = low - half, high + half
    axes.set_xlim(low, high)


def curve_limits(
    curve: np.ndarray, breaks: np.ndarray | None = None, turns: np.ndarray | None = None
) -> tuple[float, float]:
    """The part of an axis that shows a curve: all of it, but for what lies far off beside poles and holes.

    Args:
      curve: `[n]`.
      breaks: bool `[n - 1]`, between which samples it has no value or jumps, besides what is not finite.
      turns: `[n - 1]`, what it reaches between samples, or NaN.
    """
    values = drawable(curve)
    known = np.isfinite(values)
    if not known.any():
        return -1.0, 1.0
    gaps = ~known
    if breaks is not None:
        gaps = gaps | np.append(breaks, False) | np.append(False, breaks)
    calm = known & ~_near(gaps, max(2, int(_WILD * len(values))))
    shown, everything = values[calm], values[known]
    if turns is not None:
        shown = np.append(shown, turns[calm[:-1] & np.isfinite(turns)])
        everything = np.append(everything, turns[np.isfinite(turns)])
    lowest, highest, size = everything.min(), everything.max(), float(np.abs(everything).max())
    low, high = (shown.min(), shown.max()) if shown.size and np.ptp(shown) > _SAME * size else (lowest, highest)
    reach = _FAR * (high - low)
    low, high = max(lowest, low - reach), min(highest, high + reach)
    # Around a constant there is room for its number to be read.
    margin = _MARGIN * (high - low) if high - low > _SAME * size else 0.25 * size or 1.0
    return float(low - margin), float(high + margin)


def _turns(x: np.ndarray, sweep: Sweep) -> np.ndarray:
    """Which value the curve reaches behind each sample `[n - 1]`, where its slope is zero; elsewhere NaN."""
    turns = np.full(max(0, len(x) - 1), np.nan)
    if sweep.stationary and len(turns):
        places, values = np.array([(p.coordinate, p.value) for p in sweep.stationary]).T
        turns[(np.searchsorted(x, places, side="right") - 1).clip(0, len(turns) - 1)] = drawable(values)
    return turns


def _near(gaps: np.ndarray, most: int) -> np.ndarray:
    """Bool `[n]`: at most so many samples from a gap."""
    counted = np.append(0, np.cumsum(gaps))
    here = np.arange(len(gaps))
    return counted[np.minimum(here + most + 1, len(gaps))] > counted[np.maximum(here - most, 0)]


def _names(sweep: Sweep) -> tuple[str, str, str]:
    """Of the coordinate, for units; of the derivative and of the second derivative."""
    if sweep.axis is None:
        return "distance", "df/ds", "d²f/ds²"
    if len(sweep.axis) > _LONGEST_NAME:
        return f"{sweep.axis[: _LONGEST_NAME - 1]}…", "f′", "f″"
    d = "∂" if sweep.fixed else "d"
    return sweep.axis, f"{d}f/{d}{sweep.axis}", f"{d}²f/{d}{sweep.axis}²"


def _union(limits: Sequence[tuple[float, float]]) -> tuple[float, float]:
    lows, highs = zip(*limits, strict=True)
    return min(lows), max(highs)
