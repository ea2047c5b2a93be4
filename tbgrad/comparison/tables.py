"""A comparison as text that fits a terminal, as markdown, and as HTML for notebooks."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.fitting import aligned
from tbgrad.comparison.groups import FIRST, NOT_APPLICABLE, Group
from tbgrad.comparison.logged import spelled
from tbgrad.comparison.ranking import SHOWN, RankedRun, Ranking
from tbgrad.results.tabular import html_table, in_short, markdown_table

_NO_FUNCTION = "(no function named)"
_MOST_GROUP_ROWS = 200


def text_table(comparison: Comparison, width: int | None = None) -> list[str]:
    """Lines for a terminal: one table for each function, best first; then groups, and the profile.

    Args:
      comparison: to be told.
      width: of the terminal in characters; None for no limit.
    """
    lines: list[str] = []
    for ranking in comparison.rankings:
        lines += [""] * bool(lines) + [ranking.function or _NO_FUNCTION]
        heads, rows = ranking_rows(ranking)
        shown, left_out = aligned(heads, rows, width)
        lines += shown
        if left_out:
            lines += _wrapped(f"No room for {', '.join(left_out)}; --csv has every column.", width)
        if constant := constant_words(ranking):
            lines += _wrapped(f"All: {constant}", width)
        if ranking.groups:
            heads, rows = group_rows(ranking)
            shown, _ = aligned(heads, rows, width)
            lines += ["", *shown]
            lines += [line for group in ranking.groups for line in _wrapped(difference_words(group), width) if line]
        lines += [line for remark in ranking.remarks for line in _wrapped(remark, width)]
    if comparison.profile is not None:
        lines += ["", *repr(comparison.profile).splitlines(), *_wrapped(comparison.profile.remark, width)]
    return [*lines, "", *_wrapped(caption(comparison), width)]


def ranking_rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: what decides first, then the settings that differ, then the status and the run's name."""
    columns = _columns(ranking)
    rows = [
        [str(run.rank), *(_cell(c, run) for c in columns), *([run.status] if _statuses(ranking) else []), run.run]
        for run in ranking.runs
    ]
    return ["", *map(_head, columns), *(["status"] if _statuses(ranking) else []), "run"], rows


def group_rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the groups: median and quartiles, and the difference to the first one."""
    what = ranking.compared_by.replace("_", " ")
    unit = "starts" if any(group.of_starts for group in ranking.groups) else "runs"
    heads = ["", unit, f"median {what}", "verdict", "behind the first [95 %]", "quartiles", "p", "group"]
    rows = []
    for group in ranking.groups[:_MOST_GROUP_ROWS]:
        difference, (low, high) = group.difference, group.quartiles
        behind = p_value = "-"
        if difference.median is not None:
            low_end, high_end = map(_behind, difference.interval)
            behind = f"{_behind(difference.median)} [{low_end}, {high_end}]"
            p_value = f"{difference.p_value:.2g}"
        told = [f"{len(group.sample):,}", _number(group.median), difference.verdict, behind]
        rows.append([str(group.rank), *told, f"{_number(low)} to {_number(high)}", p_value, group.name])
    return heads, rows


def difference_words(group: Group) -> str:
    """Why nothing was found of a group, or why nothing can be; empty where a difference was found."""
    difference = group.difference
    if difference is None or not difference.reason or difference.verdict == FIRST:
        return ""
    name = f"{group.name}: " if difference.verdict != NOT_APPLICABLE else ""
    return f"{name}{difference.verdict}: {difference.reason}."


def constant_words(ranking: Ranking) -> str:
    """The settings, and the status, that all runs share: `optimizer sgd, steps 200`."""
    settings = [("setting", name) for name in settings_of(ranking.runs) if name not in _differing(ranking.runs)]
    told = [f"{_head(c)} {_cell(c, ranking.runs[0])}" for c in settings]
    if not _statuses(ranking) and ranking.runs[0].status:
        told.append(f"status {ranking.runs[0].status}")
    return ", ".join(told) if len(ranking.runs) > 1 else ""


def caption(comparison: Comparison) -> str:
    """By what the order is made, and what is missing."""
    orders = dict.fromkeys(ranking.measure.words for ranking in comparison.rankings)
    said = [f"Ranked by {'; or by '.join(orders)}."]
    if any(ranking.groups for ranking in comparison.rankings):
        said.append(
            "Groups are compared with the first one: bootstrap interval of the difference of medians, and Wilcoxon's "
            "rank sum test with Holm's correction."
        )
    if comparison.skipped:
        count = len(comparison.skipped)
        said.append(
            f"{count} {'run' if count == 1 else 'runs'} without these {'is' if count == 1 else 'are'} left out."
        )
    if comparison.damage:
        said.append(f"{len(comparison.damage)} damaged events were passed over; 'tbgrad doctor' says which.")
    return " ".join(said)


def markdown_text(comparison: Comparison) -> str:
    """The comparison as markdown tables, to be pasted, or shown by the Text dashboard."""
    return "\n\n".join(_markdown_parts(comparison)) + "\n"


def _markdown_parts(comparison: Comparison) -> Iterator[str]:
    for ranking in comparison.rankings:
        yield f"**{_escaped(ranking.function or 'Runs')}**"
        yield _markdown_table(*ranking_rows(ranking))
        if constant := constant_words(ranking):
            yield f"All: {_escaped(constant)}"
        if ranking.groups:
            yield _markdown_table(*group_rows(ranking))
            yield from (_escaped(words) for words in map(difference_words, ranking.groups) if words)
        yield from map(_escaped, ranking.remarks)
    if comparison.profile is not None:
        heads, *rows = comparison.profile._rows()
        yield f"**{comparison.profile._caption()}**"
        yield _markdown_table(heads, rows)
        yield _escaped(comparison.profile.remark)
    yield _escaped(caption(comparison))


def _markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown_table(heads, [[_escaped(cell) for cell in row] for row in rows])


def _escaped(text: str) -> str:
    """Text in which markdown sees nothing of its own."""
    for sign in "\\|*_`<>[]~#":
        text = text.replace(sign, f"\\{sign}")
    return text


def html_comparison(comparison: Comparison) -> str:
    """The comparison as HTML tables, for notebooks."""
    parts = []
    for ranking in comparison.rankings:
        heads, rows = ranking_rows(ranking)
        parts.append(html_table(heads, rows, ranking.function or _NO_FUNCTION))
        if ranking.groups:
            heads, rows = group_rows(ranking)
            parts.append(html_table(heads, rows, in_short(list(comparison.group_by))))
    return "".join(parts) + html_table(["order"], [[caption(comparison)]], "")


def _columns(ranking: Ranking) -> list[tuple[str, str]]:
    """(kind, name) of the columns: what decides, the settings that differ, and what else was measured and differs."""
    label = ranking.measure.label
    decides, *others = dict.fromkeys([label, *SHOWN])
    settings = [("setting", name) for name in _differing(ranking.runs)]
    return [("metric", decides), *settings, *(("metric", name) for name in _telling(ranking.runs, others))]


def _telling(runs: Sequence[RankedRun], names: Sequence[str]) -> list[str]:
    """The metrics that differ among runs and repeat none before: where the minimum is 0, gap and value are one."""
    kept: dict[tuple, str] = {}
    for name in names:
        found = tuple(run.metrics.get(name) for run in runs)
        if any(value is not None for value in found) and (len({*map(str, found)}) > 1 or len(runs) == 1):
            kept.setdefault(tuple(_number(value) if value is not None else "" for value in found), name)
    return list(kept.values())


def settings_of(runs: Sequence[RankedRun]) -> list[str]:
    """The names of all settings that any of the runs has, but for the function."""
    return list(dict.fromkeys(name for run in runs for name in run.hparams if name != "function"))


def _differing(runs: Sequence[RankedRun]) -> list[str]:
    return [n for n in settings_of(runs) if len({str(run.hparams.get(n)) for run in runs}) > 1]


def _statuses(ranking: Ranking) -> bool:
    """Whether the runs' statuses are worth a column."""
    return len({run.status for run in ranking.runs}) > 1 or (len(ranking.runs) == 1 and bool(ranking.runs[0].status))


def _head(column: tuple[str, str]) -> str:
    return column[1].replace("_", " ")


def _cell(column: tuple[str, str], run: RankedRun) -> str:
    kind, name = column
    value = run.metrics.get(name) if kind == "metric" else run.hparams.get(name)
    if value is None:
        return "-"
    return _number(value) if kind == "metric" else spelled(value)


def _behind(difference: float) -> str:
    """How far a median is behind another one: one that is never reached is infinitely far."""
    return "never" if math.isinf(difference) else f"{difference:+.4g}"


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "never" if math.isinf(value) and value > 0 else f"{value:.4g}"


def _wrapped(text: str, width: int | None) -> list[str]:
    return textwrap.wrap(text, width) if width else [text] if text else []
