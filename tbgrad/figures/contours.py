"""Flat contours of a surface: colours by quantile, the gradient field, the known minima, and where f is undefined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures import style
from tbgrad.figures.canvas import add_bar, add_legend, drawable, new_figure, set_title, title
from tbgrad.figures.scales import ValueScale, surface_scale
from tbgrad.results import KnownMinimum, Surface

_MOST_ELONGATED = 2.5
_ARROWS, _TICKS = 15, 5


def surface_figure(surface: Surface) -> Figure:
    """Draws the contours, arrows of the gradient, and the known minima."""
    figure, axes = new_figure()
    draw_contours(figure, axes, surface)
    _draw_gradient(axes, surface)
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]))
    draw_minima(axes, surface)
    set_title(axes, *surface_title(surface))
    add_legend(figure)
    return figure


def surface_title(surface: Surface) -> tuple[str, str]:
    """The function, and a line about what is fixed and where it is undefined."""
    said = [f"{name} = {value:g}" for name, value in surface.fixed.items()]
    return title(surface.subject), "; ".join([*said, *([surface.undefined] if surface.undefined else [])])


def draw_contours(figure: Figure, axes: Axes, surface: Surface, muted: bool = False) -> None:
    """Fills the axes with the surface's contours and adds a bar that says what the colours mean."""
    scale = surface_scale(surface)
    colours = scale.mappable(muted)
    axes.set_facecolor(style.UNDEFINED)
    value = np.ma.masked_invalid(drawable(surface.value))
    # Matplotlib leaves out what equals the lowest level, if that is a large number.
    filled = np.append(np.nextafter(scale.levels[0], -np.inf), scale.levels[1:])
    axes.contourf(surface.x, surface.y, value, levels=filled, cmap=colours.cmap, norm=colours.norm, extend="neither")
    axes.contour(surface.x, surface.y, value, levels=scale.levels, colors="black", linewidths=0.3, alpha=0.4)
    if value.mask.any():
        axes.plot([], [], "s", color=style.UNDEFINED, markeredgecolor="0.5", linestyle="none", label="undefined")
    add_value_bar(figure, axes, scale, muted)
    axes.set(xlabel=surface.axes[0], ylabel=surface.axes[1])
    if on_equal_axes(surface):
        axes.set_aspect("equal")
        width, height = sides(surface)
        axes.locator_params(axis="x", nbins=max(3, round(_TICKS * min(1.0, width / height))), steps=[1, 2, 5, 10])


def on_equal_axes(surface: Surface) -> bool:
    """Whether one unit is as long on both axes; only then does the gradient stand perpendicular on the contours."""
    width, height = sides(surface)
    return max(width, height) <= _MOST_ELONGATED * min(width, height)


def sides(surface: Surface) -> np.ndarray:
    """Width and height of the surface's region, in units of its variables, float64 `[2]`."""
    return np.array([surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]], dtype=np.float64)


def add_value_bar(figure: Figure, axes: Axes, scale: ValueScale, muted: bool = False, **placed: float) -> None:
    """Says which colour is which value."""
    ticks, labels = scale.ticks()
    bar = add_bar(figure, axes, scale.mappable(muted), scale.label, ticks=ticks, **placed)
    bar.set_ticks(ticks, labels=labels)
    bar.ax.minorticks_off()


def draw_minima(axes: Axes, surface: Surface) -> None:
    """Marks the known minima, where the surface spans all variables."""
    for minimum in surface.subject.minima if not surface.fixed else ():
        columns = [surface.subject.variables.index(name) for name in surface.axes]
        draw_minimum(axes, minimum, columns, "known minimum")


def draw_minimum(axes: Axes, minimum: KnownMinimum, columns: Sequence[int], label: str) -> None:
    """Marks a known minimum: a star, or a dotted line where it is a curve; columns are the variables of the axes."""
    x, y = np.array(minimum.points)[:, columns].T
    if minimum.is_curve:
        axes.plot(x, y, ":", color=style.MINIMUM["color"], linewidth=2, label=f"{label}: a ring")
    else:
        axes.plot(x, y, "*", markersize=14, label=label, **style.MINIMUM)


def _draw_gradient(axes: Axes, surface: Surface) -> None:
    """Draws an arrow uphill at some points of the grid, the longer the steeper in rank."""
    # The lengths that the picture's sides stand for: the same on equal axes.
    side = sides(surface)
    span = np.full(2, side.max()) if on_equal_axes(surface) else side
    columns, rows = (
        np.unique(np.linspace(0, n - 1, min(n, most) + 2).round().astype(int)[1:-1])
        for n, most in zip(surface.value.shape[::-1], np.ceil(_ARROWS * side / span).astype(int), strict=True)
    )
    variables = [surface.subject.variables.index(name) for name in surface.axes]
    gradient = surface.gradient[np.ix_(rows, columns, variables)].reshape(-1, 2).astype(np.float64)
    defined = np.isfinite(surface.value[np.ix_(rows, columns)]).ravel()
    x, y = (grid.ravel() for grid in np.meshgrid(surface.x[columns], surface.y[rows]))
    with np.errstate(all="ignore"):
        steepness = np.linalg.norm(gradient, axis=-1)
        direction = gradient / steepness[:, None]
        seen = np.linalg.norm(direction / span, axis=-1)
        drawn = defined & np.isfinite(steepness) & (steepness > 0) & np.isfinite(seen) & (seen > 0)
    if not drawn.any():
        return
    # What is as steep but for rounding is as long.
    ranks = np.unique([float(f"{s:.6g}") for s in steepness[drawn]], return_inverse=True)[1]
    rank = ranks / ranks.max() if ranks.max() else np.ones(len(ranks))
    arrows = direction[drawn] * ((0.35 + 0.55 * rank) / _ARROWS / seen[drawn])[:, None]
    axes.quiver(x[drawn], y[drawn], *arrows.T, angles="xy", scale_units="xy", scale=1, pivot="middle", color="white",
                edgecolor="black", linewidth=0.4, width=0.014 / 2.2, units="height")  # fmt: skip
    label = "gradient: uphill, longer is steeper" + ("" if on_equal_axes(surface) else "; unequal axes")
    axes.plot([], [], linestyle="none", color="black", marker=r"$\longrightarrow$", markersize=15, label=label)
