"""What became of each start: its status, the kind of point, and a sentence of cause and cure.

The statuses are tested at the last row, in the order of `Status`; the first that holds is the verdict.
"""

from __future__ import annotations

import numpy as np

from tbgrad.calculus.derivatives import hessian
from tbgrad.functions.function import Function
from tbgrad.results import Status, Verdict

GROWN_BEYOND = 1e12
# A start that leaves the floats has grown if it was at least so many times its beginning before.
GROWING = 1e3
SMALL_GRADIENT = {"float64": 1e-6, "float32": 1e-4}
# Over this part of the steps, a net drop of this share of all changes is no progress.
LAST_PART = 5
LITTLE_PROGRESS = 0.01
ZERO_EIGENVALUE = 1e-6


def judge(
    f: Function, rate: float | None, position: np.ndarray, value: np.ndarray, gradient: np.ndarray
) -> tuple[Verdict, ...]:
    """Judges every start of a descent.

    Args:
      f: the `Function`, for the Hessian where a start converged.
      rate: the learning rate, for the cure, or None.
      position: `[steps + 1, starts, d]`.
      value: `[steps + 1, starts]`.
      gradient: `[steps + 1, starts, d]`.

    Returns:
      One `Verdict` for each start.
    """
    starts = range(value.shape[1])
    paths = [_Path(position[:, k], value[:, k], gradient[:, k]) for k in starts]
    statuses = [_status(path) for path in paths]
    converged = [k for k in starts if statuses[k] is Status.CONVERGED]
    points: dict[int, tuple[str, str]] = {}
    if converged:
        points = dict(zip(converged, map(_kind, hessian(f, position[-1, converged])), strict=True))
    return tuple(
        Verdict(status, points.get(k, (None,))[0], _sentence(status, paths[k], rate, points.get(k)))
        for k, status in enumerate(statuses)
    )


class _Path:
    """The path of one start: position `[steps + 1, d]`, value `[steps + 1]`, gradient `[steps + 1, d]`."""

    def __init__(self, position: np.ndarray, value: np.ndarray, gradient: np.ndarray):
        self.position, self.value, self.gradient = position, value, gradient
        self.steps = len(value) - 1
        self.finite = bool(
            np.isfinite(value[-1]) and np.isfinite(position[-1]).all() and np.isfinite(gradient[-1]).all()
        )

    def growth(self, rows: slice) -> np.ndarray:
        """How many times its beginning value or position has become in these rows; NaN where either is."""
        size = np.abs(self.position[rows]).max(axis=-1)
        beginnings = abs(self.value[0]), np.abs(self.position[0]).max()
        scale = [max(1.0, float(np.nan_to_num(beginning, posinf=1.0))) for beginning in beginnings]
        return np.maximum(np.abs(self.value[rows]) / scale[0], size / scale[1])

    def steepest(self, t: int) -> float:
        """The largest partial derivative of row t."""
        return float(np.abs(self.gradient[t]).max())

    def first_not_finite(self) -> int:
        """The first row whose value, position or gradient is not finite."""
        finite = np.isfinite(self.value) & np.isfinite(self.position).all(-1) & np.isfinite(self.gradient).all(-1)
        return int(np.argmin(finite))


def _status(path: _Path) -> Status:
    if not path.finite:
        growth = path.growth(slice(path.first_not_finite() + 1))
        grown = growth[~np.isnan(growth)]
        return Status.DIVERGED if grown.size and grown.max() >= GROWING and len(growth) > 1 else Status.NOT_FINITE
    if path.growth(slice(-1, None))[0] > GROWN_BEYOND:
        return Status.DIVERGED
    beginning = path.steepest(0) if np.isfinite(path.steepest(0)) else 1.0
    if path.steepest(-1) <= SMALL_GRADIENT[path.value.dtype.name] * max(1.0, beginning):
        return Status.CONVERGED
    last_part = slice(-1 - max(1, path.steps // LAST_PART), None)
    if (path.position[last_part] == path.position[-1]).all():
        return Status.STALLED
    last = path.value[last_part]
    last = last[np.isfinite(last)]
    if last[0] - last[-1] <= LITTLE_PROGRESS * np.abs(np.diff(last)).sum():
        return Status.OSCILLATING
    return Status.STEPS_USED


def _kind(matrix: np.ndarray) -> tuple[str, str]:
    """The kind of stationary point and the eigenvalues, from the Hessian there."""
    if not np.isfinite(matrix).all():
        return "undecided", "the Hessian is not finite"
    eigenvalues = np.linalg.eigvalsh(matrix.astype(np.float64))
    largest = np.abs(eigenvalues).max()
    text = "eigenvalues of the Hessian " + ", ".join(f"{e:.3g}" for e in eigenvalues[:6])
    if largest == 0 or (np.abs(eigenvalues) < ZERO_EIGENVALUE * largest).any():
        return "undecided", text
    if (eigenvalues > 0).all():
        return "minimum", text
    return ("maximum" if (eigenvalues < 0).all() else "saddle"), text


def _sentence(status: Status, path: _Path, rate: float | None, point: tuple[str, str] | None) -> str:
    holes = int((~np.isfinite(path.value)).sum())
    passed = f" On its way it passed {holes} points where the function is undefined." if path.finite and holes else ""
    return _cause_and_cure(status, path, rate, point) + passed


def _cause_and_cure(status: Status, path: _Path, rate: float | None, point: tuple[str, str] | None) -> str:
    steepest = path.steepest(-1)
    last = max(1, path.steps // LAST_PART)
    if status is Status.DIVERGED:
        if path.finite:
            when = f"after {path.steps} steps the value is {path.value[-1]:.3g}"
        else:
            when = f"from step {path.first_not_finite()} on it is beyond the floats"
        lowest = path.value[np.isfinite(path.value)].min(initial=0.0)
        if lowest <= -GROWING * max(1.0, abs(path.value[0])):
            return f"Diverged: {when}. The value fell to {lowest:.3g}: the function seems unbounded below here."
        smaller = f", such as {rate / 10:.1g}" if rate else ""
        return f"Diverged: {when}. The steps are too long for the curvature here; try a learning rate a tenth{smaller}."
    if status is Status.NOT_FINITE:
        first = path.first_not_finite()
        where = ", ".join(f"{x:.6g}" for x in path.position[first])
        cure = "choose another start" if first == 0 else "try a smaller learning rate or another start"
        return f"Not finite: at step {first}, at ({where}), the function or its gradient is undefined; {cure}."
    if status is Status.CONVERGED:
        flat = "a point that is flat in some direction, as a ring or a valley is, so that its kind is undecided"
        kind = flat if point[0] == "undecided" else f"a {point[0]}"
        return f"Converged to {kind} ({point[1]}); the largest partial derivative is {steepest:.1e}."
    if status is Status.STALLED:
        return (
            f"Stalled: the updates are lost in rounding while the largest partial derivative is still {steepest:.1e}; "
            "try a larger learning rate, or float64."
        )
    if status is Status.OSCILLATING:
        return (
            f"Oscillating: over the last {last} steps the value goes up and down but not lower, at a largest partial "
            f"derivative of {steepest:.1e}; a constant rate that is too large to settle, or a kink. Try a smaller rate."
        )
    drop = path.value[-1 - last] - path.value[-1]
    return (
        f"Still going down after {path.steps} steps (by {drop:.2g} over the last {last}), with a largest partial "
        f"derivative of {steepest:.1e}; try more steps, or a larger learning rate."
    )
