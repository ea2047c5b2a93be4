"""The scores of one run: one for the run, or one for each of its starts where there are many."""

from __future__ import annotations

import numpy as np

from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.scores import Score
from tbgrad.runs.opening import read_arrays

# Of a descent's readings the arrays bear the last part of their tags.
_DESCENT = "descent/"


def sample(run: LoggedRun, score: Score | str, value: float) -> np.ndarray:
    """What a run adds to the sample of its group.

    Args:
      run: of many starts, or not.
      score: the score, or the name of a metric that arrays.npz has for each start.
      value: the run's own score.

    Returns:
      Float64 `[n]`: of a descent from many starts one for each of them, else the value alone.
    """
    alone = np.array([value])
    if not is_of_many_starts(run):
        return alone
    if isinstance(score, str):
        return read_arrays(run.directory, [score]).get(score, alone).astype(np.float64)
    arrays = read_arrays(run.directory, ["step", name := score.tag.removeprefix(_DESCENT)])
    if len(arrays) < 2 or arrays[name].ndim != 2:
        return alone
    return np.array([_score_of_start(score, arrays["step"], values) for values in arrays[name].T])


def is_of_many_starts(run: LoggedRun) -> bool:
    """Whether it is a descent from more than one start."""
    return sum((run.report.get("statuses") or {}).values()) > 1


def is_deterministic(run: LoggedRun) -> bool:
    """Whether another launch of the same settings is known to come out the same: a descent without noise."""
    return run.asked.get("command") == "descend" and not run.asked.get("noise")


def _score_of_start(score: Score, step: np.ndarray, value: np.ndarray) -> float:
    # What was not measured, as behind the last update, is not logged of the best start either.
    measured = ~np.isnan(value)
    return score.of(step[measured], value[measured])
