"""What a page says of a comparison as a whole: what came out, the tables, the performance profile."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tbgrad.comparison.answers import group_answer, run_answer
from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.page.looks import Look, group_numbers, style
from tbgrad.comparison.page.markup import link, paragraph, swatch, table, text
from tbgrad.comparison.ranking import Ranking
from tbgrad.comparison.tables import caption, constant_words, group_rows, ranking_rows, reason_words

_MOST_ROWS, _MOST_LED = 1_000, 4
_SLOT = "\0"


def title(comparison: Comparison) -> str:
    """What was compared."""
    count, rankings = len(comparison.runs), comparison.rankings
    runs = f"{count:,} runs" if count != 1 else "One run"
    if len(rankings) > 1:
        return f"{runs} on {len(rankings)} functions, compared"
    return f"{runs}{f' on {rankings[0].function}' if rankings[0].function else ''}" + ", compared" * (count > 1)


def origin(comparison: Comparison) -> str:
    """When, from where, and by what the order is made."""
    now = datetime.datetime.now(datetime.UTC)
    try:
        common = os.path.commonpath([run.directory for run in comparison.runs])
    except ValueError:  # some are relative, some are not
        common = "several places"
    where = f", from {common}" if common and common != "." else ""
    return f"Compared on {now:%Y-%m-%d at %H:%M} UTC{where}. {caption(comparison)}"


def lead(comparison: Comparison, known: Mapping[str, Look]) -> Iterator[str]:
    """What came out, in a sentence for each of a few functions."""
    for ranking in comparison.rankings[:_MOST_LED]:
        yield f'<p class="lead">{text(group_answer(ranking)) or _best_words(ranking, known)}</p>'
    if len(comparison.rankings) > _MOST_LED:
        yield paragraph(f"And {len(comparison.rankings) - _MOST_LED} further functions, below.")


def _best_words(ranking: Ranking, known: Mapping[str, Look]) -> str:
    look = known[ranking.runs[0].run]
    # The run's name is a link, and what stands around it is text.
    before, after = run_answer(ranking, _SLOT).split(_SLOT)
    return text(before) + link(look.place, look.name) + text(after)


def rankings(comparison: Comparison, known: Mapping[str, Look], shown: set[str]) -> Iterator[str]:
    """The tables, as a terminal has them; runs lead to their cards where they have one."""
    for ranking in comparison.rankings:
        if len(comparison.rankings) > 1:
            yield f"<h3>{text(ranking.heading)}</h3>"
        heads, rows = ranking_rows(ranking)
        last = {
            i: swatch(known[run.run].style) + link(known[run.run].place, known[run.run].name)
            for i, run in enumerate(ranking.runs)
            if run.run in shown
        }
        yield table(heads, rows[:_MOST_ROWS], last)
        if len(rows) > _MOST_ROWS:
            yield paragraph(f"And {len(rows) - _MOST_ROWS:,} further runs, which --csv has.", "about")
        constant = constant_words(ranking)
        yield paragraph(f"All: {constant}" if constant else "", "about")
        if ranking.groups:
            numbers = group_numbers(comparison)
            heads, rows = group_rows(ranking)
            named = enumerate(ranking.groups[: len(rows)])
            yield table(heads, rows, {i: swatch(style(numbers[g.name])) + text(rows[i][-1]) for i, g in named})
            yield from (paragraph(words, "about") for words in reason_words(ranking))
        yield from (paragraph(remark) for remark in ranking.remarks)


def profile_table(comparison: Comparison) -> str:
    """The profile in numbers; empty where there is none."""
    if comparison.profile is None:
        return ""
    heads, *rows = comparison.profile._rows()
    said = comparison.profile._caption()
    return paragraph(f"{said[0].upper()}{said[1:]}.") + table(heads, rows) + paragraph(comparison.profile.remark)


def profile_curves(comparison: Comparison) -> dict[str, Any] | None:
    """Each solver's share of problems as stairs over the cost, up to a tenth beyond the last step of any.

    None where there is no profile, or no stair in it: then its table says all.
    """
    profile = comparison.profile
    if profile is None or not (np.isfinite(profile.ratio) & (profile.ratio > 1)).any():
        return None
    groups, ratio = group_numbers(comparison), profile.ratio
    end = max(2.0, 1.1 * float(ratio[np.isfinite(ratio)].max(initial=1.0)))
    curves, styles = [], []
    for number, k in enumerate(profile.order):
        factors = np.unique(np.append(ratio[np.isfinite(ratio[:, k]), k], [1.0, end]))
        curves.append([factors.tolist(), profile.share(factors)[:, k].tolist()])
        styles.append(style(groups.get(profile.solvers[k], number)))
    return {"names": [profile.solvers[k] for k in profile.order], "styles": styles, "curves": curves}
