"""Axes in three dimensions, from a point of view: as large as the page allows, with all of their labels on it.

Matplotlib's layouts do not know the labels of such axes. So the page is laid out here: the title above, a bar on the
right, a legend below, and the box between them.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import proj3d

from tbgrad.figures.canvas import add_legend, new_figure, set_title

# Matplotlib's own, and the tutorial's two: elevation and azimuth in degrees.
DEFAULT_VIEW = (30.0, -60.0)
VIEWS = (DEFAULT_VIEW, (60.0, 90.0), (90.0, 90.0))

# Matplotlib's own: lengths of the box along x, y and the value.
ASPECT = (4, 4, 3)
_TICKS, _TICK_PAD, _LABEL_PAD = 5, 6, 6
# The ticks of an axis along which one looks more than this, of the three, would stand over each other.
_ALONG = (0.93, 0.93, 0.8)
# Shares of the page: what is left beside a bar, where the bar is, and what is left free at the edges.
_BESIDE_BAR, _BAR, _EDGE = 0.79, (0.815, 0.16, 0.025, 0.56), 0.02
_FITTINGS = 3


def new_view(view: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure with axes in three dimensions, seen from (elevation, azimuth) in degrees."""
    figure, axes = new_figure(projection="3d")
    figure.set_layout_engine("none")
    axes.set_box_aspect(ASPECT)
    axes.view_init(*view)
    return figure, axes


def toward(axes: Axes) -> np.ndarray:
    """The picture's unit toward the viewer, float64 `[3]` along the sides of the box."""
    elevation, azimuth = math.radians(axes.elev), math.radians(axes.azim)
    level = math.cos(elevation)
    return np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])


def lay_out(figure: Figure, axes: Axes, heading: str, *conditions: str, bar: bool = False) -> None:
    """Writes title and legend, chooses ticks, and makes the box as large as the rest of the page allows."""
    for collection in axes.collections:
        # The box reaches beyond what Matplotlib takes for the axes.
        collection.set_clip_on(False)
    right = _BESIDE_BAR if bar else 1 - _EDGE
    page = figure.bbox
    axes.set_position((0, 0, right, 0.8))
    axes.apply_aspect()
    set_title(axes, heading, *conditions, width=right - 2 * _EDGE)
    above = max(text.get_window_extent().y1 for text in (axes.title, *axes.texts)) - axes.bbox.y1
    add_legend(figure)
    below = max((legend.get_window_extent().y1 for legend in figure.legends), default=0.0)
    top, bottom = 1 - above / page.height - _EDGE / 2, below / page.height + _EDGE
    axes.set_position((0, bottom, right, top - bottom))
    _set_ticks(axes)
    _fit(figure, axes, Bbox.from_extents(_EDGE * page.width, bottom * page.height, (right - _EDGE) * page.width,
                                         (top - _EDGE) * page.height))  # fmt: skip


def add_bar_axes(figure: Figure) -> Axes:
    """Axes for a colour bar, beside the box."""
    return figure.add_axes(_BAR)


def _set_ticks(axes: Axes) -> None:
    each = zip((axes.xaxis, axes.yaxis, axes.zaxis), "xyz", np.abs(toward(axes)) > _ALONG, strict=True)
    for axis, name, is_along in each:
        axis.set_tick_params(pad=_TICK_PAD)
        axis.labelpad = _LABEL_PAD
        # A factor or an offset would be written over the labels.
        axis.set_major_formatter("{x:.10g}")
        if is_along:
            axes.set(**{f"{name}ticks": [], f"{name}label": ""})
        else:
            axes.locator_params(axis=name, nbins=_TICKS, steps=[1, 2, 5, 10])


def _fit(figure: Figure, axes: Axes, area: Bbox) -> None:
    """Moves and scales what is seen, so that box, lines and labels fill an area of the page, in pixels."""
    axes.apply_aspect()
    axes.M = axes.get_proj()
    axes.invM = np.linalg.inv(axes.M)
    corners = np.array([*itertools.product(axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]).T
    points = np.concatenate([corners, *(line.get_data_3d() for line in axes.lines)], axis=1)
    x, y, _ = proj3d.proj_transform(*points, axes.M)
    renderer = figure.canvas.get_renderer()
    # Letters do not grow with the box: each step leaves less of the area.
    for _ in range(_FITTINGS):
        labels = [axis.get_tightbbox(renderer) for axis in (axes.xaxis, axes.yaxis, axes.zaxis)]
        box = Bbox.null()
        box.update_from_data_xy(axes.transData.transform(np.column_stack([x, y])))
        seen = Bbox.union([box, *(label for label in labels if label is not None)])
        scale = max(seen.width / area.width, seen.height / area.height)
        middle = axes.transData.inverted().transform(seen.corners().mean(axis=0))
        aside = (area.corners().mean(axis=0) - axes.bbox.corners().mean(axis=0)) / axes.bbox.size
        view = axes.viewLim
        half = view.size * scale / 2
        low = middle - half - aside * 2 * half
        view.intervalx, view.intervaly = np.stack([low, low + 2 * half], axis=1)
