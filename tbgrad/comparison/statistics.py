"""What can be said of few numbers: quartiles, ranks with ties, an interval and a test of a difference.

A number may be infinite: what never arrived is later than all that did. Nothing here assumes a distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Of more numbers together the test takes the normal distribution, which is exact enough by then.
_MOST_EXACT = 50


def quantile(sample: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles along the first axis, linear between neighbours; between a number and an infinite one infinite.

    Args:
      sample: float `[n, ...]`, n > 0; NaN makes NaN.
      shares: from 0 to 1, `[q]`.

    Returns:
      Float64 `[q, ...]`.

    Source: Hyndman & Fan (1996), definition 7, which is NumPy's default.
    """
    ordered = np.sort(np.asarray(sample, np.float64), axis=0)
    place = np.asarray(shares) * (len(ordered) - 1)
    below, above = ordered[np.floor(place).astype(int)], ordered[np.ceil(place).astype(int)]
    part = (place % 1).reshape(-1, *[1] * (ordered.ndim - 1))
    with np.errstate(invalid="ignore"):
        between = below + part * (above - below)
    found = np.where(part == 0, below, np.where(np.isinf(below), below, between))
    return np.where(np.isnan(ordered[-1]), np.nan, found)


def ranks(keys: Sequence[Any]) -> list[int]:
    """The rank of each key, from 1: equal keys share the best of their places, and leave the others free."""
    ordered = sorted(keys)
    first = {key: place for place, key in reversed([*enumerate(ordered, 1)])}
    return [first[key] for key in keys]


def median_difference_interval(one: np.ndarray, other: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The percentile bootstrap's interval, of 95 % confidence, of the difference between two medians.

    No sample is drawn: of a resample only its middle counts, and where among the ordered numbers this lies follows the
    beta distribution of uniform order statistics. So 10,000 resamples cost the same for five numbers and a million.

    Args:
      one: float `[n]`; infinite numbers are allowed.
      other: float `[m]`.
      seed: of the resamples.

    Returns:
      (low, high) of median(one) − median(other); the difference of two infinite medians counts as 0.

    Source: Efron (1979), Bootstrap methods: another look at the jackknife, section 3; Hutson & Ernst (2000), The exact
      bootstrap mean and variance of an L-estimator.
    """
    generator = np.random.default_rng(seed)
    difference = _difference(_resampled_medians(one, generator), _resampled_medians(other, generator))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(difference, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def median_difference(one: np.ndarray, other: np.ndarray) -> float:
    """median(one) − median(other); 0 where both are infinite."""
    return float(_difference(np.median(one), np.median(other)))


def _difference(one: Any, other: Any) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(one) & (one == other), 0.0, np.subtract(one, other))


def _resampled_medians(sample: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    ordered, n = np.sort(sample), len(sample)
    middle = (n + 1) // 2
    place = generator.beta(middle, n + 1 - middle, RESAMPLES)
    lower = ordered[_index(place, n)]
    if n % 2:
        return lower
    # The next order statistic is the least of the n − middle uniform numbers that lie beyond.
    beyond = 1 - (1 - place) * generator.beta(n - middle, 1, RESAMPLES)
    return (lower + ordered[_index(beyond, n)]) / 2


def _index(place: np.ndarray, count: int) -> np.ndarray:
    return np.minimum((place * count).astype(np.int64), count - 1)


def rank_test(one: np.ndarray, other: np.ndarray) -> float:
    """How often chance alone parts two samples at least as clearly: Wilcoxon's rank sum test, two-sided.

    Exact, ties included, for up to 50 numbers together; for more the normal approximation, corrected for ties and
    continuity.

    Args:
      one: float `[n]`; infinite numbers are later than all others.
      other: float `[m]`.

    Returns:
      The p-value, from 0 to 1.

    Source: Wilcoxon (1945); Mann & Whitney (1947); Lehmann (1975), Nonparametrics, ch. 1.
    """
    n, m = len(one), len(other)
    twice = _twice_the_ranks(np.concatenate([one, other]))
    total, found, mean = n + m, int(twice[:n].sum()), n * (n + m + 1)
    if total <= _MOST_EXACT:
        counts = _sums_of_choices(twice, n)
        far = np.abs(np.arange(len(counts)) - mean) >= abs(found - mean)
        return min(1.0, float(counts[far].sum() / counts.sum()))
    _, tied = np.unique(twice, return_counts=True)
    tied = tied.astype(np.float64)
    variance = n * m / 12 * (total + 1 - (tied**3 - tied).sum() / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(found - mean) / 2 - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def least_p(n: int, m: int) -> float:
    """The smallest p-value that samples of these sizes can have: that of no overlap."""
    return min(1.0, 2 / math.comb(n + m, n))


def _twice_the_ranks(values: np.ndarray) -> np.ndarray:
    """Twice the mean rank of each, which is an integer."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1


def _sums_of_choices(numbers: np.ndarray, count: int) -> np.ndarray:
    """How many choices of so many of these integers have each sum: float64 `[sum of all + 1]`."""
    ways = np.zeros((count + 1, int(numbers.sum()) + 1))
    ways[0, 0] = 1
    for number in numbers.tolist():
        # Later numbers first, so that none is taken twice.
        for taken in range(count, 0, -1):
            ways[taken, number:] += ways[taken - 1, : ways.shape[1] - number]
    return ways[count]


def holm(p_values: Sequence[float], tests: int | None = None) -> list[float]:
    """p-values of several tests, raised so that chance makes any of them small as seldom as a single one.

    Args:
      p_values: of the tests that are told.
      tests: how many there are in all, at least these; of those that are not told nothing is assumed.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    tests = len(p_values) if tests is None else tests
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (tests - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
