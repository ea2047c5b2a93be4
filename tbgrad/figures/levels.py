"""Contours of a sheet: filled, and as lines, up to its very rims and never across a jump."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.tri import Triangulation

from tbgrad.figures.sheets import Sheet, triangles


def fill_levels(axes: Axes, sheet: Sheet, levels: np.ndarray, colours: ScalarMappable) -> None:
    """Fills between any two levels; heights beyond all levels, as beside a pole, have the colour of the last."""
    # What equals a level is above it, for grids and triangles alike; the highest is below the last.
    borders = np.append(np.nextafter(levels[:-1], -np.inf), np.nextafter(levels[-1], np.inf))
    heights = sheet.points[:, 2].clip(levels[0], levels[-1])
    _draw(axes, "contourf", sheet, heights, levels=borders, cmap=colours.cmap, norm=colours.norm, extend="neither")


def draw_levels(axes: Axes, sheet: Sheet, levels: np.ndarray, **style: Any) -> None:
    """Draws lines at some levels; keyword arguments go to Matplotlib's `contour`."""
    _draw(axes, "contour", sheet, sheet.points[:, 2], levels=levels, **style)


def _draw(axes: Axes, kind: str, sheet: Sheet, heights: np.ndarray, **how: Any) -> None:
    """The plain part of the grid by rows and columns, which is fastest; the polygons at its rims by triangles."""
    count = sheet.shape[0] * sheet.shape[1]
    grid = sheet.points[:count].reshape(*sheet.shape, 3)
    at_rim = sheet.at_rim
    plain = np.ma.array(heights[:count].reshape(sheet.shape), mask=at_rim | ~np.isfinite(grid[..., 2]))
    if plain.count():
        getattr(axes, kind)(grid[0, :, 0], grid[:, 0, 1], plain, corner_mask=False, **how)
    quads = sheet.quads[at_rim.ravel()[sheet.quads].any(axis=1)]
    rim = np.concatenate([triangles(quads), triangles(sheet.pieces)])
    if len(rim):
        used, rim = np.unique(rim, return_inverse=True)
        x, y, _ = sheet.points[used].T
        getattr(axes, f"tri{kind}")(Triangulation(x, y, rim.reshape(-1, 3)), heights[used], **how)
