"""What value and slope along a line go to as a point is neared, from each side.

Seen from samples at distances that fall geometrically, from the spacing of the sweep's samples down to rounding: each
distance is a level. At the kink of |x| the slope stays what it is on all levels, at the pole of 1/x² it grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.lines import Line

# Levels that decide: signs are read off the upper ones, where rounding is far; a limit shows from the first to the
# middle one, and once more from there to the last, or else a small kink in a steep curve would not be seen.
_LEVELS, _FIRST, _SIGNED, _MIDDLE = 13, 1, 4, 6
_FALLS, _STILL_FALLS = 0.1, 0.5
# The farthest and the nearest distance, at least so many of the floats' spacings; and no nearer than this share of the
# samples' spacing, or else squares of distances would underflow.
_FARTHEST, _NEAREST, _NO_NEARER = 2**14, 4, 2.0**-48
# A jump is more than this share of how far the value changes on the way, and more than so many roundings.
_JUMP, _ROUNDINGS = 1e-3, 100


@dataclass(frozen=True, eq=False)
class Approach:
    """Samples beside points, before and behind each; arrays `[m, 2, levels]`, float64.

    Attributes:
      distance: from the point.
      value: there.
      slope: there.
      there: bool `[m, 2]`, whether the line goes on to that side, and its function is defined there.
      at_value: `[m]`, the value at the point itself.
      epsilon: of the dtype in which they were computed.
    """

    distance: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    there: np.ndarray
    at_value: np.ndarray
    epsilon: float

    @property
    def directions(self) -> np.ndarray:
        """`[m, 2]`: 1 where the curve rises away from the point, -1 where it falls, 0 where it does not go on."""
        return np.where(self.there, np.sign(self.slope[..., _FIRST]) * [-1, 1], 0)

    @property
    def orders(self) -> np.ndarray:
        """`[m, 2]`, the power of the distance with which the slope goes to zero: of xᵏ it is k - 1."""
        with np.errstate(all="ignore"):
            ratios = (level[..., _FIRST] / level[..., _FIRST + 1] for level in (np.abs(self.slope), self.distance))
            return np.log(next(ratios)) / np.log(next(ratios))

    @property
    def slope_vanishes(self) -> np.ndarray:
        """Bool `[m, 2]`: the slope keeps its sign and goes to zero."""
        sign, size = np.sign(self.slope), np.abs(self.slope)
        steady = (sign[..., _FIRST] != 0) & (sign[..., _FIRST:_SIGNED] * sign[..., _FIRST, None] >= 0).all(axis=-1)
        with np.errstate(invalid="ignore"):
            falls = size[..., _MIDDLE] <= _FALLS * size[..., _FIRST]
            nearest = np.minimum(size[..., -1], size[..., -2])
            # Near zero what is left may be rounding, which falls no more.
            rounded = nearest <= np.sqrt(self.epsilon) * size[..., 0]
            return steady & falls & ((nearest <= _STILL_FALLS * size[..., _MIDDLE]) | rounded)

    @property
    def value_jumps(self) -> np.ndarray:
        """Bool `[m, 2]`: the value does not go to the point's own."""
        with np.errstate(all="ignore"):
            away = np.abs(self.value - self.at_value[:, None, None])
            rounding = _ROUNDINGS * self.epsilon * np.abs(self.at_value)
            return away[..., _MIDDLE:].min(axis=-1) > np.maximum(_JUMP * away[..., 0], rounding[:, None])


def approach(line: Line, x: np.ndarray, width: float) -> Approach:
    """Nears points `[m]`, increasing and distinct, by one call of the function.

    Args:
      line: the function; what lies beyond its ends is not asked for.
      x: coordinates, float64, as exact as the line's dtype.
      width: the samples' spacing, from which to begin; or nearer, half-way to the next point.
    """
    spacing, gap = line.spacing(x), np.diff(x, prepend=-np.inf, append=np.inf)
    farthest = np.minimum(np.maximum(width, _FARTHEST * spacing), 0.5 * np.minimum(gap[:-1], gap[1:]))[:, None]
    nearest = np.maximum(_NEAREST * spacing, _NO_NEARER * width)[:, None]
    reach = np.minimum(np.stack([x - line.low, line.high - x], axis=1), farthest)
    inside = reach > nearest
    reach = np.where(inside, reach, nearest)
    distance = reach[..., None] * (nearest / reach)[..., None] ** (np.arange(_LEVELS) / (_LEVELS - 1))
    places = x[:, None, None] + np.array([[-1], [1]]) * np.where(inside[..., None], distance, 0.0)
    value, slope = line.value_and_slope(np.append(x, places.ravel()))
    value, slope = value.astype(np.float64), slope.astype(np.float64)
    beside_value, beside_slope = (found[len(x) :].reshape(places.shape) for found in (value, slope))
    there = inside & np.isfinite(beside_slope).any(axis=-1)
    epsilon = float(np.finfo(line.dtype).eps)
    return Approach(distance, beside_value, beside_slope, there, value[: len(x)], epsilon)
