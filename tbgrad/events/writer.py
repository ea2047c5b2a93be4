"""Appends records to one event file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from tbgrad.events.encoding import encode, file_version
from tbgrad.events.tfrecord import frame
from tbgrad.records import Record


class EventWriter:
    """Writes one event file of a directory; its name is new, because a running TensorBoard never reopens an old one.

    The file is made at the first record. Files written later have later names, which is the order in which
    TensorBoard reads them.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._file = None

    def write(self, records: Record | Iterable[Record]) -> None:
        """Appends one record or many."""
        for record in [records] if isinstance(records, Record) else records:
            if self._file is None:
                self._file = self._open()
            self._file.writelines(frame(event) for event in encode(record))

    def flush(self) -> None:
        """Makes everything written so far visible to readers."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Flushes and closes; a second call does nothing."""
        if self._file is not None:
            self._file.close()

    def _open(self):
        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.{os.getpid()}.tbgrad"
        file = (self._directory / name).open("xb")
        file.write(frame(file_version(now / 1e9)))
        return file
