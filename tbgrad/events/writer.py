"""Appends records to one event file."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import typing
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tbgrad.errors import WriteError
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
      safe: how many events are in the file, in the hands of the operating system.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._path: Path | None = None
        self._file, self._closed = None, False
        self._scalars = ScalarEncoder()
        self._gathered, self._events = bytearray(), 0
        self.safe, self._end = 0, 0
        self._sent = time.monotonic()

    def write(self, records: Record | Iterable[Record]) -> None:
        """Appends one record or many.

        Neighbouring `Scalars` that have the same steps and wall times share their events, which makes the file half
        as long and reads back the same.

        Raises:
          WriteError: the disk is full, the directory was taken away, or cannot be written; or the writer is closed.
        """
        if self._closed:
            raise self._error("it is closed")
        for group in [[records]] if isinstance(records, _KINDS) else grouped(records):
            if isinstance(group[0], Scalars):
                for frames, events in self._scalars.encode(group):
                    self._append(frames, events)
            else:
                for event in encode(group[0]):
                    self._append(frame(event), 1)

    def flush(self) -> None:
        """Makes everything written so far visible to readers."""
        self._sent = time.monotonic()
        if self._gathered:
            frames, events = self._gathered, self._events
            self._gathered, self._events = bytearray(), 0
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
        with contextlib.suppress(Exception):
            self.close()

    def _append(self, frames: bytes | np.ndarray, events: int) -> None:
        if self._file is None:
            self._open()
        if isinstance(frames, bytes):
            self._gathered += frames
            self._events += events
            if len(self._gathered) >= _BUFFER or time.monotonic() - self._sent > _SECONDS:
                self.flush()
        else:
            self.flush()
            self._send(frames, events)

    def _send(self, frames: bytes | bytearray | np.ndarray, events: int) -> None:
        left = memoryview(frames).cast("B")
        length = len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
            # A file whose directory was taken away takes everything, and keeps nothing.
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        except OSError as error:
            raise self._failed(error) from error
        self.safe += events
        self._end += length

    def _open(self) -> None:
        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.{os.getpid()}.tbgrad"
        self._path = self._directory / name
        try:
            self._file = self._path.open("xb", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        self._send(frame(file_version(now / 1e9)), 0)

    def _failed(self, error: OSError) -> WriteError:
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
        return self._error(os.strerror(error.errno) if error.errno else str(error))

    def _error(self, reason: str) -> WriteError:
        return WriteError(
            f"cannot write '{self._path or self._directory}': {reason}; {self.safe} events are safe in it."
        )
