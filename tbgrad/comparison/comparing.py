"""Ranks runs: function by function, best first, and groups of runs against each other.

By default the fewest steps to a gap of 1e-6 win, then the smallest gap, or the lowest value where no minimum is known;
of runs that tbgrad did not write the last value of their loss decides. Everything is read from event files, whoever
wrote them; run.json and arrays.npz add the status, full precision and each of many starts where they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tbgrad import naming
from tbgrad.comparison.filters import Filter, admitted, check_name
from tbgrad.comparison.kinship import contenders, parts_of
from tbgrad.comparison.logged import METRICS, LoggedRun, read_logs
from tbgrad.comparison.places import several
from tbgrad.comparison.profiling import profile
from tbgrad.comparison.ranking import DECIDING, GAP, VALUE, Measure, Ranking, measure_for, rank_runs
from tbgrad.comparison.scores import KINDS, Score, is_loss, likely_loss
from tbgrad.errors import NotARunError, UnknownTagError, nearest
from tbgrad.results.profiles import Profile

# What writes a comparison into a run; see `tbgrad.comparison.aggregates`.
COMMAND = "compare"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs in order: function by function, best first.

    Attributes:
      rankings: one for each function.
      by: the score that decided, or empty for the default order.
      group_by: the settings that make groups.
      skipped: names of runs that hold nothing to rank by, and no part of a training that is ranked.
      profile: the performance profile of optimizers (or groups) over the functions, or None where there is none.
      damage: what could not be read.
    """

    rankings: tuple[Ranking, ...]
    by: str = ""
    group_by: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    profile: Profile | None = None
    damage: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple:
        """All `RankedRun`s."""
        return tuple(run for ranking in self.rankings for run in ranking.runs)

    def __repr__(self) -> str:
        from tbgrad.comparison.tables import text_table

        return "\n".join(text_table(self))

    def _repr_html_(self) -> str:
        from tbgrad.comparison.tables import html_comparison

        return html_comparison(self)


def compare(
    places: str | Path | Sequence[str | Path],
    by: str | None = None,
    *,
    group_by: str | Sequence[str] = (),
    where: str | Sequence[str] = (),
    highest: bool | None = None,
) -> Comparison:
    """Reads and ranks runs.

    Args:
      places: log directories, runs, or patterns such as `logs/*/descent`; all runs at or below them are compared. Here
        and in `group_by` and `where` one alone may be given as it is.
      by: what decides: `TAG[:last|min|max|auc|steps-to=VALUE]`. By default, see the module.
      group_by: settings; runs that share them are a group, and groups are compared over what else differs: seeds,
        starts. `run` makes each run a group, for descents from many starts.
      where: conditions that a run must fulfil, such as `learning_rate<0.1`.
      highest: whether high numbers are good; by default of `max` alone.

    Of a training that lies in several directories one run is ranked, with the settings of all: see
    `tbgrad.comparison.kinship`. Whoever names `…/train` gets that one.

    Returns:
      `Comparison`, with the runs that have anything to rank by.

    Raises:
      NotARunError: a place does not exist, or no run is found, or none has anything to rank by.
      UnknownTagError: no run holds the tag of `by`.
      OptionError: a condition or a score cannot be read, or names what no run has.

    Example:
      >>> tbgrad.compare(["logs"], "descent/value:min", group_by=["optimizer"], where=["learning_rate<0.1"])
    """
    score = Score.parse(by, highest) if by else None
    places, group_by = several(places), several(group_by)
    filters = [Filter.parse(text) for text in several(where)]
    runs = [run for run in read_logs(places, _wanted(score)) if run.asked.get("command") != COMMAND]
    if not runs:
        raise NotARunError("there are no runs here but those that comparisons wrote.")
    runs = admitted(runs, filters)
    for name in group_by:
        check_name(runs, name)
    rankings, skipped = _rankings(runs, score, group_by, {Path(place).name for place in places})
    if not rankings:
        _refuse(runs, score)
    ranked = {run.run for ranking in rankings for run in ranking.runs}
    used = [run for run in runs if run.run in ranked]
    return Comparison(
        tuple(rankings),
        score.label if score else "",
        tuple(group_by),
        tuple(skipped),
        profile(used, rankings, score, group_by),
        tuple(line for run in runs for line in run.records.damage),
    )


def _wanted(score: Score | None):
    """Which series are kept while whole folders are read."""
    if score is not None:
        return lambda tag: tag == score.tag or tag == GAP or tag.startswith(METRICS)
    return lambda tag: tag in (GAP, VALUE) or tag.startswith(METRICS) or is_loss(tag)


def _rankings(
    runs: Sequence[LoggedRun], score: Score | None, group_by: Sequence[str], named: Collection[str]
) -> tuple[list[Ranking], list[str]]:
    by_function: dict[str, list[LoggedRun]] = {}
    for run in runs:
        by_function.setdefault(run.function, []).append(run)
    rankings, skipped = [], []
    for function in sorted(by_function):
        members = by_function[function]
        # Last metrics that lie beside their curves decide only where no curve does.
        curves = [run for run in members if run.belongs_to is None]
        measure = _measure(curves, score) or _measure(members, score)
        kept = [run for run in members if measure is not None and measure.has(run)]
        chosen = {*kept}
        others = [run for run in members if run not in chosen]
        parts = parts_of(kept, others)
        skipped += [run.run for run in others if run.run not in parts]
        if kept:
            kept, remarks = contenders(kept, named)
            ranking = rank_runs(function, kept, measure, group_by)
            rankings.append(dataclasses.replace(ranking, remarks=(*ranking.remarks, *remarks)))
    return rankings, skipped


def _measure(runs: Sequence[LoggedRun], score: Score | None) -> Measure | None:
    """What these runs are ranked by; None where they have nothing."""
    if score is not None:
        return Measure(score)
    found = measure_for(runs)
    if found is not None:
        return found
    counts: dict[str, int] = {}
    for run in runs:
        for tag in run.records.scalars:
            counts[tag] = counts.get(tag, 0) + 1
    loss = likely_loss(counts)
    return None if loss is None else Measure(Score(loss))


def _refuse(runs: Sequence[LoggedRun], score: Score | None) -> None:
    tags = [tag for run in runs for tag, plugin in run.records.plugins.items() if plugin == "scalars"]
    known = [*dict.fromkeys(tags)]
    if score is not None:
        kinds = f" Behind a colon may stand {', '.join(KINDS)}." if ":" in score.tag else ""
        raise UnknownTagError(f"no run has the scalar '{score.tag}'.{nearest(score.tag, known)}{kinds}")
    there = f" There are: {naming.listed(sorted(known))}." if known else ""
    who = "the run has nothing" if len(runs) == 1 else f"none of the {len(runs)} runs has anything"
    counted = ", ".join([VALUE, GAP, *(METRICS + name for name in DECIDING)])
    raise NotARunError(f"{who} to rank by: none of {counted}, and no loss. Name a scalar, with --by.{there}")
