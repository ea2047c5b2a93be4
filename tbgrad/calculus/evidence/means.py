"""Whether a gradient that is suspect at a point gives, in the mean over every step, the differences of the values.

By the fundamental theorem of calculus the mean of f' from x - h to x + h is (f(x + h) - f(x - h)) / 2h. Rounding hides
from the differences what is narrower than some step, and not what the gradient claims there.

Source: Davis & Rabinowitz (1984), Methods of Numerical Integration, section 2.7 (Gauss rules).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tbgrad.calculus.derivatives import value_and_gradient
from tbgrad.calculus.evidence.differences import Slopes
from tbgrad.calculus.evidence.judging import suspect
from tbgrad.calculus.evidence.ladders import Ladder
from tbgrad.errors import FunctionCallError
from tbgrad.functions.function import Function

# In units of the last digit.
_NEIGHBOURS = (-2.0, -1.0, 1.0, 2.0)
_RULES = tuple(np.polynomial.legendre.leggauss(points) for points in (7, 12, 17))
# A mean is off by at most so many times what the rules differ by, or this share of what the gradient spans.
_SURE, _SHARE = 4.0, 1e-4
_UNSEEN = 0.02
_ROUNDING = 8.0
_RELATIVE = 1e-7


def explained_by_means(
    f: Function,
    position: np.ndarray,
    gradient: np.ndarray,
    ladder: Ladder,
    slopes: Slopes,
    wobble: np.ndarray,
    bend: np.ndarray,
) -> np.ndarray:
    """Where a gradient is suspect, or f seems bent: whether the gradient may be right all the same, bool `[n, d]`.

    A wave, a kink beside the point or another feature below the value's rounding is explained; a wrong gradient is
    not, nor is one that is wrong at this very point, where its nearest neighbours have another.

    Args:
      f: the `Function`.
      position: `[n, d]`.
      gradient: there, float64 `[n, d]`.
      ladder: of the n d lines through the points along the coordinates.
      slopes: by central differences, of these lines.
      wobble: how much rounding moves the gradient, `[n, d]`.
      bend: how far the slopes of both sides seem apart, `[n, d]`; NaN where they do not.
    """
    claimed, bent = gradient.ravel(), np.isfinite(bend.ravel())
    doubtful = suspect(claimed, slopes.slope, slopes.error, wobble.ravel()) | bent
    lines = np.flatnonzero(doubtful & np.isfinite(claimed))
    size = np.where(bent, np.abs(bend.ravel()), np.abs(claimed - slopes.slope))[lines]
    here = position.ravel()[lines]
    # Beside 0 they are normal numbers: smaller ones TensorFlow may take for 0.
    digit = np.maximum(np.spacing(np.abs(here)), np.finfo(here.dtype).tiny)
    beside = here[:, None] + digit[:, None] * np.array(_NEIGHBOURS, here.dtype)
    alike = np.abs(_partials(f, position, lines, beside) - claimed[lines, None]) < size[:, None] / 4
    likely = np.where(bent[lines], alike.all(axis=1), alike.any(axis=1))
    found = np.zeros(len(claimed), dtype=bool)
    for line, place in zip(lines[likely], here[likely], strict=True):
        which = np.array([line])

        def partial(places: np.ndarray, which: np.ndarray = which) -> np.ndarray:
            return _partials(f, position, which, places[None])[0]

        own, moved = float(claimed[line]), float(wobble.ravel()[line])
        found[line] = _mean_is_difference(ladder.lines(which), float(place), own, partial, moved)
    return found.reshape(gradient.shape)


def _partials(f: Function, position: np.ndarray, lines: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The partial derivatives along lines `[m]` of the points, where their coordinate is one of `[m, k]`."""
    points, variables = np.divmod(np.repeat(lines, places.shape[1]), f.dimensions)
    position, rows = position[points], np.arange(places.size)
    position[rows, variables] = places.ravel()
    try:
        gradient = value_and_gradient(f, position.dtype.name)(position)[1]
    except FunctionCallError:
        # The function refuses one of these places.
        return np.full(places.shape, np.nan)
    return np.asarray(gradient, np.float64)[rows, variables].reshape(places.shape)


def _mean_is_difference(
    ladder: Ladder, here: float, own: float, partial: Callable[[np.ndarray], np.ndarray], wobble: float
) -> bool:
    """Holds the means of a partial derivative against differences at all steps of one line: central and one-sided."""
    one_sided = ladder.with_center()
    intervals = [(ladder, ladder.central(), -1.0, 1.0)]
    intervals += [(one_sided, one_sided.one_sided(1), 0.0, 1.0), (one_sided, one_sided.one_sided(-1), -1.0, 0.0)]
    for values, difference, begin, end in intervals:
        known = np.flatnonzero(np.isfinite(ladder.step[0]) & np.isfinite(difference[0]))
        step, slack = ladder.step[0, known], values.slack[0, known]
        with np.errstate(all="ignore"):
            mean, doubt, nearest = _means(here, step, begin, end, partial)
            # Each difference is of two values, over a step or two.
            # What happens between the point and the nearest node no rule sees.
            room = doubt + _UNSEEN * np.abs(nearest - own) + _ROUNDING * (slack / step + wobble)
            room += _RELATIVE * np.maximum(np.abs(mean), np.abs(difference[0, known]))
            off = np.abs(mean - difference[0, known]) > room
        # At one step alone the rules may be alike by chance, in a wave that they do not resolve.
        if (off[1:] & off[:-1]).any():
            return False
    return True


def _means(
    here: float, step: np.ndarray, begin: float, end: float, partial: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean of a partial derivative from `begin` to `end` steps beside a coordinate, its doubt, the nearest one."""
    nodes = np.concatenate([nodes for nodes, _ in _RULES])
    shares = begin + (end - begin) * (nodes + 1.0) / 2.0
    places = here + step[:, None] * shares
    claims = partial(places.ravel()).reshape(places.shape)
    ends = np.cumsum([len(nodes) for nodes, _ in _RULES])[:-1]
    parts = np.split(claims, ends, axis=1)
    means = np.stack([part @ weights / 2.0 for part, (_, weights) in zip(parts, _RULES, strict=True)])
    doubt = _SURE * np.ptp(means, axis=0) + _SHARE * np.ptp(claims, axis=1)
    return means[-1], doubt, claims[:, np.abs(shares).argmin()]
