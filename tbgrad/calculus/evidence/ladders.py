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
from tbgrad.errors import FunctionCallError

# The ladder: from 2^20 times the coordinate (or 1) down to 2^-60 of it, and beside small coordinates to the last digit.
_HIGHEST, _COARSE, _FINE = 20, 81, 74
STEPS = _COARSE + _FINE
# Displaced coordinates evaluated at a time.
_BLOCK = 2**21
# So many of the smallest steps show rounding alone.
_SMALLEST = 10
# So many of one sign among them are no chance.
_ALL_ALIKE = 8
# Rounding is at most so many times its bound, unless some is hidden; what is larger is a jump beside the point.
_KNOWN = 64.0
# Rounding that is hidden is looked for at steps up to this, relative to the coordinate, or 1.
_SMALL = 2.0**-20
# So many rests in a row, each larger than the one before, that grow so much in all, are no chance.
_RUN, _GROWN = 5, 8.0
_OF_A_JUMP = 2


@dataclass(frozen=True)
class Ladder:
    """Values on both sides of points, float64 `[m, k]` each: m lines through points, k steps from large to small.

    Attributes:
      step: NaN where the step is lost in the point's coordinate.
      size: of the largest coordinate that moves, `[m]`.
      center: value at the point, `[m]`.
      forward, backward: values at the displaced points; NaN where undefined or out of the floats.
      ahead, behind: the displacements as rounded.
      noise: a bound of the rounding of the values at the displaced points.
      slack: the same, with what is not known for sure.
      center_noise, center_slack: likewise at the point, `[m]`.
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
    center_noise: np.ndarray
    center_slack: np.ndarray

    def lines(self, which: np.ndarray) -> Ladder:
        """Some of the lines."""
        return Ladder(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))

    def with_center(self) -> Ladder:
        """The same, its rounding also that of the value at the point, which central differences do without."""
        noise = np.fmax(self.noise, self.center_noise[:, None])
        return dataclasses.replace(self, noise=noise, slack=np.fmax(self.slack, self.center_slack[:, None]))

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
            found = _where_allowed(evaluate, reached, line[some], step[some])
            value[some], noise[some], hidden[some] = found.value, found.bound, found.hidden
            # The largest entry of a direction is 1 in size: along it the displacement is the step, as rounded.
            along = np.abs(reached.astype(np.float64) - at).max(axis=1)
            moved[some] = np.where(np.isfinite(along), along, np.nan)
        sides.append([a.reshape(-1, STEPS) for a in (value, noise, hidden, moved)])
    (ahead_value, ahead_noise, ahead_hidden, ahead), (behind_value, behind_noise, behind_hidden, behind) = sides
    here = evaluate(position)
    center, noise, hidden = (np.repeat(a, len(lines)) for a in (here.value, here.bound, here.hidden))
    displaced, unknown = np.fmax(ahead_noise, behind_noise), np.fmax(ahead_hidden, behind_hidden)
    forward, backward = (np.where(np.isfinite(v), v, np.nan) for v in (ahead_value, behind_value))
    size = np.where(lines != 0, np.abs(position.astype(np.float64))[:, None, :], 0.0).max(axis=-1).ravel()
    step = step.reshape(-1, STEPS)
    found = Ladder(step, size, center, forward, backward, ahead, behind, displaced, displaced, noise, noise)
    # Inside a custom gradient or a loop rounding may grow more than the bound knows; farther away it is another one.
    seen = _seen_rounding(found, hidden > 0)
    near = step <= np.where(size > 0, size, 1.0)[:, None]
    displaced, noise = np.fmax(displaced, np.where(near, seen[:, None], 0.0)), np.fmax(noise, seen)
    return dataclasses.replace(
        found, noise=displaced, slack=displaced + unknown, center_noise=noise, center_slack=noise + hidden
    )


def _where_allowed(
    evaluate: Callable[[np.ndarray], Rounded], position: np.ndarray, line: np.ndarray, step: np.ndarray
) -> Rounded:
    """Values at displaced points; NaN beyond the largest step of a line at which the function refuses nothing."""
    try:
        return evaluate(position)
    except FunctionCallError:
        allowed = np.zeros(len(position), dtype=bool)
        for one in np.unique(line):
            by_step = np.flatnonzero(line == one)
            by_step = by_step[np.argsort(step[by_step])]
            allowed[by_step[: _most_allowed(evaluate, position[by_step])]] = True
        found = Rounded(*(np.full(len(position), np.nan) for _ in range(3)))
        if allowed.any():
            some = evaluate(position[allowed])
            found.value[allowed], found.bound[allowed], found.hidden[allowed] = some.value, some.bound, some.hidden
        return found


def _most_allowed(evaluate: Callable[[np.ndarray], Rounded], position: np.ndarray) -> int:
    """How many positions, from the first on, a function takes that refuses some: by bisection."""
    least, most = 0, len(position)
    while least < most:
        middle = (least + most + 1) // 2
        try:
            evaluate(position[least:middle])
            least = middle
        except FunctionCallError:
            most = middle - 1
    return least


def _seen_rounding(ladder: Ladder, hidden: np.ndarray) -> np.ndarray:
    """Rounding as the values show it at the smallest steps, `[m]`; where some is hidden, at all that show nothing else.

    From step h to h/2 and h/4 to one side, f(h) - 3 f(h/2) + 2 f(h/4) is next to nothing for a smooth function, and
    at a kink or a jump at the very point too. Where it has one sign at all steps, it is no rounding: so at a pole, or
    where a logarithm begins. Where it grows from step to step, it is the function.
    """
    usable = np.isfinite(ladder.step)
    smallest = usable & (np.cumsum(usable[:, ::-1], axis=1)[:, ::-1] <= _SMALLEST)
    small = usable & (ladder.step <= _SMALL * np.maximum(1.0, ladder.size)[:, None])
    found = np.zeros(len(usable))
    for side in (ladder.forward, ladder.backward):
        with np.errstate(all="ignore"):
            rest = side[:, :-2] - 3.0 * side[:, 1:-1] + 2.0 * side[:, 2:]
        rest = np.where(smallest[:, :-2] & np.isfinite(rest), rest, 0.0)
        above, below = (rest > 0).sum(axis=1), (rest < 0).sum(axis=1)
        meant = (np.minimum(above, below) == 0) & (np.maximum(above, below) >= _ALL_ALIKE)
        known = np.minimum(np.abs(rest).max(axis=1), _KNOWN * ladder.center_noise)
        most = np.where(hidden, _before_growth(side, small), known)
        found = np.maximum(found, np.where(meant, 0.0, most))
    return found


def _before_growth(side: np.ndarray, small: np.ndarray) -> np.ndarray:
    """The largest rest `[m]` among small steps, from the smallest up to where rests begin to grow with the step.

    A jump beside the point makes two large rests, and no more: the largest ones are left out.
    """
    with np.errstate(all="ignore"):
        rest = np.abs(side[:, :-2] - 3.0 * side[:, 1:-1] + 2.0 * side[:, 2:])
    rest = np.where(small[:, :-2] & np.isfinite(rest), rest, 0.0)[:, ::-1]
    run = np.lib.stride_tricks.sliding_window_view(rest, _RUN, axis=1)
    grows = (np.diff(run, axis=-1) > 0).all(axis=-1) & (run[..., -1] >= _GROWN * run[..., 0])
    begins = np.where(grows.any(axis=1), grows.argmax(axis=1), rest.shape[1])
    return np.sort(np.where(np.arange(rest.shape[1]) <= begins[:, None], rest, 0.0), axis=1)[:, -1 - _OF_A_JUMP]


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
