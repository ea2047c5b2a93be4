"""A run as it lies on the disk: what its event files hold, and what run.json adds where there is one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tbgrad.comparison.kinship import families, hparams_in, joined
from tbgrad.comparison.places import find_places
from tbgrad.events.reader import read_run
from tbgrad.records import HParams, Records
from tbgrad.runs.directories import is_locked
from tbgrad.runs.opening import read_info

METRICS = "metrics/"
# Other parameters make another function, whose runs are not to be ranked with these.
_PARAMETER = "parameter_"


@dataclass(frozen=True, eq=False)
class LoggedRun:
    """One run, whoever wrote it.

    Attributes:
      run: its name.
      directory: where it is.
      records: what was read of its event files.
      info: what run.json says; empty for somebody else's run.
      inherited: the settings of its training, where it has none of its own; see `tbgrad.comparison.kinship`.
      belongs_to: the directory of the run whose settings and last metrics this one holds; None for any other run.
    """

    run: str
    directory: Path
    records: Records
    info: Mapping[str, Any]
    inherited: HParams | None = None
    belongs_to: Path | None = None

    @property
    def session(self) -> HParams | None:
        """Its settings and how it ended: its own, or what it inherits."""
        own = self.records.hparams
        return own if own and own.values else self.inherited or own

    @functools.cached_property
    def hparams(self) -> Mapping[str, bool | float | str]:
        """The settings by name."""
        return self.session.values if self.session else {}

    @property
    def asked(self) -> Mapping[str, Any]:
        """The request that made a run of tbgrad's."""
        return _mapping(self.info.get("asked"))

    @property
    def report(self) -> Mapping[str, Any]:
        """What the command that made it reported."""
        return _mapping(_mapping(self.info.get("outcome")).get("report"))

    @functools.cached_property
    def function(self) -> str:
        """The function, with what makes it another one: variables and parameters; empty where none is named."""
        function = str(self.hparams.get("function", self.asked.get("function", "")))
        if "dimensions" in self.hparams:
            function += f" in {spelled(self.hparams['dimensions'])} variables"
        parameters = {n.removeprefix(_PARAMETER): v for n, v in self.hparams.items() if n.startswith(_PARAMETER)}
        if parameters:
            function += " with " + ", ".join(f"{name} = {spelled(value)}" for name, value in parameters.items())
        return function

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """The last value of each scalar `metrics/…`, at full precision where run.json has it."""
        found = {
            tag.removeprefix(METRICS): float(series.value[-1])
            for tag, series in self.records.scalars.items()
            if tag.startswith(METRICS) and len(series.value)
        }
        # Event files hold float32; what tbgrad computed stands in run.json at full precision.
        exact = _mapping(self.report.get("metrics"))
        return found | {n: v for n, v in exact.items() if n in found and isinstance(v, int | float)}

    @functools.cached_property
    def status(self) -> str:
        """Of the descent's best start, or how the launch or the session ended; empty where nothing tells."""
        if self.info:
            launched = str(self.info.get("status", ""))
            if launched == "running":
                return launched if is_locked(self.directory) else "crashed"
            return self.best_start.get("status", launched)
        if self.session is None or self.session.succeeded is None:
            return ""
        return "success" if self.session.succeeded else "failure"

    @property
    def best_start(self) -> Mapping[str, Any]:
        """What is reported of the start that ends best; empty for what is no descent."""
        starts = self.report.get("starts")
        starts = [start for start in starts if isinstance(start, Mapping)] if isinstance(starts, list) else []
        return min(starts or [{}], key=lambda s: s["value"] if isinstance(s.get("value"), int | float) else math.inf)


def read_logs(
    places: str | Path | Sequence[str | Path], tags: Collection[str] | Callable[[str], bool] | None = None
) -> Iterator[LoggedRun]:
    """Reads every run at or below these places, one after the other; runs that lie in another one together with it.

    Args:
      places: as in `find_places`.
      tags: which to keep, as in `tbgrad.read_run`.

    Raises:
      NotARunError: a place does not exist, or no run is found.
    """
    names = find_places(places)
    outside = functools.cache(hparams_in)
    for family in families(names):
        runs = [LoggedRun(names[place], place, read_run(place, tags), read_info(place) or {}) for place in family]
        yield from joined(runs, outside)


def spelled(value: Any) -> str:
    """A setting or a number for people: floats in at most six digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _mapping(found: Any) -> Mapping[str, Any]:
    """What run.json says under a name; whoever opens a run may have noted anything there."""
    return found if isinstance(found, Mapping) else {}
