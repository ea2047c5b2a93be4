"""Where a function has no slope: kinks, jumps, slopes that grow without bound, and the edges of its domain.

The two one-sided slopes of a smooth function come together as the step shrinks; at a kink their difference stays, at
a jump or a root it grows. This module must not know derivatives: it sees values at displaced points.

Source: Clarke (1983), Optimization and Nonsmooth Analysis, section 2.1.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.evidence.differences import one_sided_slopes
from tbgrad.calculus.evidence.ladders import Ladder

# Steps are compared in strides of so many halvings.
_STRIDE = 4
# A difference counts where it is so many times its rounding.
_SEEN = 32.0
# From one stride to the next a difference stays within these bounds at a kink.
_FALLING, _GROWING = 0.7, 1.1
_JUMP = 0.9
# A side of the point belongs to the domain if f is defined at so many of its smallest steps.
_NEAR = 3
# Relative to the coordinate, or 1: values that change within it tell where the domain ends.
_CLOSE = 1e-12
# One-sided slopes are one within so many times their errors, and known where these are this share of the bend.
_ERRORS, _KNOWN = 4.0, 0.1


class Shape(enum.IntEnum):
    """What a function looks like along a line through a point."""

    SMOOTH = 0
    KINK = 1
    JUMP = 2
    STEEP = 3
    AHEAD_ONLY = 4
    BEHIND_ONLY = 5
    ALONE = 6


BENT = (Shape.KINK, Shape.JUMP, Shape.STEEP)


@dataclass(frozen=True)
class Trend:
    """How a difference quotient goes as the step shrinks, `[m]` each.

    Attributes:
      shape: `KINK` where it stays, `JUMP` or `STEEP` where it grows as 1/step or slower, else `SMOOTH`.
      last: the quotient at the smallest step where rounding does not cover it, or NaN.
    """

    shape: np.ndarray
    last: np.ndarray


def shapes(ladder: Ladder, eps: float) -> Trend:
    """The `Shape` along each line of a ladder, `[m]`, and the last difference of its one-sided slopes."""
    ahead, behind = _defined(ladder, ladder.forward), _defined(ladder, ladder.backward)
    with np.errstate(all="ignore"):
        bend = ladder.one_sided(1) - ladder.one_sided(-1)
    bending = trend(ladder.with_center(), bend, 4.0)
    shape = bending.shape.copy()
    lines = np.flatnonzero(np.isin(shape, BENT))
    if len(lines):
        shape[lines[_straight(ladder.lines(lines), bending.last[lines], eps)]] = Shape.SMOOTH
    shape[ahead & ~behind] = Shape.AHEAD_ONLY
    shape[behind & ~ahead] = Shape.BEHIND_ONLY
    shape[~ahead & ~behind] = Shape.ALONE
    return Trend(shape, bending.last)


def _straight(ladder: Ladder, bend: np.ndarray, eps: float) -> np.ndarray:
    """Where an alleged bend is a staircase of rounding, `[m]`, as inside a custom gradient, where no bound knows it.

    There the slopes of both sides, from larger steps, are one and known much better than the bend; or the bend moves
    the value by no more than its last digits, and these slopes do not know better.
    """
    ahead, behind = (one_sided_slopes(ladder, sign) for sign in (1, -1))
    error = ahead.error + behind.error
    with np.errstate(all="ignore"):
        apart = np.abs(ahead.slope - behind.slope) > _ERRORS * error
        known = error < _KNOWN * np.abs(bend)
        last_digits = _ERRORS * eps * np.abs(ladder.center) / np.maximum(1.0, ladder.size)
    return ~apart & (known | (np.abs(bend) <= last_digits))


def _defined(ladder: Ladder, side: np.ndarray) -> np.ndarray:
    """Whether f is defined at the smallest steps to a side."""
    usable = np.isfinite(ladder.step)
    # Steps so small that no value changes tell nothing, as of asin(exp(x)) at 0.
    same = (ladder.forward == ladder.center[:, None]) & (ladder.backward == ladder.center[:, None])
    telling = usable & ~same
    close = (telling & (ladder.step <= _CLOSE * np.maximum(1.0, ladder.size)[:, None])).any(axis=1)
    usable = np.where(close[:, None], telling, usable)
    # The count of usable steps from the small end on.
    place = np.cumsum(usable[:, ::-1], axis=1)[:, ::-1]
    near = usable & (place <= _NEAR)
    return (near & np.isfinite(side)).sum(axis=1) == near.sum(axis=1)


def trend(ladder: Ladder, quantity: np.ndarray, values: float = 2.0) -> Trend:
    """The trend of difference quotients `[m, k]`, each made of so many values."""
    m, count = quantity.shape
    rows = np.arange(m)
    with np.errstate(all="ignore"):
        rounding = _SEEN * values * ladder.slack / ladder.step
        size = np.abs(quantity)
        seen = size > rounding
        seen[:, 2 * _STRIDE :] &= seen[:, _STRIDE:-_STRIDE] & seen[:, : -2 * _STRIDE]
        seen[:, : 2 * _STRIDE] = False
        spans = np.zeros_like(seen)
        spans[:, 2 * _STRIDE :] = ladder.step[:, : -2 * _STRIDE] == ladder.step[:, 2 * _STRIDE :] * 4.0**_STRIDE
        seen &= spans
        last = np.where(seen.any(axis=1), count - 1 - np.argmax(seen[:, ::-1], axis=1), 2 * _STRIDE)
        near, middle, far = (quantity[rows, last - i * _STRIDE] for i in range(3))
        # If it stayed, it would be seen at smaller steps too, unless rounding hides it there.
        gone = size + rounding < _FALLING * np.abs(near)[:, None]
        hidden = ~(gone & (np.arange(count) > last[:, None])).any(axis=1)
        ratio = near / middle
        fell, before = middle - near, far - middle
        # Aitken: a difference that falls like any power of the step has the limit zero.
        quotient = np.where(fell == 0, 0.0, np.clip(np.nan_to_num(fell / before), -0.9, 0.95))
        limit = near - fell * quotient / (1.0 - quotient)
        known = seen.any(axis=1) & hidden
        kink = known & (ratio > _FALLING) & (ratio <= _GROWING) & (np.abs(limit) > np.abs(near) / 2)
        growing = known & (ratio > _GROWING) & (middle / far > _GROWING)
        power = np.log2(np.where(growing, ratio, 1.0)) / _STRIDE
    shape = np.select([kink, growing & (power > _JUMP), growing], [Shape.KINK, Shape.JUMP, Shape.STEEP], Shape.SMOOTH)
    return Trend(shape, np.where(seen.any(axis=1), near, np.nan))
