"""Values of a function on both sides of points, over a ladder of step sizes, with bounds of their rounding.

This module must not know derivatives: it sees values at displaced points.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.evidence.rounding import Rounded

# The ladder: from 2^20 times the coordinate (or 1) down to 2^-60 of it, and beside small coordinates to the last digit.
_HIGHEST, _COARSE, _FINE = 20, 81, 74
STEPS = _COARSE + _FINE
# Displaced coordinates evaluated at a time.
_BLOCK = 2**21
# So many of the smallest steps show rounding alone.
_SMALLEST = 10
# So many of one sign among them are no chance.
_ALL_ALIKE = 8


@dataclass(frozen=True)
class Ladder:
    """Values on both sides of points, float64 `[m, k]` each: m lines through points, k steps from large to small.

    Attributes:
      step: NaN where the step is lost in the point's coordinate.
      size: of the largest coordinate that moves, `[m]`.
      center: value at the point, `[m]`.
      forward, backward: values at the displaced points; NaN where undefined or out of the floats.
      ahead, behind: the displacements as rounded.
      noise: a bound of the rounding of these values.
      slack: the same, with what is not known for sure.
    """

    step: np.ndarray
    size: np.ndarray
    center: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray
    noise: np.ndarray
    slack: np.ndarray

    def lines(self, which: np.ndarray) -> Ladder:
        """Some of the lines."""
        return Ladder(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))

    def central(self) -> np.ndarray:
        """Central differences `[m, k]`; halved first, so that they stay within the floats."""
        with np.errstate(all="ignore"):
            return (self.forward / 2 - self.backward / 2) / (self.ahead / 2 + self.behind / 2)

    def one_sided(self, sign: int) -> np.ndarray:
        """Forward (1) or backward (-1) differences `[m, k]`."""
        with np.errstate(all="ignore"):
            if sign > 0:
                return (self.forward - self.center[:, None]) / self.ahead
            return (self.center[:, None] - self.backward) / self.behind


def climb(evaluate: Callable[[np.ndarray], Rounded], position: np.ndarray, lines: np.ndarray) -> Ladder:
    """Evaluates a function on both sides of points.

    Args:
      evaluate: positions `[n, d]` to values with bounds of their rounding.
      position: float array `[n, d]`, in whose dtype points are displaced.
      lines: `[m, d]`, directions through every point, of entries 0 and negative powers of two.

    Returns:
      The `Ladder` of the n m lines, those of a point together.
    """
    n, d = position.shape
    step = _steps(position, lines).reshape(-1)
    line = np.repeat(np.arange(n * len(lines)), STEPS)
    point, direction = line // len(lines), line % len(lines)
    sides = []
    for sign in (1, -1):
        value, noise, hidden, moved = (np.full(len(step), np.nan) for _ in range(4))
        usable = np.flatnonzero(np.isfinite(step))
        for some in np.array_split(usable, max(1, -(-len(usable) * d // _BLOCK))):
            at = position[point[some]]
            shift = (sign * step[some, None] * lines[direction[some]]).astype(at.dtype)
            with np.errstate(over="ignore"):
                reached = at + shift
            found = evaluate(reached)
            value[some], noise[some], hidden[some] = found.value, found.bound, found.hidden
            # The largest entry of a direction is 1 in size: along it the displacement is the step, as rounded.
            along = np.abs(reached.astype(np.float64) - at).max(axis=1)
            moved[some] = np.where(np.isfinite(along), along, np.nan)
        sides.append([a.reshape(-1, STEPS) for a in (value, noise, hidden, moved)])
    (ahead_value, ahead_noise, ahead_hidden, ahead), (behind_value, behind_noise, behind_hidden, behind) = sides
    here = evaluate(position)
    center, noise, hidden = (np.repeat(a, len(lines)) for a in (here.value, here.bound, here.hidden))
    noise = np.fmax(np.fmax(ahead_noise, behind_noise), noise[:, None])
    hidden = np.fmax(np.fmax(ahead_hidden, behind_hidden), hidden[:, None])
    forward, backward = (np.where(np.isfinite(v), v, np.nan) for v in (ahead_value, behind_value))
    size = np.where(lines != 0, np.abs(position.astype(np.float64))[:, None, :], 0.0).max(axis=-1).ravel()
    found = Ladder(step.reshape(-1, STEPS), size, center, forward, backward, ahead, behind, noise, noise + hidden)
    # Inside a custom gradient or a compiled function rounding may grow more than the bound knows.
    noise = np.fmax(noise, _seen_rounding(found)[:, None])
    return dataclasses.replace(found, noise=noise, slack=noise + hidden)


def _seen_rounding(ladder: Ladder) -> np.ndarray:
    """Rounding as the values show it at the smallest steps, `[m]`.

    From step h to h/2 and h/4 to one side, f(h) - 3 f(h/2) + 2 f(h/4) is next to nothing for a smooth function, and
    at a kink or a jump at the very point too. Where it has one sign at all steps, it is no rounding: so at a pole, or
    where a logarithm begins.
    """
    usable = np.isfinite(ladder.step)
    smallest = usable & (np.cumsum(usable[:, ::-1], axis=1)[:, ::-1] <= _SMALLEST)
    found = np.zeros(len(usable))
    for side in (ladder.forward, ladder.backward):
        with np.errstate(all="ignore"):
            rest = side[:, :-2] - 3.0 * side[:, 1:-1] + 2.0 * side[:, 2:]
        rest = np.where(smallest[:, :-2] & np.isfinite(rest), rest, 0.0)
        above, below = (rest > 0).sum(axis=1), (rest < 0).sum(axis=1)
        meant = (np.minimum(above, below) == 0) & (np.maximum(above, below) >= _ALL_ALIKE)
        found = np.maximum(found, np.where(meant, 0.0, np.abs(rest).max(axis=1)))
    return found


def _steps(position: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Powers of two `[n, m, STEPS]`, descending; NaN where a displaced coordinate would not differ exactly by it."""
    size = np.abs(position.astype(np.float64))
    moved = lines != 0
    # A line through several coordinates takes the ladder of the largest, and ends where the first of them is lost.
    largest = np.where(moved, size[:, None, :], 0.0).max(axis=-1)
    _, exponent = np.frexp(largest)
    coarse = np.maximum(exponent, 0)[..., None] + _HIGHEST - np.arange(_COARSE)
    below = np.maximum(exponent, 0) + _HIGHEST - _COARSE
    fine = np.where(largest > 0, np.minimum(below, exponent + _HIGHEST), below)[..., None] - np.arange(_FINE)
    exponents = np.concatenate([coarse, fine], axis=-1)
    spacing = np.spacing(np.abs(position)).astype(np.float64)
    # Beside zero the floats are finer than any step needs to be.
    finest = np.where(moved & (size > 0)[:, None, :], spacing[:, None, :] / np.where(moved, np.abs(lines), 1.0), 0.0)
    lowest = np.finfo(position.dtype).minexp
    usable = (exponents >= lowest) & (exponents < np.finfo(position.dtype).maxexp)
    steps = np.ldexp(1.0, np.where(usable, exponents, 0))
    return np.where(usable & (steps >= finest.max(axis=-1)[..., None]), steps, np.nan)
