"""Pages for the Text dashboard, in markdown: what the run is, and which dashboard answers which question.

Links are relative, so that they work wherever TensorBoard runs. A page is written before its run has a name:
`select_run` sets the links to the run when it is known, and without it they show all runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from tbgrad.results import Subject
from tbgrad.results.tabular import markdown_table
from tbgrad.runs.addresses import exactly, view

# What stands in a link for the page's own run, and for all runs beside it; both are filters that hide nothing.
_OWN, _BESIDE = "", ".*"
_OF_ALL = " of all runs"
_AT_ONCE = "Time Series"
# More cards than these would not be seen at once; those dashboards have something else than cards of tags.
_MOST_AT_ONCE, _ELSEWHERE = 4, ("Mesh", "HParams", "Graphs", "Text")


def page(heading: str, parts: Sequence[str], questions: Iterable[tuple[str, str, str]]) -> str:
    """A page about a run.

    Args:
      heading: of the page.
      parts: paragraphs or tables, what came out first: behind it stand the links to the run's dashboards, since
        TensorBoard shows the beginning of a page only.
      questions: (question, dashboard, tag) where each is answered, the most important first. The tag may be empty.
        Behind the dashboard's name may stand ` of all runs`, which shows those beside this run too, and a hint:
        `Images: move the slider`.
    """
    questions = tuple(questions)
    rows = [(question, _link(where, tag), code(tag)) for question, where, tag in questions]
    where = markdown_table(("question", "dashboard", "tag"), rows)
    first, *rest = parts
    return "\n\n".join([f"## {heading}", first, _first_look(questions), *rest, "**Where to look**", where]) + "\n"


def about(subject: Subject) -> list[str]:
    """How the function is shown, and what else to know of it, each a paragraph where there is something to say."""
    shown = [f"Shown: {subject.caption}."] if subject.caption else []
    return [*shown, f"About the function: {subject.remark}"] if subject.remark else shown


def select_run(text: str, run: str) -> str:
    """Sets the links of a page to its run, by its name below the log directory."""
    beside, _, _ = run.rpartition("/")
    # TensorBoard's names begin at the log directory that it was given, which may be another one.
    found = {_OWN: f"(^|/){exactly(run)[1:]}", _BESIDE: f"(^|/){exactly(beside)[1:-1]}/" if beside else _BESIDE}
    for slot, runs in found.items():
        text = re.sub(rf"\b(runFilter|regexInput)={re.escape(quote(slot))}(?=[&#)])", rf"\1={quote(runs)}", text)
    return text


def code(text: str) -> str:
    """Text in which markdown is to see nothing of its own."""
    return f"`{text}`" if text else ""


def link(shown: str, dashboard: str, tags: Sequence[str] = (), runs: str | None = None) -> str:
    """A link to a view; see `tbgrad.runs.addresses.view`."""
    return f"[{shown}]({view(dashboard, tags, runs)})"


def _link(where: str, tag: str) -> str:
    dashboard, colon, hint = where.partition(":")
    name = dashboard.removesuffix(_OF_ALL)
    shown = link(name, name, (tag,) if tag else (), _OWN if name == dashboard else _BESIDE)
    return shown + dashboard.removeprefix(name) + colon + hint


def _first_look(questions: Sequence[tuple[str, str, str]]) -> str:
    """The run's most important cards together, and its dashboards."""
    own = [(where.partition(":")[0], tag) for _, where, tag in questions]
    own = [(name, tag) for name, tag in own if not name.endswith(_OF_ALL)]
    tags: dict[str, list[str]] = {name: [] for name, _ in own}
    for name, tag in dict.fromkeys(own):
        tags[name] += [tag] if tag else []
    cards = [*dict.fromkeys(tag for name, tag in own if tag and name not in _ELSEWHERE)]
    shown = [link("This run at a glance", _AT_ONCE, cards[:_MOST_AT_ONCE], _OWN)] if cards else []
    return " · ".join([*shown, *(link(name, name, of, _OWN) for name, of in tags.items())])
