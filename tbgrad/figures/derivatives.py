"""Flat pictures of a surface's derivatives: how steep it is, and each partial derivative with its sign."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures import style
from tbgrad.figures.canvas import add_legend, new_figure, set_title
from tbgrad.figures.contours import MOST_LINES, add_value_bar, draw_minima, set_plane, surface_title
from tbgrad.figures.levels import draw_levels, fill_levels
from tbgrad.figures.scales import ValueScale
from tbgrad.figures.sheets import Sheet, sheet
from tbgrad.figures.slope_scales import magnitude_scale, signed_scale
from tbgrad.results import Surface

_ZERO = {"colors": "black", "linewidths": 1.4, "linestyles": "-"}
_OTHER_ZERO = {"colors": "black", "linewidths": 0.8, "linestyles": "--"}


def magnitude_figure(surface: Surface) -> Figure:
    """Draws the length of the gradient along the two axes."""
    figure, axes = new_figure()
    first, second = surface.axes
    lengths = _where_defined(surface, _lengths(surface.slopes))
    scale = magnitude_scale(lengths, "|∇f|, value per unit")
    breaks = None if surface.breaks is None else _lengths(surface.breaks.slopes)
    drawn = sheet(surface, MOST_LINES, height=lengths, break_height=breaks)
    fill_levels(axes, drawn, scale.levels, scale.mappable())
    _finish(figure, axes, surface, scale, f"how steep it is: √((∂f/∂{first})² + (∂f/∂{second})²)")
    return figure


def partial_figure(surface: Surface, axis: int) -> Figure:
    """Draws the derivative along x, 0, or y, 1; where it is zero; and thin, where the other one is."""
    figure, axes = new_figure()
    name = surface.axes[axis]
    scale = signed_scale(_where_defined(surface, surface.slopes[..., axis]), f"∂f/∂{name}, value per {name}")
    drawn = _partial(surface, axis)
    fill_levels(axes, drawn, scale.levels, scale.mappable())
    draw_levels(axes, drawn, scale.levels[1:-1], colors="black", linewidths=0.3, alpha=0.5)
    lines = 0
    for one, how in ((axis, _ZERO), (1 - axis, _OTHER_ZERO)):
        partial = _partial(surface, one)
        heights = partial.points[np.unique(partial.triangles), 2]
        if heights.size and heights.min() < 0 < heights.max():
            draw_levels(axes, partial, np.array([0.0]), **how)
            axes.plot([], [], color="black", linewidth=how["linewidths"], linestyle=how["linestyles"],
                      label=f"∂f/∂{surface.axes[one]} = 0")  # fmt: skip
            lines += 1
    crossing = "; stationary where both lines cross" if lines == 2 else ""
    _finish(figure, axes, surface, scale, f"red: rises with {name}; blue: falls{crossing}")
    return figure


def _finish(figure: Figure, axes: Axes, surface: Surface, scale: ValueScale, said: str) -> None:
    axes.set_facecolor(style.UNDEFINED)
    if not (np.isfinite(surface.slopes).all() and np.isfinite(surface.value).all()):
        axes.plot([], [], "s", color=style.UNDEFINED, markeredgecolor="0.5", linestyle="none", label="no gradient")
    add_value_bar(figure, axes, scale)
    set_plane(axes, surface)
    draw_minima(axes, surface)
    set_title(axes, *surface_title(surface), said)
    add_legend(figure)


def _partial(surface: Surface, axis: int) -> Sheet:
    breaks = None if surface.breaks is None else surface.breaks.slopes[..., axis]
    slope = _where_defined(surface, surface.slopes[..., axis])
    return sheet(surface, MOST_LINES, height=slope, break_height=breaks)


def _where_defined(surface: Surface, quantity: np.ndarray) -> np.ndarray:
    """A quantity on the grid, NaN where f is undefined: that of log(x) has derivatives also where it has no value."""
    return np.where(np.isfinite(surface.value), quantity, np.nan)


def _lengths(slopes: np.ndarray) -> np.ndarray:
    """Of slopes `[..., 2]`, float64; infinite beyond the floats."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.linalg.norm(slopes.astype(np.float64), axis=-1)
