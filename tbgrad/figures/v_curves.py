"""The picture of a check: the V that the error of central differences makes over the step size."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from tbgrad.figures.canvas import add_legend, new_figure, set_title, title
from tbgrad.figures.style import GUIDE, LEGEND, TANGENT, VALUE
from tbgrad.results import CheckVerdict, GradientCheck, PointCheck

# Errors below this are drawn at it: a logarithm has no zero.
FLOOR = 1e-18
# The decades of step sizes shown on either side of the best ones; below the least no coordinate is displaced.
_DOWN, _UP, _LEAST = 6.0, 4.0, 1e-20
# Steps this near to the best error are as good.
_AS_GOOD = 3.0
# A theory's slope is drawn beside an arm that has it, within this.
_LIKE = 0.5
_ARM_DECADES = 2.0
_LONGEST_PLACE, _LONGEST_CAUSE = 18, 110


def v_figure(check: GradientCheck) -> Figure:
    """Draws the error over the step size: median and band over the points, the worst point, and the best step.

    Truncation makes the error grow as h², rounding as 1/h; a wrong gradient shows as a floor that no step goes below.
    """
    figure, axes = new_figure()
    step, error = by_step(check)
    axes.set(xscale="log", yscale="log", xlabel="step size h", ylabel="error of central differences")
    if len(step):
        _draw(axes, check, step, error)
    else:
        axes.text(0.5, 0.5, "no differences here", ha="center", transform=axes.transAxes)
    set_title(axes, title(check.subject), caption(check), *_worst(check))
    if axes.get_legend_handles_labels()[0]:
        add_legend(figure)
    return figure


def caption(check: GradientCheck) -> str:
    """The verdict in a line: `agrees at 98 of 100 points, not differentiable here at 2`."""
    counts = check.counts
    if len(counts) == 1:
        return f"{check.verdict} at {'the point' if len(check.points) == 1 else f'all {len(check.points)} points'}"
    first, *others = (f"{verdict} at {count}" for verdict, count in counts.items())
    return ", ".join([f"{first} of {len(check.points)} points", *others])


def _worst(check: GradientCheck) -> list[str]:
    """Why the worst point does not agree, in a line; nothing where all agree."""
    point = check.points[check.worst_first[0]]
    if point.verdict == CheckVerdict.AGREES:
        return []
    place = _place(check, point)
    cause = point.cause if len(point.cause) <= _LONGEST_CAUSE else f"{point.cause[: _LONGEST_CAUSE - 1]}…"
    return [f"{place}: {cause}" if len(place) < _LONGEST_PLACE else f"worst point: {cause}"]


def _place(check: GradientCheck, point: PointCheck) -> str:
    return ", ".join(f"{n} = {x:.3g}" for n, x in zip(check.subject.variables, point.position, strict=True))


def by_step(check: GradientCheck) -> tuple[np.ndarray, np.ndarray]:
    """The step sizes `[k]`, increasing, at which at least half of the points have a difference, and errors `[n, k]`."""
    steps = np.unique(check.step[np.isfinite(check.step)])
    errors = np.full((len(check.points), len(steps)), np.nan)
    rows, columns = np.nonzero(np.isfinite(check.step))
    errors[rows, np.searchsorted(steps, check.step[rows, columns])] = check.error[rows, columns]
    told = np.isfinite(errors)
    usual = told.sum(axis=0) * 2 >= told.any(axis=1).sum()
    return steps[usual], errors[:, usual]


def _draw(axes: Axes, check: GradientCheck, step: np.ndarray, error: np.ndarray) -> None:
    drawn = np.clip(error, FLOOR, 1e30)
    worst, alone = check.worst_first[0], len(check.points) == 1
    point, known = check.points[worst], np.isfinite(error).any(axis=1)
    series = np.nanmedian(drawn, axis=0)
    if not alone:
        low, high = np.nanpercentile(drawn, [10, 90], axis=0)
        axes.fill_between(step, low, high, color=VALUE["color"], alpha=0.2, linewidth=0, label="80 % of the points")
        axes.plot(step, series, color=VALUE["color"], label="median")
    if known[worst] and (alone or point.verdict != CheckVerdict.AGREES):
        place = _place(check, point)
        label = place if len(place) < _LONGEST_PLACE else "worst point"
        axes.plot(step, drawn[worst], color=TANGENT, linewidth=1.2, label=label)
    bottom = float(series.min())
    good = np.flatnonzero(series <= _AS_GOOD * bottom)
    best = step[good[len(good) // 2]]
    left = max(step[0], _LEAST, step[good[0]] * 10.0**-_DOWN)
    right = max(min(step[-1], step[good[-1]] * 10.0**_UP), 10 * left)
    axes.set_xlim(left, right)
    best = min(max(best, left), right)
    inside = drawn[:, (step >= left) & (step <= right)]
    top = float(np.nanpercentile(inside, 98)) if np.isfinite(inside).any() else 1.0
    axes.set_ylim(bottom / 300, max(10 * top, bottom * 1e4))
    # Where nothing agrees no step is best.
    if CheckVerdict.AGREES in check.counts:
        axes.plot(best, bottom, "o", color="black", markersize=5, zorder=4)
        side = "left" if best < left * 100 else "right" if best > right / 100 else "center"
        said = "no error at all" if bottom <= FLOOR else f"h = {best:.2g}, error {bottom:.1g}"
        axes.annotate(said, (best, bottom), (0, -14), textcoords="offset points", ha=side, fontsize=LEGEND)
    _guides(axes, step, series, step[good[0]], step[good[-1]])
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.minorticks_off()


def _guides(axes: Axes, step: np.ndarray, error: np.ndarray, first: float, last: float) -> None:
    """The slopes that theory foretells, beside those arms of the V that have them."""
    arms = (
        ("truncation ∝ h²", 2.0, last * 10.0**_ARM_DECADES, "--"),
        ("rounding ∝ 1/h", -1.0, first * 10.0**-_ARM_DECADES, ":"),
    )
    for label, power, middle, style in arms:
        near = (step >= middle / 30) & (step <= middle * 30) & (error > 2 * FLOOR)
        if near.sum() < 5:
            continue
        found, _ = np.polyfit(np.log(step[near]), np.log(error[near]), 1)
        if abs(found - power) > _LIKE:
            continue
        reach = 10.0 ** np.array([-1.2, 1.2])
        height = np.exp(np.mean(np.log(error[near]) - power * np.log(step[near] / middle)))
        axes.plot(middle * reach, 5 * height * reach**power, style, color=GUIDE, linewidth=1.1, label=label)
