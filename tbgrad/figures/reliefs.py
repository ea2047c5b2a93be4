"""A surface in three dimensions: its contours at their heights, and the surface itself, from a point of view."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tbgrad.figures.canvas import drawable
from tbgrad.figures.contours import add_value_bar, sides, surface_title
from tbgrad.figures.facets import collection, grid_facets, plane_facets, surface_facets
from tbgrad.figures.levels import draw_levels
from tbgrad.figures.scales import surface_scale
from tbgrad.figures.sheets import sheet
from tbgrad.figures.style import HEIGHT_LINES_MAP, HIDDEN_TANGENT
from tbgrad.figures.tangents import outline, planes_caption
from tbgrad.figures.trails import draw_trail_in_space
from tbgrad.figures.views import ASPECT, DEFAULT_VIEW, add_bar_axes, lay_out, new_view, toward
from tbgrad.results import Surface

_CONTOURS, _LIGHTEST = 50, 0.35
_MOST_SIDES = 80
# Beside a pole the rest of a surface would be flat: heights are cut at these percentiles of the values, if there are
# values so many times the distance between the two farther out.
_CUT_AT = (5, 95)
_FAR_OUT = 3.0


def height_limits(value: np.ndarray) -> tuple[float, float, str]:
    """The lowest and highest height to draw, and in words which of them something lies beyond, if it does."""
    finite = drawable(value)[np.isfinite(drawable(value))]
    if not finite.size:
        return -1.0, 1.0, ""
    low, high = np.percentile(finite, _CUT_AT)
    far = _FAR_OUT * (high - low)
    cut_low, cut_high = finite.min() < low - far, finite.max() > high + far
    if not (cut_low or cut_high) or not high > low:
        low, high = finite.min(), finite.max()
        return float(low), float(high if high > low else low + max(1.0, 1e-3 * abs(low))), ""
    low, high = float(low if cut_low else finite.min()), float(high if cut_high else finite.max())
    below, above = f"below {low:.3g}", f"above {high:.3g}"
    return low, high, "cut " + " and ".join([below] * bool(cut_low) + [above] * bool(cut_high))


def contour3d_figure(surface: Surface, view: tuple[float, float] = DEFAULT_VIEW) -> Figure:
    """Draws 50 contours at their heights, in grey, and the path."""
    figure, axes = new_view(view)
    low, high, cut = _set_limits(axes, surface)
    drawn = sheet(surface, _MOST_SIDES + 1, (low, high))
    levels = np.unique(np.linspace(low, high, _CONTOURS))
    # White lines on white would not be seen.
    norm = Normalize(low - _LIGHTEST * (high - low), high)
    draw_levels(axes, drawn, levels, cmap=HEIGHT_LINES_MAP, norm=norm, linewidths=1.2)
    axes.set_zlabel("value")
    if surface.trail is not None:
        draw_trail_in_space(axes, surface, low, high)
    lay_out(figure, axes, *surface_title(surface), cut, _path_words(surface))
    return figure


def relief_figure(surface: Surface, view: tuple[float, float] = DEFAULT_VIEW) -> Figure:
    """Draws the surface, coloured by value, its tangent planes and the path.

    What is undefined or beyond limits is left out.
    """
    figure, axes = new_view(view)
    low, high, cut = _set_limits(axes, surface)
    scale = surface_scale(surface)
    drawn = sheet(surface, _MOST_SIDES + 1, (low, high))
    unit = np.array([*sides(surface), high - low]) / ASPECT * max(ASPECT)
    before = toward(axes) * unit
    facets = [*surface_facets(drawn, scale), grid_facets(drawn, before)]
    for plane in surface.tangents:
        if plane.is_defined and low <= plane.value <= high:
            facets += plane_facets(plane, surface, unit, before)
            # What the surface hides of it is seen through.
            axes.plot(*outline(plane, surface, unit).T, **HIDDEN_TANGENT)
    axes.add_collection3d(collection(facets))
    if surface.trail is not None:
        draw_trail_in_space(axes, surface, low, high)
    add_value_bar(figure, axes, scale, cax=add_bar_axes(figure))
    lay_out(figure, axes, *surface_title(surface), cut, *planes_caption(surface), _path_words(surface), bar=True)
    return figure


def _path_words(surface: Surface) -> str:
    """What the plane does not show of the path, in words."""
    return surface.trail.words if surface.trail is not None else ""


def _set_limits(axes: Axes, surface: Surface) -> tuple[float, float, str]:
    """Sets the sides of the box; returns its lowest and highest value, and what is cut in words."""
    low, high, cut = height_limits(surface.value)
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]), zlim=(low, high))
    axes.set(xlabel=surface.axes[0], ylabel=surface.axes[1])
    return low, high, cut
