"""What became of each start: its status, and the kind of point where it converged.

The statuses are tested at the last row, in the order of `Status`; the first that holds is the verdict.
"""

from __future__ import annotations

import numpy as np

from tbgrad.calculus.hessians import hessian
from tbgrad.descent.watching import Way
from tbgrad.functions.function import Function
from tbgrad.results import POINTS, STATUSES, Status, Verdicts

GROWN_BEYOND = 1e12
# A start that leaves the floats has grown if it was at least so many times its beginning before.
GROWING = 1e3
# In the last part of the steps, a net drop of this share of all changes is no progress.
LITTLE_PROGRESS = 0.01
ZERO_EIGENVALUE = 1e-6
_EIGENVALUES_SHOWN = 6
# Beyond these the kind of point is left undecided: entries of a Hessian, and what all their eigenvalues take.
MOST_ENTRIES, MOST_WORK = 2**25, 2 * 10**11
# Hessians of so many numbers are held at once.
_NUMBERS_AT_ONCE = 2**24


def judge(
    f: Function,
    rate: np.ndarray | float | None,
    way: Way,
    *,
    rule: str = "",
    noisy: bool = False,
    kinds: bool = True,
) -> Verdicts:
    """Judges every start of a descent.

    Args:
      f: the `Function`, for the Hessian where a start converged.
      rate: the learning rate, or that of each start, for the cure; or None.
      way: what happened on the way of each start.
      rule: the stopping rule in words.
      noisy: whether noise was added to the gradient.
      kinds: whether the kind of point is asked for; if not, all that converged are undecided.

    Returns:
      One verdict for each start.
    """
    statuses, steepest = _statuses(way)
    converged = np.flatnonzero(statuses == STATUSES.index(Status.CONVERGED))
    points = np.full(len(statuses), -1, np.int8)
    eigenvalues = np.full((len(statuses), min(_EIGENVALUES_SHOWN, f.dimensions)), np.nan)
    points[converged] = POINTS.index("undecided")
    if kinds and len(converged):
        points[converged], eigenvalues[converged] = kinds_of_points(f, way.position[converged])
    return Verdicts(
        codes=statuses,
        points=points,
        eigenvalues=eigenvalues,
        rate=rate,
        steps_made=way.steps_made,
        stopped=way.stopped,
        rule=rule,
        noisy=noisy,
        last_steps=way.last_steps,
        last_drop=way.last_drop,
        start_value=way.start_value,
        value=way.value,
        steepest=steepest,
        holes=way.holes,
        first_lost=way.first_lost,
        lost_at=way.lost_at,
        lowest=way.lowest,
    )


def kinds_of_points(f: Function, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each stationary point `[n, d]`, as an index of `POINTS`, and the Hessian's smallest eigenvalues.

    Source: Nocedal & Wright (2006), Numerical Optimization, theorems 2.3 and 2.4.
    """
    n, d = position.shape
    kinds, smallest = np.empty(n, np.int8), np.full((n, min(_EIGENVALUES_SHOWN, d)), np.nan)
    if d**2 > MOST_ENTRIES or n * d**3 > MOST_WORK:
        return np.full(n, POINTS.index("undecided"), np.int8), smallest
    at_once = max(1, _NUMBERS_AT_ONCE // d**2)
    for first in range(0, n, at_once):
        part = slice(first, first + at_once)
        matrices = hessian(f, position[part]).astype(np.float64)
        finite = np.isfinite(matrices).all(axis=(1, 2))
        eigenvalues = _eigenvalues(np.where(finite[:, None, None], matrices, 0))
        size = np.abs(eigenvalues)
        largest = size.max(axis=-1)
        flat = ~finite | (largest == 0) | (size < ZERO_EIGENVALUE * largest[:, None]).any(axis=-1)
        up, down = (eigenvalues > 0).all(axis=-1), (eigenvalues < 0).all(axis=-1)
        names = np.select(
            [flat, up, down], [POINTS.index(p) for p in ("undecided", "minimum", "maximum")], POINTS.index("saddle")
        )
        kinds[part] = names
        smallest[part][finite] = eigenvalues[finite, :_EIGENVALUES_SHOWN]
    return kinds, smallest


def _eigenvalues(matrices: np.ndarray) -> np.ndarray:
    """`[n, d]`, ascending; of two variables by the formula, a hundred times as fast for many matrices."""
    if matrices.shape[-1] != 2:
        return np.linalg.eigvalsh(matrices)
    a, b, c = matrices[:, 0, 0], matrices[:, 1, 0], matrices[:, 1, 1]
    middle, half = a / 2 + c / 2, np.hypot(a / 2 - c / 2, b)
    larger = middle + np.where(middle < 0, -half, half)
    # The eigenvalue that is nearer to zero would lose its digits in a difference; the determinant keeps them.
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller = np.where(larger == 0, 0, a * (c / larger) - b * (b / larger))
    return np.sort(np.stack([larger, smaller], axis=-1), axis=-1)


def _statuses(way: Way) -> tuple[np.ndarray, np.ndarray]:
    """The status of each start, as an index of `STATUSES`, and the largest partial derivative in the last row."""
    with np.errstate(over="ignore", invalid="ignore"):
        steepest = np.abs(way.gradient).max(axis=-1)
        finite = np.isfinite(way.value) & np.isfinite(way.position).all(axis=-1) & np.isfinite(steepest)
        # What was never a number did not grow.
        grown = np.where(finite, way.growth > GROWN_BEYOND, (way.growth >= GROWING) & way.began)
        tests = {
            Status.DIVERGED: grown,
            Status.NOT_FINITE: ~finite,
            Status.CONVERGED: way.converged,
            # A start that was stopped where it stood did neither.
            Status.STALLED: ~way.moved & (way.steps_made > 0),
            Status.OSCILLATING: (way.last_drop <= LITTLE_PROGRESS * way.last_changes) & (way.steps_made > 0),
        }
    codes = [STATUSES.index(status) for status in tests]
    return np.select(list(tests.values()), codes, STATUSES.index(Status.STEPS_USED)).astype(np.int8), steepest
