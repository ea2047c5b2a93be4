"""Surfaces and paths as coloured triangle meshes, in a box that TensorBoard's camera sees whole.

Everything goes through one `Box`, which maps variables and value to the mesh's coordinates, so that a path lies on
its surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tbgrad.figures.canvas import drawable
from tbgrad.figures.contours import on_equal_axes, sides
from tbgrad.figures.reliefs import grid_indices, height_limits
from tbgrad.figures.scales import surface_scale
from tbgrad.results import Descent, Surface

# Fewer than TensorBoard can count, so that paths and marks fit in beside the surface.
MOST_PER_AXIS = 201
# A descent's mesh is sent once for each step of the slider.
_MOST_PER_AXIS_BEHIND_PATH = 61
_PATH_POINTS = 240
_RING_POINTS = 121

_HEIGHT = 0.7
_PATH_RADIUS, _BALL_RADIUS, _EDGE_RADIUS = 0.008, 0.03, 0.003
_RED, _WHITE, _BLACK, _GOLD, _GREY = (220, 20, 20), (255, 255, 255), (0, 0, 0), (255, 200, 0), (130, 130, 130)

# Seen from above at first, half from the side, and from afar with a narrow angle, so that near corners stay inside.
# Both sides of the surface are drawn; light falls from above, so that slopes have shades.
CONFIG = {
    "camera": {"cls": "PerspectiveCamera", "fov": 30, "near": 0.01, "far": 100, "position": [3.1, 3.8, 0.9]},
    "lights": [
        {"cls": "AmbientLight", "color": "#ffffff", "intensity": 1.1},
        {"cls": "DirectionalLight", "color": "#ffffff", "intensity": 1.0, "position": [1, 3, 1]},
    ],
    "material": {"cls": "MeshStandardMaterial", "side": 2, "roughness": 1, "metalness": 0},
}


@dataclass(frozen=True)
class Mesh:
    """Vertices float64 `[n, 3]`, faces int32 `[m, 3]` and colors uint8 `[n, 3]`."""

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray


@dataclass(frozen=True)
class Box:
    """Maps (x, y, value) linearly into a box around the origin: x to the right, the value upward, y to the back.

    Attributes:
      middle: `[3]` of x, y and value; goes to the origin.
      scale: `[3]`, the mesh's length for a unit of x, y and value.
    """

    middle: np.ndarray
    scale: np.ndarray

    @classmethod
    def around(cls, surface: Surface) -> Box:
        """The box of a surface: the longer side goes from -1 to 1, heights beyond their limits are outside."""
        low, high, _ = height_limits(surface.value)
        side = sides(surface)
        span = side.max() if on_equal_axes(surface) else side
        corner = np.array([surface.x[0], surface.y[0], low], dtype=np.float64)
        extent = np.array([*side, high - low])
        return cls(corner + extent / 2, np.array([*np.broadcast_to(2 / span, 2), _HEIGHT / extent[2]]))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points `[n, 3]` of (x, y, value) to vertices `[n, 3]`."""
        x, y, value = ((points - self.middle) * self.scale).T
        # Three.js has y upward.
        return np.stack([x, value, -y], axis=-1)


def surface_mesh(surface: Surface, most_per_axis: int = MOST_PER_AXIS) -> Mesh:
    """The surface with the known minima on it, in a frame.

    Every vertex of the grid is a sample of the function, with heights beyond their limits set to the limit. Triangles
    are left out where it is undefined, and where all their corners are beyond.
    """
    return _joined([_grid(surface, most_per_axis), *_minima(surface), _frame(surface)])


def path_meshes(descent: Descent, rows: Sequence[int]) -> list[Mesh]:
    """The surface with the path up to each row; the number of vertices is the same for all of them.

    Positions outside the surface's region are left out; heights beyond their limits are set to the limit.
    """
    surface = descent.landscape
    still = _joined([_grid(surface, _MOST_PER_AXIS_BEHIND_PATH), *_minima(surface), _frame(surface)])
    start = descent.best_start
    points = np.column_stack([descent.on_landscape(descent.position[:, start]), descent.value[:, start]])
    points = points.astype(np.float64)
    inside = np.flatnonzero(_inside(points, surface))
    if not inside.size:
        return [still for _ in rows]
    placed = _placed(points[inside], surface)
    knots = _along(placed)
    marks = [_tube(placed[:1], _BALL_RADIUS, _WHITE)] if inside[0] == 0 else []
    meshes = []
    for row in rows:
        last = int(np.searchsorted(inside, row, side="right")) - 1
        # Behind the present row the path's points pile up where it is; what is outside as yet has no size.
        path, is_seen, is_here = placed[np.minimum(knots, max(0, last))], last >= 0, row in inside
        moving = [_tube(path, is_seen * _PATH_RADIUS, _RED), _tube(path[-1:], is_here * _BALL_RADIUS, _BLACK)]
        meshes.append(_joined([still, *marks, *moving]))
    return meshes


def _grid(surface: Surface, most_per_axis: int) -> Mesh:
    rows, columns = (grid_indices(n, most_per_axis) for n in surface.value.shape)
    value = drawable(surface.value[np.ix_(rows, columns)])
    low, high, _ = height_limits(surface.value)
    x, y = np.meshgrid(surface.x[columns].astype(np.float64), surface.y[rows].astype(np.float64))
    finite = np.isfinite(value)
    shown = np.where(finite, value, low).clip(low, high)
    index = np.arange(value.size).reshape(value.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    with np.errstate(invalid="ignore"):
        within = ((value >= low) & (value <= high)).ravel()
    kept = finite.ravel()[faces].all(axis=1) & within[faces].any(axis=1)
    vertices = Box.around(surface).place(np.stack([x, y, shown], -1).reshape(-1, 3))
    colours = surface_scale(surface).mappable().to_rgba(shown.ravel(), bytes=True)[:, :3]
    return Mesh(vertices, faces[kept].astype(np.int32), colours)


def _minima(surface: Surface) -> list[Mesh]:
    """A golden ball at each known minimum in the region, or a golden line along a ring of them."""
    meshes = []
    for minimum in surface.subject.minima if not surface.fixed else ():
        columns = [surface.subject.variables.index(name) for name in surface.axes]
        points = np.array(minimum.points)[:, columns]
        points = np.column_stack([points, np.full(len(points), minimum.value)])
        placed = _placed(points[_inside(points, surface)], surface)
        if minimum.is_curve and len(placed) > 1:
            if len(placed) < len(points):
                # A ring that leaves the region comes back elsewhere: its piece begins behind the longest gap.
                gaps = np.linalg.norm(placed - np.roll(placed, 1, axis=0), axis=1)
                placed = np.roll(placed, -int(gaps.argmax()), axis=0)
            meshes.append(_tube(placed[grid_indices(len(placed), _RING_POINTS)], _PATH_RADIUS, _GOLD))
        else:
            meshes += [_tube(point[None], _BALL_RADIUS, _GOLD) for point in placed]
    return meshes


def _inside(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Bool `[n]`: within the region, with a finite value."""
    x, y, value = points.T
    with np.errstate(invalid="ignore"):
        across = (x >= surface.x[0]) & (x <= surface.x[-1]) & (y >= surface.y[0]) & (y <= surface.y[-1])
    return across & np.isfinite(value)


def _placed(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Points `[n, 3]` of (x, y, value) to vertices, their heights within the limits or hardly beyond."""
    low, high, _ = height_limits(surface.value)
    # Between the points of the grid the function goes a little farther than on them.
    margin = 0.02 * (high - low)
    return Box.around(surface).place(np.column_stack([points[:, :2], points[:, 2].clip(low - margin, high + margin)]))


def _along(placed: np.ndarray) -> np.ndarray:
    """Indices of points evenly spaced along a path, both ends among them."""
    length = np.concatenate([[0.0], np.linalg.norm(np.diff(placed, axis=0), axis=1).cumsum()])
    return np.searchsorted(length, np.linspace(0, length[-1], _PATH_POINTS)).clip(max=len(placed) - 1)


def _frame(surface: Surface) -> Mesh:
    """The edges of the region, at the lowest height."""
    low, _, _ = height_limits(surface.value)
    corners = [(x, y, low) for x, y in ((0, 0), (-1, 0), (-1, -1), (0, -1), (0, 0))]
    points = np.array([(surface.x[i], surface.y[j], z) for i, j, z in corners], dtype=np.float64)
    return _tube(Box.around(surface).place(points), _EDGE_RADIUS, _GREY)


def _tube(centres: np.ndarray, radius: float, colour: tuple[int, int, int]) -> Mesh:
    """A line through points `[n, 3]`: an octahedron at each of them, joined by square rods."""
    n = len(centres)
    offsets = radius * np.array([[1, 0, 0], [0, 0, 1], [-1, 0, 0], [0, 0, -1], [0, 1, 0], [0, -1, 0]])
    vertices = (centres[:, None, :] + offsets).reshape(-1, 3)
    first = 6 * np.arange(n)[:, None, None]
    octahedron = [[i, (i + 1) % 4, top] for top in (4, 5) for i in range(4)]
    # Each pair of opposite corners spans a ribbon to the next point; three ribbons look solid from all sides.
    ribbons = [f for i, j in ((0, 2), (1, 3), (4, 5)) for f in ([i, j, j + 6], [i, j + 6, i + 6])]
    faces = np.concatenate([(first + octahedron).reshape(-1, 3), (first[:-1] + ribbons).reshape(-1, 3)])
    return Mesh(vertices, faces.astype(np.int32), np.full(vertices.shape, colour, dtype=np.uint8))


def _joined(meshes: Sequence[Mesh]) -> Mesh:
    firsts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + first for mesh, first in zip(meshes, firsts, strict=True)]).astype(np.int32),
        np.concatenate([mesh.colors for mesh in meshes]),
    )
