"""What is wrong with a folder of runs although each of them may be right: too many runs, hparams that clash."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard.plugins.hparams import api_pb2

from tbgrad.comparison.examination.findings import Finding, counted, quoted
from tbgrad.comparison.examination.inspecting import InspectedRun

# Above so many runs the Scalars dashboard, and Time Series, open with none of them selected.
MOST_SCALARS, MOST_TIME_SERIES = 40, 500
_KINDS = {"number_value": "a number", "string_value": "text", "bool_value": "true or false"}


@dataclass(frozen=True)
class Member:
    """What the folder's faults need to know of a run.

    Attributes:
      run: its name.
      settings: hparams by name: what kind of value each is, and its value for people; None where no session began.
      trial: what TensorBoard calls the trial, and merges sessions by.
      configured: names of the hparams and of the metrics in its configuration of the experiment; None without one.
      has_scalars: whether it holds any.
      is_written: whether it may still be written.
    """

    run: str
    settings: Mapping[str, tuple[str, str]] | None
    trial: str
    configured: tuple[frozenset[str], frozenset[str]] | None
    has_scalars: bool
    is_written: bool

    @classmethod
    def of(cls, run: InspectedRun) -> Member:
        """Keeps of a run what is needed."""
        session = run.watched.session
        start, experiment = session.get("session_start_info"), session.get("experiment")
        settings = None if start is None else {name: _setting(value) for name, value in sorted(start.hparams.items())}
        has_scalars = any(records.scalars for records in run.files.values())
        trial = "" if start is None else start.group_name
        return cls(run.run, settings, trial, _configured(experiment), has_scalars, run.is_written)


def _setting(value: Any) -> tuple[str, str]:
    kind = value.WhichOneof("kind") or "null_value"
    if kind == "number_value":
        return _KINDS[kind], f"{value.number_value:.6g}"
    if kind == "string_value":
        return _KINDS[kind], f"'{value.string_value[:40]}'"
    if kind == "bool_value":
        return _KINDS[kind], str(value.bool_value).lower()
    return ("None" if kind == "null_value" else "a list or a mapping"), ""


def _configured(experiment: api_pb2.Experiment | None) -> tuple[frozenset[str], frozenset[str]] | None:
    if experiment is None:
        return None
    metrics = (f"{info.name.group}/{info.name.tag}".strip("/") for info in experiment.metric_infos)
    return frozenset(info.name for info in experiment.hparam_infos), frozenset(metrics)


def no_runs(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """A folder without any run."""
    if not members:
        what = "no file below it has 'tfevents' in its name, so TensorBoard shows nothing"
        cure = "name the directory that the runs were logged to, or log some: 'tbgrad tour'."
        yield Finding("no run", what, cure, where=str(logdir))


def too_many_runs(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """More runs than a dashboard opens."""
    count = len(members)
    if count > MOST_SCALARS:
        also = f", and above {MOST_TIME_SERIES} Time Series too" if count > MOST_TIME_SERIES else ""
        what = f"{count:,} runs; above {MOST_SCALARS} the older dashboards, such as Scalars, open with no run selected"
        cure = "give --logdir a directory further down, or type what the runs are called into the run filter."
        yield Finding("more runs than a dashboard opens", what + also, cure, where=str(logdir))


def mixed_types(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """Hparams that are numbers in one run and something else in another."""
    for name, kinds in _kinds(members).items():
        found = {kind: runs for kind, runs in kinds.items() if kind in _KINDS.values()}
        if len(found) > 1:
            told = [
                f"{kind} in {counted(len(runs), 'run')} ({shown} in '{run}')"
                for kind, runs in found.items()
                for run, shown in runs[:1]
            ]
            what = f"it is {' and '.join(told)}; HParams takes all of them for text, without a range to filter by"
            cure = "write values of one type under one name, for example -1 where a number is not set."
            rarest = min(found.values(), key=len)
            yield Finding("an hparam of mixed type", what, cure, rarest[0][0], where=f"hparam '{name}'")


def without_value(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """Hparams that are None, or nothing that TensorBoard knows."""
    for name, kinds in _kinds(members).items():
        for kind, runs in kinds.items():
            if kind not in _KINDS.values():
                where = f"hparam '{name}'"
                what = (
                    f"it is {kind} in {counted(len(runs), 'run')}, for which HParams has no value: its cell is empty, "
                )
                what += "and where no run has a value its column is missing"
                cure = "leave it out, or write what stands for it, such as -1 or 'none'."
                yield Finding("an hparam that is None", what, cure, runs[0][0], where=where)


def _kinds(members: Sequence[Member]) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """By hparam and kind of value: the runs that have it, each with its value."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for member in members:
        for name, (kind, shown) in (member.settings or {}).items():
            found.setdefault(name, {}).setdefault(kind, []).append((member.run, shown))
    return found


def merged_trials(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """Runs of one trial id; equal settings are repetitions, which TensorBoard averages, and only noted."""
    trials = collections.defaultdict(list)
    for member in members:
        if member.settings is not None and member.trial:
            trials[member.trial].append(member)
    for trial, found in trials.items():
        if len(found) < 2:
            continue
        first, names = found[0], quoted(member.run for member in found)
        other = next((member for member in found if member.settings != first.settings), None)
        where = f"trial '{trial}'"
        if other is None:
            what = f"{names} have the same settings and trial id, and are one row in HParams"
            yield Finding("runs that are one trial", what, "", first.run, where=where, is_note=True)
        else:
            named = sorted({*first.settings, *other.settings})
            name = next(name for name in named if first.settings.get(name) != other.settings.get(name))
            what = f"{names} have this trial id but differ in '{name}'; HParams merges them in one row, with the "
            what += "settings of one of them"
            cure = "give each run a trial id of its own, or none."
            yield Finding("runs that are one trial", what, cure, first.run, where=where)


def clashing_configurations(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """Configurations of the experiment that differ."""
    configured = [member for member in members if member.configured is not None]
    other = next((member for member in configured if member.configured != configured[0].configured), None)
    if other is not None:
        first = configured[0]
        hparams, metrics = (ours ^ theirs for ours, theirs in zip(first.configured, other.configured, strict=True))
        what = f"{counted(len(configured), 'run')} have one of their own, and {quoted(sorted(hparams | metrics))} "
        what += "is not in all; TensorBoard takes one of them and hides the columns that it lacks"
        cure = "write one configuration that names all of them, or none: without any all columns are shown."
        yield Finding("configurations of HParams that differ", what, cure, other.run, where=f"against '{first.run}'")


def hparams_without_metrics(logdir: Path, members: Sequence[Member]) -> Iterator[Finding]:
    """Sessions without a scalar in the run or below it."""
    with_scalars = [member.run for member in members if member.has_scalars]
    # The run at the top of the folder holds all others.
    top = {str(logdir), "."}
    for member in members:
        if member.settings is None or member.is_written:
            continue
        inside = (run for run in with_scalars if run == member.run or run.startswith(f"{member.run}/"))
        if not (any(inside) or (member.run in top and with_scalars)):
            what = "it has hparams but no scalar, in it or below it, so its row in HParams has no metric"
            cure = "write the metrics as scalars into the same directory as the hparams."
            yield Finding("hparams without a metric", what, cure, member.run)


FOLDER_FAULTS = (
    no_runs,
    too_many_runs,
    mixed_types,
    without_value,
    merged_trials,
    clashing_configurations,
    hparams_without_metrics,
)
