"""What TensorBoard shows of a series whose steps go back or repeat.

Its data server lets each step remove all points before it that are at or behind it, so that of two launches in one
directory the later one counts. What compares runs goes by the same points.
"""

from __future__ import annotations

import numpy as np

from tbgrad.records import Scalars


def is_kept(step: np.ndarray) -> np.ndarray:
    """Bool `[n]`: which points are left when each step has removed all before it that are at or behind it.

    Args:
      step: int64 `[n]`, in the order in which they were written.
    """
    if not len(step):
        return np.zeros(0, bool)
    following = np.minimum.accumulate(step[::-1])[::-1]
    return np.append(step[:-1] < following[1:], True)


def visible(series: Scalars) -> tuple[np.ndarray, np.ndarray]:
    """(Steps int64 `[m]`, strictly increasing, values float32 `[m]`) of what is shown."""
    if (series.step[1:] > series.step[:-1]).all():
        return series.step, series.value
    kept = is_kept(series.step)
    return series.step[kept], series.value[kept]
