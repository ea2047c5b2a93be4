"""Where descents start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.calculus.sweeps import FARTHEST
from tbgrad.errors import RangeError, ShapeError
from tbgrad.functions.function import Function


def choose_starts(f: Function, points: Sequence[Sequence[float]] = (), random: int = 0, seed: int = 0) -> np.ndarray:
    """The points asked for and random ones; without either, f's published start.

    Args:
      f: `Function` of d variables.
      points: each of d numbers.
      random: how many more to draw, uniformly in f's domain.
      seed: of these.

    Returns:
      float64 array `[starts, d]`.

    Raises:
      ShapeError: a point has another number of coordinates, or there is no published start.
      RangeError: a coordinate is not finite, or random starts are asked for without a domain.
    """
    starts = [f.check_point(point) for point in points]
    if not (np.abs(np.array(starts)) <= FARTHEST).all():
        raise RangeError(f"a start needs finite coordinates, within ±{FARTHEST:g}.")
    if random < 0:
        raise RangeError(f"starts is {random}; expected at least 1.")
    if random:
        if f.domain is None:
            raise RangeError(f"'{f.label}' has no known domain to draw starts from: give points, with --start.")
        low, high = np.array(f.domain).T
        starts += np.random.default_rng(seed).uniform(low, high, size=(random, f.dimensions)).tolist()
    if starts:
        return np.array(starts, dtype=np.float64)
    if f.start is None:
        example = ",".join("1" * f.dimensions)
        raise ShapeError(f"'{f.label}' has no published start: give one, for example --start {example}.")
    return np.array([f.start], dtype=np.float64)
