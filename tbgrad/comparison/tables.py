"""A comparison as text, as CSV, as HTML and as a JSON document."""

from __future__ import annotations

import csv
import io
from typing import Any

from tbgrad.comparison.comparing import Comparison, RankedRun
from tbgrad.results.tabular import html_table

_SHOWN = ("steps_to_gap", "best_gap", "best_value", "final_value")


def text_table(comparison: Comparison) -> list[str]:
    """Lines for a terminal: one table for each function, best first."""
    lines: list[str] = []
    for function, runs in comparison.groups().items():
        columns = _columns(runs, comparison.by)
        rows = [[str(i + 1), *(_cell(c, run) for c in columns), run.status, run.run] for i, run in enumerate(runs)]
        lines += ["", function or "(no function named)"] if lines else [function or "(no function named)"]
        lines += _aligned([["", *map(_head, columns), "status", "run"], *rows])
    lines += ["", _caption(comparison)]
    return lines


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for --json."""
    return {"by": comparison.by or "steps_to_gap", "runs": [vars(run) for run in comparison.runs]}


def csv_text(comparison: Comparison) -> str:
    """The comparison as CSV, at full precision; hparams and metrics have a column each."""
    hparams = list(dict.fromkeys(name for run in comparison.runs for name in run.hparams if name != "function"))
    metrics = list(dict.fromkeys(name for run in comparison.runs for name in run.metrics))
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["rank", "function", "run", "status", *hparams, *metrics])
    for runs in comparison.groups().values():
        for rank, run in enumerate(runs, 1):
            settings = [run.hparams.get(name, "") for name in hparams]
            numbers = ["" if run.metrics.get(name) is None else run.metrics[name] for name in metrics]
            writer.writerow([rank, run.function, run.run, run.status, *settings, *numbers])
    return target.getvalue()


def html_comparison(comparison: Comparison) -> str:
    """The comparison as an HTML table, for notebooks."""
    columns = _columns(comparison.runs, comparison.by)
    heads = ["function", *map(_head, columns), "status", "run"]
    rows = [[run.function, *(_cell(c, run) for c in columns), run.status, run.run] for run in comparison.runs]
    return html_table(heads, rows, _caption(comparison))


def _columns(runs: Any, by: str) -> list[tuple[str, str]]:
    """(kind, name) of the columns: what was measured, then the settings that differ."""
    names = [by, *_SHOWN] if by else list(_SHOWN)
    shown = [("metric", n) for n in names if any(run.metrics.get(n) is not None for run in runs)]
    settings = dict.fromkeys(name for run in runs for name in run.hparams if name != "function")
    differing = [("setting", n) for n in settings if len({str(run.hparams.get(n)) for run in runs}) > 1]
    return shown + differing


def _head(column: tuple[str, str]) -> str:
    return column[1].replace("_", " ")


def _cell(column: tuple[str, str], run: RankedRun) -> str:
    kind, name = column
    value = run.metrics.get(name) if kind == "metric" else run.hparams.get(name)
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _caption(comparison: Comparison) -> str:
    if comparison.by:
        order = f"Ranked by the last value of {comparison.by}, lowest first."
    else:
        order = "Ranked by steps to 1e-6 above the known minimum, then by the smallest gap, or by the lowest value."
    more = f" {len(comparison.skipped)} runs without these are left out." if comparison.skipped else ""
    return f"{order} Learning rates were not tuned unless you tuned them.{more}"
