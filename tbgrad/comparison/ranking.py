"""The runs of one function, best first, and their groups."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad.comparison.grouping import differing_words, grouped
from tbgrad.comparison.groups import Group
from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.scores import Score
from tbgrad.comparison.statistics import ranks
from tbgrad.comparison.tuning import rate_words
from tbgrad.comparison.visible import visible

GAP, VALUE = "descent/log10_gap", "descent/value"
# The default order: each decides where those before leave a tie.
DECIDING = ("steps_to_gap", "best_gap", "best_value")
SHOWN = (*DECIDING, "final_value")


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

    @property
    def heading(self) -> str:
        """What the runs are of: their function, or the model that was trained."""
        if self.function:
            return self.function
        models = {str(run.hparams.get("model", "")) for run in self.runs}
        if "" in models:
            return "(no function named)"
        return f"training of {models.pop()}" if len(models) == 1 else f"training of {len(models)} models"

    @property
    def compares_steps(self) -> bool:
        """Whether groups are compared by a number of steps, which is infinite where something is never reached."""
        score = self.measure.score
        return self.compared_by == DECIDING[0] if score is None else score.kind == "steps-to"

    def curve(self, tags: Collection[str]) -> str:
        """The tag whose curves show what decides: the score's, or of those that there are the gap's or the value's."""
        if self.measure.score is not None:
            return self.measure.score.tag
        return GAP if GAP in tags else VALUE


def descent_metrics(run: LoggedRun) -> dict[str, float | None]:
    """The metrics by which descents are compared; None where a run lacks one."""
    metrics = {name: run.metrics.get(name) for name in SHOWN}
    gap = _finite_lowest(run, GAP)
    if gap is not None and not math.isnan(gap):
        metrics["best_gap"] = 10.0**gap
    if metrics["best_value"] is None:
        metrics["best_value"] = _finite_lowest(run, VALUE)
    if metrics["steps_to_gap"] is not None:
        metrics["steps_to_gap"] = int(metrics["steps_to_gap"])
    return metrics


def _finite_lowest(run: LoggedRun, tag: str) -> float | None:
    """The lowest finite value of a series; NaN where it has none, None where the run lacks the tag."""
    if tag not in run.records.scalars:
        return None
    _, value = visible(run.records.scalars[tag])
    finite = value[np.isfinite(value)]
    return float(finite.min()) if finite.size else math.nan


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
            metrics[measure.label] = measure.score.of(*visible(run.records.scalars[measure.score.tag]))
        rows.append((measure.key(metrics), run, metrics))
    places = ranks([key for key, _, _ in rows])
    order = sorted(range(len(rows)), key=lambda i: (places[i], rows[i][1].run))
    found = tuple(
        RankedRun(run.run, function, places[i], run.hparams, metrics, run.status, run.directory)
        for i, (_, run, metrics) in ((i, rows[i]) for i in order)
    )
    logged = [rows[i][1] for i in order]
    groups, compared_by = (), ""
    if group_by:
        names = DECIDING[DECIDING.index(measure.name) :] if measure.score is None else (measure.label,)
        numbers = {name: [run.metrics.get(name) for run in found] for name in names}
        groups, compared_by = grouped(logged, numbers, measure.score, group_by)
    remarks = [*rate_words(logged, [run.rank for run in found]), *differing_words(groups, logged)]
    remarks += _area_words(logged, measure)
    return Ranking(function, measure, found, groups, compared_by, tuple(remarks))


def _area_words(runs: Sequence[LoggedRun], measure: Measure) -> list[str]:
    """That areas over other steps are no match for each other."""
    if measure.score is None or measure.score.kind != "auc":
        return []
    steps = [visible(run.records.scalars[measure.score.tag])[0] for run in runs]
    spans = {(int(step[0]), int(step[-1])) for step in steps if len(step)}
    if len(spans) < 2:
        return []
    shortest, longest = min(spans, key=lambda s: s[1] - s[0]), max(spans, key=lambda s: s[1] - s[0])
    told = f"some from step {shortest[0]:,} to {shortest[1]:,}, others from {longest[0]:,} to {longest[1]:,}"
    return [f"Areas over different steps are no match for each other: {told}."]
