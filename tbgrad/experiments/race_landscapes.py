"""The part of the function on which all paths of a race are seen."""

from __future__ import annotations

import dataclasses

import numpy as np

from tbgrad.descent.planes import path_plane
from tbgrad.experiments.landscapes import ground, in_box, minima_in, nearest_minimum, not_far
from tbgrad.functions.function import Function
from tbgrad.functions.restrictions import restrict
from tbgrad.results import Plane, Race

# Beside the paths, by the picture's longest side; no side is shorter than a share of the longest, or of the domain.
_MARGIN, _NARROWEST, _SMALLEST = 0.2, 0.5, 0.02
# Where all racers fail at once, what they fly off from is seen.
_LOST = 0.5
# A known minimum is shown if the picture gets no more than so many times as large by it.
_FARTHEST = 3.0
# A minimum that is off the plane by less than this share of the paths cannot be seen to be off it.
_IN_PLANE = 0.01


def with_race_landscape(f: Function, race: Race) -> Race:
    """Adds what all paths are drawn on: a curve, a surface, or for more than two variables the surface on a plane.

    It holds the paths and the known minimum nearest to each end, if that is not far off. Racers that fail count only if
    all do: one that flies off would leave nothing to see of the others.
    """
    lost, domain = bool(race.failed.all()), np.array(f.domain) if f.domain else None
    unit = np.full(f.dimensions, 5 * max(1.0, np.abs(race.start).max())) if domain is None else np.ptp(domain, axis=1)
    going = [race.descents[k] for k in race.order if lost or not race.failed[k]]
    rows = [_seen(descent.position[:, 0].astype(np.float64), domain) for descent in going]
    positions = [d.position[shown, 0] for d, shown in zip(going, rows, strict=True)]
    paths = [position.astype(np.float64) for position in positions]
    if f.dimensions > 2:
        # The last position that is seen is the end of the racer that comes first.
        slopes = [d.gradient[shown, 0] for d, shown in zip(going, rows, strict=True)]
        plane = path_plane(np.vstack(positions[::-1]), np.vstack(slopes[::-1]), "the best end")
        plane = dataclasses.replace(plane, axes=tuple(axis.replace("the path", "all paths") for axis in plane.axes))
        return _on_plane(f, race, plane, np.vstack(paths), unit.min())
    nearest = [nearest_minimum(race.subject.minima, path[-1]) for path in paths] if race.subject.minima else []
    low, high = _around(_with_near(np.vstack(paths), nearest, unit), unit, _LOST if lost else _SMALLEST)
    if domain is not None and all(in_box(path, *domain.T).all() for path in paths):
        low, high = np.maximum(low, domain[:, 0]), np.minimum(high, domain[:, 1])
    ranges = [*zip(f.variables, low.tolist(), high.tolist(), strict=True)]
    return dataclasses.replace(race, landscape=ground(f, ranges, race.value.dtype.name))


def _on_plane(f: Function, race: Race, plane: Plane, positions: np.ndarray, unit: float) -> Race:
    """Adds the plane and the function on it."""
    points, units = plane.project(positions), np.full(2, unit)
    minima = minima_in(plane, race.subject.minima, _IN_PLANE * np.ptp(points, axis=0).max())
    low, high = _around(_with_near(points, [np.array(m.position) for m in minima], units), units)
    function = dataclasses.replace(restrict(f, plane.origin, plane.directions), minima=minima)
    ranges = [*zip(function.variables, low.tolist(), high.tolist(), strict=True)]
    return dataclasses.replace(race, landscape=ground(function, ranges, race.value.dtype.name), plane=plane)


def _seen(path: np.ndarray, domain: np.ndarray | None) -> np.ndarray:
    """The rows that count for the picture, at least the first."""
    near = not_far(path)
    if domain is not None and in_box(path[0], *domain.T):
        near &= in_box(path, *domain.T)
    return np.flatnonzero(near) if near.any() else np.array([0])


def _around(points: np.ndarray, unit: np.ndarray, least: float = _SMALLEST) -> tuple[np.ndarray, np.ndarray]:
    """Corners `[d]` of what holds the points and a margin; its sides, in these units, are not too different."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = np.maximum((high - low) / unit, least)
    half = np.maximum(side, _NARROWEST * side.max()) * unit * (0.5 + _MARGIN)
    return (low + high) / 2 - half, (low + high) / 2 + half


def _with_near(points: np.ndarray, minima: list[np.ndarray], unit: np.ndarray) -> np.ndarray:
    """The points, and those minima beside which they are not too small to be followed."""
    for minimum in minima:
        wider = np.vstack([points, minimum])
        if (np.ptp(wider, axis=0) / unit).max() <= _FARTHEST * max(_SMALLEST, (np.ptp(points, axis=0) / unit).max()):
            points = wider
    return points
