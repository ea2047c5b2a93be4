"""The gradients of a network's layers over the steps of its training: where they die, and since when.

Layers lie in network order, the output at the top: gradients flow downward. The step axis is nearly linear up to the
tenth step and logarithmic beyond, since most goes wrong early.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tbgrad.figures.canvas import LARGEST, add_bar, drawable, new_panels, set_title
from tbgrad.figures.style import LEGEND, MAGNITUDE_MAP, SMALL, UNDEFINED, VALUE
from tbgrad.results import Fault, Training

# None of them is on the map of the lengths: Tol (2021), bright and vibrant.
ZERO, NOT_FINITE, MISSING = "#66CCEE", "#00B050", UNDEFINED
# Marker, colour and words of each kind of fault.
MARKS = {
    "not finite": ("X", NOT_FINITE, "first NaN or infinity"),
    "diverging": ("D", "#EE3377", "begins to diverge"),
    "no gradient": ("s", "white", "gets no gradient"),
    "exploding": ("^", "#EE3377", "begins to explode"),
    "vanishing": ("v", ZERO, "begins to vanish"),
    "dead": ("P", "#DDDDDD", "dies"),
}
MOST_COLUMNS, _MOST_NAMED, _LONGEST_NAME = 400, 26, 20
# In points.
_NAMES_HEIGHT = 118.0
_LINEAR_UP_TO, _MOST_TICKS = 10.0, 8
# A healthy network would else show its few decades as if they were many.
_FEWEST_DECADES, _MOST_DECADES = 4.0, 24.0
_HEIGHTS = 3.2


def layers_figure(training: Training) -> Figure:
    """Draws each layer's root mean square of the gradient over the steps, the loss below it, and where faults begin.

    Args:
      training: with at least one row.
    """
    figure, (axes, below) = new_panels(2, _HEIGHTS)
    columns = Columns.of(training)
    shown, colours = _cells(training, columns)
    edges = np.append(columns.step, columns.end)
    axes.pcolormesh(edges, np.arange(len(training.layers) + 1) - 0.5, shown)
    axes.set(ylim=(-0.5, len(training.layers) - 0.5))
    _name_layers(axes, training)
    _draw_loss(below, training, columns)
    below.set_xscale("asinh", linear_width=_LINEAR_UP_TO)
    below.set(xlim=(edges[0], edges[-1]), xlabel="step")
    _tick_steps(below, int(edges[0]), int(edges[-1]))
    told = _mark_faults(axes, below, training, columns)
    bar = add_bar(figure, axes, colours, "rms of the gradient", extend="both")
    bar.minorticks_off()
    set_title(
        axes,
        f"{training.model}: the gradient of each layer",
        _conditions(training),
        _verdict(training),
        side="left",
        width=0.9,
    )
    _add_legend(figure, training, columns, told)
    return figure


@dataclass(frozen=True, eq=False)
class Columns:
    """Rows put together, so that there are no more columns than a picture has room for.

    A column is the median of its rows; it is not finite where any of its rows is.

    Attributes:
      step: float `[columns]`, where each begins.
      end: where the last one ends.
      rms: `[columns, layers]`; NaN where it is missing or not finite.
      is_lost: bool `[columns, layers]`, whether some gradient was not finite.
      loss: `[columns]`, the median; NaN where any is not finite.
    """

    step: np.ndarray
    end: float
    rms: np.ndarray
    is_lost: np.ndarray
    loss: np.ndarray

    @staticmethod
    def of(training: Training) -> Columns:
        """The columns of a training, evenly spaced on the axis of the steps."""
        step = training.step.astype(np.float64)
        place = np.arcsinh(step / _LINEAR_UP_TO)
        span = max(place[-1] - place[0], 1e-9)
        column = np.minimum((place - place[0]) / span * MOST_COLUMNS, MOST_COLUMNS - 1).astype(int)
        first = np.flatnonzero(np.diff(column, prepend=-1))
        is_measured = np.isfinite(training.layer_sizes)
        lost = ~np.isfinite(training.rms) & is_measured
        parts = np.split(np.arange(len(step)), first[1:])
        with np.errstate(invalid="ignore"):
            rms = np.array([np.median(training.rms[rows], axis=0) for rows in parts])
            loss = np.array([np.median(training.loss[rows]) for rows in parts])
        is_lost = np.logical_or.reduceat(lost, first, axis=0)
        last = step[-1] - step[-2] if len(step) > 1 else 1.0
        return Columns(step[first], step[-1] + last, np.where(is_lost, np.nan, rms), is_lost, loss)


def _cells(training: Training, columns: Columns) -> tuple[np.ndarray, ScalarMappable]:
    """`[layers, columns, 3]`, the colour of each cell, and the scale of those that are lengths."""
    known = columns.rms[np.isfinite(columns.rms) & (columns.rms > 0)]
    low, high = np.log10(np.quantile(known, [0.005, 0.995])) if known.size else (-4.0, 0.0)
    low = max(low, high - _MOST_DECADES)
    wider = max(0.0, _FEWEST_DECADES - (high - low)) / 2
    # Matplotlib's own arithmetic fails far beyond it.
    most = np.log10(LARGEST)
    high = np.clip(high + wider, _FEWEST_DECADES - most, most)
    low = np.clip(low - wider, -most, high - _FEWEST_DECADES)
    colours = ScalarMappable(LogNorm(10.0**low, 10.0**high), matplotlib.colormaps[MAGNITUDE_MAP])
    rms = columns.rms
    cells = colours.to_rgba(np.clip(np.where(rms > 0, rms, 1.0), 10.0**low, 10.0**high))[..., :3]
    cells[rms == 0] = to_rgb(ZERO)
    cells[np.isnan(rms)] = to_rgb(MISSING)
    cells[columns.is_lost] = to_rgb(NOT_FINITE)
    return cells.swapaxes(0, 1), colours


def _name_layers(axes: Axes, training: Training) -> None:
    """Names beside the rows, of very many layers some, both ends among them."""
    count = len(training.layers)
    every = -(-count // _MOST_NAMED)
    # From the output down, so that the output has a name, and the input too.
    named = sorted({0, *range(count - 1, 0 if every == 1 else every // 2, -every)})
    size = float(np.clip(_NAMES_HEIGHT / max(1, len(named)), 5.0, SMALL))
    axes.yaxis.set_major_locator(FixedLocator(named))
    axes.set_yticks(named, [_short(training.layers[k].name) for k in named], fontsize=size)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("input            →            output", fontsize=SMALL, color="0.35")


def _short(name: str) -> str:
    """The end of a path says more than its beginning; of a name both ends do."""
    if len(name) <= _LONGEST_NAME:
        return name
    head = 0 if "/" in name else _LONGEST_NAME // 2 + 1
    return name[:head] + "…" + name[head + 1 - _LONGEST_NAME :]


def _draw_loss(axes: Axes, training: Training, columns: Columns) -> None:
    loss = drawable(columns.loss)
    axes.plot(columns.step, loss, **{**VALUE, "linewidth": 1.2}, marker="." if len(loss) == 1 else None)
    known = loss[np.isfinite(loss)]
    if known.size and known.min() > 0 and known.max() > 30 * known.min():
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.locator_params(axis="y", nbins=3)
    axes.set_ylabel("loss", fontsize=SMALL)
    axes.tick_params(axis="y", labelsize=SMALL)


def _tick_steps(axes: Axes, first: int, last: int) -> None:
    """Round steps, as many as an axis of this kind has room for."""
    if last <= 2 * _LINEAR_UP_TO:
        ticks = [k for k in range(first, last + 1) if k % max(1, (last - first) // 5) == 0]
    else:
        ends = np.arcsinh(np.array([first, last]) / _LINEAR_UP_TO)
        ticks, apart = [first], (ends[1] - ends[0]) / _MOST_TICKS
        for tick in (d * 10**k for k in range(len(str(last))) for d in (1, 2, 5)):
            places = np.arcsinh(np.array([ticks[-1], tick]) / _LINEAR_UP_TO)
            if first < tick <= last and places[1] - places[0] >= apart:
                ticks.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: _step_words(step)))
    axes.xaxis.set_minor_locator(NullLocator())


def _step_words(step: float) -> str:
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if step >= 10 * unit or (step >= unit and step % unit == 0):
            return f"{step / unit:g}{letter}"
    return f"{step:,.0f}"


def _mark_faults(axes: Axes, below: Axes, training: Training, columns: Columns) -> list[str]:
    """A line over the rows of the layers that share a fault, at its first step; gives the kinds that were drawn."""
    for fault in training.faults:
        marker, colour, _ = MARKS[fault.kind]
        at = float(np.clip(fault.step, columns.step[0], columns.end))
        style = {"color": colour, "marker": marker, "markeredgecolor": "black", "markeredgewidth": 0.7}
        rows = _rows_of(training, fault)
        if rows:
            around = [at, at], [min(rows) - 0.5, max(rows) + 0.5]
            axes.plot(*around, color="black", linewidth=3.4, solid_capstyle="butt", clip_on=False, zorder=4)
            axes.plot(*around, color=colour, linewidth=2.0, solid_capstyle="butt", clip_on=False, zorder=4)
            named = next(k for k in rows if training.layers[k].name == fault.layer)
            axes.plot([at], [named], markersize=7, clip_on=False, zorder=5, **style)
        else:
            below.axvline(at, color=colour, linewidth=1.4, zorder=1)
            below.plot(
                [at], [1.0], markersize=6, clip_on=False, zorder=5, transform=below.get_xaxis_transform(), **style
            )
    return list(dict.fromkeys(fault.kind for fault in training.faults))


def _rows_of(training: Training, fault: Fault) -> list[int]:
    return [k for k, layer in enumerate(training.layers) if fault.layer and fault.concerns(layer.name)]


def _conditions(training: Training) -> str:
    rows = len(training.step)
    steps = f"steps {training.step[0]:,} to {training.step[-1]:,}, {rows:,} recorded"
    return f"{training.optimizer or 'its optimizer'}, {len(training.layers)} layers, {steps}"


def _verdict(training: Training) -> str:
    """The worst fault in a few words."""
    if not training.faults:
        return "no fault found"
    worst, more = training.faults[0], len(training.faults) - 1
    where = f" at '{_short(worst.layer)}'" if worst.layer else ""
    return f"{worst.kind}{where} from step {worst.step:,}" + (f"; {more} more" if more else "")


def _add_legend(figure: Figure, training: Training, columns: Columns, told: list[str]) -> None:
    missing = np.isnan(columns.rms) & ~columns.is_lost
    shown = ((columns.rms == 0, ZERO, "exactly zero"), (columns.is_lost, NOT_FINITE, "NaN or infinite"),
             (missing, MISSING, "no weights, or no gradient"))  # fmt: skip
    handles = [
        Patch(facecolor=colour, edgecolor="0.3", linewidth=0.5, label=word)
        for there, colour, word in shown
        if there.any()
    ]
    for kind in told:
        marker, colour, words = MARKS[kind]
        handles.append(Line2D([], [], color=colour, marker=marker, markeredgecolor="black", linestyle="none",
                              markersize=6, label=words))  # fmt: skip
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=LEGEND)
