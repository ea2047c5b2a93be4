"""A comparison as text that fits a terminal, as markdown, and as HTML for notebooks."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.fitting import aligned
from tbgrad.comparison.logged import spelled
from tbgrad.comparison.ranking import DECIDING, SHOWN, RankedRun, Ranking
from tbgrad.results.tabular import html_table, in_short, markdown_table

_MOST_GROUP_ROWS = 200
_LONGEST_CELL = 40


def text_table(comparison: Comparison, width: int | None = None) -> list[str]:
    """Lines for a terminal: one table for each function, best first; then groups, and the profile.

    Args:
      comparison: to be told.
      width: of the terminal in characters; None for no limit.
    """
    lines: list[str] = []
    for ranking in comparison.rankings:
        lines += [""] * bool(lines) + [ranking.heading]
        lines += _fitted(ranking_rows(ranking), width, "--csv")
        if constant := constant_words(ranking):
            lines += _wrapped(f"All: {constant}", width)
        if ranking.groups:
            lines += ["", *_fitted(group_rows(ranking), width, "--json")]
        lines += [line for words in (*reason_words(ranking), *ranking.remarks) for line in _wrapped(words, width)]
    if comparison.profile is not None:
        heads, *rows = comparison.profile._rows()
        lines += ["", *_wrapped(comparison.profile._caption(), width)]
        lines += _fitted(([*heads[1:], heads[0]], [[*row[1:], row[0]] for row in rows]), width, "--json")
        lines += _wrapped(comparison.profile.remark, width)
    return [*lines, "", *_wrapped(caption(comparison), width)]


def _fitted(table: tuple[Sequence[str], Sequence[Sequence[str]]], width: int | None, whole: str) -> list[str]:
    """A table that fits, and below it what is left out and which option has it."""
    heads, rows = table
    shown, left_out = aligned(heads, [[_cut(cell) for cell in row[:-1]] + [row[-1]] for row in rows], width)
    return shown + (_wrapped(f"No room for {', '.join(left_out)}; {whole} has all.", width) if left_out else [])


def ranking_rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: what decides first, then the settings that differ, then the status and the run's name."""
    columns = _columns(ranking)
    rows = [
        [str(run.rank), *(_cell(c, run) for c in columns), *([run.status] if _statuses(ranking) else []), run.run]
        for run in ranking.runs
    ]
    return ["", *_heads(columns), *(["status"] if _statuses(ranking) else []), "run"], rows


def group_rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the groups: the verdict, median and quartiles, and the difference to the first one."""
    what = ranking.compared_by.replace("_", " ")
    unit = "starts" if any(group.of_starts for group in ranking.groups) else "runs"
    heads = ["", "verdict", unit, f"median {what}", "behind the first [95 %]", "quartiles", "p", "group"]
    rows, is_steps = [], ranking.compares_steps
    for group in ranking.groups[:_MOST_GROUP_ROWS]:
        difference, (low, high) = group.difference, group.quartiles
        behind = p_value = "-"
        if difference.median is not None:
            low_end, high_end = (_behind(end, is_steps) for end in difference.interval)
            behind = f"{_behind(difference.median, is_steps)} [{low_end}, {high_end}]"
            p_value = f"{difference.p_value:.2g}"
        told = [difference.verdict, f"{len(group.sample):,}", _number(group.median, is_steps), behind]
        quartiles = f"{_number(low, is_steps)} to {_number(high, is_steps)}"
        rows.append([str(group.rank), *told, quartiles, p_value, group.name])
    return heads, rows


def reason_words(ranking: Ranking) -> list[str]:
    """Why of some groups no difference was found, or none can be: a sentence for each reason."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for group in ranking.groups:
        difference = group.difference
        if difference is not None and difference.reason:
            by_reason.setdefault((difference.verdict, difference.reason), []).append(group.name)
    said = [
        f"{verdict[0].upper()}{verdict[1:]} ({in_short(names)}): {reason}."
        for (verdict, reason), names in by_reason.items()
    ]
    more = len(ranking.groups) - _MOST_GROUP_ROWS
    return said + ([f"And {more:,} more groups, which --json has."] if more > 0 else [])


def constant_words(ranking: Ranking) -> str:
    """The settings, and the status, that all runs share: `optimizer sgd, steps 200`."""
    settings = [("setting", name) for name in settings_of(ranking.runs) if name not in _differing(ranking.runs)]
    told = [f"{_words(name)} {_cell(('setting', name), ranking.runs[0])}" for _, name in settings]
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
            "rank sum test, corrected for the number of pairs."
        )
    if comparison.skipped:
        count = len(comparison.skipped)
        what = "1 run without these is" if count == 1 else f"{count:,} runs without these are"
        said.append(f"{what} left out: {in_short(list(comparison.skipped))}.")
    if comparison.damage:
        said.append(f"{len(comparison.damage)} damaged events were passed over; 'tbgrad doctor' says which.")
    return " ".join(said)


def markdown_text(comparison: Comparison) -> str:
    """The comparison as markdown tables, to be pasted, or shown by the Text dashboard."""
    return "\n\n".join(_markdown_parts(comparison)) + "\n"


def _markdown_parts(comparison: Comparison) -> Iterator[str]:
    for ranking in comparison.rankings:
        yield f"**{escaped(ranking.function or 'Runs')}**"
        yield _markdown_table(*ranking_rows(ranking))
        if constant := constant_words(ranking):
            yield f"All: {escaped(constant)}"
        if ranking.groups:
            yield _markdown_table(*group_rows(ranking))
            yield from map(escaped, reason_words(ranking))
        yield from map(escaped, ranking.remarks)
    if comparison.profile is not None:
        heads, *rows = comparison.profile._rows()
        yield f"**{comparison.profile._caption()}**"
        yield _markdown_table(heads, rows)
        yield escaped(comparison.profile.remark)
    yield escaped(caption(comparison))


def _markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown_table(heads, [[escaped(cell) for cell in row] for row in rows])


def escaped(text: str) -> str:
    """Text on one line in which markdown sees nothing of its own."""
    text = " ".join(text.split())
    for sign in "\\|*_`<>[]~#":
        text = text.replace(sign, f"\\{sign}")
    return text


def html_comparison(comparison: Comparison) -> str:
    """The comparison as HTML tables, for notebooks."""
    parts = []
    for ranking in comparison.rankings:
        heads, rows = ranking_rows(ranking)
        parts.append(html_table(heads, rows, ranking.heading))
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
            kept.setdefault(tuple("" if value is None else f"{value:.4g}" for value in found), name)
    return list(kept.values())


def settings_of(runs: Sequence[RankedRun]) -> list[str]:
    """The names of all settings that any of the runs has, but for the function."""
    return list(dict.fromkeys(name for run in runs for name in run.hparams if name != "function"))


def _differing(runs: Sequence[RankedRun]) -> list[str]:
    return [n for n in settings_of(runs) if len({str(run.hparams.get(n)) for run in runs}) > 1]


def _statuses(ranking: Ranking) -> bool:
    """Whether the runs' statuses are worth a column."""
    return len({run.status for run in ranking.runs}) > 1 or (len(ranking.runs) == 1 and bool(ranking.runs[0].status))


def _heads(columns: Sequence[tuple[str, str]]) -> list[str]:
    """Names of columns; a setting that is called like something else here says that it is one."""
    taken = {"status", "run", *(name for kind, name in columns if kind == "metric")}
    return [f"setting {_words(n)}" if kind == "setting" and n in taken else _words(n) for kind, n in columns]


def _words(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


def _cell(column: tuple[str, str], run: RankedRun) -> str:
    kind, name = column
    value = run.metrics.get(name) if kind == "metric" else run.hparams.get(name)
    if value is None:
        return "-"
    if kind == "metric":
        return _number(value, name == DECIDING[0] or ":steps-to=" in name)
    return " ".join(spelled(value).split())


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_CELL else f"{cell[: _LONGEST_CELL - 1]}…"


def _behind(difference: float, is_steps: bool) -> str:
    """How far a median is behind another one: one that is never reached is infinitely far."""
    return "never" if is_steps and math.isinf(difference) else f"{difference:+.4g}"


def _number(value: float, is_steps: bool) -> str:
    if isinstance(value, int):
        return str(value)
    return "never" if is_steps and value == math.inf else f"{value:.4g}"


def _wrapped(text: str, width: int | None) -> list[str]:
    return textwrap.wrap(text, width) if width else [text] if text else []
