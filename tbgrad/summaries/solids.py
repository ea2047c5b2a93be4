"""What meshes are made of: tubes, balls and arrows; and meshes joined into one, so that they stay together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

_OCTAHEDRON = np.array([[1, 0, 0], [0, 0, 1], [-1, 0, 0], [0, 0, -1], [0, 1, 0], [0, -1, 0]], dtype=np.float64)
_OCTANTS = np.array([[i, (i + 1) % 4, top] for top in (4, 5) for i in range(4)])
_ARROW_WIDTH = 0.4


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices float64 `[n, 3]`, faces int32 `[m, 3]` and colors uint8 `[n, 3]`."""

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray


def coloured(vertices: np.ndarray, faces: np.ndarray, colour: Colour) -> Mesh:
    """A mesh of one colour."""
    return Mesh(vertices, np.asarray(faces, dtype=np.int32), np.full(vertices.shape, colour, dtype=np.uint8))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    firsts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + first for mesh, first in zip(meshes, firsts, strict=True)]).astype(np.int32),
        np.concatenate([mesh.colors for mesh in meshes]),
    )


def tube(centres: np.ndarray, radius: float, colour: Colour) -> Mesh:
    """A line through points `[n, 3]`: an octahedron at each of them, joined by square rods."""
    n = len(centres)
    vertices = (centres[:, None, :] + radius * _OCTAHEDRON).reshape(-1, 3)
    first = 6 * np.arange(n)[:, None, None]
    # Each pair of opposite corners spans a ribbon to the next point; three ribbons look solid from all sides.
    ribbons = [f for i, j in ((0, 2), (1, 3), (4, 5)) for f in ([i, j, j + 6], [i, j + 6, i + 6])]
    faces = np.concatenate([(first + _OCTANTS).reshape(-1, 3), (first[:-1] + ribbons).reshape(-1, 3)])
    return coloured(vertices, faces, colour)


def balls(centres: np.ndarray, radius: float, colour: Colour) -> Mesh:
    """A ball around each of the points `[n, 3]`: an octahedron with its edges halved, made round."""
    edges = np.unique(np.sort(_OCTANTS[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    halves = _OCTAHEDRON[edges].sum(axis=1)
    vertices = np.concatenate([_OCTAHEDRON, halves / np.linalg.norm(halves, axis=1, keepdims=True)])
    half = {tuple(edge): 6 + k for k, edge in enumerate(edges.tolist())}
    faces = []
    for a, b, c in _OCTANTS.tolist():
        ab, bc, ca = (half[tuple(sorted(edge))] for edge in ((a, b), (b, c), (c, a)))
        faces += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    first = len(vertices) * np.arange(len(centres))[:, None, None]
    return coloured((centres[:, None, :] + radius * vertices).reshape(-1, 3), (first + faces).reshape(-1, 3), colour)


def arrow(start: np.ndarray, end: np.ndarray, radius: float, length: float, colour: Colour) -> Mesh:
    """A rod with a point at its end, of this length; it lies flat in x and z."""
    way = (end - start) / np.linalg.norm(end - start)
    foot = end - length * way
    aside = _ARROW_WIDTH * length * np.array([[-way[2], 0, way[0]], [0, 1, 0], [way[2], 0, -way[0]], [0, -1, 0]])
    point = np.concatenate([foot + aside, end[None], foot[None]])
    return joined([tube(np.stack([start, foot]), radius, colour), coloured(point, _OCTANTS, colour)])
