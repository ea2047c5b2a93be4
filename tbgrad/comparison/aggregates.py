"""A comparison as records for TensorBoard: bands of each group, the ranking as tables, the profile as a picture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tbgrad import naming
from tbgrad.comparison.answers import answer
from tbgrad.comparison.bands import band
from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.logged import METRICS, LoggedRun
from tbgrad.comparison.ranking import RankedRun, Ranking
from tbgrad.comparison.samples import series
from tbgrad.comparison.tables import escaped, markdown_text
from tbgrad.events.reader import read_run
from tbgrad.figures.bands import bands_figure
from tbgrad.figures.canvas import Picture, encode
from tbgrad.figures.profiles import profile_figure
from tbgrad.records import Chart, Images, Layout, Record, Scalars, Texts
from tbgrad.results import Band
from tbgrad.runs.opening import read_info
from tbgrad.summaries.pages import page
from tbgrad.summaries.summarizing import in_unit, picture

# Of more tags the first ones are aggregated, and of these so many have a chart.
MOST_TAGS, _MOST_CHARTS = 200, 12
# Of more functions the tables tell.
_MOST_ANSWERS = 10
_ALL = "all runs"
# In the order of a margin chart.
_PARTS = {"median": "Median", "lower": "Lower quartile", "upper": "Upper quartile"}


@dataclass(frozen=True, eq=False)
class Aggregate:
    """What a group's runs logged, taken together.

    Attributes:
      function: of the group; empty where the runs name none.
      name: of the group: its settings, or `all runs`.
      bands: one for each tag that all of its runs have, the deciding one first.
      left_out: how many tags there are beyond those.
    """

    function: str
    name: str
    bands: tuple[Band, ...]
    left_out: int = 0


def slugs(found: Sequence[Aggregate]) -> list[str]:
    """Each as a part of a run's name: no two the same, also where capitals do not count."""
    names = ["_".join(filter(None, (naming.slug(one.function), naming.word(one.name)))) for one in found]
    alike = [name.lower() for name in names]
    return [
        f"{name}_{naming.short_hash([one.function, one.name])}" if alike.count(name.lower()) > 1 else name
        for name, one in zip(names, found, strict=True)
    ]


def aggregates(comparison: Comparison) -> list[Aggregate]:
    """Reads the runs of each group again, and takes them together; without groups all runs of a function are one."""
    return [aggregate for ranking in comparison.rankings for aggregate in _of_ranking(ranking)]


def _of_ranking(ranking: Ranking) -> Iterator[Aggregate]:
    by_name = {run.run: run for run in ranking.runs}
    groups = [(group.name, [by_name[name] for name in group.runs]) for group in ranking.groups]
    for name, members in groups or [(_ALL, [*ranking.runs])]:
        logged = [_read(run) for run in members]
        shared = [tag for tag in logged[0].records.scalars if all(_has(run, tag) for run in logged)]
        tags = sorted(shared, key=lambda tag: tag != ranking.curve(shared))
        prefers_high = ranking.measure.score is not None and ranking.measure.score.highest
        bands = [band(name, tag, [one for run in logged for one in series(run, tag)], prefers_high) for tag in
                 tags[:MOST_TAGS]]  # fmt: skip
        yield Aggregate(ranking.function, name, tuple(bands), len(tags[MOST_TAGS:]))


def _has(run: LoggedRun, tag: str) -> bool:
    return tag in run.records.scalars and len(run.records.scalars[tag].step) > 0


def _read(run: RankedRun) -> LoggedRun:
    records = read_run(run.directory, lambda tag: not tag.startswith(METRICS))
    return LoggedRun(run.run, run.directory, records, read_info(run.directory) or {})


def band_records(aggregate: Aggregate) -> tuple[Record, ...]:
    """Three series of each tag, and a chart of each of the first ones for Custom Scalars."""
    records: list[Record] = []
    # Series of one time share their events in the file.
    now = time.time()
    for one in aggregate.bands:
        ended = f" Behind step {one.first_end} some have ended and stand still." * bool(one.first_end < one.step[-1])
        runs = f"{one.count:,} {'series' if one.count != 1 else 'single series'}"
        for part, words in _PARTS.items():
            told = f"{words} of {one.tag} over {runs} of {aggregate.name}.{ended}"
            told = in_unit(told, f"that of {one.tag}")
            records.append(Scalars(f"compare/{one.tag}/{part}", one.step, getattr(one, part), now, told))
    return (*records, band_layout(aggregate))


def band_layout(aggregate: Aggregate) -> Layout:
    """One margin chart for each of the first tags; runs that have the same tags share them."""
    charts = [
        (
            one.tag,
            Chart(f"{one.tag}: median and quartiles", tuple(f"compare/{one.tag}/{part}" for part in _PARTS), True),
        )
        for one in aggregate.bands[:_MOST_CHARTS]
    ]
    # A category has the same charts in every run, or TensorBoard loses some: so each tag has its own.
    return Layout({f"compare: {tag}": [chart] for tag, chart in charts})


def ranking_records(comparison: Comparison, found: Sequence[Aggregate]) -> tuple[Record, ...]:
    """The ranking as text tables, the profile as a picture, and the deciding bands as a picture of each function."""
    questions = [("Which is best, and is it luck?", "Text", "compare/ranking")]
    if comparison.profile is not None:
        questions.append(("Which optimizer, over all functions?", "Images", "compare/profile"))
    questions += [
        ("How do the groups go on?", "Images", "compare/bands"),
        ("How do they go on, step by step?", "Custom Scalars of all runs", ""),
    ]
    answers = "\n\n".join(escaped(answer(ranking)) for ranking in comparison.rankings[:_MOST_ANSWERS])
    parts = [answers, markdown_text(comparison)]
    if left_out := max((one.left_out for one in found), default=0):
        parts.append(f"Bands show {MOST_TAGS} tags of each group; {left_out} more are left out.")
    text = page("Comparison", parts, questions)
    records: list[Record] = [Texts("compare/ranking", 0, text, description="Which runs and groups are best.")]
    if comparison.profile is not None:
        words = "The share of problems that each solver solves with at most so many times the gradients of the fastest."
        words += " Axes: factor; share of problems."
        records.append(picture("compare/profile", 0, encode(profile_figure(comparison.profile)), words))
    drawn = [*_drawn_bands(comparison, found)]
    if drawn:
        steps, pictures = zip(*drawn, strict=True)
        words = "Median and quartiles of each group; a step for each function. Axes: step; what is ranked by."
        size = pictures[0].size
        records.append(Images("compare/bands", steps, [one.image for one in pictures], size, description=words))
    return tuple(records)


def _drawn_bands(comparison: Comparison, found: Sequence[Aggregate]) -> Iterator[tuple[int, Picture]]:
    """(Which ranking, its picture) of each that has bands of what decides."""
    names = [*dict.fromkeys(one.name for one in found)]
    for step, ranking in enumerate(comparison.rankings):
        bands = [one.bands[0] for one in found if one.function == ranking.function and one.bands]
        bands = [one for one in bands if one.tag == bands[0].tag]
        if bands:
            yield step, encode(bands_figure(bands, ranking.function or "Runs without a function", names))
