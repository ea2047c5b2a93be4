"""The path of a descent on the function: on the contours of a surface, or on a curve; whole, or step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tbgrad.figures.canvas import (
    add_legend,
    descent_caption,
    drawable,
    drawn_image,
    new_figure,
    set_title,
    title,
)
from tbgrad.figures.contours import draw_contours, draw_minima
from tbgrad.figures.curves import curve_limits, draw_undefined, sweep_title
from tbgrad.figures.style import MARK, MINIMUM, TANGENT, TEXT, VALUE
from tbgrad.results import Descent, Sweep

_MOST_DRAWN = 6_000
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


def _on_contours(descent: Descent) -> PathFigure:
    surface, start = descent.landscape, descent.best_start
    x, y = descent.on_landscape(descent.position[:, start]).T
    figure, axes = new_figure()
    draw_contours(figure, axes, surface, muted=True)
    low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    draw_minima(axes, surface)
    # Drawing far outside the axes overflows Agg; what cannot be seen is not drawn, but where it leaves is.
    seen = _near(x, y, low, high)
    left = int(descent.step[np.argmin(seen)]) if not seen.all() else None
    beyond = ""
    if left is not None:
        goes_on = np.isfinite([x[np.argmin(seen)], y[np.argmin(seen)]]).all()
        beyond = f"(leaves the picture before step {left})" if goes_on else f"(nowhere from step {left} on)"
    if not (low[0] <= x[0] <= high[0] and low[1] <= y[0] <= high[1]):
        beyond = "(starts outside the picture)"
    set_title(axes, title(descent.subject), descent_caption(descent), beyond, room=_TOLD_ROOM)
    return _moving(figure, axes, descent, np.where(seen, x, np.nan), np.where(seen, y, np.nan))


def _on_curve(descent: Descent) -> PathFigure:
    sweep, start = descent.landscape, descent.best_start
    figure, axes = new_figure()
    axes.plot(sweep.coordinate, drawable(sweep.value), label="f", **VALUE)
    axes.set_ylim(*curve_limits(sweep.value))
    axes.set_xlim(sweep.coordinate[0], sweep.coordinate[-1])
    for minimum in descent.subject.minima:
        x = np.array(minimum.points)[:, 0]
        axes.plot(x, np.full(len(x), minimum.value), "*", markersize=13, label="known minimum", **MINIMUM)
    draw_undefined(axes, sweep)
    axes.set(xlabel=sweep.axis_label, ylabel="value")
    set_title(axes, *sweep_title(sweep), descent_caption(descent), room=_TOLD_ROOM)
    x, y = drawable(descent.position[:, start, 0]), drawable(descent.value[:, start])
    return _moving(figure, axes, descent, x, y)


def _moving(figure: Figure, axes: Axes, descent: Descent, x: np.ndarray, y: np.ndarray) -> PathFigure:
    """Adds the path, its start, where it is, and above the axes which step that is."""
    (path,) = axes.plot([], [], ".-", color=TANGENT, linewidth=1, markersize=3.5, label="path")
    axes.plot(x[:1], y[:1], marker="o", markersize=8, label="start", **MARK)
    (now,) = axes.plot([], [], marker="X", markersize=9, label="position", **MARK)
    told = axes.annotate(
        "", (0.5, 1), (0, 3), "axes fraction", "offset points", ha="center", va="bottom", fontsize=TEXT
    )
    value = descent.value[:, descent.best_start]
    drawn, steps = _drawn_rows(len(value) - 1), descent.best_step

    def move(row: int) -> None:
        so_far = np.append(drawn[drawn < row], row)
        path.set_data(x[so_far], y[so_far])
        now.set_data(x[row : row + 1], y[row : row + 1])
        told.set_text(f"step {steps[row]}: value {value[row]:.5g}")

    move(descent.last_row)
    add_legend(figure)
    return PathFigure(figure, (path, now, told), move)


def _drawn_rows(last: int) -> np.ndarray:
    """All rows, or of very many some thousands: the first ones, and then ever fewer, but never far apart."""
    if last < _MOST_DRAWN:
        return np.arange(last + 1)
    half = _MOST_DRAWN // 2
    spaced = np.concatenate([np.geomspace(1, last, half) - 1, np.linspace(0, last, half)])
    return np.unique(spaced.round().astype(int))


def _near(x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Bool `[n]`: within the picture or not far outside."""
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.stack([x, y], axis=-1)
        reach = high - low
        return np.isfinite(points).all(axis=-1) & ((points > low - reach) & (points < high + reach)).all(axis=-1)
