"""Pieces of a page as HTML. What comes from logs is text, whatever it looks like."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tbgrad.comparison.logged import spelled

_NUMBER = re.compile(r"[-+]?(\d[\d,.]*(e[-+]?\d+)?%?|nan|inf)|never|-?", re.IGNORECASE)
_LONGEST_FACT = 600


def text(value: object) -> str:
    """Text in which HTML sees nothing of its own, also between quotes."""
    return html.escape(str(value))


def link(target: str, shown: str) -> str:
    """A link to another place of the page."""
    return f'<a href="#{text(target)}">{text(shown)}</a>'


def swatch(style: tuple[int, int]) -> str:
    """A short line of a colour and a dash, as the charts have them."""
    colour, dash = style
    line = f'<path d="M1 6H33" class="curve r{colour} d{dash}"/>'
    return f'<svg viewBox="0 0 34 12" class="swatch" aria-hidden="true">{line}</svg>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], last: Mapping[int, str] | None = None) -> str:
    """A table that scrolls in a box of its own, numbers to the right.

    Args:
      heads: of the columns.
      rows: of texts.
      last: by the number of a row its last cell as HTML, where that is no mere text.
    """
    columns = [*zip(*rows, strict=True)]
    numbers = [bool(column) and all(map(_NUMBER.fullmatch, column)) for column in columns] or [False] * len(heads)
    kinds = ['class="number"' if is_number else "" for is_number in numbers]
    lines = ["".join(f"<th {kind}>{text(head)}</th>" for head, kind in zip(heads, kinds, strict=True))]
    for i, row in enumerate(rows):
        told = [*map(text, row)]
        if last and i in last:
            told[-1] = last[i]
        lines.append("".join(f"<td {kind}>{cell}</td>" for cell, kind in zip(told, kinds, strict=True)))
    return f'<div class="wide"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """A table of names and what they are."""
    rows = "".join(f"<tr><td>{text(name)}</td><td>{text(_in_short(value))}</td></tr>" for name, value in pairs)
    return f'<table class="facts">{rows}</table>' if rows else ""


def details(summary: str, inside: str, is_open: bool = False) -> str:
    """What is shown when it is asked for."""
    return f"<details{' open' * is_open}><summary>{text(summary)}</summary>{inside}</details>" if inside else ""


def paragraph(said: str, kind: str = "") -> str:
    """A paragraph of text; nothing where nothing is said."""
    return f"<p{f' class={kind}' if kind else ''}>{text(said)}</p>" if said else ""


def script_data(document: Any) -> str:
    """A JSON document inside `<script>`: no sign in it can end the script or begin a comment."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _in_short(value: Any) -> str:
    if value is None:
        return "-"
    told = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else spelled(value)
    return told if len(told) <= _LONGEST_FACT else f"{told[:_LONGEST_FACT]} …"
