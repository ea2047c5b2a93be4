"""The distance to the nearest known minimum, be it a point or a closed curve."""

from __future__ import annotations

import functools

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps, dot, length
from tbgrad.results import KnownMinimum

# A curve whose waves are so much smaller than the longest is smooth enough to be known between its points.
_SMOOTH = 1e-10
_NEWTON_STEPS = 6


def _measure(steps: Steps) -> np.ndarray:
    position = np.asarray(steps.position, np.float64)
    distances = [_distance(position, minimum) for minimum in steps.function.known_minima()]
    if not distances:
        return np.full_like(steps.value, np.nan)
    with np.errstate(over="ignore"):
        return functools.reduce(np.minimum, distances).astype(steps.dtype)


def _distance(position: np.ndarray, minimum: KnownMinimum) -> np.ndarray:
    points = np.array(minimum.points, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = dot(position - points[0], position - points[0])
        nearest = np.zeros(squares.shape, np.int64)
        for i, point in enumerate(points[1:], 1):
            square = dot(position - point, position - point)
            nearest[square < squares] = i
            squares = np.fmin(squares, square)
        distance = length(position - points[nearest])
        return np.fmin(distance, _between_points(position, points, nearest)) if minimum.is_curve else distance


def _between_points(position: np.ndarray, points: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """To a closed curve through the points, as the waves that they are made of continue it; NaN where it has corners.

    Source: Trefethen (2000), Spectral Methods in MATLAB, chapter 3; Newton's method for the foot of the perpendicular.
    """
    n = len(points) - 1
    waves = np.fft.rfft(points[:n], axis=0) / n
    waves[1:] *= 2
    size = np.abs(waves).max(axis=-1)
    frequencies = np.flatnonzero(size > _SMOOTH * size.max())
    if frequencies[-1] > n // 4:
        return np.full(nearest.shape, np.nan)
    spacing = 2 * np.pi / n
    t = spacing * nearest
    for remaining in reversed(range(_NEWTON_STEPS + 1)):
        turn = np.exp(1j * t[..., None] * frequencies)
        curve, slope, bend = ((turn @ (waves[frequencies] * (1j * frequencies[:, None]) ** k)).real for k in range(3))
        if remaining:
            step = dot(curve - position, slope) / (dot(slope, slope) + dot(curve - position, bend))
            t = t - np.clip(np.nan_to_num(step), -spacing, spacing)
    return length(position - curve)


DISTANCE = Instrument(
    name="distance",
    unit="position",
    description="Distance to the nearest global minimum that is known. Left out where none is known.",
    measure=_measure,
    of_update=False,
)
