"""Launches an experiment into a run of its own, or finds the run in which it was done already."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.errors import LogdirError, OptionError, RunExistsError
from tbgrad.events.reader import event_files
from tbgrad.records import Record, Texts
from tbgrad.runs.directories import reason, refuse_nesting
from tbgrad.runs.opening import open_run, read_arrays, read_info, refuse_foreign
from tbgrad.runs.versions import versions
from tbgrad.summaries.pages import select_run

# The directory, below the log directory, that the tour makes anew each time.
TOUR = "tour"


@dataclass(frozen=True)
class Product:
    """What an experiment made: all of it computed, nothing of it written yet.

    Attributes:
      records: for TensorBoard.
      arrays: the result at full precision, by name.
      report: for --json, without the run's place; it may hold arrays of `arrays` under their names.
      lines: for people, without the run's place.
      exit_code: of the command.
      notes: for stderr.
    """

    records: Sequence[Record]
    arrays: Mapping[str, np.ndarray]
    report: Mapping[str, Any]
    lines: Sequence[str]
    exit_code: int = 0
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """What a command says: a report for --json, lines for people (the last is where the run is), notes for stderr."""

    report: Mapping[str, Any]
    lines: tuple[str, ...]
    exit_code: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a run goes: log directory, the name it is given or None, and whether it replaces another."""

    logdir: Path = Path("logs")
    run: str | None = None
    overwrite: bool = False


def find(place: Place, name: str, asked: Mapping[str, Any]) -> Outcome | None:
    """The outcome of a complete run of the same request, or None where there is nothing that is to be kept.

    Raises:
      RunExistsError: another request has this name already, or a run that tbgrad did not write, or the name lies in
        another run or holds one.
      OptionError: it is no name, or lies in the tour's directory.
    """
    run_name = naming.check_run_name(name if place.run is None else place.run)
    if run_name.split("/")[0] == TOUR:
        raise OptionError(f"'{run_name}' lies in what 'tbgrad tour' owns and replaces; --run gives it another name.")
    directory = place.logdir / run_name
    refuse_nesting(directory)
    refuse_foreign(directory)
    info = read_info(directory)
    if info is None or info.get("status") != "complete" or not event_files(directory) or place.overwrite:
        return None
    if info.get("asked") != naming.plain(asked):
        raise RunExistsError(
            f"the run '{directory}' was made by another request; --overwrite replaces it, --run gives this one "
            "another name."
        )
    found = info["outcome"]
    note = f"found the complete run '{directory}'; --overwrite makes it anew"
    # The log directory may have been moved since.
    stored = found.get("arrays", ())
    arrays = read_arrays(directory) if stored else {}
    report = found["report"] | {name: arrays.get(name) for name in stored}
    report |= {"logdir": str(place.logdir), "run": run_name}
    return Outcome(report, (*found["lines"][:-1], str(directory)), found["exit_code"], (note,))


def launch(place: Place, name: str, asked: Mapping[str, Any], work: Callable[[], Product]) -> Outcome:
    """Does the work and writes it into a run, unless a complete run of the same request is there.

    Whatever stands there already is touched only after the work is done.

    Args:
      place: where to log.
      name: the run's name, if `place` gives none.
      asked: the whole request, as JSON can hold it; equal requests are the same run.
      work: computes.

    Returns:
      The `Outcome`, kept in run.json; that of the earlier launch where the request is the same.

    Raises:
      RunExistsError: another request has this name already, or a run that tbgrad did not write.
      LogdirError, RunLockedError: the directory cannot be written.
    """
    found = find(place, name, asked)
    if found is not None:
        return found
    run_name = naming.check_run_name(name if place.run is None else place.run)
    directory = place.logdir / run_name
    info, asked = read_info(directory), naming.plain(asked)
    check_writable(place.logdir)
    product = work()
    report = {**product.report, "logdir": str(place.logdir), "run": run_name}
    # What arrays.npz holds is kept there alone; its places in run.json are held free.
    stored = [name for name, value in report.items() if name in product.arrays and value is product.arrays[name]]
    kept = naming.plain(report | dict.fromkeys(stored))
    shown = kept | {name: product.arrays[name] for name in stored}
    outcome = Outcome(shown, (*product.lines, str(directory)), product.exit_code, tuple(product.notes))
    replace = place.overwrite or (info is not None and info.get("status") != "running")
    with open_run(directory, "replace" if replace else "refuse", {"asked": asked, "versions": versions()}) as run:
        run.write(_in_run(record, run_name) for record in product.records)
        run.save(product.arrays)
        run.note(outcome={"report": kept, "arrays": stored, "lines": outcome.lines, "exit_code": outcome.exit_code})
    return outcome


def check_writable(logdir: Path) -> None:
    """Raises LogdirError if runs cannot be made below this directory; makes nothing."""
    try:
        existing = next(path for path in [logdir.absolute(), *logdir.absolute().parents] if path.exists())
    except OSError as error:
        raise LogdirError(f"cannot log to '{logdir}': {reason(error)}.") from None
    if not existing.is_dir():
        raise LogdirError(f"cannot log to '{logdir}': '{existing}' is a file; expected a directory.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise LogdirError(f"cannot log to '{logdir}': no permission to write in '{existing}'.")


def _in_run(record: Record, run_name: str) -> Record:
    """Sets a page's links to the run."""
    if isinstance(record, Texts):
        return dataclasses.replace(record, text=[select_run(text, run_name) for text in record.text])
    return record
