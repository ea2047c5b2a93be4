"""Whether a gradient that is suspect at a point gives, in the mean over every step, the differences of the values.

By the fundamental theorem of calculus the mean of f' from x - h to x + h is (f(x + h) - f(x - h)) / 2h. Rounding hides
from the differences what is narrower than some step, and not what the gradient claims there.

Source: Davis & Rabinowitz (1984), Methods of Numerical Integration, section 2.7 (Gauss rules).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tbgrad.calculus.evidence.ladders import Ladder

_RULES = tuple(np.polynomial.legendre.leggauss(points) for points in (7, 12, 17))
# A mean is off by at most so many times what the rules differ by, or this share of what the gradient spans.
_SURE, _SHARE = 4.0, 1e-4
_ROUNDING = 8.0
_RELATIVE = 1e-7


def mean_is_difference(ladder: Ladder, here: float, partial: Callable[[np.ndarray], np.ndarray], wobble: float) -> bool:
    """Holds the means of a partial derivative against central differences at all steps.

    Args:
      ladder: of one line along a coordinate.
      here: the point's coordinate.
      partial: coordinates `[k]` to the partial derivative there, float64 `[k]`.
      wobble: how much rounding moves it at the point.
    """
    (step,), (difference,), (slack,) = ladder.step, ladder.central(), ladder.slack
    known = np.flatnonzero(np.isfinite(step) & np.isfinite(difference))
    nodes = np.concatenate([nodes for nodes, _ in _RULES])
    with np.errstate(all="ignore"):
        places = here + step[known, None] * nodes
        claims = partial(places.ravel()).reshape(places.shape)
        ends = np.cumsum([len(nodes) for nodes, _ in _RULES])[:-1]
        parts = np.split(claims, ends, axis=1)
        means = np.stack([part @ weights / 2.0 for part, (_, weights) in zip(parts, _RULES, strict=True)])
        mean, spread = means[-1], np.ptp(means, axis=0)
        room = _SURE * spread + _SHARE * np.ptp(claims, axis=1) + _ROUNDING * (slack[known] / step[known] + wobble)
        room += _RELATIVE * np.maximum(np.abs(mean), np.abs(difference[known]))
        off = np.abs(mean - difference[known]) > room
    # At one step alone the rules may be alike by chance, in a wave that they do not resolve.
    return not (off[1:] & off[:-1]).any()
