"""The part of the function that a descent's picture shows under the path."""

from __future__ import annotations

import dataclasses

import numpy as np

from tbgrad.calculus.surfaces import surface
from tbgrad.calculus.sweeps import sweep
from tbgrad.errors import UndefinedError
from tbgrad.functions.function import Function
from tbgrad.results import Descent

_POINTS_1D, _POINTS_2D = 401, 121
# A path that takes up less than this share of the domain is looked at from nearer.
_SMALL = 0.15
_MARGIN = 0.3
# Without a domain, positions farther from the start than this are taken for a divergence and left out.
_FAR = 1e3


def with_landscape(f: Function, descent: Descent) -> Descent:
    """Adds what the path is drawn on: a curve for one variable, a surface for two, nothing for more."""
    if f.dimensions > 2 or descent.position is None:
        return descent
    ranges = [(name, *bounds) for name, bounds in zip(f.variables, picture_region(f, descent), strict=True)]
    dtype = descent.value.dtype.name
    if f.dimensions == 2:
        return dataclasses.replace(descent, landscape=surface(f, ranges, points=_POINTS_2D, dtype=dtype))
    try:
        return dataclasses.replace(descent, landscape=sweep(f, ranges[0], points=_POINTS_1D, dtype=dtype))
    except UndefinedError:
        return descent


def picture_region(f: Function, descent: Descent) -> list[tuple[float, float]]:
    """(low, high) for each variable: the domain, or the surroundings of a path that is small in it.

    The surroundings hold the path and the known minimum nearest to its end, so that one sees whether it got there.
    """
    path = descent.position[:, descent.best_start].astype(float)
    domain = np.array(f.domain) if f.domain else None
    if domain is not None:
        within = (path >= domain[:, 0]).all(-1) & (path <= domain[:, 1]).all(-1)
    else:
        with np.errstate(invalid="ignore"):
            within = np.abs(path - path[0]).max(-1) <= _FAR * max(1.0, np.abs(path[0]).max())
    seen = path[within] if within.any() else path[:1]
    nearest = _nearest_minimum(descent, seen[-1])
    shown = np.vstack([seen, nearest]) if nearest is not None else seen
    low, high = shown.min(axis=0), shown.max(axis=0)
    if domain is not None:
        width = domain[:, 1] - domain[:, 0]
        if within[0] and ((high - low) / width).max() >= _SMALL:
            return [tuple(bounds) for bounds in domain.tolist()]
        side = np.maximum(high - low, 0.25 * ((high - low) / width).max() * width)
        side = np.maximum(side, 0.02 * width)
    else:
        side = np.maximum(high - low, max(0.25 * (high - low).max(), 0.1 * max(1.0, np.abs(low).max())))
    middle, half = (low + high) / 2, side * (0.5 + _MARGIN)
    return list(zip((middle - half).tolist(), (middle + half).tolist(), strict=True))


def _nearest_minimum(descent: Descent, end: np.ndarray) -> np.ndarray | None:
    points = [p for minimum in descent.subject.minima for p in minimum.points]
    if not points:
        return None
    distances = np.linalg.norm(np.array(points) - end, axis=-1)
    return np.array(points[int(np.argmin(distances))])
