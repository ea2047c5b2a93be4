"""The path of an optimizer from many starts, and what became of each."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.samples import Surface, Sweep
from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import MOST_ROWS, Tabular


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


FAILED = (Status.DIVERGED, Status.NOT_FINITE)


@dataclass(frozen=True, eq=False)
class Reading:
    """What an instrument measured.

    Attributes:
      name: also the last part of its tag.
      unit: in words; empty for a pure number.
      description: one line that says what it tells.
      value: `[steps + 1, starts]`.
      of_update: whether row t belongs to the update that leaves row t, so that the last row is NaN.
    """

    name: str
    unit: str
    description: str
    value: np.ndarray
    of_update: bool = True


@dataclass(frozen=True)
class Verdict:
    """What is said of one start: its status, the kind of point where it converged, and cause and cure in a sentence."""

    status: Status
    point: str | None
    sentence: str


@dataclass(frozen=True, eq=False)
class Descent(Tabular):
    """Gradient descent from many starts at once; row 0 is the start itself.

    Attributes:
      subject: the function.
      optimizer: Keras's name in lower case, such as `adam`.
      settings: the optimizer's further keyword arguments, as asked.
      learning_rate: as resolved; None where a schedule or the user's own optimizer has it.
      rate_rule: how the learning rate was found, in words.
      position: `[steps + 1, starts, d]`.
      value: `[steps + 1, starts]`.
      gradient: `[steps + 1, starts, d]`.
      readings: by name.
      verdicts: one for each start.
      landscape: a `Surface` (two variables) or `Sweep` (one) to draw the path on, or None.
    """

    subject: Subject
    optimizer: str
    settings: Mapping[str, object]
    learning_rate: float | None
    rate_rule: str
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    readings: Mapping[str, Reading]
    verdicts: tuple[Verdict, ...]
    landscape: Surface | Sweep | None = None

    @property
    def steps(self) -> int:
        """The number of updates."""
        return self.value.shape[0] - 1

    @property
    def status(self) -> tuple[Status, ...]:
        """The status of each start."""
        return tuple(v.status for v in self.verdicts)

    @property
    def gap(self) -> np.ndarray | None:
        """`[steps + 1, starts]`: value above the known minimum, at least rounding error; None where none is known."""
        if self.subject.minimum is None:
            return None
        floor = np.finfo(self.value.dtype).eps * max(1.0, abs(self.subject.minimum))
        return np.maximum(self.value - self.subject.minimum, floor)

    def gradient_norm(self, step: int) -> np.ndarray:
        """`[starts]`: the gradient's length at a step; infinite where its square leaves the floats."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.linalg.norm(self.gradient[step], axis=-1)

    @property
    def best_start(self) -> int:
        """The start that ends lowest; starts that left the floats come last."""
        return int(np.argmin(np.where(np.isfinite(self.value[-1]), self.value[-1], np.inf)))

    def _rows(self):
        variables = self.subject.variables
        yield ["start", *variables, "value", "gradient norm", "status"]
        for k, verdict in enumerate(self.verdicts[:MOST_ROWS]):
            norm = self.gradient_norm(-1)[k]
            yield [k, *self.position[-1, k], self.value[-1, k], norm, verdict.status.value]
