"""The part of the function that a descent's picture shows under the path."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tbgrad.calculus.surfaces import surface
from tbgrad.calculus.sweeps import sweep
from tbgrad.descent.planes import path_plane
from tbgrad.errors import UndefinedError
from tbgrad.functions.function import Function, Minimum
from tbgrad.functions.restrictions import restrict
from tbgrad.results import Descent, KnownMinimum, Plane, Surface, Sweep

_POINTS_1D, _POINTS_2D = 401, 121
# On a plane of very many variables the points, each of that many numbers, are fewer.
_MOST_NUMBERS, _FEWEST_POINTS = 20_000_000, 41
# A path that takes up less than this share of the domain is looked at from nearer.
_SMALL = 0.15
_MARGIN = 0.3
# Without a domain, positions farther from the start than this are taken for a divergence and left out.
_FAR = 1e3
# Nor does a picture on a plane get smaller than this share of what is large here.
_SMALLEST = 0.02
# Without a domain, a path that is shorter than this, beside how far it is out, does not move.
_STILL = 1e-6
# On a plane no side is shorter than this share of the other: both have the same scale, and the page is no strip.
_NARROWEST = 0.8
# A minimum that is off the plane by less than this share of the picture cannot be seen to be off it.
_IN_PLANE = 0.01
# A minimum that is so many times farther from the end than the path reaches would make a dot of it.
_TOO_FAR = 4


def with_landscape(f: Function, descent: Descent) -> Descent:
    """Adds what the path is drawn on: a curve for one variable, a surface for two, a plane's surface for more.

    Args:
      f: the `Function` that was descended on.
      descent: with positions; one of values only stays as it is.

    Returns:
      The descent with `landscape`; in more than two variables also with `plane` and `line`.
    """
    if descent.position is None:
        return descent
    if f.dimensions > 2:
        return _with_plane(f, descent)
    ranges = [(name, *bounds) for name, bounds in zip(f.variables, picture_region(f, descent), strict=True)]
    return dataclasses.replace(descent, landscape=ground(f, ranges, descent.value.dtype.name))


def ground(f: Function, ranges: Sequence[tuple[str, float, float]], dtype: str) -> Surface | Sweep | None:
    """The function over these (variable, low, high): a curve of one, None where it is undefined, or a surface of two.

    On a plane of very many variables the surface has fewer points.
    """
    if len(ranges) == 2:
        points = int(np.clip(np.sqrt(_MOST_NUMBERS / max(f.dimensions, f.breadth)), _FEWEST_POINTS, _POINTS_2D))
        return surface(f, ranges, points=points, dtype=dtype)
    try:
        return sweep(f, ranges[0], points=_POINTS_1D, dtype=dtype)
    except UndefinedError:
        return None


def picture_region(f: Function, descent: Descent) -> list[tuple[float, float]]:
    """(low, high) for each variable: the domain, or the surroundings of a path that is small in it.

    The surroundings hold the path and the known minimum nearest to its end, so that one sees whether it got there.
    """
    path = descent.position[:, descent.best_start].astype(float)
    domain = np.array(f.domain) if f.domain else None
    within = not_far(path) if domain is None else in_box(path, *domain.T)
    seen = path[within] if within.any() else path[:1]
    nearest = nearest_minimum(descent.subject.minima, seen[-1])
    shown = np.vstack([seen, nearest]) if nearest is not None else seen
    low, high = shown.min(axis=0), shown.max(axis=0)
    if domain is not None:
        width = domain[:, 1] - domain[:, 0]
        if within[0] and ((high - low) / width).max() >= _SMALL:
            return [tuple(bounds) for bounds in domain.tolist()]
        side = np.maximum(high - low, 0.25 * ((high - low) / width).max() * width)
        side = np.maximum(side, 0.02 * width)
    else:
        reach, scale = (high - low).max(), max(1.0, np.abs(low).max())
        side = np.maximum(high - low, 0.25 * reach if reach > _STILL * scale else 0.1 * scale)
    return _around(low, high, side)


def _with_plane(f: Function, descent: Descent) -> Descent:
    """Adds the plane of the start that ends best, the function on it, and along the line from start to end."""
    best, dtype = descent.best_start, descent.value.dtype.name
    path = descent.position[: descent.last_row + 1, best]
    near = _near_rows(f, path)
    end = "end" if near == len(path) else f"step {descent.best_step[near - 1]}"
    path = path[:near]
    plane = path_plane(path, descent.gradient[:near, best], end)
    on_plane = plane.project(path)
    low, high = on_plane.min(axis=0), on_plane.max(axis=0)
    least = _SMALLEST * _scale(f, path[0])
    side = np.maximum(high - low, max(_NARROWEST * (high - low).max(), least))
    minima = minima_in(plane, descent.subject.minima, _IN_PLANE * side.max())
    away = {np.linalg.norm(np.array(m.position) - on_plane[-1]): np.array(m.position) for m in minima}
    if away and min(away) <= _TOO_FAR * side.max():
        nearest = away[min(away)]
        low, high = np.minimum(low, nearest), np.maximum(high, nearest)
        side = np.maximum(high - low, max(_NARROWEST * (high - low).max(), least))
    names = ("along", "across")
    ranges = [(name, *bounds) for name, bounds in zip(names, _around(low, high, side), strict=True)]
    shown = tuple(m for m in minima if all(a <= x <= b for x, (_, a, b) in zip(m.position, ranges, strict=True)))
    on = dataclasses.replace(restrict(f, plane.origin, plane.directions, names), minima=shown)
    landscape = ground(on, ranges, dtype)
    line = _line(on, float(on_plane[-1, 0]), dtype) if plane.through_end else None
    return dataclasses.replace(descent, landscape=landscape, plane=plane, line=line)


def _line(on: Function, length: float, dtype: str) -> Sweep | None:
    """The function from the plane's origin through the path's end, `length` away, and somewhat beyond both."""
    over = ("along", -_MARGIN * length, (1 + _MARGIN) * length)
    try:
        return sweep(on, over, {"across": 0.0}, points=_POINTS_1D, dtype=dtype)
    except UndefinedError:
        return None


def _near_rows(f: Function, path: np.ndarray) -> int:
    """How many rows it takes until a path leaves for good: the surroundings of the domain, or of the start."""
    path = path.astype(np.float64)
    near = not_far(path)
    if f.domain:
        low, high = np.array(f.domain).T
        width = high - low
        inside = in_box(path, low - width, high + width)
        near &= inside | ~inside[0]
    return int(np.argmin(near)) if not near.all() else len(path)


def in_box(path: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Bool `[rows]`: between the two corners."""
    return (path >= low).all(axis=-1) & (path <= high).all(axis=-1)


def not_far(path: np.ndarray) -> np.ndarray:
    """Bool `[rows]`: finite, and not so far from the start that it is a divergence."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.abs(path - path[0]).max(-1) <= _FAR * max(1.0, np.abs(path[0]).max())


def _scale(f: Function, start: np.ndarray) -> float:
    """A length that is large here: the domain's smallest width, or else how far the start is out."""
    if f.domain:
        return float(np.ptp(f.domain, axis=1).min())
    return 5 * max(1.0, float(np.abs(start).max()))


def minima_in(plane: Plane, minima: Sequence[KnownMinimum], most: float) -> tuple[Minimum, ...]:
    """The known minima that are points off the plane by at most so much, in its coordinates."""
    found = []
    for minimum in minima:
        point = np.array(minimum.points[0])
        if not minimum.is_curve and plane.distance(point) <= most:
            found.append(Minimum(tuple(plane.project(point).tolist()), minimum.value))
    return tuple(found)


def _around(low: np.ndarray, high: np.ndarray, side: np.ndarray) -> list[tuple[float, float]]:
    """(low, high) of each side with a margin, where the sides are at least as long as these."""
    middle, half = (low + high) / 2, side * (0.5 + _MARGIN)
    return list(zip((middle - half).tolist(), (middle + half).tolist(), strict=True))


def nearest_minimum(minima: Sequence[KnownMinimum], end: np.ndarray) -> np.ndarray | None:
    """The point `[d]` of a known minimum that is nearest to a position, or None where none is known."""
    points = [p for minimum in minima for p in minimum.points]
    if not points:
        return None
    distances = np.linalg.norm(np.array(points) - end, axis=-1)
    return np.array(points[int(np.argmin(distances))])
