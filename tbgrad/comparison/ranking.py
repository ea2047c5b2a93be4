"""The runs of one function, best first, and their groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad.comparison.groups import Group, ranked
from tbgrad.comparison.logged import LoggedRun, spelled
from tbgrad.comparison.samples import is_deterministic, is_of_many_starts, sample
from tbgrad.comparison.scores import Score
from tbgrad.comparison.statistics import ranks
from tbgrad.comparison.tuning import rate_words

GAP, VALUE = "descent/log10_gap", "descent/value"
# The default order: each decides where those before leave a tie.
DECIDING = ("steps_to_gap", "best_gap", "best_value")
SHOWN = (*DECIDING, "final_value")
_ALONE = ("run", "status", "function")
SEED = "seed"


@dataclass(frozen=True)
class RankedRun:
    """One run of a comparison.

    Attributes:
      run: its name.
      function: what it is ranked under, or empty.
      rank: from 1 within its function; equal runs share it.
      hparams: its settings.
      metrics: `steps_to_gap`, `best_gap`, `best_value`, `final_value`, and the score of `by`; None where absent.
      status: of the descent's best start, or how the session or the launch ended.
      directory: where it is.
    """

    run: str
    function: str
    rank: int
    hparams: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    status: str
    directory: Path = field(repr=False)


@dataclass(frozen=True)
class Measure:
    """What runs are ranked by: a score of a tag, or the metrics of descents.

    Attributes:
      score: of a tag, or None for the metrics.
      name: of the metric by which groups are compared: the first of the deciding ones that a run has.
    """

    score: Score | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """The name of the deciding number among a run's metrics."""
        return self.score.label if self.score else self.name

    @property
    def words(self) -> str:
        """The order in words."""
        if self.score:
            return self.score.words
        return "the steps to 1e-6 above the known minimum, then the smallest gap, or the lowest value"

    @property
    def prefers_high(self) -> bool:
        """Whether more is better."""
        return self.score is not None and self.score.prefers_high

    def has(self, run: LoggedRun) -> bool:
        """Whether a run can be ranked by it."""
        if self.score is not None:
            return self.score.tag in run.records.scalars
        return any(value is not None for value in descent_metrics(run).values())

    def key(self, metrics: Mapping[str, float | None]) -> tuple[float, ...]:
        """Sorts runs, best first: what is missing or not finite comes last."""
        sign = -1.0 if self.prefers_high else 1.0
        names = (self.label,) if self.score else DECIDING
        found = [metrics.get(name) for name in names]
        return tuple(sign * x if x is not None and math.isfinite(x) else math.inf for x in found)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The runs of one function.

    Attributes:
      function: with what makes it another one; empty where the runs name none.
      measure: what decides.
      runs: best first.
      groups: best first; empty where none were asked for.
      compared_by: the score or metric that the groups are compared by; empty without groups.
      remarks: sentences on what the order does not tell: rates that were not tuned, groups that mix settings.
    """

    function: str
    measure: Measure
    runs: tuple[RankedRun, ...]
    groups: tuple[Group, ...] = ()
    compared_by: str = ""
    remarks: tuple[str, ...] = ()


def descent_metrics(run: LoggedRun) -> dict[str, float | None]:
    """The metrics by which descents are compared; None where a run lacks one."""
    metrics = {name: run.metrics.get(name) for name in SHOWN}
    gap = run.records.scalars.get(GAP)
    if gap is not None and np.isfinite(gap.value).any():
        metrics["best_gap"] = 10.0 ** float(gap.value[np.isfinite(gap.value)].min())
    value = run.records.scalars.get(VALUE)
    if metrics["best_value"] is None and value is not None and len(value.value):
        finite = value.value[np.isfinite(value.value)]
        metrics["best_value"] = float(finite.min()) if finite.size else math.nan
    if metrics["steps_to_gap"] is not None:
        metrics["steps_to_gap"] = int(metrics["steps_to_gap"])
    return metrics


def measure_for(runs: Sequence[LoggedRun]) -> Measure | None:
    """The default for descents: the first deciding metric that any run has; None where none has any."""
    found = [descent_metrics(run) for run in runs]
    for name in DECIDING:
        if any(metrics[name] is not None and math.isfinite(metrics[name]) for metrics in found):
            return Measure(None, name)
    return Measure(None, DECIDING[-1]) if any(m["best_value"] is not None for m in found) else None


def rank_runs(function: str, runs: Sequence[LoggedRun], measure: Measure, group_by: Sequence[str] = ()) -> Ranking:
    """Ranks runs of one function, all of which the measure can rank.

    Args:
      function: their function.
      runs: at least one.
      measure: what decides.
      group_by: settings, each of which makes groups.
    """
    rows = []
    for run in runs:
        metrics = descent_metrics(run)
        if measure.score is not None:
            series = run.records.scalars[measure.score.tag]
            metrics[measure.label] = measure.score.of(series.step, series.value)
        rows.append((measure.key(metrics), run, metrics))
    places = ranks([key for key, _, _ in rows])
    order = sorted(range(len(rows)), key=lambda i: (places[i], rows[i][1].run))
    found = [
        RankedRun(run.run, function, places[i], run.hparams, metrics, run.status, run.directory)
        for i, (_, run, metrics) in ((i, rows[i]) for i in order)
    ]
    logged = [rows[i][1] for i in order]
    groups, compared_by = _groups(logged, found, measure, group_by) if group_by else ((), "")
    remarks = [*rate_words(logged), *_mixed(groups)]
    return Ranking(function, measure, tuple(found), groups, compared_by, tuple(remarks))


def setting_of(run: LoggedRun, name: str) -> Any:
    """A setting, or the run's own name, status or function; None where there is none."""
    return getattr(run, name) if name in _ALONE and name not in run.hparams else run.hparams.get(name)


def _groups(
    logged: Sequence[LoggedRun], runs: Sequence[RankedRun], measure: Measure, group_by: Sequence[str]
) -> tuple[tuple[Group, ...], str]:
    """The groups, best first, and what they are compared by: the first deciding metric in which one has a median."""
    members: dict[tuple, list[int]] = {}
    for i, run in enumerate(logged):
        members.setdefault(tuple(setting_of(run, name) for name in group_by), []).append(i)
    names = DECIDING[DECIDING.index(measure.name) :] if measure.score is None else (measure.label,)
    for name in names:
        groups = [
            _group(dict(zip(group_by, values, strict=True)), [(logged[i], runs[i]) for i in indices], measure, name)
            for values, indices in members.items()
        ]
        if any(math.isfinite(group.median) for group in groups):
            break
    return ranked(groups, measure.prefers_high), name


def _group(
    settings: Mapping[str, Any], members: Sequence[tuple[LoggedRun, RankedRun]], measure: Measure, name: str
) -> Group:
    logged = [run for run, _ in members]
    numbers = [_number(run.metrics.get(name)) for _, run in members]
    samples = [sample(run, measure.score or name, x) for run, x in zip(logged, numbers, strict=True)]
    return Group(
        ", ".join(f"{name} {'none' if value is None else spelled(value)}" for name, value in settings.items()),
        settings,
        tuple(run.run for run in logged),
        np.concatenate(samples),
        of_starts=any(map(is_of_many_starts, logged)),
        deterministic=all(map(is_deterministic, logged)),
        varying=_varying(logged, [*settings]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _varying(runs: Sequence[LoggedRun], group_by: Sequence[str]) -> tuple[str, ...]:
    names = dict.fromkeys(name for run in runs for name in run.hparams)
    return tuple(n for n in names if n not in (*group_by, SEED) and len({run.hparams.get(n) for run in runs}) > 1)


def _mixed(groups: Sequence[Group]) -> list[str]:
    names = dict.fromkeys(name for group in groups for name in group.varying)
    if not names:
        return []
    return [f"Within a group the runs also differ in {', '.join(names)}: this counts as luck here, as a seed does."]
