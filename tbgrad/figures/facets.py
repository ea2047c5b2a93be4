"""Facets of a relief: a surface, thin lines of its grid, and tangent planes, in one collection.

Matplotlib sorts the facets of a collection by their distance, not what is in different ones: in one, a plane that
touches a surface is before it here and behind it there, as it is to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgba
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from tbgrad.figures.scales import ValueScale
from tbgrad.figures.sheets import Sheet
from tbgrad.figures.style import TANGENT
from tbgrad.figures.tangents import disc, patch
from tbgrad.results import Surface, TangentPlane

_CORNERS = 6
_LINE_WIDTH = 0.4
_LINES, _LINE = 16, (0.0, 0.0, 0.0, 0.3)
_PLANE, _PLANE_CELLS = 0.55, 24
# Lines and planes are taken for so much nearer than they are, in units of the picture, or else rounding would hide
# them in the surface that they lie on.
_LINES_BEFORE, _PLANES_BEFORE, _POINTS_BEFORE = 0.01, 0.015, 0.04


@dataclass(frozen=True, eq=False)
class Facets:
    """Polygons `[n, 6, 3]`, those with fewer corners with their last repeated; RGBA `[n, 4]` of faces and of edges."""

    corners: np.ndarray
    faces: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, corners: np.ndarray, faces: Sequence, edges: Sequence) -> Facets:
        """Facets of at most six corners `[n, corners, 3]`, of these colours."""
        repeated = np.minimum(np.arange(_CORNERS), corners.shape[1] - 1)
        shape = (len(corners), 4)
        return cls(corners[:, repeated], np.broadcast_to(faces, shape), np.broadcast_to(edges, shape))


def collection(parts: Sequence[Facets]) -> Poly3DCollection:
    """All facets as one artist."""
    corners, faces, edges = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("corners", "faces", "edges")
    )
    return Poly3DCollection(corners, facecolors=faces, edgecolors=edges, linewidths=_LINE_WIDTH)


def surface_facets(sheet: Sheet, scale: ValueScale) -> list[Facets]:
    """The polygons of a sheet in the colours of their values."""
    parts = []
    for polygons in (sheet.quads, sheet.pieces):
        corners = sheet.points[polygons]
        colours = scale.colours(corners[:, :, 2].mean(axis=1))
        # Edges in the facets' own colours close the seams between them.
        parts.append(Facets.of(corners, colours, colours))
    return parts


def grid_facets(sheet: Sheet, toward: np.ndarray) -> Facets:
    """Some lines of the grid, which show how the surface bends.

    Args:
      sheet: the surface.
      toward: `[3]`, the picture's unit toward the viewer.
    """
    rows, columns = np.divmod(sheet.quads[:, 0], sheet.shape[1])
    ends = []
    for line, length, near, far in ((rows, sheet.shape[0], [0, 1], [3, 2]), (columns, sheet.shape[1], [0, 3], [1, 2])):
        every = -(-length // _LINES)
        ends += [sheet.quads[line % every == 0][:, near], sheet.quads[line == length - 2][:, far]]
    points = sheet.points[np.concatenate(ends)]
    return Facets.of(points + _LINES_BEFORE * toward, to_rgba("black", 0), _LINE)


def plane_facets(plane: TangentPlane, surface: Surface, unit: np.ndarray, toward: np.ndarray) -> list[Facets]:
    """A piece of a tangent plane, its edge, and the point where it touches; arguments as in `patch` and above."""
    grid = patch(plane, surface, unit, _PLANE_CELLS + 1) + _PLANES_BEFORE * toward
    cells = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2).reshape(-1, 4, 3)
    around = np.concatenate([grid[0], grid[1:, -1], grid[-1, -2::-1], grid[-2::-1, 0]])
    red, nothing = to_rgba(TANGENT), to_rgba("black", 0)
    return [
        Facets.of(cells, to_rgba(TANGENT, _PLANE), nothing),
        Facets.of(np.stack([around[:-1], around[1:]], axis=1), nothing, red),
        Facets.of(disc(plane, unit) + _POINTS_BEFORE * toward, to_rgba("black"), to_rgba("white")),
    ]
