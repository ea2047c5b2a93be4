"""A surface in three dimensions: its contours at their heights, and the surface itself, from a point of view."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from tbgrad.figures.canvas import drawable, new_figure, set_title
from tbgrad.figures.contours import add_value_bar, surface_title
from tbgrad.figures.scales import surface_scale
from tbgrad.figures.style import HEIGHT_LINES_MAP
from tbgrad.results import Surface

# Matplotlib's own, and the tutorial's two: elevation and azimuth in degrees.
DEFAULT_VIEW = (30.0, -60.0)
VIEWS = (DEFAULT_VIEW, (60.0, 90.0), (90.0, 90.0))

_CONTOURS = 50
_MOST_SIDES = 100
_TICKS, _TICK_PAD, _LABEL_PAD = 5, 6, 7
_TITLE_WIDTH, _LEVEL = 0.72, 0.6

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


def grid_indices(length: int, most: int) -> np.ndarray:
    """Indices of at most so many grid lines of these, both ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def contour3d_figure(surface: Surface, view: tuple[float, float] = DEFAULT_VIEW) -> Figure:
    """Draws 50 contours at their heights, in grey."""
    figure, axes = new_figure(projection="3d")
    low, high, _ = height_limits(surface.value)
    value = np.ma.masked_invalid(drawable(surface.value))
    if value.count() and value.max() > value.min():
        x, y = np.meshgrid(surface.x, surface.y)
        axes.contour3D(x, y, value, levels=np.unique(np.linspace(low, high, _CONTOURS)), cmap=HEIGHT_LINES_MAP)
    axes.set_zlabel("value")
    _set_up(axes, surface, view)
    return figure


def relief_figure(surface: Surface, view: tuple[float, float] = DEFAULT_VIEW) -> Figure:
    """Draws the surface, coloured by value; what is undefined or beyond the height's limits is left out."""
    rows, columns = (grid_indices(n, _MOST_SIDES + 1) for n in surface.value.shape)
    value = drawable(surface.value[np.ix_(rows, columns)])
    x, y = np.meshgrid(surface.x[columns], surface.y[rows])
    points = np.stack([x, y, value], axis=-1)
    corners = (points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1])
    facets = np.stack(corners, axis=2).reshape(-1, 4, 3)
    low, high, _ = height_limits(surface.value)
    heights = facets[:, :, 2]
    with np.errstate(invalid="ignore"):
        kept = np.isfinite(heights).all(axis=1) & ((heights >= low) & (heights <= high)).any(axis=1)
    facets, heights = facets[kept], heights[kept].mean(axis=1)
    facets[:, :, 2] = facets[:, :, 2].clip(low, high)
    figure, axes = new_figure(projection="3d")
    scale = surface_scale(surface)
    colours = scale.mappable().to_rgba(heights)
    # Edges in the facets' own colours close the seams between them.
    axes.add_collection3d(Poly3DCollection(facets, facecolors=colours, edgecolors=colours, linewidths=0.3))
    _set_up(axes, surface, view)
    add_value_bar(figure, axes, scale, shrink=0.7, pad=0.1)
    return figure


def _set_up(axes: Axes, surface: Surface, view: tuple[float, float]) -> None:
    low, high, cut = height_limits(surface.value)
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]), zlim=(low, high))
    axes.set(xlabel=surface.axes[0], ylabel=surface.axes[1])
    axes.view_init(*view)
    # Room for the labels, which the layout does not know in three dimensions; closer by, the surface would hide them.
    axes.set_box_aspect(None, zoom=0.86)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_tick_params(pad=_TICK_PAD)
        axis.labelpad = _LABEL_PAD
        # A factor or an offset would be written over the labels.
        axis.set_major_formatter("{x:.10g}")
    for name in "xy":
        axes.locator_params(axis=name, nbins=_TICKS, steps=[1, 2, 5, 10])
    # From above, heights would be written over each other, or between the ticks of another axis: a bar says them.
    if abs(math.cos(math.radians(view[0]))) > _LEVEL:
        axes.locator_params(axis="z", nbins=_TICKS)
    else:
        axes.set(zticks=[], zlabel="")
    set_title(axes, *surface_title(surface), cut, width=_TITLE_WIDTH)
