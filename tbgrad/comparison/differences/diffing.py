"""What differs between two runs: in what was asked, and in what came out.

Everything is read from event files, whoever wrote them; run.json and arrays.npz add the request, the versions and full
precision where both runs have them. Wall times are no difference.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tbgrad import naming
from tbgrad.comparison.differences.matters import content_steps, kinds
from tbgrad.comparison.differences.partings import ExactParting, ScalarParting, part_arrays, part_scalars
from tbgrad.comparison.logged import METRICS, LoggedRun
from tbgrad.errors import NotARunError, OptionError
from tbgrad.events.reader import event_files, find_runs, read_run
from tbgrad.runs.opening import read_arrays, read_info

# What a command reports and is told by other parts of a difference, or says where the run is.
_TOLD_ELSEWHERE = ("logdir", "run", "starts", "starts_told", "metrics", "settings", "parameters")


@dataclass(frozen=True)
class Difference:
    """One thing by name that differs.

    Attributes:
      name: of a setting, a package, a metric, a tag.
      one: what the one run has; None also where it has nothing.
      other: what the other has.
      alone: `one` or `other` if that run alone has it, else empty.
    """

    name: str
    one: Any
    other: Any
    alone: str = ""


@dataclass(frozen=True)
class RunDifference:
    """What differs between two runs; what is equal is only counted.

    Attributes:
      one: the directory of the one run.
      other: the directory of the other.
      asked: settings: hparams, and the request of run.json.
      versions: of packages, which run.json tells.
      came_out: status, verdict, metrics, last step and what else the commands reported.
      scalars: the common scalars that part, those that part earliest first; values as in the event files, float32.
      exact: where the two part at full precision, if both kept that.
      contents: (kind, tag, step) of each common picture, text, histogram, mesh, graph or layout that differs, and
        the first step at which it does; None where it has none.
      tags: what only one of them has, by tag, and of which kind that is.
      compared: how many there are of each kind that both have.
      unread: tags of both whose content is not compared, as that of audio.
      damage: what could not be read in either.
    """

    one: str
    other: str
    asked: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    came_out: tuple[Difference, ...]
    scalars: tuple[ScalarParting, ...]
    exact: ExactParting | None
    contents: tuple[tuple[str, str, int | None], ...]
    tags: tuple[Difference, ...]
    compared: Mapping[str, int]
    unread: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        told = (self.asked, self.versions, self.came_out, self.scalars, self.contents, self.tags)
        return self.exact is None and not any(told)

    @property
    def first_step(self) -> int | None:
        """The first step at which they part in any scalar, or at full precision; None where they do not."""
        steps = [parting.step for parting in [*self.scalars, *filter(None, [self.exact])]]
        return min(steps, default=None)

    def __repr__(self) -> str:
        from tbgrad.comparison.differences.diff_tables import text_lines

        return "\n".join(text_lines(self))


def diff_runs(one: str | Path, other: str | Path) -> RunDifference:
    """Compares two runs.

    Args:
      one: the directory of a run, with its event files.
      other: that of another.

    Returns:
      `RunDifference`.

    Raises:
      NotARunError: one of them is no run.
      OptionError: both are the same.

    Example:
      >>> diff_runs("logs/rosenbrock/descent/adam_lr0.05", "logs/rosenbrock/descent/adam_lr0.1").first_step
      1
    """
    one, other = (_checked(Path(place)) for place in (one, other))
    if one.samefile(other):
        raise OptionError(f"'{one}' and '{other}' are the same run; name two.")
    a, b = _read(one), _read(other)
    ours = [{"run.json": "there"} if run.info else {} for run in (a, b)]
    if ours[0] != ours[1]:
        # What only one of them tells is no difference between them, but for that.
        a, b = (dataclasses.replace(run, info={}) for run in (a, b))
    mine, yours = _settings(a, b), _settings(b, a)
    versions = [_flat(run.info.get("versions")) for run in (a, b)]
    outcomes = [dict(_outcome(run)) for run in (a, b)]
    scalars, common = [], 0
    for tag, series in a.records.scalars.items():
        if tag in b.records.scalars and not _is_metric(tag, a, b):
            common += 1
            scalars.append(part_scalars(series, b.records.scalars[tag]))
    contents = list(content_steps(a.records, b.records))
    here, there = (
        {tag: kind for tag, kind in kinds(run.records).items() if not _is_metric(tag, a, b)} for run in (a, b)
    )
    compared = {"settings": len(mine.keys() & yours.keys()), "versions": len(versions[0].keys() & versions[1].keys())}
    compared |= {"outcomes": len(outcomes[0].keys() & outcomes[1].keys()), "scalars": common}
    for kind, *_ in contents:
        compared[kind] = compared.get(kind, 0) + 1
    return RunDifference(
        str(one),
        str(other),
        (*_differences(*ours), *_differences(mine, yours)),
        tuple(_differences(*versions)),
        tuple(_differences(*outcomes)),
        # A sort keeps the order of the file among those that part together.
        tuple(sorted(filter(None, scalars), key=_importance)),
        part_arrays(read_arrays(one), read_arrays(other)),
        tuple((kind, tag, step) for kind, tag, is_equal, step in contents if not is_equal),
        tuple(difference for difference in _differences(here, there) if difference.alone),
        compared,
        tuple(sorted(tag for tag in here.keys() & there.keys() if here[tag].startswith("plugin "))),
        a.records.damage + b.records.damage,
    )


def _checked(place: Path) -> Path:
    """The directory, if it is one run."""
    if event_files(place):
        return place
    if not place.exists():
        raise NotARunError(f"there is no directory '{place}'.")
    runs = find_runs(place) if place.is_dir() else []
    if not runs:
        raise NotARunError(f"'{place}' holds no event file, so it is no run.")
    named = naming.listed([f"'{run}'" for run in runs[:3]]) + (", …" if len(runs) > 3 else "")
    count = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    raise NotARunError(f"'{place}' is no run itself, but holds {count}: {named}. Name two runs.")


def _read(directory: Path) -> LoggedRun:
    info = read_info(directory) or {}
    # Whoever opens a run may note anything under any name.
    kept = {k: v for k, v in info.items() if k not in ("asked", "versions", "outcome") or isinstance(v, Mapping)}
    return LoggedRun(str(directory), directory, read_run(directory), kept)


def _settings(run: LoggedRun, beside: LoggedRun) -> dict[str, Any]:
    """Settings by name; what stands in the request and in hparams too is told once."""
    settings = dict(run.hparams)
    known = run.hparams.keys() | beside.hparams.keys()
    for name, value in _flat(run.asked).items():
        leaf = name.rpartition(".")[2]
        name = next((spelling for spelling in (leaf, f"parameter_{leaf}") if spelling in known), name)
        # Hparams are floats and texts for the eye, a request has what was asked.
        if value is not None or name not in settings:
            settings[name] = value
    return settings


def _outcome(run: LoggedRun) -> Iterator[tuple[str, Any]]:
    yield "status", run.status
    if run.best_start.get("sentence"):
        yield "verdict", run.best_start["sentence"]
    if run.best_start.get("point"):
        yield "point", run.best_start["point"]
    yield from run.metrics.items()
    steps = [int(s.step.max()) for tag, s in run.records.scalars.items() if len(s.step) and not tag.startswith(METRICS)]
    if steps:
        yield "last step", max(steps)
    told = {*_TOLD_ELSEWHERE, *run.asked, *run.hparams, *run.metrics}
    report = _flat({name: value for name, value in run.report.items() if name not in told})
    # Lists and arrays are told by scalars and pages.
    yield from ((n, v) for n, v in report.items() if v not in (None, "") and not isinstance(v, list))


def _is_metric(tag: str, a: LoggedRun, b: LoggedRun) -> bool:
    """Whether it is a single number at the end, which `_outcome` tells."""
    series = [run.records.scalars[tag] for run in (a, b) if tag in run.records.scalars]
    return tag.startswith(METRICS) and bool(series) and all(len(s.step) == 1 for s in series)


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other:
            yield Difference(name, one.get(name), other.get(name), "one" if name in one else "other")
        elif not _same(one[name], other[name]):
            yield Difference(name, one[name], other[name])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    # True is no 1 among settings.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    """`{"settings": {"momentum": 0.9}}` as `{"settings.momentum": 0.9}`."""
    found: dict[str, Any] = {}
    for name, value in data.items() if isinstance(data, Mapping) else ():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return found


def _importance(parting: ScalarParting) -> tuple[int, bool]:
    """Earliest first; what differs before what is missing."""
    return parting.step, parting.one is None or parting.other is None
