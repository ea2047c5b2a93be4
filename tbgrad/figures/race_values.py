"""A race over its steps: every racer's gap to the minimum, or its value, named where its line ends."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

from tbgrad.figures.canvas import drawable, new_figure, set_title, title
from tbgrad.figures.standings import Standings
from tbgrad.figures.steps import drawn_rows
from tbgrad.figures.style import GUIDE, LEGEND, RACERS
from tbgrad.results import Race

# In points: the height of the axes, about, and of a line of letters.
_HEIGHT, _ROW = 190.0, 1.2 * LEGEND
# Right of the axes, in shares of its width: where a label's marker stands.
_BESIDE = 0.045
_NAME_LETTERS = 18
_MOST_OF_IT, _EARLY = 0.9, 0.2
# Values of most steps of most racers, and how far others may be off, by the range of those.
_MOSTLY, _FAR = (2, 98), 8.0
# A racer that flies off is followed up to so many times the gap of the start.
_FLOWN = 30.0


def values_figure(race: Race) -> Figure:
    """Draws the gap to the known minimum, or else the value, of all racers; a mark where each arrives at the target."""
    figure, axes = new_figure()
    series = drawable(race.value if race.gap is None else race.gap)
    axes.set_yscale("linear" if race.gap is None else "log")
    axes.set(ylim=_limits(race, series), ylabel="value" if race.gap is None else "value above the known minimum")
    if race.gap is None:
        # Without an offset beside the axis, which would be in the title's way.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    _steps_axis(axes, race, series)
    if np.isfinite(race.target):
        target = race.target if race.gap is None else race.target - race.subject.minimum
        axes.axhline(target, color=GUIDE, linewidth=0.8, linestyle=":", zorder=0)
    kept, arrival, restless = drawn_rows(race.steps), race.steps_to_target, _restlessness(race, series)
    for k, style in enumerate(RACERS[: len(race)]):
        line = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 1.3}
        axes.plot(kept, series[kept, k], label=race.names[k], zorder=3 - restless[k], **line)
        if np.isfinite(arrival[k]):
            _mark(axes, int(arrival[k]), series[int(arrival[k]), k], k)
    _name(figure, axes, race, series)
    set_title(axes, title(race.subject), values_caption(race, axes.get_ylim()))
    return figure


def values_caption(race: Race, seen: tuple[float, float]) -> str:
    """What dotted line and marks are, if they are seen between these values."""
    if not np.isfinite(race.target):
        return "every racer failed"
    base = 0.0 if race.gap is None else race.subject.minimum
    if np.isnan(race.steps_to_target).all():
        return f"no racer arrives at the target, {race.target_rule}"
    if not seen[0] <= race.target - base <= seen[1]:
        return f"the target, {race.target_rule}, is outside the picture"
    return f"dotted: {race.target_rule}; marks: first there"


def spread(wanted: np.ndarray, heights: np.ndarray, low: float, high: float) -> np.ndarray:
    """Moves labels of these heights as little as it takes for them not to overlap, between low and high.

    The squares of what they are moved by are least: that is isotonic regression, by pooling adjacent violators.

    Args:
      wanted: `[n]`, where their middles should be.
      heights: `[n]`, in the same unit.
      low: none is below, if all have room.
      high: none is above.

    Returns:
      `[n]`, where they are.

    Source: Barlow, Bartholomew, Bremner & Brunk (1972), Statistical Inference under Order Restrictions, section 1.2.
    """
    order = np.argsort(wanted, kind="stable")
    steps = np.append(0.0, (heights[order][1:] + heights[order][:-1]) / 2)
    stacked = np.cumsum(steps)
    pools: list[list[float]] = []
    for place in wanted[order] - stacked:
        pools.append([place])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    free = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools])
    first, last = low + heights[order][0] / 2, high - heights[order][-1] / 2 - stacked[-1]
    found = np.empty(len(wanted))
    found[order] = free.clip(first, max(first, last)) + stacked
    return found


def _steps_axis(axes: Axes, race: Race, series: np.ndarray) -> None:
    """The steps, by their logarithm where half of the racers have gone most of their way at the very beginning."""
    if race.failed.all():
        seen = max(_leaves(values, *axes.get_ylim()) for values in series.T)
        axes.set(xlabel="step", xlim=(0, min(race.steps, seen + 2)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return
    going = series[:, ~race.failed]
    going = going if race.gap is None else np.log10(going)
    drop = going[0] - going.min(axis=0)
    gone = (going <= going[0] - _MOST_OF_IT * drop).argmax(axis=0)
    if np.median(gone) < _EARLY * race.steps:
        axes.set_xscale("symlog", linthresh=1, linscale=0.5)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set(xlabel="step" if axes.get_xscale() == "linear" else "step (logarithmic)", xlim=(0, race.steps))


def _restlessness(race: Race, series: np.ndarray) -> np.ndarray:
    """`[racers]`, in ranks between 0 and 1: what goes up and down most fills areas, and is to lie below the others."""
    with np.errstate(all="ignore"):
        ups_and_downs = np.nansum(np.abs(np.diff(series if race.gap is None else np.log(series), axis=0)), axis=0)
    return ups_and_downs.argsort().argsort() / len(race)


def _limits(race: Race, series: np.ndarray) -> tuple[float, float]:
    """The value axis: all racers; of those that fail only how they begin."""
    kept, far = series[:, ~race.failed], _FLOWN * max(1.0, np.nan_to_num(abs(series[0, 0])))
    kept = series[np.abs(series) <= far] if race.failed.all() else kept
    finite = kept[np.isfinite(kept)]
    if not finite.size:
        return (0.1, 10.0) if race.gap is not None else (-1.0, 1.0)
    if race.gap is None:
        # A racer that jumps over a pole is cut off, so that something is left to see of the others.
        low, high = np.percentile(finite, _MOSTLY)
        low, high = max(finite.min(), low - _FAR * (high - low)), min(finite.max(), high + _FAR * (high - low))
        margin = _BESIDE * (high - low) or 0.25 * abs(high) or 1.0
        return float(low - margin), float(high + margin)
    top = max(finite.max(), _FLOWN * series[0, 0] if race.failed.any() and np.isfinite(series[0, 0]) else 0.0)
    return finite.min() / 3, 3 * top


def _name(figure: Figure, axes: Axes, race: Race, series: np.ndarray) -> None:
    """Names the racers at the ends of their lines, or below where that would be too much."""
    going = [k for k in range(len(race)) if np.isfinite(series[-1, k]) and not race.failed[k]]
    names = [race.names[k].replace(", ", "\n") for k in going]
    heights = np.array([(name.count("\n") + 1) * _ROW + 3 for name in names]) / _HEIGHT
    flown = [k for k in range(len(race)) if k not in going]
    too_long = max((len(line) for name in names for line in name.split("\n")), default=0) > _NAME_LETTERS
    if heights.sum() > 1 or too_long or len(flown) > 2:
        standings = Standings(figure, race.names)
        for number, verdict in zip(standings.numbers, race.verdicts, strict=True):
            number.set_text(verdict.status.words)
        return
    ends = np.array([(race.steps, series[-1, k]) for k in going]).reshape(-1, 2)
    ends = axes.transAxes.inverted().transform(axes.transData.transform(ends))[:, 1]
    places = spread(ends, heights, 0.0, 1.0) if going else ()
    for k, name, end, place in zip(going, names, ends, places, strict=True):
        style = RACERS[k]
        axes.plot([1, 1 + _BESIDE], [end, place], color=style["color"], linewidth=0.8, clip_on=False,
                  transform=axes.transAxes)  # fmt: skip
        axes.plot(1 + _BESIDE, place, color=style["color"], marker=style["marker"], markersize=5.5, clip_on=False,
                  markeredgecolor="white", transform=axes.transAxes)  # fmt: skip
        axes.annotate(name, (1 + _BESIDE, place), (6, 0), "axes fraction", "offset points", va="center",
                      fontsize=LEGEND, linespacing=1.0)  # fmt: skip
    low, high = axes.get_ylim()
    for row, k in enumerate(flown):
        left, words = _leaves(series[:, k], low, high), f"{race.names[k]}: {race.verdicts[k].status.words}"
        after = series[min(left + 1, race.steps), k]
        side = 1 if 2 * left < axes.get_xlim()[1] else -1
        # Beside where it leaves, through the top or the bottom, or where it ends.
        place = {"xy": (left, 1), "xytext": (10 * side, -4 - row * _ROW), "va": "top"}
        if after < low:
            place = {"xy": (left, 0), "xytext": (10 * side, 4 + row * _ROW), "va": "bottom"}
        place["xycoords"] = ("data", "axes fraction")
        if np.isnan(after) and low <= series[left, k] <= high:
            place = {"xy": (left, series[left, k]), "xytext": (6 * side, 0), "xycoords": "data", "va": "center"}
        axes.annotate(words, textcoords="offset points", ha="left" if side > 0 else "right", fontsize=LEGEND,
                      color=RACERS[k]["color"], **place)  # fmt: skip


def _leaves(values: np.ndarray, low: float, high: float) -> int:
    """The last step that is seen before a racer leaves the picture, or has no value."""
    with np.errstate(invalid="ignore"):
        out = ~((values >= low) & (values <= high))
    return max(0, int(out.argmax()) - 1) if out.any() else len(values) - 1


def _mark(axes: Axes, x: float, y: float, k: int) -> None:
    """A racer's marker, which may lie on the border but not outside."""
    (low, high), style = axes.get_ylim(), RACERS[k]
    if low <= y <= high:
        axes.plot(x, y, color=style["color"], marker=style["marker"], markeredgecolor="white", markersize=7,
                  linestyle="none", zorder=4, clip_on=False)  # fmt: skip
