"""Thins a curve for the eye: fewer points, and every extreme stays where it is."""

from __future__ import annotations

import numpy as np


def in_order(step: np.ndarray) -> np.ndarray:
    """Which points of a series TensorBoard shows: a step that goes back, or comes again, replaces what was there.

    Args:
      step: int64 `[n]`, in the order of writing.

    Returns:
      Indices int64 `[m]`, of strictly increasing steps.
    """
    if not len(step):
        return np.arange(0)
    # The lowest step that is written at or after each point.
    later = np.minimum.accumulate(step[::-1])[::-1]
    return np.flatnonzero(np.append(step[:-1] < later[1:], True))


def thin(step: np.ndarray, value: np.ndarray, most: int) -> np.ndarray:
    """Picks at most so many points of a curve.

    The steps are divided into buckets of equal width, and of each the lowest and the highest finite value stay. So do
    the first and the last point, and where the values stop being finite the first one that is not and its neighbours,
    so that a line is torn where it was; of more such places than half of the points one stays in each bucket.

    Args:
      step: int64 `[n]`, strictly increasing.
      value: floats `[n]`; NaN and infinities are gaps.
      most: at least 8.

    Returns:
      Indices int64 `[m]`, increasing, m ≤ most; all of them where n ≤ most.
    """
    n = len(step)
    if n <= most:
        return np.arange(n)
    gaps = _edges(value)
    few = len(gaps) <= most // 2
    kept = [[0, n - 1]]
    buckets = max(1, (most - 2 - len(gaps)) // 2 if few else (most - 2) // 3)
    bucket = _buckets(step, buckets)
    finite = np.isfinite(value)
    for sign in (1, -1):
        kept.append(_lowest(np.where(finite, sign * value, np.inf), bucket, finite))
    kept.append(gaps if few else _first_of_each(bucket, np.flatnonzero(~finite)))
    return _sorted_once(np.concatenate(kept).astype(np.int64))


def _edges(value: np.ndarray) -> np.ndarray:
    """The first point of each gap, and the finite points before and behind it."""
    finite = np.isfinite(value)
    begins = np.flatnonzero(np.diff(finite, prepend=True) & ~finite)
    ends = np.flatnonzero(np.diff(finite, prepend=True) & finite)
    return _sorted_once(np.concatenate([begins, begins[begins > 0] - 1, ends]))


def _sorted_once(indices: np.ndarray) -> np.ndarray:
    """In order, each once; `np.unique` takes much longer for so few."""
    indices = np.sort(indices)
    return indices[np.diff(indices, prepend=-1) > 0]


def _buckets(step: np.ndarray, buckets: int) -> np.ndarray:
    """Int64 `[n]`, increasing: in which bucket each step lies. As floats, since differences may leave int64."""
    place = (step.astype(np.float64) - float(step[0])) / (float(step[-1]) - float(step[0]) or 1.0)
    return np.minimum((place * buckets).astype(np.int64), buckets - 1)


def _lowest(value: np.ndarray, bucket: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """The first of the lowest finite values of each bucket."""
    begins = np.flatnonzero(np.diff(bucket, prepend=-1))
    lowest = np.repeat(np.minimum.reduceat(value, begins), np.diff(np.append(begins, len(bucket))))
    return _first_of_each(bucket, np.flatnonzero((value == lowest) & finite))


def _first_of_each(bucket: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The first of these indices in each bucket."""
    return indices[np.diff(bucket[indices], prepend=-1) > 0]
