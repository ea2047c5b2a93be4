"""Pages for the Text dashboard, in markdown: what the run is, and which dashboard answers which question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page(heading: str, parts: Iterable[str], questions: Iterable[tuple[str, str, str]]) -> str:
    """A page of a heading, paragraphs or tables, and (question, dashboard, tag) where it is answered."""
    rows = [(question, dashboard, f"`{tag}`" if tag else "") for question, dashboard, tag in questions]
    where = table(("question", "dashboard", "tag"), rows)
    return "\n\n".join([f"## {heading}", *parts, "**Where to look**", where]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def code(text: str) -> str:
    """Text in which markdown is to see nothing of its own."""
    return f"`{text}`" if text else ""
