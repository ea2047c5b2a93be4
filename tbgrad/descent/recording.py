"""Which rows of a descent are kept, and what that takes."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.errors import OptionError, RangeError

# Verdicts, readings and a run's files take some times as much again.
MOST_GIBIBYTES = 2
_PLANS = "every, a whole number n for every n-th, log or end"
# So many rows for each power of ten.
_ROWS_A_DECADE = 10


@dataclass(frozen=True)
class Recording:
    """What to keep of a descent.

    Args:
      rows: `every`, a whole number n for every n-th step, `log` for ten steps in each power of ten, or `end`; the
        start and the last step are always among them.
      values_only: whether the rows between the start and the end hold values without positions and gradients.

    Raises:
      OptionError: `rows` is none of these.
    """

    rows: str | int = "every"
    values_only: bool = False

    def __post_init__(self):
        whole = isinstance(self.rows, numbers.Integral) and not isinstance(self.rows, bool)
        if not (self.rows in ("every", "log", "end") if isinstance(self.rows, str) else whole and self.rows >= 1):
            raise OptionError(f"recorded is {self.rows!r}; expected {_PLANS}.")

    def steps(self, steps: int) -> np.ndarray:
        """The steps that are kept, int64, ascending; 0 and `steps` are among them."""
        if self.rows == "every":
            return np.arange(steps + 1)
        if self.rows == "end":
            kept: Any = []
        elif self.rows == "log":
            decades = np.log10(max(steps, 1))
            kept = np.geomspace(1, max(steps, 1), 2 + int(decades * _ROWS_A_DECADE)).round()
        else:
            kept = np.arange(0, steps + 1, int(self.rows))
        return np.unique(np.concatenate([[0], kept, [steps]])).astype(np.int64)

    def count(self, steps: int) -> int:
        """How many steps are kept, without listing them where there may be too many."""
        if self.rows == "every":
            return steps + 1
        if isinstance(self.rows, str):
            return len(self.steps(steps))
        return steps // int(self.rows) + 1 + (steps % int(self.rows) > 0)

    def check_memory(
        self, steps: int, shape: tuple[int, int], itemsize: int, readings: int, moments: bool = False
    ) -> None:
        """Refuses what would take too much memory, before anything runs.

        Args:
          steps: updates.
          shape: `(starts, d)`.
          itemsize: bytes of a number.
          readings: how many instruments there are.
          moments: whether the optimizer's mean of squared gradients is kept for them.

        Raises:
          RangeError: with the numbers, and what to do.
        """
        starts, d = shape
        gibibytes = self._gibibytes(steps, shape, itemsize, readings, moments)
        if gibibytes <= MOST_GIBIBYTES:
            return
        row = self._gibibytes(0, shape, itemsize, readings, moments)
        fits = (
            f"{max(1, int(MOST_GIBIBYTES / row)) - 1:,} rows of them would fit"
            if row <= MOST_GIBIBYTES
            else ("one row of them is too much")
        )
        raise RangeError(
            f"{steps:,} steps of {starts:,} start{'s' * (starts > 1)} in {d} variable{'s' * (d > 1)}, of which "
            f"{self.count(steps):,} rows are recorded, take {gibibytes:,.1f} GiB; at most {MOST_GIBIBYTES} are "
            f"recorded, and {fits}. Record fewer rows, for example log or end, or take fewer steps or starts."
        )

    def _gibibytes(self, steps: int, shape: tuple[int, int], itemsize: int, readings: int, moments: bool) -> float:
        starts, d = shape
        rows = self.count(steps) if steps else 1
        # Readings of an update need the row behind it too.
        pairs = rows if rows == steps + 1 or not readings else 2 * rows
        full = 2 if self.values_only else pairs
        return starts * itemsize * (pairs + (2 + moments) * d * full + readings * rows) / 2**30


def as_recording(given: Any) -> Recording:
    """Accepts a `Recording`, or its `rows`."""
    return given if isinstance(given, Recording) else Recording(given)
