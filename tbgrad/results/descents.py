"""The path of an optimizer from many starts, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.planes import Plane
from tbgrad.results.samples import Evaluation
from tbgrad.results.subjects import Subject
from tbgrad.results.surfaces import Surface
from tbgrad.results.sweeps import Sweep
from tbgrad.results.tabular import MOST_ROWS, Tabular
from tbgrad.results.verdicts import Status, Verdicts


@dataclass(frozen=True, eq=False)
class Reading:
    """What an instrument measured.

    Attributes:
      name: also the last part of its tag.
      unit: in words; empty for a pure number.
      description: one line that says what it tells.
      value: `[rows, starts]`.
      of_update: whether a row's reading belongs to the update that leaves the row, so that the last row is NaN, and
        rows after a stop.
    """

    name: str
    unit: str
    description: str
    value: np.ndarray
    of_update: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Descent(Tabular):
    """Gradient descent from many starts at once; row 0 is the start itself, and rows after a stop repeat the last.

    Attributes:
      subject: the function.
      optimizer: Keras's name in lower case, such as `adam`.
      settings: the optimizer's further keyword arguments, as asked.
      learning_rate: as resolved, or `[starts]`; None where a schedule or the user's own optimizer has it.
      rate_rule: how the learning rate was found, in words.
      remarks: sentences on what is odd about this optimizer here.
      noise: the standard deviation of what was added to each partial derivative.
      stop: the stopping rule in words, or empty.
      step: int64 `[rows]`, the updates made before each recorded row; first 0, last all of them.
      position: `[rows, starts, d]`, or None where only values were recorded.
      value: `[rows, starts]`.
      gradient: `[rows, starts, d]`, without noise, or None where only values were recorded.
      readings: by name.
      start: `Evaluation` of the starts, position `[starts, d]`.
      end: the same of the last row.
      steps_made: int64 `[starts]`, the updates until each stopped.
      verdicts: one for each start.
      landscape: a `Surface` (two variables or more) or `Sweep` (one) to draw the path on, or None. On a plane its
        variables are the coordinates `along` and `across`, in units of position.
      plane: of more than two variables, the plane that the landscape spans, or None.
      line: of more than two variables, the function along the straight line from the start (0) to the end of the start
        that ends best, and somewhat beyond both; in units of position. None where it does not move.
      seed: of what is random: the noise, and starts that were drawn.
    """

    subject: Subject
    optimizer: str
    settings: Mapping[str, object]
    learning_rate: float | np.ndarray | None
    rate_rule: str
    remarks: tuple[str, ...]
    noise: float
    stop: str
    step: np.ndarray
    position: np.ndarray | None
    value: np.ndarray
    gradient: np.ndarray | None
    readings: Mapping[str, Reading]
    start: Evaluation
    end: Evaluation
    steps_made: np.ndarray
    verdicts: Verdicts
    landscape: Surface | Sweep | None = None
    plane: Plane | None = None
    line: Sweep | None = None
    seed: int = 0

    def on_landscape(self, position: np.ndarray) -> np.ndarray:
        """Positions `[..., d]` as coordinates `[..., 2]` on a landscape that is a surface."""
        return position[..., self.landscape.columns] if self.plane is None else self.plane.project(position)

    @property
    def steps(self) -> int:
        """The number of updates, of a start that did not stop."""
        return int(self.step[-1])

    @property
    def starts(self) -> int:
        """How many there are."""
        return self.value.shape[1]

    @property
    def status(self) -> tuple[Status, ...]:
        """The status of each start."""
        return self.verdicts.status

    @property
    def gap(self) -> np.ndarray | None:
        """`[rows, starts]`: value above the known minimum, at least rounding error; None where none is known."""
        return self._gap(self.value)

    @property
    def best_gap(self) -> np.ndarray | None:
        """`[rows]`: the same of the start that ends best."""
        return self._gap(self.value[:, self.best_start])

    @property
    def log10_value(self) -> np.ndarray | None:
        """`[rows]`: log10 of the value of the start that ends best; None where a value is not positive."""
        value = self.value[:, self.best_start]
        return np.log10(value) if (value > 0).all() else None

    def _gap(self, value: np.ndarray) -> np.ndarray | None:
        if self.subject.minimum is None:
            return None
        floor = np.finfo(value.dtype).eps * max(1.0, abs(self.subject.minimum))
        return np.maximum(value - self.subject.minimum, floor)

    def gradient_norm(self, row: int) -> np.ndarray:
        """`[starts]`: the gradient's length in the first row, 0, or the last, -1; infinite beyond the floats."""
        gradient = (self.start, self.end)[row].gradient
        with np.errstate(over="ignore", invalid="ignore"):
            return np.linalg.norm(gradient, axis=-1)

    @property
    def best_start(self) -> int:
        """The start that ends lowest; starts that left the floats come last."""
        value = self.end.value
        return int(np.argmin(np.where(np.isfinite(value), value, np.inf)))

    @property
    def best_step(self) -> np.ndarray:
        """int64 `[rows]`: the updates that the start that ends best had made at each row, none after it stopped."""
        return np.minimum(self.step, self.steps_made[self.best_start])

    @property
    def last_row(self) -> int:
        """The row from which on the start that ends best goes no further."""
        return int(np.searchsorted(self.step, self.steps_made[self.best_start]))

    def _caption(self) -> str:
        rate = f", learning rate {self.learning_rate:.6g}" if isinstance(self.learning_rate, float) else ""
        told = f"{self.optimizer}{rate} on {self.subject.equation}, at most {self.steps:,} steps; where each start ends"
        return told if self.starts <= MOST_ROWS else f"{told}, the first {MOST_ROWS} of {self.starts:,}"

    def _rows(self):
        variables = self.subject.variables
        yield ["start", *variables, "value", "gradient norm", "status"]
        norms = self.gradient_norm(-1)
        for k, verdict in enumerate(self.verdicts[:MOST_ROWS]):
            yield [k, *self.end.position[k], self.end.value[k], norms[k], verdict.status.value]
