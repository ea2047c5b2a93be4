"""How long something has been so without a break, over rows that come in parts."""

from __future__ import annotations

import numpy as np


class Streaks:
    """Run lengths of flags, for each of some columns; what came before is kept, so that parts join seamlessly."""

    def __init__(self):
        self._length: np.ndarray | int = 0
        self._since: np.ndarray | int = 0

    def extend(self, flag: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Takes new rows.

        Args:
          flag: bool `[rows, n]`.
          step: int64 `[rows]`.

        Returns:
          int64 `[rows, n]`: in how many rows in a row it has been so, this one included; and the step at which that
          began, of no meaning where the length is 0.
        """
        if not len(step):
            return np.zeros(flag.shape, np.int64), np.zeros(flag.shape, np.int64)
        row = np.arange(1, len(step) + 1)[:, None]
        broken = np.maximum.accumulate(np.where(flag, 0, row), axis=0)
        goes_on = (broken == 0) & (self._length > np.zeros(flag.shape[1], int))
        length = row - broken + np.where(goes_on, self._length, 0)
        since = np.where(goes_on, self._since, step[np.minimum(broken, len(step) - 1)])
        self._length, self._since = length[-1], since[-1]
        return length, since


def block(flag: np.ndarray, at: int) -> slice:
    """The unbroken run of true entries of `flag` `[n]` around a true one."""
    false = np.flatnonzero(~flag)
    before, after = false[false < at], false[false > at]
    return slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(flag))
