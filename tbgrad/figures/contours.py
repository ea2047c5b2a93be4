"""Flat contours of a surface, and the path of a descent on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, descent_caption, drawable, new_figure, title
from tbgrad.results import Descent, KnownMinimum, Surface

_LEVELS = 24
_MOST_ELONGATED = 2.5
VALUE_MAP = "viridis"
PATH = "red"


def contour_levels(value: np.ndarray) -> np.ndarray:
    """Levels between which equally many grid points lie, so that neither a pole nor a flat valley takes them all."""
    finite = drawable(value)[np.isfinite(drawable(value))]
    levels = np.unique(np.quantile(finite, np.linspace(0, 1, _LEVELS))) if finite.size else np.array([])
    if levels.size < 2:
        middle = levels[0] if levels.size else 0.0
        return np.array([middle - 0.5, middle + 0.5])
    return levels


def draw_contours(figure: Figure, axes: Axes, surface: Surface) -> None:
    """Fills the axes with the surface's contours and adds a bar that says what the colours mean."""
    levels = contour_levels(surface.value)
    norm = BoundaryNorm(levels, 256)
    axes.set_facecolor("0.9")
    value = np.ma.masked_invalid(drawable(surface.value))
    filled = axes.contourf(surface.x, surface.y, value, levels=levels, cmap=VALUE_MAP, norm=norm, extend="neither")
    axes.contour(surface.x, surface.y, value, levels=levels, colors="black", linewidths=0.3, alpha=0.4)
    ticks = levels[:: max(1, len(levels) // 8)]
    bar = figure.colorbar(filled, ax=axes, ticks=ticks, format="%.3g", spacing="uniform", pad=0.02)
    bar.set_label("value (colours by quantile)")
    axes.set(xlabel=surface.axes[0], ylabel=surface.axes[1])
    width, height = surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]
    if max(width, height) <= _MOST_ELONGATED * min(width, height):
        # Only on equal axes does the gradient stand perpendicular on the contours.
        axes.set_aspect("equal")


def draw_minimum(axes: Axes, minimum: KnownMinimum, columns: Sequence[int], label: str) -> None:
    """Marks a known minimum: a star, or a dotted line where it is a curve; columns are the variables of the axes."""
    x, y = np.array(minimum.points)[:, columns].T
    if minimum.is_curve:
        axes.plot(x, y, ":", color="gold", linewidth=2, label=label)
    else:
        axes.plot(x, y, "*", color="gold", markeredgecolor="black", markersize=14, label=label, linestyle="none")


def path_figure(descent: Descent) -> Figure:
    """Draws the path of the start that ends best on the contours of its landscape.

    Positions outside the landscape are cut off, and the picture says so.
    """
    surface, start = descent.landscape, descent.best_start
    columns = [descent.subject.variables.index(name) for name in surface.axes]
    x, y = descent.position[:, start, columns].T
    with new_figure() as (figure, axes):
        draw_contours(figure, axes, surface)
        low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        for minimum in descent.subject.minima:
            draw_minimum(axes, minimum, columns, "known minimum")
        # Drawing far outside the axes overflows Agg; what cannot be seen is not drawn, but where it leaves is.
        seen = _near(x, y, low, high)
        axes.plot(x[seen], y[seen], ".-", color=PATH, linewidth=1, markersize=3.5, label="path")
        axes.plot(x[:1], y[:1], "o", color="white", markeredgecolor="black", markersize=8, label="start")
        if seen[-1]:
            axes.plot(x[-1:], y[-1:], "X", color="white", markeredgecolor="black", markersize=9, label="end")
        left = int(np.argmin(seen)) if not seen.all() else None
        beyond = "" if left is None else f" (leaves the picture before step {left})"
        axes.set_title(title(descent.subject) + "\n" + descent_caption(descent) + beyond)
        add_legend(figure)
        return figure


def _near(x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Bool `[n]`: within the picture or not far outside."""
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.stack([x, y], axis=-1)
        reach = high - low
        return np.isfinite(points).all(axis=-1) & ((points > low - reach) & (points < high + reach)).all(axis=-1)
