"""What is said of each start of a descent: its status, the kind of point, and a sentence of cause and cure.

A million starts are arrays; the words for one of them are found when somebody asks.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

# A value that falls so many times its beginning below it seems to have no bottom.
FALLEN = 1e3


class Status(enum.StrEnum):
    """What became of a start; the first that holds, tested at the last recorded row."""

    DIVERGED = "diverged"
    NOT_FINITE = "not_finite"
    CONVERGED = "converged"
    STALLED = "stalled"
    OSCILLATING = "oscillating"
    STEPS_USED = "steps_used"

    @property
    def words(self) -> str:
        """For sentences."""
        return self.value.replace("_", " ")


STATUSES = tuple(Status)
FAILED = (Status.DIVERGED, Status.NOT_FINITE)
POINTS = ("minimum", "saddle", "maximum", "undecided")


@dataclass(frozen=True)
class Verdict:
    """What is said of one start: its status, the kind of point where it converged, and cause and cure in a sentence."""

    status: Status
    point: str | None
    sentence: str


@dataclass(frozen=True, eq=False)
class Verdicts(Sequence):
    """The verdicts on all starts; arrays `[starts]`.

    Attributes:
      codes: int8, the status as an index of `STATUSES`.
      points: int8, the kind of point as an index of `POINTS`, or -1 where the start did not converge.
      eigenvalues: `[starts, up to 6]`, of the Hessian where it converged, ascending; NaN elsewhere and behind the last.
      rate: float, `[starts]` or None: the learning rate, for the cure.
      steps_made: updates before it stopped.
      stopped: bool, whether a stopping rule ended it.
      rule: the stopping rule in words, or empty.
      noisy: whether noise was added to the gradient.
      last_steps, last_drop: the last part, and by how much the value fell in it.
      start_value, value: in the first and the last row.
      steepest: the largest partial derivative in the last row.
      holes: rows whose value is not finite.
      first_lost: the first step that is not finite, or -1.
      lost_at: `[starts, d]`, the position there.
      lowest: the lowest value on the way, where it left the floats.
    """

    codes: np.ndarray
    points: np.ndarray
    eigenvalues: np.ndarray
    rate: np.ndarray | float | None
    steps_made: np.ndarray
    stopped: np.ndarray
    rule: str
    noisy: bool
    last_steps: np.ndarray
    last_drop: np.ndarray
    start_value: np.ndarray
    value: np.ndarray
    steepest: np.ndarray
    holes: np.ndarray
    first_lost: np.ndarray
    lost_at: np.ndarray
    lowest: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, k: int) -> Verdict: ...

    @overload
    def __getitem__(self, k: slice) -> tuple[Verdict, ...]: ...

    def __getitem__(self, k):
        if isinstance(k, slice):
            return tuple(self[i] for i in range(*k.indices(len(self))))
        status = STATUSES[self.codes[k]]
        point = POINTS[self.points[k]] if self.points[k] >= 0 else None
        k = range(len(self))[k]
        lost_on_the_way = status is not Status.NOT_FINITE and np.isfinite(self.value[k]) and self.holes[k]
        points = f"{self.holes[k]} point{'s' * bool(self.holes[k] > 1)}"
        passed = f" On its way it passed {points} where the function is undefined."
        return Verdict(status, point, self._sentence(k, status, point) + (passed if lost_on_the_way else ""))

    def __iter__(self) -> Iterator[Verdict]:
        return (self[k] for k in range(len(self)))

    @property
    def status(self) -> tuple[Status, ...]:
        """The status of each start."""
        return tuple(STATUSES[code] for code in self.codes.tolist())

    def counts(self) -> dict[Status, int]:
        """How many starts have each status, the most frequent first."""
        counts = np.bincount(self.codes, minlength=len(STATUSES))
        return {STATUSES[i]: int(counts[i]) for i in np.argsort(-counts, kind="stable") if counts[i]}

    def has(self, *statuses: Status) -> bool:
        """Whether any start has one of these."""
        return bool(np.isin(self.codes, [STATUSES.index(status) for status in statuses]).any())

    def _sentence(self, k: int, status: Status, point: str | None) -> str:
        steepest, made = self.steepest[k], self.steps_made[k]
        stopped = f" It stopped after {made} steps." if self.stopped[k] else ""
        if self.stopped[k] and not made and status is Status.STEPS_USED:
            return f"Stopped at the start by the rule '{self.rule}'; its largest partial derivative is {steepest:.1e}."
        if status is Status.DIVERGED:
            return self._diverged(k)
        if status is Status.NOT_FINITE:
            first, where = self.first_lost[k], ", ".join(f"{x:.6g}" for x in self.lost_at[k][:8])
            cure = "choose another start" if first == 0 else "try a smaller learning rate or another start"
            return f"Not finite: at step {first}, at ({where}), the function or its gradient is undefined; {cure}."
        if status is Status.CONVERGED:
            return f"Converged to {self._kind(k, point)}; the largest partial derivative is {steepest:.1e}.{stopped}"
        if status is Status.STALLED:
            return (
                f"Stalled: the updates are lost in rounding while the largest partial derivative is still "
                f"{steepest:.1e}; try a larger learning rate, or float64.{stopped}"
            )
        if status is Status.OSCILLATING:
            cause = "a constant rate that is too large to settle, or a kink"
            cause = "the noise keeps it moving" if self.noisy else cause
            return (
                f"Oscillating: over the last {self.last_steps[k]} steps the value goes up and down but not lower, at a "
                f"largest partial derivative of {steepest:.1e}; {cause}. Try a smaller rate.{stopped}"
            )
        drop = f"by {self.last_drop[k]:.2g} over the last {self.last_steps[k]}"
        if stopped:
            return (
                f"Stopped after {made} steps by the rule '{self.rule}' while still going down ({drop}), with a largest "
                f"partial derivative of {steepest:.1e}."
            )
        return (
            f"Still going down after {made} steps ({drop}), with a largest partial derivative of {steepest:.1e}; try "
            "more steps, or a larger learning rate."
        )

    def _diverged(self, k: int) -> str:
        if self.first_lost[k] < 0 or np.isfinite(self.value[k]):
            when = f"after {self.steps_made[k]} steps the value is {self.value[k]:.3g}"
        else:
            when = f"from step {self.first_lost[k]} on it is beyond the floats"
        if self.lowest[k] <= -FALLEN * max(1.0, abs(float(self.start_value[k]))):
            return f"Diverged: {when}. The value fell to {self.lowest[k]:.3g}: the function seems unbounded below here."
        rate = self.rate if self.rate is None or np.ndim(self.rate) == 0 else self.rate[k]
        smaller = f", such as {rate / 10:.1g}" if rate else ""
        return f"Diverged: {when}. The steps are too long for the curvature here; try a learning rate a tenth{smaller}."

    def _kind(self, k: int, point: str | None) -> str:
        eigenvalues = self.eigenvalues[k][~np.isnan(self.eigenvalues[k])]
        shown = "the Hessian is not finite, or too large to look at"
        if len(eigenvalues):
            shown = "eigenvalues of the Hessian " + ", ".join(f"{e:.3g}" for e in eigenvalues)
        flat = "point that is flat in some direction, as a ring or a valley is, so that its kind is undecided"
        return f"a {flat if point == 'undecided' else point} ({shown})"


def failure_words(codes: np.ndarray) -> str:
    """What became of the starts that failed: `diverged`, `undefined`, or both; of their status codes."""
    words = {Status.DIVERGED: "diverged", Status.NOT_FINITE: "undefined"}
    return " or ".join(word for status, word in words.items() if (codes == STATUSES.index(status)).any())
