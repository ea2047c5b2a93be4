"""Whether a gradient is right: reverse mode held against differences at points."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import MOST_ROWS, Tabular


class CheckVerdict(enum.StrEnum):
    """What is said of a gradient at a point, the worst first; a whole check has its worst point's."""

    DISAGREES = "disagrees"
    UNDEFINED = "undefined here"
    NOT_DIFFERENTIABLE = "not differentiable here"
    AGREES = "agrees"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(CheckVerdict).index(self)


@dataclass(frozen=True, eq=False)
class PointCheck:
    """The gradient at one point.

    Attributes:
      position: `[d]`.
      value: of the function, in the dtype of the check.
      verdict: the worst of the variables'.
      reverse: `[d]`, the gradient by reverse mode; NaN where there is none.
      differences: `[d]`, the slopes by differences, in float64; NaN where they do not converge.
      uncertainty: `[d]`, how far off these may be.
      variable: the one that the rest is about, the worst.
      step: the step size at which its differences are best, in units of position.
      error: |reverse - differences| there, relative to the larger of both; NaN where one of them is missing.
      digits: decimal digits in which the gradient agrees, relative to its largest partial derivative.
      cause: a sentence where there is more to say than the verdict, or empty.
    """

    position: np.ndarray
    value: float
    verdict: CheckVerdict
    reverse: np.ndarray
    differences: np.ndarray
    uncertainty: np.ndarray
    variable: str
    step: float
    error: float
    digits: float
    cause: str


@dataclass(frozen=True, eq=False, repr=False)
class GradientCheck(Tabular):
    """A gradient held against differences at points.

    Attributes:
      subject: the function.
      dtype: of the reverse gradient.
      points: what is said of each.
      step: `[n, k]`, the step sizes tried at each point, powers of two; NaN where the point has no such neighbours.
      error: `[n, k]`, |central difference - reverse gradient| of the point's variable, relative to the gradient's
        largest partial derivative: the V of truncation and rounding.
      region: where the points come from, in words.
    """

    subject: Subject
    dtype: str
    points: tuple[PointCheck, ...]
    step: np.ndarray
    error: np.ndarray
    region: str = ""

    @property
    def worst_first(self) -> list[int]:
        """The points' indices: by verdict, then by digits."""
        return sorted(range(len(self.points)), key=lambda i: (self.points[i].verdict.rank, self.points[i].digits))

    @property
    def worst(self) -> PointCheck:
        """The point that the verdict is about."""
        return self.points[self.worst_first[0]]

    @property
    def verdict(self) -> CheckVerdict:
        """The worst point's, in the order disagrees, undefined here, not differentiable here, agrees."""
        return self.worst.verdict

    @property
    def cause(self) -> str:
        """The sentence of the worst point, or the one that most points of the same verdict share."""
        causes = Counter(point.cause for point in self.points if point.verdict == self.verdict and point.cause)
        return causes.most_common(1)[0][0] if causes else ""

    @property
    def digits(self) -> float:
        """The least digits of the points that agree and of which differences can tell; NaN where there are none."""
        told = [p.digits for p in self.points if p.verdict == CheckVerdict.AGREES and not p.cause]
        return min(told, default=float("nan"))

    @property
    def counts(self) -> dict[CheckVerdict, int]:
        """How many points have each verdict, worst first."""
        found = Counter(point.verdict for point in self.points)
        return {verdict: found[verdict] for verdict in CheckVerdict if found[verdict]}

    def _caption(self) -> str:
        counts = ", ".join(f"{verdict.value} at {count:,}" for verdict, count in self.counts.items())
        first = f"; the worst {MOST_ROWS} first" if len(self.points) > MOST_ROWS else ""
        return f"The gradient of {self.subject.equation}: {counts} of {len(self.points):,} points{first}"

    def _rows(self):
        yield [*self.subject.variables, "verdict", "digits", "step", "cause"]
        for i in self.worst_first[:MOST_ROWS]:
            point = self.points[i]
            yield [*point.position, point.verdict.value, round(point.digits, 1), point.step, point.cause]
