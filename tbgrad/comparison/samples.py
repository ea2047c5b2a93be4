"""What one run adds to its group: one score and series, or one for each of its starts where there are many."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.scores import Score
from tbgrad.comparison.visible import visible
from tbgrad.runs.opening import read_arrays

# Of a descent's readings the arrays bear the last part of their tags; the gap is the value's to the minimum.
_DESCENT, _GAP = "descent/", "log10_gap"


def sample(run: LoggedRun, score: Score | str, value: float) -> np.ndarray | None:
    """The scores of a run.

    Args:
      run: of many starts, or not.
      score: the score, or the name of a metric that arrays.npz has for each start.
      value: the run's own score.

    Returns:
      Float64 `[n]`: of a descent from many starts one for each of them, else the value alone; None where the scores of
      many starts were not kept.
    """
    if not is_of_many_starts(run):
        return np.array([value])
    if isinstance(score, str):
        found = read_arrays(run.directory, [score]).get(score)
        return None if found is None else found.astype(np.float64)
    each = _series_of_starts(run, score.tag)
    return np.array([score.of(step, values) for step, values in each]) if each else None


def series(run: LoggedRun, tag: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(Steps int64 `[n]`, values `[n]`) of a tag that the run has: one for each start, or what was logged."""
    return _series_of_starts(run, tag) or [visible(run.records.scalars[tag])]


def is_of_many_starts(run: LoggedRun) -> bool:
    """Whether it is a descent from more than one start."""
    statuses = run.report.get("statuses")
    return isinstance(statuses, Mapping) and sum(statuses.values()) > 1


def is_deterministic(run: LoggedRun) -> bool:
    """Whether another launch of the same settings is known to come out the same: a descent without noise."""
    return run.asked.get("command") == "descend" and not run.asked.get("noise")


def repeated(run: LoggedRun) -> str:
    """What is equal of launches that must come out the same; of a run that is not known to be so its own name."""
    if not is_deterministic(run):
        return run.run
    # Where nothing is drawn the seed changes nothing.
    asked = {name: value for name, value in run.asked.items() if name != "seed" or run.asked.get("starts")}
    return json.dumps(asked, sort_keys=True, default=str)


def _series_of_starts(run: LoggedRun, tag: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The series of each of many starts; empty where the run has none, or arrays.npz lacks this one."""
    if not is_of_many_starts(run):
        return []
    name = tag.removeprefix(_DESCENT)
    minimum = run.report.get("minimum") if name == _GAP else None
    source = "value" if minimum is not None else name
    arrays = read_arrays(run.directory, ["step", source])
    if len(arrays) < 2 or arrays[source].ndim != 2:
        return []
    values = arrays[source]
    if minimum is not None:
        floor = np.finfo(values.dtype).eps * max(1.0, abs(minimum))
        with np.errstate(invalid="ignore"):
            values = np.log10(np.maximum(values - minimum, floor))
    # What is not measured, as behind the last update, is not logged of the best start either.
    measured = ~np.isnan(values)
    found = [(arrays["step"][kept], start[kept]) for start, kept in zip(values.T, measured.T, strict=True)]
    return [(step, start) for step, start in found if len(step)]
