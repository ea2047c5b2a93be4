"""How several runs fare together: median and quartiles over the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Band:
    """Median and quartiles of series that were logged by several runs, or by one run's many starts.

    Attributes:
      name: of what is taken together.
      tag: of the series.
      step: int64 `[n]`, ascending, from where all have begun to where the last one ends.
      median: float64 `[n]`.
      lower: float64 `[n]`, the lower quartile.
      upper: float64 `[n]`, the upper quartile.
      count: how many series there are.
      first_end: the step at which the first of them ends; behind it that one stands where it ended.
    """

    name: str
    tag: str
    step: np.ndarray
    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    count: int
    first_end: int
