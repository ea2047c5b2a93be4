"""Derivatives to colours: lengths of gradients from zero upward, and derivatives with a sign around zero."""

from __future__ import annotations

import numpy as np

from tbgrad.figures.canvas import drawable
from tbgrad.figures.scales import ValueScale, height_levels, round_levels
from tbgrad.figures.style import MAGNITUDE_MAP, SIGNED_MAP

# Half of the lengths lie below this share of the largest: a linear scale would show them as one.
_CROWDED = 0.15
# Lengths so many times that which nearly all are below are beside a pole, if most are not as many times smaller.
_NEARLY_ALL, _FAR = 0.99, 1e4
_DECADES, _MOST, _MOST_SIDE, _TOLD_SIDE = 6, 18, 9, 4


def magnitude_scale(length: np.ndarray, quantity: str) -> ValueScale:
    """The scale that shows lengths: linear, or logarithmic where most are small.

    Args:
      length: any shape, none below 0; what is not finite has no colour.
      quantity: for the colour bar, with its unit.
    """
    kind, levels, is_open = _chosen(length, _MOST)
    return ValueScale(kind, levels, quantity=quantity, colour_map=MAGNITUDE_MAP, is_open=(False, is_open))


def signed_scale(derivative: np.ndarray, quantity: str) -> ValueScale:
    """The scale that shows derivatives with a sign: the same on both sides, white around zero; arguments as above."""
    kind, levels, is_open = _chosen(np.abs(derivative), _MOST_SIDE)
    side = levels[levels > 0][-_MOST_SIDE:]
    # Beside the zero there is no room for the first.
    told = side[: 0 : -_every(len(side))] if len(side) > 1 else side
    return ValueScale(
        kind,
        np.concatenate([-side[::-1], side]),
        told=np.concatenate([-told, [0.0], told[::-1]]),
        quantity=quantity,
        colour_map=SIGNED_MAP,
        is_open=(is_open, is_open),
    )


def _every(levels: int) -> int:
    """Of so many levels on a side, every which one the bar names."""
    return -(-levels // _TOLD_SIDE)


def _chosen(length: np.ndarray, most: int) -> tuple[str, np.ndarray, bool]:
    """Kind, levels from 0 upward, and whether there are lengths above the last."""
    finite = drawable(length)[np.isfinite(drawable(length))]
    if not finite.size or not finite.max() > 0:
        return "linear", np.array([0.0, 0.5, 1.0]), False
    middle, nearly_all, top = np.quantile(finite, [0.5, _NEARLY_ALL, 1.0])
    is_open = bool(top > _FAR * nearly_all and middle > nearly_all / _FAR)
    top = nearly_all if is_open else top
    if middle <= _CROWDED * top:
        levels = height_levels(finite[finite > top / 10**_DECADES].clip(max=top))
        if len(levels) > 2:
            return "logarithmic", levels, is_open
    return "linear", round_levels(0.0, float(top), most), is_open
