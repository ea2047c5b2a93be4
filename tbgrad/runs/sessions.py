"""The session of a run, as HParams calls it: settings that were written before it was known how the run ends."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator

from tbgrad.records import HParams, Record


class Session:
    """Watches what a run writes, and knows what is still to be told when it ends.

    TensorBoard takes a session whose end was never told for one of unknown status, which a run that crashes stays.
    """

    def __init__(self):
        self._open: HParams | None = None

    def watched(self, records: Record | Iterable[Record]) -> Record | Iterable[Record]:
        """The same records, looked at while they are written."""
        if isinstance(records, Iterable):
            return self._each(records)
        self._look(records)
        return records

    def ends(self, succeeded: bool) -> list[HParams]:
        """The settings once more, now with their end; nothing where they have one, or there are none."""
        if self._open is None:
            return []
        began, _ = self._open.wall_time
        ended = dataclasses.replace(self._open, succeeded=succeeded, wall_time=(began, time.time()))
        self._open = None
        return [ended]

    def _each(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            self._look(record)
            yield record

    def _look(self, record: Record) -> None:
        if isinstance(record, HParams):
            self._open = record if record.succeeded is None else None
