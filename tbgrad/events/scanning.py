"""Walks through an event file: many records at once where their layout repeats, one by one where it does not.

A training loop writes the same few tags at every step, a sweep one tag again and again. Once their layouts are known,
the file is taken for a matrix of bytes: the fields are taken out of its columns, the rows are encoded anew from them as
a writer would, checksums included, and compared with the file byte by byte. Rows that are equal have been read; the
first that differs ends the block, and is read by itself. So a block holds what protobuf would have found, or nothing.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event

from tbgrad.events import varints
from tbgrad.events.layouts import Layout, Rows, layout_of
from tbgrad.events.tfrecord import HEAD_SIZE, TAIL_SIZE, Frame, FrameFile

# So many records tell whether there is a period; where the first number shows none, the second may.
_AHEAD = (16, 256)
# Fewer records are read one by one.
_FEW = 48
# They are looked for in so many bytes.
_WINDOW = 1 << 18
# Rows are compared in the processor's cache, so many bytes at a time.
_CHUNK = 1 << 17
# Payloads of a length that repeatedly hold something else need not be tried again; and of a file in which no event is
# laid out as any other, not all need to be remembered.
_MOST_FAILURES, _MOST_LAYOUTS = 8, 1 << 13


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
    _all: list[Layout] = field(default_factory=list)

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

    def layouts(self, frames: memoryview) -> Iterator[Layout]:
        """The layouts of whole frames, as long as they are known; checksums are not looked at."""
        begin = 0
        while True:
            length = int.from_bytes(frames[begin : begin + HEAD_SIZE - TAIL_SIZE], "little")
            begin += HEAD_SIZE
            if length not in self._layouts or begin + length + TAIL_SIZE > len(frames):
                return
            layout = self.find(frames[begin : begin + length])
            if layout is None:
                return
            yield layout
            begin += length + TAIL_SIZE

    def learn(self, event: Event, payload: bytes) -> None:
        """Remembers the layout of an event, if it holds numbers only and is spelled as protobuf spells it.

        Args:
          event: is changed.
          payload: what it was read from.
        """
        length = len(payload)
        if self._failures.get(length, 0) >= _MOST_FAILURES or len(self._all) >= _MOST_LAYOUTS or self.find(payload):
            return
        layout = layout_of(event, varints.width(event.step))
        if layout is not None and layout.matches(payload):
            by_mask = self._layouts.setdefault(length, {})
            by_mask.setdefault(layout.constant_bits, {})[layout.constants] = layout
            self._all.append(layout)
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
            for block, end in _blocks(file, offset, Rows(period)):
                yield block
                offset, singles = end, len(period)
        for _ in range(singles):
            frame = file.frame(offset)
            if frame is None:
                return
            yield frame
            offset = frame.end


def _look_ahead(file: FrameFile, offset: int, known: KnownLayouts) -> tuple[list[Layout], int]:
    """The layouts that repeat from here on, if any, and how many frames to read one by one if they do not go on."""
    ahead: list[Layout] = []
    layouts = known.layouts(file.window(offset, _WINDOW))
    for most in _AHEAD:
        ahead += itertools.islice(layouts, most - len(ahead))
        if len(ahead) < _AHEAD[0]:
            break
        for length in range(1, len(ahead) // 2 + 1):
            if ahead[length:] == ahead[:-length]:
                return ahead[:length], len(ahead)
    return [], len(ahead) + 1


def _blocks(file: FrameFile, offset: int, rows: Rows) -> Iterator[tuple[Block, int]]:
    """Blocks of rows as long as they go on, and where each ends."""
    while count := len(view := file.window(offset, rows.size)) // rows.size:
        likely = _likely(view, count, rows)
        if likely * len(rows.layouts) < _FEW:
            return
        found = np.frombuffer(view, np.uint8, likely * rows.size).reshape(likely, rows.size)
        fields = rows.fields(found)
        good = _equal(found, rows.filled(rows.columns(fields), max(1, _CHUNK // rows.size)))
        if good:
            offset += good * rows.size
            yield _block(rows, [[column[:good] for column in columns] for columns in fields]), offset
        if good < count:
            return


def _likely(view: memoryview, count: int, rows: Rows) -> int:
    """How many of these rows seem to be alike, so that no work is done on what comes behind a series."""
    layout = rows.layouts[0]

    def differs(row: int) -> bool:
        begin = row * rows.size + HEAD_SIZE
        return not layout.matches(view[begin : begin + len(layout.template)])

    return bisect.bisect_left(range(count), True, key=differs)


def _equal(found: np.ndarray, expected: Iterator[np.ndarray]) -> int:
    """How many rows are what a writer would have written."""
    good = 0
    for rows in expected:
        differs = rows != found[good : good + len(rows)]
        first = int(differs.argmax())
        if differs.flat[first]:
            return good + first // found.shape[1]
        good += len(rows)
    return good


def _block(rows: Rows, fields: Sequence[Sequence[np.ndarray]]) -> Block:
    steps, wall_times, values = [], [], []
    for layout, columns in zip(rows.layouts, fields, strict=True):
        wall_times.append(columns[0].view(np.float64))
        steps.append(varints.decode(columns[layout.step_parts]))
        values.append([column.view(np.float32) for column in columns[layout.step_parts.stop :]])
    return Block(rows.layouts, steps, wall_times, values)
