"""How fast an optimizer is with which learning rate, and momentum: steps to a target value from one start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import MOST_ROWS, Tabular
from tbgrad.results.verdicts import FAILED, Status, failure_words


@dataclass(frozen=True, eq=False, repr=False)
class RateSweep(Tabular):
    """Descents from one start with many learning rates, and with momenta where these are varied too.

    Attributes:
      subject: the function.
      optimizer: Keras's name in lower case, such as `sgd`.
      settings: the optimizer's further keyword arguments, as asked; without what is varied.
      start: `[d]`.
      steps: the updates that were made at most.
      target: the value that counts as reached.
      target_rule: how it was chosen, in words.
      rate: `[rates]`, the learning rates, ascending, positive.
      momentum: `[momenta]`, ascending, or None where it is not varied; then there is one row.
      momentum_name: the optimizer's keyword argument, `momentum` or `beta_1`.
      steps_to_target: float `[rows, rates]`, the first step whose value is at most the target; NaN where none is.
      status: int8 `[rows, rates]`, indices of `statuses`.
      value: `[rows, rates]`, at the end.
      edge: `[rows]`, the largest stable rate in theory; NaN where it is not known.
      edge_rule: its formula, in words, or empty.
      statuses: what the codes mean.
    """

    subject: Subject
    optimizer: str
    settings: Mapping[str, object]
    start: np.ndarray
    steps: int
    target: float
    target_rule: str
    rate: np.ndarray
    momentum: np.ndarray | None
    momentum_name: str
    steps_to_target: np.ndarray
    status: np.ndarray
    value: np.ndarray
    edge: np.ndarray
    edge_rule: str
    statuses: tuple[Status, ...] = tuple(Status)

    @property
    def reached(self) -> np.ndarray:
        """Bool `[rows, rates]`: the target was reached, whatever came later."""
        return np.isfinite(self.steps_to_target)

    @property
    def failure(self) -> str:
        """What became of those that failed: `diverged`, `undefined`, or both."""
        return failure_words(self.status)

    @property
    def failed(self) -> np.ndarray:
        """Bool `[rows, rates]`: the descent diverged, or left what the function is defined on."""
        return np.isin(self.status, [self.statuses.index(status) for status in FAILED])

    @property
    def best(self) -> tuple[int, int] | None:
        """(row, column) of the fewest steps, with the smallest rate and then the smallest momentum; None for none."""
        if not self.reached.any():
            return None
        fewest = self.steps_to_target == np.nanmin(self.steps_to_target)
        column = int(fewest.any(axis=0).argmax())
        return int(fewest[:, column].argmax()), column

    @property
    def best_rate(self) -> float | None:
        """The rate of the fewest steps, or None."""
        return None if self.best is None else float(self.rate[self.best[1]])

    @property
    def best_momentum(self) -> float | None:
        """The momentum of the fewest steps; None where it is not varied, or no step is best."""
        return None if self.best is None or self.momentum is None else float(self.momentum[self.best[0]])

    @property
    def best_steps(self) -> int | None:
        """The fewest steps to the target, or None."""
        return None if self.best is None else int(self.steps_to_target[self.best])

    @property
    def first_diverging(self) -> np.ndarray:
        """`[rows]`: the smallest rate with which the descent failed; NaN where none did."""
        failed = self.failed
        return np.where(failed.any(axis=1), self.rate[failed.argmax(axis=1)], np.nan)

    @property
    def where(self) -> str:
        """What was varied, in words: `181 rates from 0.001 to 1, 50 values of momentum from 0 to 0.99`."""
        said = f"{len(self.rate)} learning rates from {self.rate[0]:.4g} to {self.rate[-1]:.4g}"
        if self.momentum is None:
            return said
        momenta = f"{len(self.momentum)} values of {self.momentum_name}"
        return f"{said}, {momenta} from {self.momentum[0]:.4g} to {self.momentum[-1]:.4g}"

    @property
    def from_where(self) -> str:
        """The start in words: `from (5, 1)`."""
        return "from (" + ", ".join(f"{x:.6g}" for x in self.start) + ")"

    def _caption(self) -> str:
        order = ", the fastest first" if self.momentum is not None else ""
        return f"{self.optimizer} on {self.subject.equation}, {self.where}{order}; target {self.target:.6g}"

    def _rows(self):
        varied = [] if self.momentum is None else [self.momentum_name]
        yield ["learning rate", *varied, "steps to target", "value", "status"]
        # The fewest steps first: in the order of rates a map would show its first momentum only.
        order = np.argsort(self.steps_to_target, axis=None, kind="stable") if varied else np.arange(self.rate.size)
        shown = order if varied else order[np.linspace(0, len(order) - 1, min(MOST_ROWS, len(order))).astype(int)]
        for row, column in zip(*np.unravel_index(shown[:MOST_ROWS], self.status.shape), strict=True):
            lead = [self.rate[column], *([self.momentum[row]] if varied else [])]
            status = self.statuses[self.status[row, column]].value
            yield [*lead, self.steps_to_target[row, column], self.value[row, column], status]
