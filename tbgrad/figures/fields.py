"""The gradient field on flat contours: arrows, or lines that go steepest uphill."""

from __future__ import annotations

import matplotlib.patheffects
import numpy as np
from matplotlib.axes import Axes
from numpy.lib.stride_tricks import sliding_window_view

from tbgrad.figures.contours import on_equal_axes, sides
from tbgrad.results import Surface

_ARROWS = 15
_DENSITY, _MOST_LINES = 0.9, 121
_WIDTH, _RIM, _HEAD = 0.8, 1.7, 0.65


def draw_arrows(axes: Axes, surface: Surface) -> None:
    """Draws an arrow uphill at some points of the grid, the longer the steeper in rank."""
    # The lengths that the picture's sides stand for: the same on equal axes.
    side = sides(surface)
    span = np.full(2, side.max()) if on_equal_axes(surface) else side
    columns, rows = (
        np.unique(np.linspace(0, n - 1, min(n, most) + 2).round().astype(int)[1:-1])
        for n, most in zip(surface.value.shape[::-1], np.ceil(_ARROWS * side / span).astype(int), strict=True)
    )
    direction, steepness = (array[np.ix_(rows, columns)] for array in _uphill(surface))
    direction, steepness = direction.reshape(-1, 2), steepness.ravel()
    x, y = (grid.ravel() for grid in np.meshgrid(surface.x[columns], surface.y[rows]))
    with np.errstate(all="ignore"):
        seen = np.linalg.norm(direction / span, axis=-1)
        drawn = np.isfinite(steepness) & (steepness > 0) & np.isfinite(seen) & (seen > 0)
    if not drawn.any():
        return
    # What is as steep but for rounding is as long.
    ranks = np.unique([float(f"{s:.6g}") for s in steepness[drawn]], return_inverse=True)[1]
    rank = ranks / ranks.max() if ranks.max() else np.ones(len(ranks))
    arrows = direction[drawn] * ((0.35 + 0.55 * rank) / _ARROWS / seen[drawn])[:, None]
    axes.quiver(x[drawn], y[drawn], *arrows.T, angles="xy", scale_units="xy", scale=1, pivot="middle", color="white",
                edgecolor="black", linewidth=0.4, width=0.014 / 2.2, units="height")  # fmt: skip
    _explain(axes, surface, "gradient: uphill, longer is steeper")


def draw_streamlines(axes: Axes, surface: Surface) -> None:
    """Draws lines that follow the gradient uphill; they end where it is zero, and before it is undefined or jumps."""
    every = [-(-n // _MOST_LINES) for n in surface.value.shape]
    # Every so many of the grid's lines, so that they stay evenly spaced.
    rows, columns = (np.arange(0, n, k) for n, k in zip(surface.value.shape, every, strict=True))
    direction, steepness = (array[np.ix_(rows, columns)] for array in _uphill(surface))
    is_flat, is_barred = steepness == 0, _barred(surface, every)[np.ix_(rows, columns)]
    if (is_flat | is_barred).all() or min(is_flat.shape) < 2:
        return
    along = np.where(is_flat[..., None], 0.0, direction)
    # A mask makes each step twice as slow.
    along = np.ma.array(along, mask=np.stack([is_barred] * 2, axis=-1)) if is_barred.any() else along
    side = sides(surface)
    density = _DENSITY * (side / side.max() if on_equal_axes(surface) else np.ones(2))
    # Even to the last digit, as Matplotlib wants them, in float32 too.
    x, y = (np.linspace(float(c[0]), float(c[i[-1]]), len(i)) for c, i in ((surface.x, columns), (surface.y, rows)))
    rim = [matplotlib.patheffects.withStroke(linewidth=_RIM, foreground="black")]
    before = len(axes.patches)
    lines = axes.streamplot(x, y, along[..., 0], along[..., 1], density=tuple(density), color="white",
                            linewidth=_WIDTH, arrowsize=_HEAD)  # fmt: skip
    for artist in (lines.lines, *axes.patches[before:]):
        artist.set_path_effects(rim)
    _explain(axes, surface, "gradient: lines uphill")


def _barred(surface: Surface, reach: list[int]) -> np.ndarray:
    """Bool `[rows, columns]`: no gradient or a jump within so many lines, too far for a step of a streamline."""
    bar = ~np.isfinite(surface.value) | ~np.isfinite(surface.slopes).all(axis=-1)
    if surface.breaks is not None:
        breaks = surface.breaks
        bar[breaks.row, breaks.column] = True
        bar[breaks.row + breaks.along, breaks.column + 1 - breaks.along] = True
    padded = np.pad(bar, [(k, k) for k in reach])
    return sliding_window_view(padded, [2 * k + 1 for k in reach]).any(axis=(-2, -1))


def _uphill(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """The gradient along the axes as direction `[rows, columns, 2]`, of length one, and length; NaN where none is."""
    slopes = np.where(np.isfinite(surface.value)[..., None], surface.slopes, np.nan).astype(np.float64)
    with np.errstate(all="ignore"):
        steepness = np.linalg.norm(slopes, axis=-1)
        return slopes / steepness[..., None], steepness


def _explain(axes: Axes, surface: Surface, said: str) -> None:
    """Adds a legend entry."""
    label = said + ("" if on_equal_axes(surface) else "; unequal axes")
    axes.plot([], [], linestyle="none", color="black", marker=r"$\longrightarrow$", markersize=15, label=label)
