"""What came out of a comparison, in a sentence for each function."""

from __future__ import annotations

from tbgrad.comparison.groups import FIRST, WORSE
from tbgrad.comparison.ranking import Ranking
from tbgrad.comparison.tables import ranking_rows

_MOST_NAMED = 3


def answer(ranking: Ranking) -> str:
    """Which group, or else which run, is first."""
    return group_answer(ranking) or run_answer(ranking, ranking.runs[0].run)


def group_answer(ranking: Ranking) -> str:
    """The first group, and which ones are found to be worse; empty without groups that can be compared."""
    first, *others = ranking.groups or (None,)
    if not others or first.difference.verdict != FIRST:
        return ""
    worse = [group.name for group in others if group.difference.verdict == WORSE]
    named = ", ".join(worse) if len(worse) <= _MOST_NAMED else f"{len(worse)} of {len(others)} groups"
    found = f"worse: {named}" if worse else "none is found to be worse"
    left = len(others) - len(worse)
    rest = f"; of {left} more no difference is found, or none can be" if worse and left else ""
    return f"First{_on(ranking)} by the median {ranking.compared_by.replace('_', ' ')}: {first.name}; {found}{rest}."


def run_answer(ranking: Ranking, name: str) -> str:
    """The best run, under the name that it has where this is read."""
    heads, rows = ranking_rows(ranking)
    value = "not reached" if rows[0][1] == "-" else rows[0][1]
    told = f"{name}, {heads[1]} {value}"
    if len(ranking.runs) == 1:
        return f"{f'On {ranking.function}: ' if ranking.function else ''}{told}."
    equal = sum(run.rank == ranking.runs[0].rank for run in ranking.runs) - 1
    shared = f"; {equal} more {'is' if equal == 1 else 'are'} as good" if equal else ""
    return f"Best{_on(ranking)}: {told}, of {len(ranking.runs):,} runs{shared}."


def _on(ranking: Ranking) -> str:
    return f" on {ranking.function}" if ranking.function else ""
