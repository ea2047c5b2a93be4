"""Where descents start: at points that are given, or spread over the function's domain.

Importing this module imports no TensorFlow; Sobol' points do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.errors import OptionError, RangeError, ShapeError, nearest
from tbgrad.functions.function import FARTHEST, Function

# How starts are spread over the domain; the first is the default.
SPREADS = ("uniform", "sobol", "grid")
# TensorFlow has Sobol' numbers for so many variables: those of Joe & Kuo.
MOST_SOBOL_DIMENSIONS = 21_200
_MOST_GIBIBYTES = 2


def choose_starts(
    f: Function,
    points: Sequence[Sequence[float]] | np.ndarray = (),
    drawn: int = 0,
    seed: int = 0,
    spread: str = SPREADS[0],
) -> np.ndarray:
    """The points asked for and those drawn from f's domain; without either, f's published start.

    Args:
      f: `Function` of d variables.
      points: each of d numbers.
      drawn: how many more to draw.
      seed: of these; a grid has none.
      spread: how they lie in the domain. `uniform`: each anywhere, independently of the others. `sobol`: more evenly,
        by Sobol' points that are shifted as a whole, round the domain, by a random vector; best where their number is
        a power of two. `grid`: the same number on each axis, both ends included, the last variable's fastest; a
        single one is the middle.

    Returns:
      float64 array `[starts, d]`.

    Raises:
      ShapeError: a point has another number of coordinates, or there is no published start.
      RangeError: a coordinate is not finite; starts are to be drawn without a domain; they make no grid, or take more
        than 2 GiB; or there are no Sobol' points in so many variables.
      OptionError: there is no such spread, or nothing that it could spread.

    Source: Sobol' (1967), On the Distribution of Points in a Cube and the Approximate Evaluation of Integrals, USSR
    Comput. Math. Math. Phys. 7; Joe & Kuo (2008), Constructing Sobol Sequences with Better Two-Dimensional Projections,
    SIAM J. Sci. Comput. 30; Cranley & Patterson (1976), Randomization of Number Theoretic Methods for Multiple
    Integration, SIAM J. Numer. Anal. 13, for the shift.
    """
    given = _checked(f, points)
    if spread not in SPREADS:
        known = ", ".join(SPREADS)
        raise OptionError(f"no spread named '{spread}'; expected one of {known}.{nearest(spread, SPREADS)}")
    if drawn < 0:
        raise RangeError(f"starts is {drawn}; expected at least 1.")
    if drawn:
        return np.concatenate([given, _drawn(f, drawn, seed, spread)])
    if spread != SPREADS[0]:
        raise OptionError(f"the spread is {spread}, but no starts are to be spread: say how many, with --starts.")
    if len(given):
        return given
    if f.start is None:
        example = ",".join("1" * f.dimensions)
        raise ShapeError(f"'{f.label}' has no published start: give one, for example --start {example}.")
    return np.array([f.start], dtype=np.float64)


def _checked(f: Function, points: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    is_array = isinstance(points, np.ndarray) and points.ndim == 2 and points.shape[1] == f.dimensions
    rows = points if is_array else [f.check_point(point) for point in points]
    given = np.array(rows, dtype=np.float64).reshape(-1, f.dimensions)
    if not (np.abs(given) <= FARTHEST).all():
        raise RangeError(f"a start needs finite coordinates, within ±{FARTHEST:g}.")
    return given


def _drawn(f: Function, count: int, seed: int, spread: str) -> np.ndarray:
    if f.domain is None:
        raise RangeError(f"'{f.label}' has no known domain to draw starts from: give points, with --start.")
    gibibytes = count * f.dimensions * 8 / 2**30
    if gibibytes > _MOST_GIBIBYTES:
        raise RangeError(
            f"{count:,} starts of {f.dimensions} variables take {gibibytes:,.1f} GiB; at most {_MOST_GIBIBYTES} are "
            "drawn. Take fewer."
        )
    low, high = np.array(f.domain, dtype=np.float64).T
    if spread == "grid":
        return _grid(low, high, count)
    random = np.random.default_rng(seed)
    if spread == "uniform":
        return random.uniform(low, high, size=(count, f.dimensions))
    if f.dimensions > MOST_SOBOL_DIMENSIONS:
        raise RangeError(
            f"'{f.label}' has {f.dimensions:,} variables; Sobol' points are known for at most "
            f"{MOST_SOBOL_DIMENSIONS:,}. Spread the starts uniformly."
        )
    points = _sobol(count, f.dimensions)
    points += random.uniform(size=f.dimensions)
    points -= np.floor(points)
    points *= high - low
    points += low
    # The last multiplication may round up beyond the end.
    return np.clip(points, low, high, out=points)


def _sobol(count: int, dimensions: int) -> np.ndarray:
    """The first Sobol' points in the unit cube, the origin among them: without it they would not be balanced.

    Source: Owen (2022), On Dropping the First Sobol' Point, Monte Carlo and Quasi-Monte Carlo Methods 2020.
    """
    import tensorflow as tf

    points = np.zeros((count, dimensions))
    if count > 1:
        points[1:] = tf.math.sobol_sample(dimensions, count - 1, dtype=tf.float64).numpy()
    return points


def _grid(low: np.ndarray, high: np.ndarray, count: int) -> np.ndarray:
    dimensions = len(low)
    an_axis = _root(count, dimensions)
    if an_axis**dimensions != count:
        fitting = [k for k in (an_axis, an_axis + 1) if k**dimensions * dimensions * 8 <= _MOST_GIBIBYTES * 2**30]
        such = " or ".join(f"{k**dimensions} ({k} on each axis)" for k in fitting)
        raise RangeError(f"{count} starts are no grid in {dimensions} variables; expected {such}.")
    axes = np.linspace(low, high, an_axis) if an_axis > 1 else (low + (high - low) / 2)[None]
    # In more variables than an integer has bits there is one number on each axis, and its powers are 1.
    strides = an_axis ** np.arange(dimensions)[::-1]
    where = np.arange(count)[:, None] // strides % an_axis
    return axes[where, np.arange(dimensions)]


def _root(count: int, degree: int) -> int:
    """The largest whole number whose power is at most `count`."""
    root = round(count ** (1 / degree))
    return root if root**degree <= count else root - 1
