"""Where the slope along a line is zero: found between the samples, and held against the function itself.

A change of sign is a stationary point only if slope and value have the limits that they should have there: kinks,
poles and jumps are none. Neither is a plateau, on which the slope is zero all along, or what rounding makes of zero.
"""

from __future__ import annotations

import numpy as np

from tbgrad.calculus import brackets
from tbgrad.calculus.limits import approach
from tbgrad.calculus.lines import Line
from tbgrad.results import Stationary

MOST = 10_000
# A slope that touches zero between two samples is at the nearer one this small beside its neighbours, if it grows
# with the square of the distance: (1/2)² of (3/2)² is a ninth.
_TOUCHES = 0.2
# Of the line's length, and of the samples' spacing: what is nearer to zero is zero, what is nearer together is one.
_EXACT, _SAME = 1e-15, 1e-9
# How near to a whole number half an order is.
_WHOLE = 0.05
_FEW_ROUNDINGS, _MANY_ROUNDINGS = 8, 1000


def stationary_points(
    line: Line, coordinate: np.ndarray, value: np.ndarray, slope: np.ndarray
) -> tuple[tuple[Stationary, ...], int]:
    """Finds minima, maxima and inflections with slope zero, from the first sample to the last.

    One that lies between samples shows as a change of sign, or as a slope that nearly touches zero; two that lie
    closer together than samples do may be missed. A stretch on which all slopes are zero has none.

    Args:
      line: the function.
      coordinate: `[n]`, increasing.
      value: `[n]`, at the coordinates.
      slope: `[n]`.

    Returns:
      The points in order; and of how many places the slope was not looked into, beyond the first 10,000. A coordinate
      is as exact as rounding leaves the slope: that of an inflection, where the slope is flat, to its square root.
    """
    x, s = coordinate.astype(np.float64), slope.astype(np.float64)
    s[~(np.isfinite(value) & np.isfinite(s))] = np.nan
    if len(x) < 2 or _is_flat(x, value, s, np.finfo(line.dtype).eps):
        return (), 0
    at, changes, touches = _at_samples(s, np.finfo(line.dtype).eps), _changes(s), _touches(s)
    beyond = sum(max(0, len(found) - MOST) for found in (at, changes, touches))
    at, changes, touches = at[:MOST], changes[:MOST], touches[:MOST]

    def slope_at(where: np.ndarray) -> np.ndarray:
        return line.value_and_slope(where)[1]

    low, high = x[changes], x[changes + 1]
    inner = x[np.maximum(touches - 1, 0)], x[np.minimum(touches + 1, len(x) - 1)]
    touching = np.array([])
    if len(touches):
        points = brackets.grid(*inner)
        signs = np.sign(slope_at(points.ravel()).reshape(points.shape))
        row, column = np.nonzero(signs[:, :-1] * signs[:, 1:] < 0)
        low, high = np.append(low, points[row, column]), np.append(high, points[row, column + 1])
        left = ~np.isin(np.arange(len(touches)), row)
        if left.any():
            touching = brackets.least(slope_at, inner[0][left], inner[1][left])
    crossing = brackets.roots(slope_at, low, high) if len(low) else np.array([])
    found = np.concatenate([x[at], touching, crossing])
    crosses = np.arange(len(found)) >= len(found) - len(crossing)
    return _judged(line, found, crosses, (x[-1] - x[0]) / (len(x) - 1)), beyond


def _at_samples(s: np.ndarray, epsilon: float) -> np.ndarray:
    """The samples `[k]` with slope zero beside others; and ends where it is zero but for the end's own rounding."""
    alone = np.flatnonzero(s == 0)
    alone = alone[(_neighbour(s, alone, -1) != 0) & (_neighbour(s, alone, 1) != 0)]
    ends, inward = _ends(s)
    beside = np.abs(_neighbour(s, ends, inward))
    small = (s[ends] != 0) & (np.abs(s[ends]) <= np.sqrt(epsilon) * beside)
    return np.union1d(alone, ends[small])


def _changes(s: np.ndarray) -> np.ndarray:
    """The samples `[k]` behind which the slope changes its sign."""
    sign = np.sign(s)
    return np.flatnonzero(sign[:-1] * sign[1:] < 0)


def _touches(s: np.ndarray) -> np.ndarray:
    """The samples `[k]` beside which the slope may touch zero without a change of sign."""
    size = np.abs(s)
    inner = 1 + np.flatnonzero((size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:]) & (size[1:-1] > 0))
    before, after = s[inner - 1], s[inner + 1]
    near_zero = size[inner] <= _TOUCHES * np.maximum(np.abs(before), np.abs(after))
    inner = inner[near_zero & (before * np.sign(s[inner]) > 0) & (after * np.sign(s[inner]) > 0)]
    # At an end a neighbour is missing. Of a slope that touches zero the roots lie on a straight line, beyond it with
    # the other sign.
    ends, inward = _ends(s)
    near, far = (_neighbour(s, ends, k * inward) * np.sign(s[ends]) for k in (1, 2))
    with np.errstate(invalid="ignore"):
        root, near, far = np.sqrt(size[ends]), np.sqrt(near), np.sqrt(far)
        bends = np.isnan(far) | (far - near >= 0.5 * (near + root))
    return np.union1d(inner, ends[(root > 0) & (root <= near) & bends])


def _ends(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples `[k]` with one neighbour, where a stretch of numbers begins or ends, and 1 or -1 towards it."""
    known = np.isfinite(s)
    begins = np.flatnonzero(known & ~np.append(False, known[:-1]) & np.append(known[1:], False))
    ends = np.flatnonzero(known & ~np.append(known[1:], False) & np.append(False, known[:-1]))
    return np.append(begins, ends), np.append(np.ones(len(begins), int), np.full(len(ends), -1))


def _neighbour(s: np.ndarray, where: np.ndarray, step: int | np.ndarray) -> np.ndarray:
    """What is so many samples further; NaN beyond the first and the last."""
    there = where + step
    return np.where((there >= 0) & (there < len(s)), s[there.clip(0, len(s) - 1)], np.nan)


def _judged(line: Line, found: np.ndarray, crosses: np.ndarray, width: float) -> tuple[Stationary, ...]:
    """Those of the places `[m]` at which the slope goes to zero, with their kinds."""
    x = _distinct(line, found, crosses, width)
    if not len(x):
        return ()
    beside = approach(line, x, width)
    goes_to_zero = ~beside.there | (beside.slope_vanishes & ~beside.value_jumps)
    kept = goes_to_zero.all(axis=1) & beside.there.any(axis=1) & np.isfinite(beside.at_value)
    points = zip(x[kept], beside.at_value[kept], beside.directions[kept], beside.orders[kept], strict=True)
    return tuple(Stationary(float(a), float(b), _kind(*judged)) for a, b, *judged in points)


def _distinct(line: Line, found: np.ndarray, crosses: np.ndarray, width: float) -> np.ndarray:
    """The places in order, in the line's dtype, each once; zero where that is nearer than they are exact."""
    x = found.astype(line.dtype).astype(np.float64)
    exact = np.where(crosses, _EXACT * (line.high - line.low), brackets.LEAST_EXACT * width)
    x = np.sort(np.where((np.abs(x) <= exact) & (line.low <= 0 <= line.high), 0.0, x))
    return x[np.diff(x, prepend=-np.inf) > np.maximum(_SAME * width, _FEW_ROUNDINGS * line.spacing(x))]


def _kind(directions: np.ndarray, orders: np.ndarray) -> str:
    """What the curve does, from how it goes on at both sides.

    At an end it goes on at one side only, and the order of the slope's zero tells.
    """
    if directions.all():
        turns = directions[0] == directions[1]
    else:
        order = orders[directions != 0][0]
        turns = not np.isfinite(order) or order < 1 or abs(order / 2 - round(order / 2)) > _WHOLE
    if not turns:
        return "inflection"
    return "minimum" if directions.sum() > 0 else "maximum"


def _is_flat(x: np.ndarray, value: np.ndarray, s: np.ndarray, epsilon: float) -> bool:
    """Whether values and slopes are those of a constant but for rounding."""
    known = np.isfinite(s)
    if not known.any():
        return True
    values = value[known].astype(np.float64)
    steepest, largest = np.abs(s[known]).max(), np.abs(values).max()
    with np.errstate(over="ignore"):
        level = values.max() / 4 - values.min() / 4 <= epsilon * largest
        return level and steepest * (x[-1] - x[0]) <= _MANY_ROUNDINGS * epsilon * largest
