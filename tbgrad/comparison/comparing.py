"""Ranks runs: groups them by function, best first.

By default the fewest steps to a gap of 1e-6 win, then the smallest gap, or the lowest value where no minimum is
known; runs without any of these come last. Everything is read from event files, whoever wrote them; run.json adds
the status where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad.errors import NotARunError, UnknownTagError, nearest
from tbgrad.events.reader import find_runs, read_run
from tbgrad.records import Records, Scalars
from tbgrad.runs.directories import is_locked
from tbgrad.runs.opening import read_info

_GAP, _VALUE = "descent/log10_gap", "descent/value"
_METRICS = "metrics/"
# Other parameters make another function, whose runs are not to be ranked with these.
_PARAMETER = "parameter_"


@dataclass(frozen=True)
class RankedRun:
    """One run of a comparison.

    Attributes:
      run: its name, relative to the directory that was searched.
      function: what groups it, or empty.
      hparams: its settings.
      metrics: `steps_to_gap`, `best_value`, `final_value`, `best_gap`, and the tag of `--by`; None where absent.
      status: of the descent's best start, or how the session or the launch ended.
    """

    run: str
    function: str
    hparams: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    status: str


@dataclass(frozen=True)
class Comparison:
    """Runs in order: function by function, best first.

    Attributes:
      runs: all of them.
      by: the tag that decided, or empty for the default order.
      skipped: directories that hold events but nothing to rank by.
    """

    runs: tuple[RankedRun, ...]
    by: str = ""
    skipped: tuple[str, ...] = ()

    def groups(self) -> dict[str, list[RankedRun]]:
        """The runs of each function, best first."""
        found: dict[str, list[RankedRun]] = {}
        for run in self.runs:
            found.setdefault(run.function, []).append(run)
        return found

    def __repr__(self) -> str:
        from tbgrad.comparison.tables import text_table

        return "\n".join(text_table(self))

    def _repr_html_(self) -> str:
        from tbgrad.comparison.tables import html_comparison

        return html_comparison(self)


def compare(places: Sequence[str | Path], by: str | None = None) -> Comparison:
    """Reads and ranks runs.

    Args:
      places: log directories or runs; all runs at or below them are compared.
      by: a scalar tag; the lowest last value wins. By default, see the module.

    Returns:
      `Comparison`, with the runs that have anything to rank by.

    Raises:
      NotARunError: a place does not exist, or no run is found.
      UnknownTagError: no run holds the tag `by`.
    """
    found: dict[Path, str] = {}
    for place in map(Path, places):
        if not place.is_dir():
            raise NotARunError(f"there is no directory '{place}'.")
        for directory in find_runs(place):
            name = directory.relative_to(place).as_posix() if directory != place else place.as_posix()
            found.setdefault(directory, name if len(places) == 1 else directory.as_posix())
    if not found:
        raise NotARunError(f"there are no runs in {', '.join(map(str, places))}. 'tbgrad tour' makes some.")
    ranked, skipped, tags = [], [], set()
    for directory, name in found.items():
        records = read_run(directory)
        tags |= set(records.scalars)
        run = _ranked(name, directory, records, read_info(directory), by)
        ranked.append(run) if run else skipped.append(name)
    if by is not None and not ranked:
        raise UnknownTagError(f"no run has the scalar '{by}'.{nearest(by, tags)}")
    if not ranked:
        raise NotARunError(
            f"none of the {len(found)} runs has anything to rank by: no {_VALUE}, no {_METRICS}*. "
            "Name a scalar, with --by."
        )
    return Comparison(tuple(_ordered(ranked, by)), by or "", tuple(skipped))


def _ranked(
    name: str, directory: Path, records: Records, info: Mapping[str, Any] | None, by: str | None
) -> RankedRun | None:
    scalars = records.scalars
    if by is not None:
        if by not in scalars:
            return None
    elif _VALUE not in scalars and not any(tag.startswith(_METRICS) for tag in scalars):
        return None
    metrics: dict[str, float | None] = {
        m: _last(scalars, _METRICS + m) for m in ("steps_to_gap", "best_value", "final_value")
    }
    # Event files hold float32; what tbgrad computed stands in run.json at full precision.
    exact = ((info or {}).get("outcome") or {}).get("report", {}).get("metrics", {})
    metrics |= {name: value for name, value in exact.items() if name in metrics and not isinstance(value, str)}
    if metrics["steps_to_gap"] is not None:
        metrics["steps_to_gap"] = int(metrics["steps_to_gap"])
    metrics["best_gap"] = _lowest_gap(scalars.get(_GAP))
    if by is not None:
        metrics[by] = _last(scalars, by)
    hparams = records.hparams.values if records.hparams else {}
    function = str(hparams.get("function", (info or {}).get("asked", {}).get("function", "")))
    if "dimensions" in hparams:
        function += f" in {_short(hparams['dimensions'])} variables"
    parameters = {n.removeprefix(_PARAMETER): v for n, v in hparams.items() if n.startswith(_PARAMETER)}
    if parameters:
        function += " with " + ", ".join(f"{name} = {_short(value)}" for name, value in parameters.items())
    return RankedRun(name, function, hparams, metrics, _status(directory, records, info))


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _last(scalars: Mapping[str, Scalars], tag: str) -> float | None:
    return float(scalars[tag].value[-1]) if tag in scalars else None


def _lowest_gap(log10_gap: Scalars | None) -> float | None:
    if log10_gap is None or not np.isfinite(log10_gap.value).any():
        return None
    return 10.0 ** float(np.nanmin(log10_gap.value))


def _status(directory: Path, records: Records, info: Mapping[str, Any] | None) -> str:
    outcome = (info or {}).get("outcome") or {}
    starts = outcome.get("report", {}).get("starts")
    if starts:
        return min(starts, key=lambda s: s["value"] if isinstance(s["value"], float) else math.inf)["status"]
    if info is not None:
        status = str(info.get("status", ""))
        return "crashed" if status == "running" and not is_locked(directory) else status
    if records.hparams is None or records.hparams.succeeded is None:
        return ""
    return "success" if records.hparams.succeeded else "failure"


def _ordered(runs: Iterable[RankedRun], by: str | None) -> list[RankedRun]:
    """Function by function; within one, lower is better, and what is missing or not finite comes last."""

    def worst_last(value: float | None) -> float:
        return value if value is not None and math.isfinite(value) else math.inf

    def key(run: RankedRun) -> tuple:
        m = run.metrics
        if by is not None:
            order = (worst_last(m[by]),)
        else:
            order = (worst_last(m["steps_to_gap"]), worst_last(m["best_gap"]), worst_last(m["best_value"]))
        return (run.function, *order, run.run)

    return sorted(runs, key=key)
