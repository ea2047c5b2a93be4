"""A comparison as one page of HTML that needs nothing else: ranking, curves, pictures, and how each run was made.

The page forbids itself the network, and runs no script but its own. Curves and pictures are made smaller so that fifty
runs stay below 2 MiB; the page says so wherever it does it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import string
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import Any

import tbgrad
from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.page.cards import card
from tbgrad.comparison.page.curves import Curve, charts, curves_of
from tbgrad.comparison.page.looks import Look, looks
from tbgrad.comparison.page.markup import link, paragraph, script_data, text
from tbgrad.comparison.page.sections import lead, origin, profile_curves, profile_table, rankings, title
from tbgrad.comparison.page.thumbnails import Thumbnail, thumbnails
from tbgrad.comparison.ranking import RankedRun
from tbgrad.events.reader import read_run
from tbgrad.records import Records
from tbgrad.runs.opening import read_info

# Runs with curves and a card, and runs with pictures; the best of each function come first.
_MOST_RUNS, _MOST_PICTURED = 200, 60
# Bytes of all pictures and of one, before they become text; and how many a run has where there are few runs.
_PICTURES, _PICTURE, _MOST_PICTURES, _FEW = 640_000, 90_000, 4, 12
# Runs whose settings are shown at once.
_MOST_OPEN = 6
_NOT_SHOWN = ("", "descent/mesh", "surface/mesh")


@dataclass(frozen=True)
class _Shown:
    """A run on the page: its name, in which ranking, how many pictures its card has, its card and its curves."""

    run: str
    ranking: int
    pictures: int
    card: str
    curves: Mapping[str, Curve]


def html_report(comparison: Comparison) -> str:
    """The page.

    The runs are read again, one by one, and forgotten as soon as they are made smaller.

    Args:
      comparison: what is told.

    Raises:
      NotARunError: a run has been deleted since.
    """
    known = looks(comparison)
    shown = [*_read(comparison, known)]
    found, left_out = charts(
        [run.curves for run in shown], [ranking.curve(_tags(shown, i)) for i, ranking in enumerate(comparison.rankings)]
    )
    style, script, page = map(_file, ("page.css", "page.js", "page.html"))
    more = f"{left_out:,} further tags, which fewer runs have or come later in them, are left out of the page."
    there = {"ranking": True, "profile": comparison.profile is not None, "curves": bool(found), "runs": True}
    whole = string.Template(page).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=text(title(comparison)),
        lead="".join(lead(comparison, known)),
        about=text(origin(comparison)),
        contents="".join(link(name, name) for name, is_there in there.items() if is_there),
        ranking="".join(rankings(comparison, known, {run.run for run in shown})),
        profile_hidden="" if there["profile"] else " hidden",
        profile=profile_table(comparison),
        curves_hidden="" if there["curves"] else " hidden",
        left_out=paragraph(more if left_out else "", "about"),
        runs_about=paragraph(_runs_about(comparison, shown), "about"),
        runs="\n".join(_cards(comparison, shown)),
        footer=f"Made by tbgrad {tbgrad.__version__}. This page is whole: it loads nothing from elsewhere.",
        data=script_data(_document(comparison, shown, found, known)),
    )
    # The name of a directory may be no text at all.
    return whole.encode(errors="replace").decode()


def _read(comparison: Comparison, known: Mapping[str, Look]) -> Iterator[_Shown]:
    """Reads the runs one by one, in the order of the page; of very many the best of each function."""
    runs = [(run, i) for i, ranking in enumerate(comparison.rankings) for run in ranking.runs]
    best = sorted(range(len(runs)), key=lambda i: (runs[i][0].rank, i))
    pictured = {*best[:_MOST_PICTURED]}
    each = max(1, min(_MOST_PICTURES, _FEW // len(runs)))
    budget = min(_PICTURE, _PICTURES // (each * len(pictured)))
    finish = None
    # The pictures of a run are made smaller beside the reading of the next one: Pillow works without Python's lock.
    with ThreadPoolExecutor(max_workers=1) as beside:
        for i in sorted(best[:_MOST_RUNS]):
            ranked, ranking = runs[i]
            records = read_run(ranked.directory, lambda tag: tag not in _NOT_SHOWN)
            if finish:
                yield finish()
            pictures = beside.submit(thumbnails, records.images if i in pictured else {}, each, budget)
            is_open = len(runs) <= _MOST_OPEN
            curves = curves_of(records.scalars, min(len(runs), _MOST_RUNS))
            finish = functools.partial(
                _finished, ranked, ranking, records, known[ranked.run], pictures, curves, is_open
            )
        yield finish()


def _finished(
    ranked: RankedRun,
    ranking: int,
    records: Records,
    look: Look,
    pictures: Future[list[Thumbnail]],
    curves: Mapping[str, Curve],
    is_open: bool,
) -> _Shown:
    run = LoggedRun(ranked.run, ranked.directory, records, read_info(ranked.directory) or {})
    told = card(ranked, run, look, pictures.result(), is_open)
    return _Shown(ranked.run, ranking, len(pictures.result()), told, curves)


def _cards(comparison: Comparison, shown: Sequence[_Shown]) -> Iterator[str]:
    for i, ranking in enumerate(comparison.rankings):
        if len(comparison.rankings) > 1:
            yield f"<h3>{text(ranking.heading)}</h3>"
        members = [run.card for run in shown if run.ranking == i]
        yield f'<div class="cards{" alone" * (len(shown) == 1)}">{"".join(members)}</div>'


def _runs_about(comparison: Comparison, shown: Sequence[_Shown]) -> str:
    said = []
    if any(run.pictures for run in shown):
        said.append("Pictures are made smaller; the originals are in the runs, under the tag that stands below each.")
    if len(comparison.runs) > len(shown):
        said.append(f"The best {len(shown):,} of {len(comparison.runs):,} runs are shown here and as curves.")
    if any(run.pictures for run in shown) and len(shown) > _MOST_PICTURED:
        said.append(f"Only the best {_MOST_PICTURED} have pictures here.")
    return " ".join(said)


def _document(
    comparison: Comparison, shown: Sequence[_Shown], found: Sequence[Mapping[str, Any]], known: Mapping[str, Look]
) -> dict[str, Any]:
    """What the page's script reads: runs, sets of them, charts, and the profile."""
    sets = []
    for i, ranking in enumerate(comparison.rankings):
        members = [k for k, run in enumerate(shown) if run.ranking == i]
        tag = ranking.curve(_tags(shown, i))
        groups = [group.name for group in ranking.groups]
        sets.append({"name": ranking.heading, "tag": tag, "runs": members, "groups": groups})
    runs = [{name: value for name, value in vars(known[run.run]).items() if name != "place"} for run in shown]
    return {"runs": runs, "sets": sets, "charts": found, "profile": profile_curves(comparison)}


def _tags(shown: Sequence[_Shown], ranking: int) -> set[str]:
    """Of which tags the runs of a ranking have curves."""
    return {tag for run in shown if run.ranking == ranking for tag in run.curves}


def _policy(style: str, script: str) -> str:
    """Forbids the page the network, and every style and script but its own."""
    rules = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    for kind, inside in (("style-src", style), ("script-src", script)):
        rules.append(f"{kind} 'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'")
    return "; ".join(rules)


def _file(name: str) -> str:
    return (resources.files("tbgrad.comparison.page") / name).read_text("utf-8")
