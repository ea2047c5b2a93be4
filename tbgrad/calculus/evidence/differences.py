"""Slopes from values alone: central and one-sided differences over a ladder of step sizes, extrapolated to step zero.

A slope comes with its uncertainty, from truncation and rounding, and holds only if the differences at all smaller
steps bear it out within rounding: so a kink beside the point, or a wave finer than the step, is not taken for a slope.
This module must not know how f is differentiated: it sees values on a ladder.

Source: Ridders (1982), Advances in Engineering Software 4(2), 75-76; Press et al. (2007), Numerical Recipes, 5.7;
Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.evidence.ladders import Ladder

_ORDERS = 5
# Extrapolation is not trusted to remove more than this share of a difference's error.
_GAIN = 1e-6
# Rounding is believed to be at most so many times its first-order bound.
_SLACK = 4.0
_SURE = 10.0


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


def central_slopes(ladder: Ladder) -> Slopes:
    """Slopes by central differences."""
    return _limits(ladder, ladder.central(), 4)


def one_sided_slopes(ladder: Ladder, sign: int) -> Slopes:
    """Slopes by forward (1) or backward (-1) differences."""
    return _limits(ladder.with_center(), ladder.one_sided(sign), 2)


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


def _extrapolated(ladder: Ladder, difference: np.ndarray, base: int) -> Slopes:
    """The limit of differences `[m, k]` at step zero: the entry of Richardson's tableau of least error that holds.

    The base is 4 where halving the step divides the error by 4 (central), 2 where it halves it (one-sided).
    """
    used = np.isfinite(ladder.step).any(axis=0)
    if not used.any():
        nothing = np.full(len(ladder.step), np.nan)
        return Slopes(nothing, nothing, np.full(len(ladder.step), -1), nothing)
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
