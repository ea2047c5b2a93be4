"""Walks through an event file: many records at once where their layout repeats, one by one where it does not.

A training loop writes the same few tags at every step, a sweep one tag again and again. Once their layouts are known,
the file is taken for a matrix of bytes: the fields are taken out of its columns, the rows are encoded anew from them as
a writer would, checksums included, and compared with the file byte by byte. Rows that are equal have been read; the
first that differs ends the block, and is read by itself. So a block holds what protobuf would have found, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event

from tbgrad.events import varints
from tbgrad.events.layouts import Layout, Rows, layout_of
from tbgrad.events.tfrecord import HEAD_SIZE, TAIL_SIZE, Frame, FrameFile

# How many records must be alike to begin a block; where the first number shows no period, the second may.
_AHEAD = (32, 256)
# Payloads of a length that repeatedly hold something else need not be tried again.
_MOST_FAILURES = 8


@dataclass(frozen=True, eq=False)
class Block:
    """Records that repeat.

    Attributes:
      layouts: of the records of one period.
      step: of each layout, int64 `[n]`.
      wall_time: of each layout, float64 `[n]`.
      value: of each layout, for each of its tags, float32 `[n]`.
    """

    layouts: Sequence[Layout]
    step: Sequence[np.ndarray]
    wall_time: Sequence[np.ndarray]
    value: Sequence[Sequence[np.ndarray]]


@dataclass(frozen=True, eq=False)
class KnownLayouts:
    """The layouts that were met so far; what is met again can be read in blocks."""

    # By length, then by which bits are the template's, then by what these bits are.
    _layouts: dict[int, dict[int, dict[int, Layout]]] = field(default_factory=dict)
    _failures: dict[int, int] = field(default_factory=dict)

    def has_length(self, length: int) -> bool:
        """Whether a layout of this length is known."""
        return length in self._layouts

    def find(self, payload: bytes | memoryview) -> Layout | None:
        """The layout of a payload, if it is known."""
        by_mask = self._layouts.get(len(payload))
        if by_mask:
            number = int.from_bytes(payload, "little")
            for kept, by_constants in by_mask.items():
                layout = by_constants.get(number & kept)
                if layout is not None:
                    return layout
        return None

    def learn(self, event: Event, payload: bytes) -> None:
        """Remembers the layout of an event, if it holds numbers only and is spelled as protobuf spells it.

        Args:
          event: is changed.
          payload: what it was read from.
        """
        length = len(payload)
        if self._failures.get(length, 0) >= _MOST_FAILURES or self.find(payload) is not None:
            return
        layout = layout_of(event, varints.width(event.step))
        if layout is not None and layout.matches(payload):
            by_mask = self._layouts.setdefault(length, {})
            by_mask.setdefault(layout.constant_bits, {})[layout.constants] = layout
        else:
            self._failures[length] = self._failures.get(length, 0) + 1


def scan(file: FrameFile, known: KnownLayouts) -> Iterator[Frame | Block]:
    """Reads a file from its beginning to its end.

    Args:
      file: is read.
      known: layouts; whoever decodes a frame should let it learn the event before asking for the next.

    Yields:
      `Frame`s and `Block`s, in the order of the file.
    """
    offset = 0
    while offset < file.size:
        period, singles = _look_ahead(file, offset, known)
        if period:
            rows = Rows(period)
            for block, end in _blocks(file, offset, rows):
                yield block
                offset = end
        for _ in range(singles):
            frame = file.frame(offset)
            if frame is None:
                return
            yield frame
            offset = frame.end


def _look_ahead(file: FrameFile, offset: int, known: KnownLayouts) -> tuple[list[Layout], int]:
    """The layouts that repeat from here on, if any, and how many frames to read one by one if they do not go on."""
    ahead: list[Layout] = []
    for most in _AHEAD:
        while len(ahead) < most and (layout := _next(file, offset, known)) is not None:
            ahead.append(layout)
            offset += HEAD_SIZE + len(layout.template) + TAIL_SIZE
        if len(ahead) < _AHEAD[0]:
            break
        for length in range(1, len(ahead) // 2 + 1):
            if ahead[length:] == ahead[:-length]:
                return ahead[:length], length
    return [], len(ahead) + 1


def _next(file: FrameFile, offset: int, known: KnownLayouts) -> Layout | None:
    view = file.window(offset, HEAD_SIZE)
    length = int.from_bytes(view[: HEAD_SIZE - TAIL_SIZE], "little")
    if not known.has_length(length):
        return None
    view = file.window(offset, HEAD_SIZE + length + TAIL_SIZE)
    return known.find(view[HEAD_SIZE : HEAD_SIZE + length])


def _blocks(file: FrameFile, offset: int, rows: Rows) -> Iterator[tuple[Block, int]]:
    """Blocks of rows as long as they go on, and where each ends."""
    while count := len(view := file.window(offset, rows.size)) // rows.size:
        found = np.frombuffer(view, np.uint8, count * rows.size).reshape(count, rows.size)
        fields = rows.fields(found)
        good = _equal(found, rows.filled(rows.columns(fields)))
        if good:
            offset += good * rows.size
            yield _block(rows, [[column[:good] for column in columns] for columns in fields]), offset
        if good < count:
            return


def _equal(found: np.ndarray, expected: Iterator[np.ndarray]) -> int:
    """How many rows are what a writer would have written."""
    good = 0
    for rows in expected:
        differs = rows != found[good : good + len(rows)]
        if differs.any():
            return good + int(differs.any(axis=1).argmax())
        good += len(rows)
    return good


def _block(rows: Rows, fields: Sequence[Sequence[np.ndarray]]) -> Block:
    steps, wall_times, values = [], [], []
    for layout, columns in zip(rows.layouts, fields, strict=True):
        wall_times.append(columns[0].view(np.float64))
        steps.append(varints.decode(columns[layout.step_parts]))
        values.append([column.view(np.float32) for column in columns[layout.step_parts.stop :]])
    return Block(rows.layouts, steps, wall_times, values)
