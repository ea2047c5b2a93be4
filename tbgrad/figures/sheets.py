"""A surface as polygons: whole cells of its grid, and pieces of cells where it ends, jumps or is cut at a height.

Where a surface goes on from a corner of a cell along only a part of an edge, a cut is made there. The corners between
two cuts, in their order around the cell, and the two cuts are a piece. So rims are as smooth as the function's, two
sides of a jump stay apart, and nothing is drawn where there is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.figures.canvas import drawable
from tbgrad.results import Surface

_CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))


@dataclass(frozen=True, eq=False)
class Sheet:
    """Polygons between points of a surface.

    Attributes:
      points: float64 `[n, 3]` of x, y and height; first those of the grid, row by row.
      shape: (rows, columns) of the grid.
      quads: int `[m, 4]`, indices of points, once around each whole cell.
      pieces: int `[k, 6]`, the same of parts of cells; those with fewer corners repeat their last.
    """

    points: np.ndarray
    shape: tuple[int, int]
    quads: np.ndarray
    pieces: np.ndarray

    @property
    def at_rim(self) -> np.ndarray:
        """Bool `[rows, columns]`: which points of the grid are corners of a cell that is not whole."""
        is_whole = np.zeros((self.shape[0] - 1) * self.shape[1], dtype=bool)
        is_whole[self.quads[:, 0]] = True
        is_broken = ~is_whole.reshape(-1, self.shape[1])[:, :-1]
        at_rim = np.zeros(self.shape, dtype=bool)
        for k in range(4):
            _corner(at_rim, k)[is_broken] = True
        return at_rim

    @property
    def triangles(self) -> np.ndarray:
        """All polygons cut into triangles that turn the same way, int `[t, 3]`."""
        return np.concatenate([triangles(self.quads), triangles(self.pieces)])


def triangles(polygons: np.ndarray) -> np.ndarray:
    """Convex polygons int `[n, corners]` as triangles `[t, 3]`, without those that a repeated corner leaves empty."""
    corners = polygons.shape[1]
    fans = np.stack([polygons[:, [0, k, k + 1]] for k in range(1, corners - 1)], axis=1).reshape(-1, 3)
    return fans[fans[:, 1] != fans[:, 2]]


def grid_indices(length: int, most: int) -> np.ndarray:
    """Indices of at most so many grid lines of these, both ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def sheet(
    surface: Surface,
    most: int,
    limits: tuple[float, float] = (-np.inf, np.inf),
    height: np.ndarray | None = None,
    break_height: np.ndarray | None = None,
) -> Sheet:
    """Makes a sheet of a surface, or of another quantity on its grid.

    Args:
      surface: where it ends and jumps is known from its `breaks`.
      most: grid lines along each axis at most.
      limits: lowest and highest height; the sheet is cut there.
      height: `[rows, columns]`; by default the value.
      break_height: `[breaks, 2]`, the same at the breaks.
    """
    rows, columns = (grid_indices(n, most) for n in surface.value.shape)
    heights = drawable(surface.value if height is None else height)
    x, y = surface.x.astype(np.float64), surface.y.astype(np.float64)
    nodes = np.stack([*np.meshgrid(x[columns], y[rows]), heights[np.ix_(rows, columns)]], axis=-1)
    with np.errstate(invalid="ignore"):
        is_kept = (nodes[..., 2] >= limits[0]) & (nodes[..., 2] <= limits[1])
    points, is_cut, tips, count = [nodes.reshape(-1, 3)], [], [], is_kept.size
    for axis in (0, 1):
        near = (nodes[:, :-1], nodes[:, 1:]) if axis == 0 else (nodes[:-1], nodes[1:])
        far, broken = np.stack(near[::-1]), np.zeros(near[0].shape[:2], dtype=bool)
        if surface.breaks is not None:
            _break(far, broken, surface, axis, rows, columns, break_height)
        reached = np.stack([_reach(*ways, limits) for ways in zip(near, far, strict=True)])
        both = is_kept[:, :-1] & is_kept[:, 1:] if axis == 0 else is_kept[:-1] & is_kept[1:]
        is_cut.append(broken | ~both)
        points.append(reached.reshape(-1, 3))
        tips.append(count + np.arange(2 * broken.size).reshape(2, *broken.shape))
        count += 2 * broken.size
    quads, pieces = _polygons(is_kept, is_cut, tips)
    return Sheet(np.concatenate(points), is_kept.shape, quads, pieces)


def _break(
    far: np.ndarray,
    broken: np.ndarray,
    surface: Surface,
    axis: int,
    rows: np.ndarray,
    columns: np.ndarray,
    height: np.ndarray | None,
) -> None:
    """Writes where the surface breaks along an axis: what is seen from either end `[2, ..., 3]`, and whether it does.

    Grid lines that are left out may lie between two that are not: the break nearest to each of them counts.
    """
    breaks = surface.breaks
    lines, others = (rows, columns) if axis == 0 else (columns, rows)
    line, place = (breaks.row, breaks.column) if axis == 0 else (breaks.column, breaks.row)
    chosen = np.flatnonzero((breaks.along == axis) & np.isin(line, lines))
    chosen = chosen[np.argsort(place[chosen], kind="stable")]
    heights = drawable(breaks.value if height is None else height)
    coordinate = ((surface.x, surface.y)[axis]).astype(np.float64)
    for side, order in ((0, chosen[::-1]), (1, chosen)):
        on_line = np.searchsorted(lines, line[order])
        between = np.searchsorted(others, place[order], side="right") - 1
        at = (on_line, between) if axis == 0 else (between, on_line)
        before = coordinate[place[order]]
        # Of several the last one stays.
        broken[at] = True
        far[side][(*at, axis)] = before + breaks.share[order, side] * (coordinate[place[order] + 1] - before)
        far[side][(*at, 2)] = heights[order, side]


def _reach(near: np.ndarray, far: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """How far a sheet reaches from points `[..., 3]` toward others: to a limit, or not at all where that is nothing."""
    low, high = limits
    with np.errstate(all="ignore"):
        beyond = np.where(far[..., 2] > high, high, np.where(far[..., 2] < low, low, far[..., 2]))
        share = np.where(beyond == far[..., 2], 1.0, (beyond - near[..., 2]) / (far[..., 2] - near[..., 2]))
        share = np.where(np.isfinite(share), share, 0.0)[..., None]
        return np.where(share == 0, near, near + share * (far - near))


def _polygons(is_kept: np.ndarray, is_cut: list[np.ndarray], tips: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Whole cells `[m, 4]` and pieces of others `[k, 6]`, as indices of points.

    Args:
      is_kept: bool `[rows, columns]`, which points of the grid are there.
      is_cut: for edges along x and y, whether something is missing between their ends.
      tips: for the same edges, the points `[2, ...]` reached from both of their ends.
    """
    index = np.arange(is_kept.size).reshape(is_kept.shape)
    corner, kept = ([_corner(array, k) for k in range(4)] for array in (index, is_kept))
    (cut_x, cut_y), (x, y) = is_cut, tips
    # The edge from each corner to the next, and how far the sheet reaches from a corner to the next and the one before.
    cut = [cut_x[:-1], cut_y[:, 1:], cut_x[1:], cut_y[:, :-1]]
    after = [x[0][:-1], y[0][:, 1:], x[1][1:], y[1][:, :-1]]
    before = [y[0][:, :-1], x[1][:-1], y[1][:, 1:], x[0][1:]]
    whole = ~np.any(cut, axis=0)
    pieces = [np.empty((0, 6), dtype=np.int64)]
    for first in range(4):
        for count in range(1, 5):
            run = [(first + k) % 4 for k in range(count)]
            chosen = cut[first - 1] & cut[run[-1]] & np.all([kept[k] for k in run], axis=0)
            chosen &= ~np.any([cut[k] for k in run[:-1]] or [False], axis=0)
            piece = [before[first], *(corner[k] for k in run), *[after[run[-1]]] * (5 - count)]
            pieces.append(np.stack([part[chosen] for part in piece], axis=1))
    return np.stack([c[whole] for c in corner], axis=1), np.concatenate(pieces)


def _corner(array: np.ndarray, k: int) -> np.ndarray:
    """A corner of all cells, of the four in their order around it."""
    row, column = _CORNERS[k]
    return array[row : len(array) - 1 + row, column : array.shape[1] - 1 + column]
