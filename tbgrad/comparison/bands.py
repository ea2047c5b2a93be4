"""Median and quartiles of what several runs logged under the same tag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.comparison.statistics import quantile
from tbgrad.results.bands import Band

# Where runs logged at different steps, so many of all their steps are kept.
MOST_STEPS = 5_000


def band(name: str, tag: str, series: Sequence[tuple[np.ndarray, np.ndarray]], prefers_high: bool = False) -> Band:
    """Takes series together.

    Between two steps that it logged a series stands where it was, and after its end it stays there: a run that stopped
    early is not forgotten. NaN and infinities count as worse than all numbers.

    Args:
      name: of what is taken together.
      tag: of the series.
      series: (steps int64 `[n]`, values `[n]`) of each, n > 0; steps strictly increase.
      prefers_high: whether high numbers are good.

    Returns:
      `Band` over at most 5,000 of the steps that any of them logged, evenly spaced among them.
    """
    steps = np.unique(np.concatenate([step for step, _ in series]))
    steps = steps[steps >= max(step[0] for step, _ in series)]
    if len(steps) > MOST_STEPS:
        steps = steps[np.unique(np.linspace(0, len(steps) - 1, MOST_STEPS).round().astype(np.int64))]
    worst = -np.inf if prefers_high else np.inf
    rows = np.empty((len(series), len(steps)))
    for row, (step, value) in zip(rows, series, strict=True):
        held = value[np.searchsorted(step, steps, "right") - 1].astype(np.float64)
        row[:] = np.where(np.isfinite(held), held, worst)
    lower, median, upper = quantile(rows, [0.25, 0.5, 0.75])
    return Band(name, tag, steps, median, lower, upper, len(series), min(int(step[-1]) for step, _ in series))
