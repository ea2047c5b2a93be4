"""The path of a descent on the function: on the contours of a surface, or on a curve; whole, or step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tbgrad.figures.arrows import Arrows, directions, seen
from tbgrad.figures.canvas import (
    add_legend,
    descent_caption,
    drawable,
    drawn_image,
    new_figure,
    set_title,
    title,
)
from tbgrad.figures.contours import draw_contours, draw_minima, on_equal_axes, sides
from tbgrad.figures.curves import sweep_title
from tbgrad.figures.gaps import draw_undefined
from tbgrad.figures.panels import sweep_curves
from tbgrad.figures.steps import Track, add_step_bar, some_colours
from tbgrad.figures.style import MARK, MINIMUM, TEXT, VALUE
from tbgrad.figures.units import Units
from tbgrad.results import Descent, Sweep
from tbgrad.results.trails import held_words

_WHOLE_PAGE = 0.97
# Points between title and axes, for a line about the step.
_TOLD_ROOM = 17


@dataclass(frozen=True)
class PathFigure:
    """A figure of a descent that can be moved to any of its recorded rows.

    Attributes:
      figure: the function, with the whole path on it.
      moving: the artists that depend on the row.
      move: sets them to a row of the descent.
    """

    figure: Figure
    moving: Sequence[Artist]
    move: Callable[[int], None]


def path_figure(descent: Descent) -> PathFigure | None:
    """Draws the start that ends best on the descent's landscape; None where there is no landscape, or no path.

    Positions outside the landscape are cut off, and the picture says so.
    """
    if descent.landscape is None or descent.position is None:
        return None
    return _on_curve(descent) if isinstance(descent.landscape, Sweep) else _on_contours(descent)


def frames(path: PathFigure, rows: Sequence[int]) -> list[Image.Image]:
    """The pictures of some rows; what does not move is drawn once."""
    for artist in path.moving:
        artist.set_animated(True)
    path.figure.canvas.draw()
    # What is laid out stays so, in other sizes too: laying out takes as long as drawing.
    path.figure.set_layout_engine("none")
    canvas = path.figure.canvas
    still = canvas.copy_from_bbox(path.figure.bbox)
    images = []
    for row in rows:
        canvas.restore_region(still)
        path.move(row)
        for artist in path.moving:
            path.figure.draw_artist(artist)
        images.append(drawn_image(path.figure))
    for artist in path.moving:
        artist.set_animated(False)
    return images


def thin_colours() -> list[str]:
    """The colours of what is small or thin in these pictures, for a palette that would lose them."""
    return [*some_colours(), MINIMUM["color"]]


def _on_contours(descent: Descent) -> PathFigure:
    surface, start = descent.landscape, descent.best_start
    at = descent.on_landscape(descent.position[:, start]).astype(np.float64)
    figure, axes = new_figure()
    draw_contours(figure, axes, surface, muted=True)
    low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    if descent.plane is not None:
        axes.set(xlabel=descent.plane.axes[0], ylabel=descent.plane.axes[1])
    # A number to be added to all ticks would be written over the line about the step.
    axes.ticklabel_format(useOffset=False)
    draw_minima(axes, surface)
    # Drawing far outside the axes overflows Agg; what cannot be seen is not drawn, but where it leaves is.
    near = _near(at, low, high)
    count = f", {len(descent.subject.variables):,} variables" if descent.plane is not None else ""
    conditions = [
        descent_caption(descent) + count,
        _left(descent, at, near, low, high),
        _projected(descent, near.all()),
    ]
    set_title(axes, title(descent.subject), *conditions, width=_WHOLE_PAGE, room=_TOLD_ROOM, side="page")
    at[~near] = np.nan
    # On equal axes a unit is as long on both.
    side = np.full(2, sides(surface).max()) if on_equal_axes(surface) else sides(surface)
    *ways, differs = directions(descent)
    on_axes = [way[:, surface.columns] if descent.plane is None else way @ descent.plane.directions.T for way in ways]
    shares = [1.0 if descent.plane is None else np.linalg.norm(way, axis=1) for way in on_axes]
    shown = [seen(way, side, share) for way, share in zip(on_axes, shares, strict=True)]
    return _moving(figure, axes, descent, at, Arrows(axes, at, *shown, differs, side))


def _left(descent: Descent, at: np.ndarray, near: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """Whether the path begins or goes on where the picture does not show it, in words."""
    if not ((at[0] >= low) & (at[0] <= high)).all():
        return "starts outside the picture"
    if near.all():
        return ""
    lost = np.argmin(near)
    if not np.isfinite(at[lost]).all():
        return f"nowhere from step {descent.step[lost]:,} on"
    with np.errstate(invalid="ignore"):
        inside = ((at >= low) & (at <= high)).all(axis=1)
    # It may have been outside before, and come back.
    first_out = np.flatnonzero(inside[:lost])[-1] + 1
    return f"leaves the picture before step {descent.step[first_out]:,}"


def _projected(descent: Descent, is_near: bool) -> str:
    """What a plane through more than two variables does not show, in words."""
    if descent.plane is None:
        return ""
    # The plane of a path that goes far away is that of its part nearby.
    return held_words(sum(descent.plane.explained), nearby=not is_near)


def _on_curve(descent: Descent) -> PathFigure:
    sweep, start = descent.landscape, descent.best_start
    figure, axes = new_figure()
    curve = sweep_curves(sweep, Units())[0]
    axes.plot(curve.x, curve.y, label="f", **VALUE)
    axes.set_ylim(*curve.limits)
    axes.set_xlim(sweep.coordinate[0], sweep.coordinate[-1])
    for minimum in descent.subject.minima:
        x = np.array(minimum.points)[:, 0]
        axes.plot(x, np.full(len(x), minimum.value), "*", markersize=13, label="known minimum", **MINIMUM)
    draw_undefined(axes, sweep)
    axes.set(xlabel=sweep.axis_label, ylabel="value")
    at = drawable(np.column_stack([descent.position[:, start, 0], descent.value[:, start]]))
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    low, high = np.array([x0, y0]), np.array([x1, y1])
    near = _near(at, low, high)
    said = [*sweep_title(sweep), descent_caption(descent), _left(descent, at, near, low, high)]
    set_title(axes, *said, width=_WHOLE_PAGE, room=_TOLD_ROOM, side="page")
    at[~near] = np.nan
    side = np.array([np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())])
    *ways, differs = directions(descent)
    slope = drawable(descent.gradient[:, start, 0])
    shown = [seen(np.column_stack([way[:, 0], slope * way[:, 0]]), side) for way in ways]
    return _moving(figure, axes, descent, at, Arrows(axes, at, *shown, differs, side, most=0))


def _moving(figure: Figure, axes: Axes, descent: Descent, at: np.ndarray, arrows: Arrows) -> PathFigure:
    """Adds the path, its start, where it is, and above the axes which step that is."""
    steps, last = descent.best_step, int(descent.best_step[-1])
    track = Track(axes, at, steps, last)
    axes.plot(*at[:1].T, marker="o", markersize=8, label="start", **MARK)
    (now,) = axes.plot([], [], marker="X", markersize=9, label="position", zorder=3.5, **MARK)
    told = axes.annotate(
        "", (0.5, 1), (0, 3), "axes fraction", "offset points", ha="center", va="bottom", fontsize=TEXT, in_layout=False
    )
    value = descent.value[:, descent.best_start]
    add_step_bar(figure, axes, last)

    def move(row: int) -> None:
        track.move(row)
        arrows.move(row)
        now.set_data(*at[row : row + 1].T)
        told.set_text(f"step {steps[row]:,}: value {value[row]:.5g}")

    move(descent.last_row)
    add_legend(figure)
    # Drawing lays the page out once more. Once alone does not settle it: bars are as high as the axes come to be.
    figure.get_layout_engine().execute(figure)
    return PathFigure(figure, (*track.artists, *arrows.artists, now, told), move)


def _near(at: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Bool `[n]`: within the picture or not far outside."""
    with np.errstate(invalid="ignore", over="ignore"):
        reach = high - low
        return np.isfinite(at).all(axis=-1) & ((at > low - reach) & (at < high + reach)).all(axis=-1)
