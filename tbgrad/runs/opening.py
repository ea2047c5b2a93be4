"""Opens a run's directory: one launch in each, locked while it is written, never silently replaced.

    events.out.tfevents.*   what TensorBoard shows
    arrays.npz              the result at full precision
    run.json                what was asked, versions, status: running, complete or failed
    run.lock                held by the process that writes; it dies with the process

A run that says `running` without a held lock has crashed. A directory with event files but without run.json is
somebody else's run.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import filelock
import numpy as np

from tbgrad.errors import LogdirError, OptionError, RunExistsError, RunLockedError
from tbgrad.events.reader import event_files
from tbgrad.events.writer import EventWriter
from tbgrad.records import Record

_INFO, _ARRAYS, _LOCK = "run.json", "arrays.npz", "run.lock"

Exists = Literal["refuse", "replace", "append", "number"]


class Run:
    """A run that is being written; a context manager that closes it.

    An exception that leaves the context marks the run as failed, or removes it if nothing was written yet.
    """

    def __init__(self, directory: Path, lock: filelock.BaseFileLock, about: Mapping[str, Any]):
        self.directory = directory
        self._writer = EventWriter(directory)
        self._lock = lock
        self._about = {**about, "status": "running", "started": _now()}
        self._closed = False
        _write_info(directory, self._about)

    def write(self, records: Record | Iterable[Record]) -> None:
        """Appends one record or many."""
        self._writer.write(records)

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keeps arrays at full precision in arrays.npz, replacing what was there."""
        np.savez(self.directory / _ARRAYS, **arrays)

    def note(self, **about: Any) -> None:
        """Adds to what run.json will say when the run closes."""
        self._about |= about

    def flush(self) -> None:
        """Makes everything written so far visible to TensorBoard."""
        self._writer.flush()

    def close(self, status: str = "complete") -> None:
        """Closes the event file, writes run.json and lets go of the lock; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        _write_info(self.directory, {**self._about, "status": status, "finished": _now()})
        self._lock.release()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif self._writer.has_written or (self.directory / _ARRAYS).exists():
            self.close("failed")
        else:
            self._closed = True
            _discard(self.directory, self._lock)


def open_run(directory: str | Path, exists: Exists = "refuse", about: Mapping[str, Any] | None = None) -> Run:
    """Opens a run for writing.

    Args:
      directory: where; it is made.
      exists: what to do where a run is already: `refuse`; `replace` it, if tbgrad wrote it; `append` another event
        file to it; or `number`: take `directory-2`, `-3` and so on. A crashed run is replaced in any case but `append`.
      about: what run.json is to say besides status and times.

    Returns:
      `Run`, to be used as a context manager or closed.

    Raises:
      LogdirError: the directory cannot be made or written.
      RunExistsError: a run is there already, or the directory lies in another run or holds others.
      RunLockedError: another process is writing there.
      OptionError: `exists` is none of the four.

    Example:
      >>> with open_run("logs/mine") as run:
      ...     run.write(Scalars("loss", step=[0, 1], value=[0.5, 0.25]))
    """
    if exists not in ("refuse", "replace", "append", "number"):
        raise OptionError(f"exists is '{exists}'; expected refuse, replace, append or number.")
    directory = Path(directory)
    if exists == "number":
        directory = _unused(directory)
    _refuse_nesting(directory)
    lock = _lock(directory)
    try:
        info = read_info(directory)
        files = event_files(directory)
        crashed = info is not None and info.get("status") == "running"
        if exists != "append" and (files or info is not None) and not crashed:
            if exists != "replace":
                raise RunExistsError(f"there is a run in '{directory}' already; choose another name, or replace it.")
            if info is None:
                raise RunExistsError(f"'{directory}' holds a run that tbgrad did not write; choose another name.")
        if exists != "append":
            for file in [*files, directory / _ARRAYS]:
                file.unlink(missing_ok=True)
        return Run(directory, lock, about or {})
    except BaseException:
        lock.release()
        raise


def read_info(directory: Path) -> dict[str, Any] | None:
    """What run.json says, or None where there is none that can be read."""
    try:
        info = json.loads((directory / _INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return info if isinstance(info, dict) else None


def read_arrays(directory: Path) -> dict[str, np.ndarray]:
    """The result of a run at full precision, by name; empty where there is none."""
    try:
        with np.load(directory / _ARRAYS) as arrays:
            return dict(arrays)
    except OSError:
        return {}


def delete_run(directory: Path) -> None:
    """Deletes a run that tbgrad wrote, and its directory if nothing else is in it.

    Raises:
      RunLockedError: another process is writing it.
    """
    if read_info(directory) is None:
        return
    lock = _lock(directory)
    for file in [*event_files(directory), directory / _ARRAYS]:
        file.unlink(missing_ok=True)
    _discard(directory, lock)


def _unused(directory: Path) -> Path:
    candidate, number = directory, 1
    while candidate.exists() and any(candidate.iterdir()):
        number += 1
        candidate = directory.with_name(f"{directory.name}-{number}")
    return candidate


def _refuse_nesting(directory: Path) -> None:
    for parent in directory.absolute().parents:
        if (parent / _INFO).exists():
            raise RunExistsError(f"'{directory}' lies inside the run '{parent}'; one run cannot hold another.")
    if directory.is_dir() and not (directory / _INFO).exists():
        inside = next(directory.rglob(f"*/{_INFO}"), None)
        if inside is not None:
            raise RunExistsError(f"'{directory}' holds the run '{inside.parent}'; one run cannot hold another.")


def _lock(directory: Path) -> filelock.BaseFileLock:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(directory / _LOCK, blocking=False)
        lock.acquire()
    except filelock.Timeout:
        raise RunLockedError(
            f"another process is writing the run in '{directory}'; wait for it, or name another."
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LogdirError(f"cannot write to '{directory}': {reason}. Choose another log directory.") from None
    return lock


def _write_info(directory: Path, info: Mapping[str, Any]) -> None:
    """Replaces run.json in one move, so that no reader sees half of it."""
    fresh = directory / f"{_INFO}.{os.getpid()}"
    fresh.write_text(json.dumps(info, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    fresh.replace(directory / _INFO)


def _discard(directory: Path, lock: filelock.BaseFileLock) -> None:
    """Removes a run's own files and the directories that this leaves empty."""
    (directory / _INFO).unlink(missing_ok=True)
    lock.release()
    (directory / _LOCK).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        # Three levels: <function>/<experiment>/<conditions>. A directory with anything in it stays.
        for folder in [directory, *directory.parents[:2]]:
            folder.rmdir()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
