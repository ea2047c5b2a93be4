"""Roots in many brackets at once: a function of a number is called with one array for all of them.

This module must not know what the function is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# More than bisection takes from any bracket to two neighbouring floats of its size.
_MOST_CALLS = 64
_PARTS, _PARTINGS = 16, 13
# Of a bracket: how exact the least is where nothing is rounded.
LEAST_EXACT = 5e-12
_EPSILON = np.finfo(np.float64).eps

Function = Callable[[np.ndarray], np.ndarray]


def roots(function: Function, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where the function changes its sign: inverse quadratic interpolation where it can be trusted, else bisection.

    What it finds may as well be a pole or a jump: it looks at signs.

    Args:
      function: takes and gives arrays `[k]` for any k; NaN ends the search in that bracket.
      low: `[m]`, float64.
      high: `[m]`, where the function has another sign than at `low`.

    Returns:
      `[m]`: the end of the last bracket at which the function is nearer to zero. At most 66 calls; about ten where
      the function is smooth.

    Source: Chandrupatla (1997), A New Hybrid Quadratic/Bisection Algorithm for Finding the Zero of a Nonlinear
    Function Without Using Derivatives; in the form of Scherer (2017), Computational Physics, section 6.1.7.
    """
    new, old = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    at_new, at_old = function(new).astype(np.float64), function(old).astype(np.float64)
    # Brackets of one scale: products of slopes must neither overflow nor vanish.
    scale = np.maximum(np.abs(at_new), np.abs(at_old))
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    at_new, at_old = at_new / scale, at_old / scale
    least = _EPSILON * np.abs(old - new)
    share = np.full(len(new), 0.5)
    for _ in range(_MOST_CALLS):
        tolerance = 2 * _EPSILON * np.abs(new) + least
        width = np.abs(old - new)
        open_ = np.flatnonzero((width > tolerance) & (at_new != 0) & (at_old != 0) & np.isfinite(at_new + at_old))
        if not open_.size:
            break
        a, b, fa, fb = new[open_], old[open_], at_new[open_], at_old[open_]
        margin = 0.5 * tolerance[open_] / width[open_]
        x = a + share[open_].clip(margin, 1 - margin) * (b - a)
        fx = function(x).astype(np.float64) / scale[open_]
        same = np.sign(fx) == np.sign(fa)
        left, f_left = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        new[open_], old[open_], at_new[open_], at_old[open_] = x, b, fx, fb
        share[open_] = _next_share(x, b, left, fx, fb, f_left)
    return np.where(np.abs(at_new) <= np.abs(at_old), new, old)


def _next_share(x1, x2, x3, f1, f2, f3) -> np.ndarray:
    """How far from x1 to x2 the next point lies, with x3 the point that was given up last."""
    with np.errstate(all="ignore"):
        xi, phi, alpha = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2), (x3 - x1) / (x2 - x1)
        trusted = (1 - np.sqrt(1 - xi) < phi) & (phi < np.sqrt(xi))
        share = f1 / (f1 - f2) * f3 / (f3 - f2) - alpha * f1 / (f3 - f1) * f2 / (f2 - f3)
    return np.where(trusted & np.isfinite(share), share, 0.5)


def least(function: Function, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where the function comes nearest to zero, for one that does not change its sign: finer and finer grids.

    Args:
      function: takes and gives arrays `[k]` for any k.
      low: `[m]`, float64.
      high: `[m]`.

    Returns:
      `[m]`, to 5e-12 of the bracket, after 13 calls; or what rounding leaves of the function near its least.
    """
    rows = np.arange(len(low))
    for _ in range(_PARTINGS):
        points = grid(low, high)
        distance = np.abs(function(points.ravel()).reshape(points.shape))
        distance = np.where(np.isnan(distance), np.inf, distance)
        # Rounding makes several of them equal: then in their middle.
        equal = distance == distance.min(axis=1, keepdims=True)
        nearest = (np.argmax(equal, axis=1) + _PARTS - np.argmax(equal[:, ::-1], axis=1)) // 2
        low, high = points[rows, np.maximum(nearest - 1, 0)], points[rows, np.minimum(nearest + 1, _PARTS)]
    return points[rows, nearest]


def grid(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """`[m, 17]`, evenly spaced in each bracket, with both ends exact."""
    share = np.linspace(0, 1, _PARTS + 1)
    return low[:, None] * (1 - share) + high[:, None] * share
