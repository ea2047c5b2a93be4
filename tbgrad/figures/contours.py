"""Flat contours of a surface, the known minima on them, and where f is undefined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures import style
from tbgrad.figures.canvas import add_bar, title
from tbgrad.figures.levels import draw_levels, fill_levels
from tbgrad.figures.scales import ValueScale, surface_scale
from tbgrad.figures.sheets import sheet
from tbgrad.results import KnownMinimum, Surface

_MOST_ELONGATED = 2.5
_TICKS = 5
MOST_LINES = 201


def surface_title(surface: Surface) -> tuple[str, str, str]:
    """The function, a line about what is fixed and where it is undefined, and one about how it is shown."""
    said = "; ".join(filter(None, [surface.fixed_words, surface.undefined]))
    return title(surface.subject), said, surface.subject.caption


def draw_contours(figure: Figure, axes: Axes, surface: Surface, muted: bool = False) -> None:
    """Fills the axes with the surface's contours and adds a bar that says what the colours mean."""
    scale = surface_scale(surface)
    colours = scale.mappable(muted)
    axes.set_facecolor(style.UNDEFINED)
    drawn = sheet(surface, MOST_LINES)
    fill_levels(axes, drawn, scale.levels, colours)
    # The outermost levels are but points, or run along a pole.
    draw_levels(axes, drawn, scale.levels[1:-1], colors="black", linewidths=0.3, alpha=0.4)
    if not np.isfinite(surface.value).all():
        axes.plot([], [], "s", color=style.UNDEFINED, markeredgecolor="0.5", linestyle="none", label="undefined")
    add_value_bar(figure, axes, scale, muted)
    set_plane(axes, surface)


def set_plane(axes: Axes, surface: Surface) -> None:
    """Sets the axes to the surface's region, with one unit as long on both, unless that would be too long a strip."""
    axes.set(**dict(zip(("xlabel", "ylabel"), surface.labels or surface.axes, strict=True)))
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]))
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


def add_value_bar(figure: Figure, axes: Axes, scale: ValueScale, muted: bool = False, **placed: Any) -> None:
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
