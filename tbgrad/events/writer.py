"""Appends records to one event file."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import typing
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tbgrad.errors import OptionError, WriteError
from tbgrad.events.encoding import encode, file_version
from tbgrad.events.scalars import ScalarEncoder, grouped
from tbgrad.events.tfrecord import count, frame
from tbgrad.records import Record, Scalars

# Small records are gathered until there are so many bytes, or so many seconds have passed since the last were sent.
_BUFFER, _SECONDS = 1 << 16, 5.0

# Asking for one of several types is fast, for their union slow.
_KINDS = typing.get_args(Record)


class EventWriter:
    """Writes one event file of a directory; its name is new, because a running TensorBoard never reopens an old one.

    The file is made at the first record. Files written later have later names, which is the order in which
    TensorBoard reads them. Only whole events are sent to the file, so readers find it valid at any time. Not for
    several threads at once.

    Attributes:
      safe: how many events are in the file, in the hands of the operating system; 0 if that cannot be told.
    """

    def __init__(self, directory: Path, prepare: Callable[[], None] = lambda: None):
        """Makes nothing yet; `prepare` is called before the file is made."""
        self._directory, self._prepare = directory, prepare
        self._path: Path | None = None
        self._file, self._closed = None, False
        self._process = os.getpid()
        self._scalars = ScalarEncoder()
        # What was written but not sent yet, and how many events these are.
        self._unsent, self._unsent_events = bytearray(), 0
        self._sent = time.monotonic()
        self.safe, self._end = 0, 0

    def write(self, records: Record | Iterable[Record]) -> None:
        """Appends one record or many.

        Neighbouring `Scalars` that have the same steps and wall times share their events, which makes the file half
        as long and reads back the same. Where an iterable raises, what it gave before is written.

        Raises:
          WriteError: the disk is full, the directory was taken away, or cannot be written; or the writer is closed.
          OptionError: something is no record.
        """
        if self._closed:
            raise self._error("it is closed")
        alone = isinstance(records, _KINDS) or not isinstance(records, Iterable)
        for group in [[records]] if alone else grouped(records):
            record = group[0]
            if isinstance(record, Scalars):
                for frames, events in self._scalars.encode(group):
                    self._append(frames, events)
            elif isinstance(record, _KINDS):
                for event in encode(record):
                    self._append(frame(event), 1)
            else:
                raise OptionError(
                    f"{type(record).__name__} is no record; expected Scalars, Images, Texts and the like."
                )

    def flush(self) -> None:
        """Makes everything written so far visible to readers.

        Raises:
          WriteError: as in `write`.
        """
        self._sent = time.monotonic()
        if self._file is not None and not self._closed:
            frames, events = self._unsent, self._unsent_events
            self._unsent, self._unsent_events = bytearray(), 0
            self._send(frames, events)

    def close(self) -> None:
        """Flushes and closes; a second call does nothing."""
        try:
            self.flush()
        finally:
            self._closed = True
            if self._file is not None:
                self._file.close()

    def __del__(self):
        # A forked process holds a copy of what its parent is going to send.
        if self._process == os.getpid():
            with contextlib.suppress(Exception):
                self.close()

    def _append(self, frames: bytes | np.ndarray, events: int) -> None:
        if self._file is None:
            self._open()
        if isinstance(frames, bytes):
            self._unsent += frames
            self._unsent_events += events
            if len(self._unsent) >= _BUFFER or time.monotonic() - self._sent > _SECONDS:
                self.flush()
        else:
            self.flush()
            self._send(frames, events)

    def _open(self) -> None:
        self._prepare()
        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.{os.getpid()}.tbgrad"
        path = self._directory / name
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise self._error(_reason(error), path) from error
        self._path, self._end = path, 0
        self._send(frame(file_version(now / 1e9)), 0)

    def _send(self, frames: bytes | bytearray | np.ndarray, events: int) -> None:
        left = memoryview(frames).cast("B")
        end = self._end + len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
            # A file whose directory was taken away takes everything, and keeps nothing.
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            self.safe, self._end = self.safe + events, end
        except BaseException as error:
            self._repair()
            if isinstance(error, OSError):
                raise self._error(_reason(error)) from error
            raise

    def _repair(self) -> None:
        """Leaves the file with whole events only, and counts them."""
        self._scalars = ScalarEncoder()
        try:
            events, end = count(self._path, self._end)
            self._file.truncate(end)
            self._file.seek(end)
            self.safe, self._end = self.safe + events, end
            if end == 0:
                # Without its first event, the version, it would be no event file.
                self._file.close()
                self._path.unlink()
                self._file = None
        except OSError:
            self.safe = 0

    def _error(self, reason: str, path: Path | None = None) -> WriteError:
        place = path or self._path or self._directory
        return WriteError(f"cannot write '{place}': {reason}; {self.safe} events are safe in it.")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
