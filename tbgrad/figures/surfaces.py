"""The flat picture of a surface: its contours, the gradient field, known minima and where tangent planes touch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, new_figure, set_title
from tbgrad.figures.contours import draw_contours, draw_minima, on_equal_axes, sides, surface_title
from tbgrad.figures.fields import draw_arrows, draw_streamlines
from tbgrad.figures.steps import add_step_bar
from tbgrad.figures.style import TANGENT
from tbgrad.figures.tangents import planes_caption
from tbgrad.figures.trails import draw_trail, on_surface, trail_words
from tbgrad.results import Surface

_ARROW = 0.13
_WHOLE_PAGE = 0.97


def surface_figure(surface: Surface, streamlines: bool = False) -> Figure:
    """Draws the contours, the gradient as arrows or as lines along it, the known minima, tangent planes and the path.

    Under a path the contours are pale, and without gradients there are no arrows.
    """
    figure, axes = new_figure()
    trail = surface.trail
    draw_contours(figure, axes, surface, muted=trail is not None)
    (draw_streamlines if streamlines else draw_arrows)(axes, surface)
    draw_minima(axes, surface)
    _draw_tangents(axes, surface)
    said = [*surface_title(surface), *planes_caption(surface)]
    if trail is None:
        set_title(axes, *said)
        add_legend(figure)
        return figure
    at, last = on_surface(surface), int(trail.step[-1])
    is_seen = draw_trail(axes, trail, at, last)
    set_title(axes, *said, trail_words(trail, at), width=_WHOLE_PAGE, side="page")
    if is_seen:
        add_step_bar(figure, axes, last)
    add_legend(figure)
    # Bars are as high as the axes come to be.
    figure.get_layout_engine().execute(figure)
    return figure


def _draw_tangents(axes: Axes, surface: Surface) -> None:
    """Marks where tangent planes touch, with the gradient there."""
    span = sides(surface).max() if on_equal_axes(surface) else sides(surface)
    for plane in surface.tangents:
        if not plane.is_defined:
            continue
        slope = np.array(plane.slope)
        with np.errstate(all="ignore"):
            uphill = slope / np.abs(slope).max()
            way = _ARROW * uphill / np.linalg.norm(uphill / span)
        if np.isfinite(way).all():
            axes.annotate("", np.array(plane.point) + way, plane.point, annotation_clip=False,
                          arrowprops={"arrowstyle": "-|>", "color": TANGENT, "linewidth": 2, "shrinkA": 0})  # fmt: skip
        axes.plot(*plane.point, "o", color=TANGENT, markeredgecolor="white", markersize=7, clip_on=False,
                  label="point of a tangent plane")  # fmt: skip
