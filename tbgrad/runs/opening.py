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
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np

from tbgrad.errors import OptionError, RunExistsError, WriteError
from tbgrad.events.reader import event_files
from tbgrad.events.writer import EventWriter
from tbgrad.records import Record
from tbgrad.runs.directories import INFO, LOCK, LockedDirectory, reason, refuse_nesting, unused_directory
from tbgrad.runs.sessions import Session

_ARRAYS = "arrays.npz"

Exists = Literal["refuse", "replace", "append", "number"]


class Run:
    """A run that is being written; a context manager that closes it.

    An exception that leaves the context marks the run as failed; if nothing was written yet, all is left as it was.
    Settings that were written while they went on, `HParams` without `succeeded`, end as the run does.
    """

    def __init__(
        self,
        place: LockedDirectory,
        about: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
        stale: Sequence[Path] = (),
        ours: bool = True,
    ):
        self.directory = place.directory
        # What run.json said, the files that are replaced, and whether the run is tbgrad's own, which has a run.json.
        self._place, self._before, self._stale, self._ours = place, before, stale, ours
        # What this run replaces goes only when there is something to put in its place.
        self._writer = EventWriter(place.directory, prepare=self._begin)
        self._about = {**about, "status": "running", "started": _now()}
        self._begun = self._closed = False
        self._session = Session()
        with self._writing():
            self._write_info(self._about)

    def write(self, records: Record | Iterable[Record]) -> None:
        """Appends one record or many.

        Neighbouring `Scalars` that have the same steps and wall times share their events, which makes the file half
        as long and reads back the same. Where an iterable raises, what it gave before is written.

        Raises:
          WriteError: the disk is full, the directory was taken away, or the run is closed; it names the file and how
            many events are safe.
          OptionError: something is no record.
        """
        self._writer.write(self._session.watched(records))

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keeps arrays at full precision in arrays.npz, replacing what was there.

        Raises:
          WriteError: as in `write`.
        """
        self._begin()
        with self._writing():
            np.savez(self.directory / _ARRAYS, **arrays)

    def note(self, **about: Any) -> None:
        """Adds to what run.json will say when the run closes."""
        self._about |= about

    def flush(self) -> None:
        """Makes everything written so far visible to TensorBoard, at its next reload.

        `write` does so by itself where a few seconds have passed since the last time. What is flushed outlives the
        process, closed or not.

        Raises:
          WriteError: as in `write`.
        """
        self._writer.flush()

    def close(self, status: str = "complete") -> None:
        """Closes the event file, writes run.json and lets go of the lock; a second call does nothing."""
        if self._closed:
            return
        try:
            self._begin()
            self._writer.write(self._session.ends(status == "complete"))
            self._writer.close()
            with self._writing():
                self._write_info({**self._about, "status": status, "finished": _now()})
        finally:
            self._closed = True
            self._place.release()

    def _begin(self) -> None:
        """Removes what this run replaces; raises WriteError if it cannot, or if the run is closed."""
        if self._closed:
            raise WriteError(f"cannot write the run in '{self.directory}': it is closed.")
        if not self._begun:
            self._begun = True
            with self._writing():
                for file in self._stale:
                    file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(f"cannot write the run in '{self.directory}': {reason(error)}.") from error

    def _write_info(self, info: Mapping[str, Any]) -> None:
        """Replaces run.json in one move, so that no reader sees half of it; somebody else's run gets none."""
        if self._ours:
            fresh = self.directory / f"{INFO}.{os.getpid()}"
            text = json.dumps(info, indent=1, ensure_ascii=False, default=str)
            try:
                fresh.write_text(text + "\n", encoding="utf-8")
                fresh.replace(self.directory / INFO)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif self._begun:
            # What went wrong first is what is to be told.
            with contextlib.suppress(WriteError):
                self.close("failed")
        elif not self._closed:
            self._closed = True
            self._writer.close()
            with contextlib.suppress(OSError):
                if self._before is not None:
                    self._write_info(self._before)
                elif self._ours:
                    (self.directory / INFO).unlink()
            self._place.release(as_it_was=True)


def open_run(directory: str | Path, exists: Exists = "refuse", about: Mapping[str, Any] | None = None) -> Run:
    """Opens a run for writing.

    Args:
      directory: where; it is made.
      exists: what to do where a run is already: `refuse`; `replace` it, if tbgrad wrote it; `append` another event
        file to it; or `number`: take `directory-2`, `-3` and so on. A crashed run is not refused but replaced.
      about: what run.json is to say besides status and times.

    Returns:
      `Run`, to be used as a context manager or closed.

    Raises:
      LogdirError: the directory cannot be made or written.
      RunExistsError: a run is there already, or the directory lies in another run or holds others.
      RunLockedError: another process is writing there.
      WriteError: the disk is full.
      OptionError: `exists` is none of the four.

    Example:
      >>> with open_run("logs/mine") as run:
      ...     run.write(Scalars("loss", step=[0, 1], value=[0.5, 0.25]))
    """
    if exists not in ("refuse", "replace", "append", "number"):
        raise OptionError(f"exists is '{exists}'; expected refuse, replace, append or number.")
    directory = unused_directory(Path(directory)) if exists == "number" else Path(directory)
    refuse_nesting(directory)
    place = LockedDirectory(directory)
    try:
        info, files = read_info(directory), event_files(directory)
        if exists == "append":
            ours = info is not None or not files
            return Run(place, {**(info or {}), **(about or {})}, before=info, ours=ours)
        crashed = info is not None and info.get("status") == "running"
        if (files or info is not None) and not crashed:
            refuse_foreign(directory)
            if exists != "replace":
                raise RunExistsError(f"there is a run in '{directory}' already; choose another name, or replace it.")
        return Run(place, about or {}, before=info, stale=[*files, directory / _ARRAYS])
    except BaseException:
        place.release(as_it_was=True)
        raise


def refuse_foreign(directory: Path) -> None:
    """Raises RunExistsError if the directory holds a run that tbgrad did not write."""
    if read_info(directory) is None and event_files(directory):
        raise RunExistsError(
            f"'{directory}' holds a run that tbgrad did not write (it has no run.json); choose another name."
        )


def read_info(directory: Path) -> dict[str, Any] | None:
    """What run.json says, or None where there is none that can be read."""
    try:
        info = json.loads((directory / INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return info if isinstance(info, dict) else None


def read_arrays(directory: str | Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The result of a run at full precision, by name: all of it, or what has one of these names; empty without any."""
    try:
        with np.load(Path(directory) / _ARRAYS) as arrays:
            return {name: arrays[name] for name in arrays if names is None or name in names}
    except (OSError, ValueError, zipfile.BadZipFile):
        return {}


def delete_run(directory: Path) -> None:
    """Deletes a run that tbgrad wrote, and the directories of its name that this leaves empty.

    Raises:
      RunLockedError: another process is writing it.
    """
    if read_info(directory) is None:
        return
    place = LockedDirectory(directory)
    for file in [*event_files(directory), directory / _ARRAYS, directory / INFO, directory / LOCK]:
        file.unlink(missing_ok=True)
    # A name has three parts: <function>/<experiment>/<conditions>.
    place.made = [directory, *directory.parents[:2]]
    place.release(as_it_was=True)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
