"""Which runs of other programs are one training, although it lies in several directories.

Keras' callbacks write settings into a directory and scalars into `train` and `validation` below it. `add_hparams` of
torch and tensorboardX writes settings and last metrics into a directory below that of the curves. TensorBoard's HParams
joins both; so do comparisons. Runs of tbgrad's own are whole, and nothing is joined to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tbgrad import naming
from tbgrad.events.reader import event_files, read_run
from tbgrad.records import HParams

if TYPE_CHECKING:
    from tbgrad.comparison.logged import LoggedRun

# As Keras calls them.
_TRAINING, _VALIDATION = "train", "validation"


def families(directories: Iterable[Path]) -> list[list[Path]]:
    """Runs by the topmost run that they lie in: those of different families have nothing to do with each other."""
    paths = {directory: directory.absolute() for directory in directories}
    known = {*paths.values()}
    found: dict[Path, list[Path]] = {}
    for directory, path in paths.items():
        top = next((above for above in reversed(path.parents) if above in known), path)
        found.setdefault(top, []).append(directory)
    return [*found.values()]


def hparams_in(directory: Path) -> HParams | None:
    """The settings that event files directly in a directory hold; None without any."""
    try:
        is_run = bool(event_files(directory))
    except OSError:
        return None
    return read_run(directory, ()).hparams if is_run else None


def joined(runs: Sequence[LoggedRun], outside: Callable[[Path], HParams | None]) -> list[LoggedRun]:
    """Gives the runs of a family, where they have no settings, those of their training.

    They come from the only run directly below that has settings, if all of its series are single points; else from the
    nearest run above.

    Args:
      runs: of one family.
      outside: the settings in a directory that is not among these runs; asked for the one right above the topmost.
    """
    places = {run.directory.absolute(): i for i, run in enumerate(runs)}
    above = {i: next((places[p] for p in path.parents if p in places), None) for path, i in places.items()}
    below: dict[int, list[int]] = {}
    for i, parent in above.items():
        if parent is not None:
            below.setdefault(parent, []).append(i)
    found = [*runs]
    handed: dict[int, HParams | None] = {}
    # What lies above comes first.
    for path, i in sorted(places.items(), key=lambda item: len(item[0].parts)):
        run, parent = runs[i], above[i]
        settings = _own(run)
        if settings is None and not run.info:
            told = [k for k in below.get(i, ()) if _own(runs[k])]
            if len(told) == 1 and told[0] not in below and _holds_last_metrics(runs[told[0]]):
                settings = _own(runs[told[0]])
                if "scalars" in run.records.plugins.values():
                    found[told[0]] = dataclasses.replace(runs[told[0]], belongs_to=run.directory)
            else:
                settings = handed[parent] if parent is not None else outside(path.parent)
            found[i] = dataclasses.replace(found[i], inherited=settings)
        handed[i] = settings if settings is not None or parent is None else handed[parent]
    return found


def _own(run: LoggedRun) -> HParams | None:
    return run.records.hparams if run.records.hparams and run.records.hparams.values else None


def _holds_last_metrics(run: LoggedRun) -> bool:
    """Whether it is somebody else's and no series is longer than one point, read or not."""
    if run.info or any(len(series.step) > 1 for series in run.records.scalars.values()):
        return False
    scalars = {tag for tag, plugin in run.records.plugins.items() if plugin == "scalars"}
    unread = scalars - run.records.scalars.keys()
    return not unread or all(len(s.step) == 1 for s in read_run(run.directory, unread).scalars.values())


def contenders(runs: Sequence[LoggedRun], named: Collection[str] = ()) -> tuple[list[LoggedRun], list[str]]:
    """Of each training the one run that stands for it: its curves, and those of validation before those of training.

    Two runs of one training are no two witnesses, and what a model does on data that it has seen is not to win against
    what another does on new data.

    Args:
      runs: all that have what is ranked by.
      named: names of directories that a user asked for: none of them is left out for another.

    Returns:
      (those that are ranked, sentences on what is left out).
    """
    there = {run.directory for run in runs}
    last = [run for run in runs if run.belongs_to in there]
    trained = [] if _TRAINING in named else [run for run in runs if _is_training(run)]
    stood_for = [run for run in trained if run.directory.with_name(_VALIDATION) in there]
    left_out = {*last, *stood_for}
    kept = [run for run in runs if run not in left_out]
    words = []
    if last:
        words.append(f"Settings and last metrics of a run that is ranked are not ranked themselves: {_names(last)}.")
    if stood_for:
        words.append(
            f"Of a training its {_VALIDATION} is ranked, not {_names(stood_for)}; name '…/{_TRAINING}' to rank these."
        )
        alone = [run for run in trained if run not in left_out]
        if alone:
            words.append(f"There is no {_VALIDATION} beside {_names(alone)}: ranked by what was trained on.")
    return kept, words


def parts_of(runs: Collection[LoggedRun], others: Collection[LoggedRun]) -> set[str]:
    """Names of those other runs whose training is among these: of its settings, its last metrics, or its curves."""
    told = {id(run.inherited) for run in runs if run.inherited is not None}
    curves = {run.belongs_to for run in runs if run.belongs_to is not None}
    settings = [run for run in others if run.belongs_to or "scalars" not in run.records.plugins.values()]
    return {run.run for run in settings if id(run.records.hparams) in told} | {
        run.run for run in others if run.directory in curves
    }


def _is_training(run: LoggedRun) -> bool:
    return not run.info and run.directory.name == _TRAINING


def _names(runs: Sequence[LoggedRun]) -> str:
    return naming.listed([run.run for run in runs])
