"""Slopes from values alone: central and one-sided differences over a ladder of step sizes, extrapolated to step zero.

A slope comes with its uncertainty, from truncation and rounding, and holds only if the differences at all smaller
steps bear it out within rounding: so a kink beside the point, or a wave finer than the step, is not taken for a slope.
This module must not know derivatives: it sees values at displaced points.

Source: Ridders (1982), Advances in Engineering Software 4(2), 75-76; Press et al. (2007), Numerical Recipes, 5.7;
Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.rounding import Rounded

# The ladder: from 2^20 times the coordinate (or 1) down to 2^-60 of it, and beside small coordinates to the last digit.
_HIGHEST, _COARSE, _FINE = 20, 81, 74
STEPS = _COARSE + _FINE
_ORDERS = 5
# Displaced coordinates evaluated at a time.
_BLOCK = 2**21
# Extrapolation is not trusted to remove more than this share of a difference's error.
_GAIN = 1e-6
# Rounding is believed to be at most so many times its first-order bound.
_SLACK = 4.0
_SURE = 10.0
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


@dataclass(frozen=True)
class Slopes:
    """Extrapolated slopes, `[m]` each.

    Attributes:
      slope: NaN where there is none.
      error: its uncertainty, from truncation and rounding.
      index: of its step in the ladder; -1 where there is none.
      rounding: of the values at that step, as it was reckoned with.
    """

    slope: np.ndarray
    error: np.ndarray
    index: np.ndarray
    rounding: np.ndarray


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


def central_slopes(ladder: Ladder) -> Slopes:
    """Slopes by central differences."""
    return _limits(ladder, ladder.central(), 4)


def one_sided_slopes(ladder: Ladder, sign: int) -> Slopes:
    """Slopes by forward (1) or backward (-1) differences."""
    return _limits(ladder, ladder.one_sided(sign), 2)


def _limits(ladder: Ladder, difference: np.ndarray, base: int) -> Slopes:
    """The limits of differences; rounding that is feared, but not known, counts only where no slope stands without.

    Such rounding makes a staircase, which is flat at the smallest steps: a slope that is not flat there disproves it.
    """
    cautious = _extrapolated(ladder, difference, base)
    feared = np.flatnonzero((ladder.slack > 2.0 * ladder.noise).any(axis=1))
    if not len(feared):
        return cautious
    bold = _extrapolated(dataclasses.replace(ladder, slack=ladder.noise).lines(feared), difference[feared], base)
    sure = np.abs(bold.slope) > _SURE * bold.error
    for field in dataclasses.fields(Slopes):
        getattr(cautious, field.name)[feared[sure]] = getattr(bold, field.name)[sure]
    return cautious


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


def _extrapolated(ladder: Ladder, difference: np.ndarray, base: int) -> Slopes:
    """The limit of differences `[m, k]` at step zero: the entry of Richardson's tableau of least error that holds.

    The base is 4 where halving the step divides the error by 4 (central), 2 where it halves it (one-sided).
    """
    used = np.isfinite(ladder.step).any(axis=0)
    difference, step, slack = difference[:, used], ladder.step[:, used], ladder.slack[:, used]
    with np.errstate(all="ignore"):
        limits, errors = _tableau(step, difference, ladder.noise[:, used] / step, base)
        best = [np.full(len(step), np.nan), np.full(len(step), np.inf), np.full(len(step), -1)]
        for k in range(step.shape[1]):
            limit, error = limits[:, :, k], errors[:, :, k]
            tail, h = difference[:, None, k + 1 :], step[:, None, k + 1 :]
            # Towards smaller steps truncation falls at least as fast as its leading term; what is left is rounding.
            shrunk = (h / step[:, None, k, None]) ** (base // 2)
            truncation = 2.0 * np.abs(difference[:, None, k, None] - limit[..., None]) * shrunk
            excess = (np.abs(tail - limit[..., None]) - truncation - error[..., None]) * h
            held = (np.nan_to_num(excess, nan=0.0) <= _SLACK * np.nan_to_num(slack[:, None, k + 1 :])).all(-1)
            seen = np.nan_to_num(excess, nan=0.0).max(axis=-1, initial=0.0) / step[:, None, k]
            error = np.where(held & np.isfinite(limit), error + seen, np.inf)
            which = np.nanargmin(np.where(np.isnan(error), np.inf, error), axis=1)
            rows = np.arange(len(step))
            better = error[rows, which] < best[1]
            for kept, new in zip(best, (limit[rows, which], error[rows, which], k), strict=True):
                kept[better] = new if np.isscalar(new) else new[better]
    slope, error, index = best
    index = np.where(index >= 0, np.flatnonzero(used)[index], -1)
    return Slopes(slope, np.where(index >= 0, error, np.nan), index, ladder.slack[np.arange(len(index)), index])


def _tableau(step: np.ndarray, difference: np.ndarray, noise: np.ndarray, base: int) -> tuple[np.ndarray, np.ndarray]:
    """Richardson's tableau `[m, orders, k]` and the error that each entry claims."""
    doubled = np.full_like(step, np.nan)
    doubled[:, 1:] = np.where(step[:, :-1] == 2.0 * step[:, 1:], difference[:, :-1], np.nan)
    change = np.abs(difference - doubled)
    # Two differences that happen to be alike are no limit while the ones before still differed.
    earlier = np.zeros_like(step)
    earlier[:, 1:] = np.nan_to_num(change[:, :-1])
    limits, errors = [difference], [np.maximum(change, earlier / 2) + noise]
    before, rounding = difference, noise
    for order in range(1, _ORDERS):
        gain = float(base**order)
        last, last_rounding = (np.full_like(step, np.nan) for _ in range(2))
        last[:, 1:], last_rounding[:, 1:] = before[:, :-1], rounding[:, :-1]
        if order == 1:
            last = doubled
        limit = before + (before - last) / (gain - 1.0)
        rounding = (gain * rounding + last_rounding) / (gain - 1.0)
        truncation = np.maximum(np.abs(limit - before), np.abs(limit - last))
        if order == 1:
            truncation = np.maximum(truncation, earlier / 4)
        limits.append(limit)
        errors.append(truncation + rounding + _GAIN * np.abs(difference - limit))
        before = limit
    return np.stack(limits, axis=1), np.stack(errors, axis=1)
