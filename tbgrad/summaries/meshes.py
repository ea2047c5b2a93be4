"""A surface as one coloured triangle mesh, with its minima and tangent planes, over a base."""

from __future__ import annotations

import numpy as np

from tbgrad.figures.reliefs import height_limits
from tbgrad.figures.scales import surface_scale
from tbgrad.figures.sheets import grid_indices, sheet
from tbgrad.figures.tangents import patch
from tbgrad.records import MOST_VERTICES
from tbgrad.results import Surface
from tbgrad.summaries.boxes import Box, base
from tbgrad.summaries.solids import Mesh, balls, coloured, joined, tube
from tbgrad.summaries.trails import trail_meshes

# Fewer than TensorBoard can count, so that marks fit in beside the surface.
MOST_PER_AXIS = 201
_FEWER = 0.9
_RING_POINTS, _MOST_MINIMA = 121, 400
_PATCH_POINTS = 9

_LINE_RADIUS, _BALL_RADIUS = 0.008, 0.03
_RED, _BLACK, _GOLD = (220, 20, 20), (0, 0, 0), (255, 200, 0)

MARKS = "Gold: a known minimum. Red, with a black point: a tangent plane."


def surface_mesh(surface: Surface) -> Mesh:
    """The surface over its base, with the known minima on it, its tangent planes and the path.

    Every vertex of the grid is a sample of the function. The mesh ends where the function does, and at the limits of
    the heights.
    """
    return on_skin(surface, [*minima(surface), *tangent_planes(surface), *trail_meshes(surface)], MOST_PER_AXIS)


def on_skin(surface: Surface, marks: list[Mesh], most_per_axis: int) -> Mesh:
    """The surface itself over its base, with marks on it: with fewer grid lines, where it has too many vertices."""
    marks = [*marks, *base(surface)]
    left = MOST_VERTICES - sum(len(mesh.vertices) for mesh in marks)
    skin = _skin(surface, most_per_axis)
    while len(skin.vertices) > left:
        most_per_axis = int(_FEWER * most_per_axis)
        skin = _skin(surface, most_per_axis)
    return joined([skin, *marks])


def _skin(surface: Surface, most_per_axis: int) -> Mesh:
    low, high, _ = height_limits(surface.value)
    drawn = sheet(surface, most_per_axis, (low, high))
    used, faces = np.unique(drawn.triangles, return_inverse=True)
    points = drawn.points[used]
    colours = np.round(255 * surface_scale(surface).colours(points[:, 2])[:, :3])
    return Mesh(Box.around(surface).place(points), faces.reshape(-1, 3).astype(np.int32), colours.astype(np.uint8))


def minima(surface: Surface) -> list[Mesh]:
    """A golden ball at each known minimum in the region, or a golden line along a ring of them."""
    box, meshes, points = Box.around(surface), [], [np.empty((0, 3))]
    for minimum in surface.subject.minima if not surface.fixed else ():
        at = np.array(minimum.points)[:, surface.columns]
        at = np.column_stack([at, np.full(len(at), minimum.value)])
        inside = at[box.is_inside(at)]
        if not minimum.is_curve or len(inside) < 2:
            points.append(inside)
            continue
        placed = box.place_near(inside)
        if len(inside) < len(at):
            # A ring that leaves the region comes back elsewhere: its piece begins behind the longest gap.
            gaps = np.linalg.norm(placed - np.roll(placed, 1, axis=0), axis=1)
            placed = np.roll(placed, -int(gaps.argmax()), axis=0)
        meshes.append(tube(placed[grid_indices(len(placed), _RING_POINTS)], _LINE_RADIUS, _GOLD))
    known = box.place_near(np.concatenate(points)[:_MOST_MINIMA])
    return [*meshes, balls(known, _BALL_RADIUS, _GOLD)] if len(known) else meshes


def tangent_planes(surface: Surface) -> list[Mesh]:
    """A red square of each tangent plane, and a black ball where it touches."""
    box, meshes = Box.around(surface), []
    for plane in surface.tangents:
        if plane.is_defined and box.low[2] <= plane.value <= box.high[2]:
            points = patch(plane, surface, 2 / box.scale, _PATCH_POINTS).reshape(-1, 3)
            index = np.arange(len(points)).reshape(_PATCH_POINTS, _PATCH_POINTS)
            a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
            faces = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
            touching = np.array([[*plane.point, plane.value]])
            meshes += [coloured(box.place(points), faces, _RED), balls(box.place(touching), _BALL_RADIUS, _BLACK)]
    return meshes
