"""A descent over its steps, for results without a landscape: each of a few starts, or how very many fare together."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import LARGEST, add_legend, descent_caption, drawable, new_figure, set_title, title
from tbgrad.figures.panels import curve_limits
from tbgrad.figures.style import VALUE
from tbgrad.results import Descent

# So many lines are told apart by hue, dashes and brightness: Okabe & Ito's colours, as in `style`.
_LINES = (
    ("#0072B2", "-"),
    ("#E69F00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#56B4E9", (0, (5, 1, 1, 1, 1, 1))),
    ("#000000", (0, (1, 3))),
)
_BANDS = ((0.0, 1.0, "0.88", "lowest to highest"), (0.25, 0.75, "0.72", "quartiles"))
# Values that are positive and differ by more than this factor have a logarithmic axis.
_MANY_DECADES = 100
_MOST_COORDINATES = 3


def history_figure(descent: Descent) -> Figure:
    """Draws the gap to the known minimum, or else the value, over the steps.

    A few starts have a line each; of more, the best is drawn over the median, quartiles and extremes of all.
    """
    figure, axes = new_figure()
    series = drawable(descent.value if descent.gap is None else descent.gap)
    # Cut there, a line would seem to stay.
    series[np.abs(series) >= LARGEST] = np.nan
    if descent.starts <= len(_LINES):
        _draw_each(axes, descent, series)
    else:
        _draw_bands(axes, descent, series)
    known = series[np.isfinite(series)]
    logarithmic = known.size > 0 and known.min() > 0 and known.max() > _MANY_DECADES * known.min()
    if descent.gap is not None or logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(*curve_limits(known))
    what = "value" if descent.gap is None else "value above the known minimum"
    axes.set(xlabel="step", ylabel=what)
    set_title(axes, title(descent.subject), _caption(descent))
    if descent.starts > 1:
        add_legend(figure)
    return figure


def _caption(descent: Descent) -> str:
    if descent.starts == 1:
        return descent_caption(descent)
    return f"{descent.starts:,} starts; the one that ends best: {descent_caption(descent)}"


def _draw_each(axes: Axes, descent: Descent, series: np.ndarray) -> None:
    for k, (colour, dashes) in enumerate(_LINES[: descent.starts]):
        start = descent.start.position[k]
        place = ", ".join(f"{x:.4g}" for x in start)
        label = f"from ({place})" if len(start) <= _MOST_COORDINATES else f"start {k}"
        axes.plot(descent.step, series[:, k], color=colour, linestyle=dashes, linewidth=1.4, label=label)


def _draw_bands(axes: Axes, descent: Descent, series: np.ndarray) -> None:
    # A start that has left the floats is worse than any other, not absent; what is infinite is not drawn.
    ranked = np.sort(np.where(np.isnan(series), np.inf, series), axis=1)
    for low, high, grey, label in _BANDS:
        between = [drawable(ranked[:, round(share * (descent.starts - 1))]) for share in (low, high)]
        axes.fill_between(descent.step, *between, color=grey, linewidth=0, label=label)
    middle = drawable(ranked[:, round(0.5 * (descent.starts - 1))])
    axes.plot(descent.step, middle, color="black", linestyle="--", linewidth=1.2, label="median")
    axes.plot(descent.step, series[:, descent.best_start], label="the one that ends best", **VALUE)
