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
from dataclasses import dataclass

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event

from tbgrad.events import varints
from tbgrad.events.layouts import ByteLayout, Rows, layout_of
from tbgrad.events.tfrecord import HEAD_SIZE, TAIL_SIZE, Frame, FrameFile

# So many records tell whether there is a period; where the first number shows none, the next may.
_AHEAD = (16, 256, 4096)
# Fewer numbers are read one by one; and no more rows are read at a time.
_FEW, _MOST = 48, 1 << 17
# They are looked for in so many bytes.
_WINDOW = 1 << 18
# Rows are compared in the processor's cache, so many bytes at a time.
_CHUNK = 1 << 17
# Payloads of a length that repeatedly hold something else need not be tried again; nor does a length need more than a
# few arrangements of its fields.
_MOST_FAILURES, _MOST_MASKS = 8, 16


@dataclass(frozen=True, eq=False)
class Block:
    """Records that repeat.

    Attributes:
      layouts: of the records of one period.
      step: of each layout, int64 `[n]`.
      wall_time: of each layout, float64 `[n]`.
      value: of each layout, for each of its tags, float32 `[n]`.
    """

    layouts: Sequence[ByteLayout]
    step: Sequence[np.ndarray]
    wall_time: Sequence[np.ndarray]
    value: Sequence[Sequence[np.ndarray]]


class KnownLayouts:
    """The layouts that were met so far; what is met again can be read in blocks."""

    def __init__(self):
        # By length, then by which bits are the template's, then by what these bits are.
        self._layouts: dict[int, dict[int, dict[int, ByteLayout]]] = {}
        self._failures: dict[int, int] = {}

    def find(self, payload: bytes | memoryview) -> ByteLayout | None:
        """The layout of a payload, if it is known."""
        by_mask = self._layouts.get(len(payload))
        if by_mask:
            number = int.from_bytes(payload, "little")
            for kept, by_constants in by_mask.items():
                layout = by_constants.get(number & kept)
                if layout is not None:
                    return layout
        return None

    def layouts(self, frames: memoryview) -> Iterator[ByteLayout]:
        """The layouts of whole frames, as long as they are known; checksums are not looked at."""
        begin, layout = 0, None
        while True:
            length = int.from_bytes(frames[begin : begin + HEAD_SIZE - TAIL_SIZE], "little")
            begin += HEAD_SIZE
            if length not in self._layouts or begin + length + TAIL_SIZE > len(frames):
                return
            payload = frames[begin : begin + length]
            # Mostly it is the one that was before.
            if layout is None or not layout.matches(payload):
                layout = self.find(payload)
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
        by_mask = self._layouts.get(length, {})
        if self._failures.get(length, 0) >= _MOST_FAILURES or len(by_mask) >= _MOST_MASKS or self.find(payload):
            return
        # What is zero is left out of the bytes, as the step is in the first event of many a series.
        is_whole = event.step and event.wall_time
        layout = layout_of(event, varints.width(event.step))
        if layout is not None and layout.matches(payload):
            by_mask.setdefault(layout.constant_bits, {})[layout.constants] = layout
            self._layouts[length] = by_mask
        elif is_whole:
            self._failures[length] = self._failures.get(length, 0) + 1


def scan(file: FrameFile, known: KnownLayouts) -> Iterator[Frame | Block]:
    """Reads a file from its beginning to its end.

    Args:
      file: is read.
      known: layouts; whoever decodes a frame lets it learn the event before asking for the next. What nobody lets it
        learn is read one by one.

    Yields:
      `Frame`s and `Block`s, in the order of the file.
    """
    offset, most = 0, _MOST
    while offset < file.size:
        period, singles = _look_ahead(file, offset, known)
        rows, tried, good = Rows(period) if period else None, 0, 0
        while rows is not None and good == tried:
            block, tried = _block(file, offset, rows, most)
            good = 0 if block is None else len(block.step[0])
            if block is not None:
                yield block
                offset += good * rows.size
                # The record that differs is in one of the places of the period.
                singles = len(period)
            if not tried:
                break
            # Where good rows are few, no more are tried than may be good.
            most = min(4 * most, _MOST) if good == tried else max(_FEW, 2 * good)
        for _ in range(singles):
            frame = file.frame(offset)
            if frame is None:
                return
            yield frame
            offset = frame.end


def _look_ahead(file: FrameFile, offset: int, known: KnownLayouts) -> tuple[list[ByteLayout], int]:
    """The layouts that repeat from here on, if any, and how many frames to read one by one if there is no block."""
    ahead: list[ByteLayout] = []
    layouts = known.layouts(file.window(offset, _WINDOW))
    for most in _AHEAD:
        ahead += itertools.islice(layouts, most - len(ahead))
        if len(ahead) < _AHEAD[0]:
            break
        for length in range(1, len(ahead) // 2 + 1):
            if ahead[length] is ahead[0] and ahead[length:] == ahead[:-length]:
                return ahead[:length], len(ahead)
    return [], len(ahead) + 1


def _block(file: FrameFile, offset: int, rows: Rows, most: int) -> tuple[Block | None, int]:
    """The good rows that begin here, if any, and how many were tried."""
    view = file.window(offset, rows.size)
    tried = min(_likely(view, len(view) // rows.size, rows), most)
    if tried * sum(len(layout.tags) for layout in rows.layouts) < _FEW:
        return None, 0
    found = np.frombuffer(view, np.uint8, tried * rows.size).reshape(tried, rows.size)
    fields = rows.fields(found)
    good = _equal(found, rows.filled(rows.columns(fields), max(1, _CHUNK // rows.size)))
    steps, wall_times, values = [], [], []
    for layout, columns in zip(rows.layouts, fields, strict=True):
        step = varints.decode(columns[layout.step_parts])
        if sum(layout.step_sizes) == varints.NEGATIVE - 1:
            # The ninth byte tells the sign, which must go with the number of bytes.
            good = min([good, *np.flatnonzero((step < 0) != layout.is_negative)[:1].tolist()])
        steps.append(step)
        wall_times.append(columns[0].view(np.float64))
        values.append([column.view(np.float32) for column in columns[layout.step_parts.stop :]])
    if not good:
        return None, tried

    def kept(column: np.ndarray) -> np.ndarray:
        return column if good == tried else column[:good].copy()

    block = Block(rows.layouts, [*map(kept, steps)], [*map(kept, wall_times)], [[*map(kept, v)] for v in values])
    return block, tried


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
