"""A path on the mesh of a surface, and in its story."""

from __future__ import annotations

import numpy as np

from tbgrad.results import Surface, Sweep
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.boxes import Box
from tbgrad.summaries.solids import Mesh, balls, tube

_POINTS = 240
_LINE_RADIUS, _BALL_RADIUS = 0.008, 0.03
_RED, _WHITE, _BLACK = (220, 20, 20), (255, 255, 255), (0, 0, 0)

TRAIL_MARKS = (
    "Red line: the path at its own values, those beyond the surface's heights at their limit, from the white ball to "
    "the black one."
)


def along(placed: np.ndarray) -> np.ndarray:
    """Indices of points evenly spaced along a path, both ends among them."""
    length = np.concatenate([[0.0], np.linalg.norm(np.diff(placed, axis=0), axis=1).cumsum()])
    return np.searchsorted(length, np.linspace(0, length[-1], _POINTS)).clip(max=len(placed) - 1)


def start_ball(place: np.ndarray) -> Mesh:
    """Where a path begins, `[1, 3]`."""
    return balls(place, _BALL_RADIUS, _WHITE)


def path_so_far(path: np.ndarray, is_seen: bool, is_here: bool) -> list[Mesh]:
    """A line through points `[n, 3]`, and a ball at the last; what is not seen has no size, but as many vertices."""
    return [tube(path, is_seen * _LINE_RADIUS, _RED), balls(path[-1:], is_here * _BALL_RADIUS, _BLACK)]


def trail_meshes(surface: Surface) -> list[Mesh]:
    """The surface's path, with its start and its end; nothing where it is outside of the region."""
    if surface.trail is None:
        return []
    trail, box = surface.trail, Box.around(surface)
    points = np.column_stack([trail.at, trail.value]).astype(np.float64)
    inside = np.flatnonzero(box.is_inside(points))
    if not inside.size:
        return []
    placed = box.place_near(points[inside])
    start = [start_ball(placed[:1])] if inside[0] == 0 else []
    line, end = path_so_far(placed[along(placed)], True, True)
    return [*start, line, *([end] if inside[-1] == len(points) - 1 else [])]


def trail_story(result: Surface | Sweep, names: tuple[str, ...]) -> list[str]:
    """What the path is, in a sentence and a table of its start, its lowest point and its end; nothing without one."""
    trail = result.trail
    if trail is None:
        return []
    value = np.where(np.isfinite(trail.value), trail.value, np.inf)
    told = {"start": 0, "lowest": int(value.argmin()), "end": len(value) - 1}
    if told["lowest"] in (told["start"], told["end"]):
        del told["lowest"]
    rows = []
    for word, row in told.items():
        feet = (f"{x:.6g}" for x in trail.at[row])
        rows.append((word, f"{trail.step[row]:,}", f"{trail.value[row]:.6g}", *feet, f"{trail.off[row]:.4g}"))
    said = f"**The path**: {len(trail.step):,} positions are shown, to step {trail.step[-1]:,}; {trail.words}."
    return [said, markdown_table(("", "step", "own value", *names, "off it by"), rows)]
