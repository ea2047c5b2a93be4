"""Groups of runs that share settings: median, quartiles, and whether one is better than another or luck.

A group is judged by its sample, one score of each run or of each start. Against the group that ranks first a difference
is called found only if two witnesses agree: the bootstrap's interval of the difference of the medians does not hold
zero, and the rank test's p-value is below 5 %, raised for the number of pairs of groups, since the first one was chosen
by the same numbers. The interval alone would call luck a difference where there are three runs in each group.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.comparison import statistics
from tbgrad.comparison.statistics import CONFIDENCE

LEVEL = 1 - CONFIDENCE
FIRST, WORSE, NOT_FOUND, NOT_APPLICABLE = "first", "worse", "no difference found", "not applicable"


@dataclass(frozen=True)
class Difference:
    """A group against the one that ranks first.

    Attributes:
      verdict: `first` for the group itself, `worse`, `no difference found` or `not applicable`.
      reason: why it is not found, or not applicable; empty where it is found.
      median: the group's median less that of the first; None where not applicable.
      interval: (low, high), the 95 % bootstrap interval of it, or None.
      p_value: of the rank test, raised for the number of pairs of groups by Holm's procedure, or None.
    """

    verdict: str
    reason: str = ""
    median: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that share settings.

    Attributes:
      name: the settings in words: `optimizer adam`.
      settings: by name.
      runs: their names, best first.
      sample: float64 `[n]`, the scores of runs or starts; infinite where a run never arrived, and against the order
        where it has no finite score.
      of_starts: whether a run gives more than one score.
      deterministic: whether each is known to come out the same if it is launched again.
      repeats: how many runs are left out of the sample since they repeat another one exactly.
      lacks_starts: whether a run of many starts has kept no scores of them.
      rank: from 1, by the median; equal medians share it.
      median: of the sample.
      quartiles: (lower, upper).
      difference: against the first group; None before groups are compared.
      varying: settings in which the runs of the group differ, the seed aside.
    """

    name: str
    settings: Mapping[str, Any]
    runs: tuple[str, ...]
    sample: np.ndarray
    of_starts: bool = False
    deterministic: bool = False
    repeats: int = 0
    lacks_starts: bool = False
    rank: int = 1
    difference: Difference | None = None
    varying: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """Of the sample."""
        return float(statistics.quantile(self.sample, [0.5])[0])

    @property
    def quartiles(self) -> tuple[float, float]:
        """(lower, upper) of the sample."""
        low, high = statistics.quantile(self.sample, [0.25, 0.75])
        return float(low), float(high)


def ranked(groups: Sequence[Group], prefers_high: bool) -> tuple[Group, ...]:
    """Groups best median first, each compared with the first.

    Args:
      groups: at least one.
      prefers_high: whether a higher score is better.
    """
    worst = -math.inf if prefers_high else math.inf
    groups = [dataclasses.replace(g, sample=np.where(np.isfinite(g.sample), g.sample, worst)) for g in groups]
    keys = [-group.median if prefers_high else group.median for group in groups]
    places = statistics.ranks(keys)
    order = sorted(range(len(groups)), key=lambda i: (places[i], groups[i].name))
    first, *others = (groups[i] for i in order)
    differences = [Difference(FIRST if others else NOT_APPLICABLE, "" if others else "there is one group only")]
    differences += _compared(first, others)
    return tuple(
        dataclasses.replace(groups[i], rank=places[i], difference=difference)
        for i, difference in zip(order, differences, strict=True)
    )


def _compared(first: Group, others: Sequence[Group]) -> list[Difference]:
    reasons = [_obstacle(first, other) for other in others]
    p_values = [
        None if reason else statistics.rank_test(other.sample, first.sample)
        for other, reason in zip(others, reasons, strict=True)
    ]
    # Which group is first depends on the same numbers, as if all pairs were tested.
    tests = math.comb(1 + sum(p is not None for p in p_values), 2)
    raised = iter(statistics.holm([p for p in p_values if p is not None], tests))
    return [
        Difference(NOT_APPLICABLE, reason) if reason else _judged(first, other, next(raised), tests)
        for other, reason in zip(others, reasons, strict=True)
    ]


def _obstacle(first: Group, other: Group) -> str:
    """Why these two cannot be compared as samples; empty where they can."""
    for group, name in ((first, "the first group"), (other, "it")):
        if group.lacks_starts:
            return f"{name} has runs from many starts whose arrays.npz lacks the scores of each; make them anew"
        if len(group.sample) == 1:
            if group.deterministic:
                return f"{name} is a single deterministic run: another launch would come out the same"
            return f"{name} is a single run, which has no spread; log more seeds or starts"
    return ""


def _judged(first: Group, other: Group, p_value: float, tests: int) -> Difference:
    median = statistics.median_difference(other.sample, first.sample)
    low, high = statistics.median_difference_interval(other.sample, first.sample)
    n, m = len(other.sample), len(first.sample)
    told = {"median": median, "interval": (low, high), "p_value": p_value}
    if p_value < LEVEL and not low <= 0 <= high:
        return Difference(WORSE, **told)
    if tests * statistics.least_p(n, m) >= LEVEL:
        among = f", {tests} pairs of groups" if tests > 1 else ""
        return Difference(NOT_FOUND, f"too few to tell: {n} against {m}{among}", **told)
    return Difference(NOT_FOUND, "the samples lie too much among each other", **told)
