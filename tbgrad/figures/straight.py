"""The function along the straight line from a descent's start to its end, and what the path met instead.

Source: Goodfellow, Vinyals & Saxe (2015), Qualitatively Characterizing Neural Network Optimization Problems,
arXiv:1412.6544.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, descent_caption, drawable, new_figure, set_title, title
from tbgrad.figures.gaps import draw_undefined
from tbgrad.figures.panels import curve_limits, sweep_curves
from tbgrad.figures.steps import Track, add_step_bar
from tbgrad.figures.style import MARK, VALUE
from tbgrad.figures.units import Units
from tbgrad.results import Descent

# Half of the line's values lie in this share of their range: on a linear axis they would be one.
_CROWDED = 0.02


def line_figure(descent: Descent) -> Figure | None:
    """Draws the function along the line, and the path's values where the path is beside it; None without a line."""
    line, plane, best = descent.line, descent.plane, descent.best_start
    if line is None or plane is None or descent.position is None:
        return None
    figure, axes = new_figure()
    value = drawable(line.value)
    path = descent.position[: descent.last_row + 1, best]
    at = drawable(np.column_stack([plane.project(path)[:, 0], descent.value[: len(path), best]]))
    inside = (at[:, 0] >= line.coordinate[0]) & (at[:, 0] <= line.coordinate[-1])
    at[~inside] = np.nan
    curve = sweep_curves(line, Units())[0]
    axes.plot(curve.x, curve.y, label="f on the straight line", **VALUE)
    shown = np.concatenate([value, at[:, 1]])
    shown = shown[np.isfinite(shown)]
    logarithmic = bool((shown > 0).all()) and np.median(shown) < _CROWDED * shown.max()
    if logarithmic:
        axes.set_yscale("log")
    else:
        limits = [curve.limits, curve_limits(at[:, 1])] if inside.any() else [curve.limits]
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        # A factor would be written over the title.
        axes.yaxis.set_major_formatter("{x:.6g}")
    axes.set_xlim(line.coordinate[0], line.coordinate[-1])
    last = int(descent.best_step[-1])
    track = Track(axes, at, descent.best_step[: len(path)], last, "f on the path beside it")
    track.move(len(path) - 1)
    draw_undefined(axes, line)
    seen = np.isfinite(at).all(axis=1)
    for row, marker, size, label in ((0, "o", 8, "start"), (-1, "X", 9, "end")):
        if seen[row]:
            axes.plot(*at[row], marker=marker, markersize=size, label=label, zorder=3.5, **MARK)
    axes.set(xlabel="distance from the start along the line", ylabel=f"value{' (logarithmic)' if logarithmic else ''}")
    said = "" if seen[-1] else "the end is outside the picture"
    set_title(axes, title(descent.subject), descent_caption(descent), _lengths(path), said, width=0.97, side="page")
    add_step_bar(figure, axes, last)
    add_legend(figure)
    return figure


def _lengths(path: np.ndarray) -> str:
    """How far the end is, and how long the path, in words; nothing where it leaves the floats."""
    with np.errstate(over="ignore", invalid="ignore"):
        straight = np.linalg.norm(path[-1] - path[0])
        whole = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    if not np.isfinite([straight, whole]).all():
        return ""
    return f"the end is {straight:.4g} from the start; the path is {whole:.4g} long"
