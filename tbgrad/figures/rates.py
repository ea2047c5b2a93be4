"""Steps to a target against the learning rate, and on the map of rate and momentum.

Source: Goh (2017), Why Momentum Really Works, Distill: the map, there for the quadratic.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from tbgrad import naming
from tbgrad.figures.canvas import add_bar, add_legend, new_figure, set_title, title
from tbgrad.figures.style import COUNT_MAP, MINIMUM, TANGENT, VALUE
from tbgrad.results import RateSweep

NOT_REACHED, FAILED = "#F6E9DC", "0.55"
# Momenta that crowd at 1 are drawn by how much of the velocity is lost at a step: 0, 0.9 and 0.99 are as far apart.
_CROWDED = 3.0
_MOMENTUM_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 0.99999)


def rates_figure(sweep: RateSweep) -> Figure:
    """Draws the steps to the target over the rate, or over rate and momentum where both were varied."""
    return _curve(sweep) if sweep.momentum is None else _map(sweep)


def rates_caption(sweep: RateSweep) -> str:
    """The run's conditions in a line."""
    settings = "".join(f", {name} {value}" for name, value in sweep.settings.items())
    return f"{sweep.optimizer}{settings} {sweep.from_where}, to {sweep.target_rule}"


def best_words(sweep: RateSweep) -> str:
    """The outcome in a line: the best rate, and its steps."""
    if sweep.best is None:
        return f"target not reached in {sweep.steps:,} steps with any rate"
    momentum = "" if sweep.momentum is None else f", {sweep.momentum_name} {told(sweep.best_momentum)}"
    return f"best: rate {told(sweep.best_rate)}{momentum}, {sweep.best_steps:,} steps"


def edge_name(sweep: RateSweep) -> str:
    """The formula of the theoretical edge, without what explains it."""
    return sweep.edge_rule.partition(",")[0] or "edge"


def told(number: float) -> str:
    """A rate or a momentum in three digits."""
    return naming.number(float(f"{number:.3g}"))


def _curve(sweep: RateSweep) -> Figure:
    # A start that is at the target already has no place on a logarithmic axis.
    rate, made = sweep.rate, np.maximum(sweep.steps_to_target[0], 0.5)
    edges = between(rate)
    figure, axes = new_figure()
    bottom = min(np.nanmin(made) / 2, sweep.steps / 30) if sweep.reached.any() else 0.4
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="steps to the target")
    axes.set(xlim=(edges[0], edges[-1]), ylim=(bottom, 2.5 * sweep.steps))
    _plain_steps(axes.yaxis)
    axes.plot(
        rate, made, ".-", color=VALUE["color"], linewidth=1.5, markersize=3, label="steps to the target", zorder=3
    )
    for there, colour, word in _outcomes(sweep):
        for begin, end in _runs(there[0]):
            axes.axvspan(edges[begin], edges[end], color=colour, linewidth=0, label=word, zorder=0)
    axes.axhline(sweep.steps, color="0.4", linewidth=0.8, linestyle=":", zorder=1)
    axes.annotate(f"given up after {sweep.steps:,} steps", (0.01, sweep.steps), va="bottom", fontsize=8,
                  xycoords=("axes fraction", "data"), color="0.3")  # fmt: skip
    if edges[0] <= sweep.edge[0] <= edges[-1]:
        label = f"in theory: {edge_name(sweep)} = {told(sweep.edge[0])}"
        axes.axvline(sweep.edge[0], color="black", linestyle="--", linewidth=1.1, label=label, zorder=2)
    first = sweep.first_diverging[0]
    if np.isfinite(first):
        axes.axvline(first, color=TANGENT, linewidth=1.3, label=f"first diverging: {told(first)}", zorder=2)
    if sweep.best is not None:
        _mark_best(axes, sweep.best_rate, made[sweep.best[1]])
    set_title(axes, title(sweep.subject), rates_caption(sweep), best_words(sweep), width=0.95)
    add_legend(figure)
    return figure


def _mark_best(axes: Axes, x: float, y: float) -> None:
    axes.plot(x, y, "*", markersize=14, label="best", zorder=5, **MINIMUM)


def _outcomes(sweep: RateSweep) -> list[tuple[np.ndarray, str, str]]:
    """Where the target was not reached, with the colour and the word for it; what reached it shows how fast it was."""
    lost = sweep.failed & ~sweep.reached
    outcomes = (~sweep.failed & ~sweep.reached, NOT_REACHED, "target not reached"), (lost, FAILED, sweep.failure)
    return [outcome for outcome in outcomes if outcome[0].any()]


def _map(sweep: RateSweep) -> Figure:
    made = np.maximum(sweep.steps_to_target, 1.0)
    reached = made[sweep.reached]
    low, high = np.quantile(reached, [0, 0.99]) if reached.size else (1.0, sweep.steps)
    colours = ScalarMappable(LogNorm(low, max(high, 1.2 * low), clip=True), COUNT_MAP)
    cells = colours.to_rgba(np.where(sweep.reached, made, low))
    x, y = between(sweep.rate), _between_momenta(sweep.momentum)
    figure, axes = new_figure()
    axes.set(xscale="log", xlabel="learning rate", ylabel=_momentum_label(sweep))
    _scale_momentum(axes, sweep.momentum)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    for there, colour, word in _outcomes(sweep):
        cells[there] = to_rgba(colour)
        axes.plot([], [], "s", color=colour, markeredgecolor="0.3", linestyle="none", label=word)
    axes.pcolormesh(x, y, cells)
    axes.plot(sweep.first_diverging, sweep.momentum, color=TANGENT, linewidth=1.3, label="first diverging")
    if np.isfinite(sweep.edge).any():
        label = f"in theory: {edge_name(sweep)}"
        axes.plot(sweep.edge, sweep.momentum, color="black", linestyle="--", linewidth=1.3, label=label)
    if sweep.best is not None:
        _mark_best(axes, sweep.best_rate, sweep.best_momentum)
        bar = add_bar(figure, axes, colours, "steps to the target", extend="max" if reached.max() > high else "neither")
        _plain_steps(bar.ax.yaxis)
    set_title(axes, title(sweep.subject), rates_caption(sweep), best_words(sweep))
    add_legend(figure)
    return figure


def _plain_steps(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,.0f}" if steps >= 1 else ""))
    axis.set_minor_locator(NullLocator())


def _momentum_label(sweep: RateSweep) -> str:
    return sweep.momentum_name if sweep.momentum_name == "momentum" else f"momentum ({sweep.momentum_name})"


def crowds_at_one(momentum: np.ndarray) -> bool:
    """Whether the momenta are closer together near 1 than near 0."""
    gaps = np.diff(momentum)
    return bool(len(gaps) > 1 and momentum[-1] < 1 and gaps[0] > _CROWDED * gaps[-1])


def _scale_momentum(axes: Axes, momentum: np.ndarray) -> None:
    """Gives momenta that crowd at 1 a logarithmic axis of what they lose."""
    if not crowds_at_one(momentum):
        return
    axes.set_yscale("function", functions=(_lost, lambda lost: 1 - 10.0**-lost))
    inside = [m for m in _MOMENTUM_TICKS if momentum[0] <= m <= momentum[-1]]
    axes.yaxis.set_major_locator(FixedLocator(inside))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda m, _: f"{m:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _lost(momentum: np.ndarray) -> np.ndarray:
    return -np.log10(np.maximum(1 - np.asarray(momentum), 1e-12))


def between(middle: np.ndarray) -> np.ndarray:
    """`[n + 1]`, the edges of cells around their middles `[n]`, positive and halfway in the logarithm."""
    return np.exp(_halfway(np.log(middle)))


def _between_momenta(momentum: np.ndarray) -> np.ndarray:
    return 1 - 10.0 ** -_halfway(_lost(momentum)) if crowds_at_one(momentum) else _halfway(momentum)


def _halfway(middle: np.ndarray) -> np.ndarray:
    inner = (middle[1:] + middle[:-1]) / 2
    first, last = (middle[:2], middle[-2:]) if len(middle) > 1 else ([0.0, 0.1], [0.0, 0.1])
    return np.concatenate([[middle[0] - (first[1] - first[0]) / 2], inner, [middle[-1] + (last[1] - last[0]) / 2]])


def _runs(flag: np.ndarray) -> list[tuple[int, int]]:
    """The (begin, end) of each run of true entries."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], flag, [False]]).astype(np.int8)))
    return list(zip(change[::2], change[1::2], strict=True))
