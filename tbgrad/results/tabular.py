"""How a result shows itself in a notebook: as a table of its samples."""

from __future__ import annotations

import html

import numpy as np

from tbgrad.results.subjects import Subject


class Tabular:
    """Gives a result its HTML table; `_rows` yields the heads first."""

    def _repr_html_(self) -> str:
        heads, *rows = self._rows()
        cells = ["".join(f"<th>{html.escape(str(head))}</th>" for head in heads)]
        cells += ["".join(f"<td>{html.escape(_cell(cell))}</td>" for cell in row) for row in rows]
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


MOST_ROWS = 20


def sample_rows(subject: Subject, lead: dict[str, np.ndarray], position, value, gradient):
    """Heads and at most 20 evenly spaced rows of samples."""
    yield [*lead, *subject.variables, "value", *(f"∂/∂{v}" for v in subject.variables)]
    for i in np.unique(np.linspace(0, len(value) - 1, min(MOST_ROWS, len(value))).round().astype(int)):
        yield [*(column[i] for column in lead.values()), *position[i], value[i], *gradient[i]]
