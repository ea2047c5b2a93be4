"""Scalar events that repeat, as a matrix of bytes: a template in each row, and a few fields that differ.

All events that hold the same tags, and whose steps take equally many bytes, are laid out alike:

    length 8 | its checksum 4 | payload: ... wall time 8 ... step 1-10 ... value 4 ... value 4 ... | checksum 4

What the dots stand for, and in which order the fields come, is not written down here. Protobuf itself tells: an event
is serialized with two different contents, and the bytes that change are the fields. So the same code writes events of
our own and reads those of others, whichever way they spell a number.
"""

from __future__ import annotations

import functools
import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_FLOAT

from tbgrad.events import varints
from tbgrad.events.checksums import checksum, masked_checksums
from tbgrad.events.tfrecord import TAIL_SIZE, frame

_INTEGERS = {size: np.dtype(f"<u{size}") for size in (1, 2, 4, 8)}
_LAYOUTS_KEPT = 256


@dataclass(frozen=True, eq=False)
class ByteLayout:
    """Where the fields of a record's payload are.

    Attributes:
      tags: one for each value, in order.
      template: the payload, with zeros in the fields.
      parts: (offset, size) of the integers that the fields consist of: wall time, step, values.
      step_parts: the ones of `parts` that make up the step.
      is_negative: whether the steps are.
    """

    tags: tuple[str, ...]
    template: bytes
    parts: tuple[tuple[int, int], ...]
    step_parts: slice
    is_negative: bool

    @functools.cached_property
    def step_sizes(self) -> list[int]:
        """Of the integers that the step consists of."""
        return [size for _, size in self.parts[self.step_parts]]

    @functools.cached_property
    def constant_bits(self) -> int:
        """Which bits of a payload are the template's, as one little-endian number."""
        kept = np.full(len(self.template), 0xFF, np.uint8)
        for offset, size in self.parts:
            kept[offset : offset + size] = 0
        return int.from_bytes(kept.tobytes(), "little")

    @functools.cached_property
    def constants(self) -> int:
        """What these bits are."""
        return int.from_bytes(self.template, "little")

    def matches(self, payload: bytes) -> bool:
        """Whether a payload differs from the template in its fields only; its step may still be badly spelled."""
        same_length = len(payload) == len(self.template)
        return same_length and int.from_bytes(payload, "little") & self.constant_bits == self.constants


def layout_of(event: Event, step_width: int) -> ByteLayout | None:
    """The layout of all events that differ from this one in wall time, step and numbers only.

    Args:
      event: is changed.
      step_width: how many bytes the steps take.

    Returns:
      `ByteLayout`, or None if the event holds anything else than float32 numbers.
    """
    if not event.summary.value or not all(_put(value, b"\1\1\1\1") for value in event.summary.value):
        return None
    return _layout_of(_probe(event, 1, step_width), step_width)


@functools.lru_cache(_LAYOUTS_KEPT)
def _layout_of(serialized: bytes, step_width: int) -> ByteLayout:
    event = Event.FromString(serialized)
    changed = np.frombuffer(_probe(event, 2, step_width), np.uint8)
    template = np.frombuffer(serialized, np.uint8).copy()
    places = np.flatnonzero(template != changed)
    template[places] = 0
    # The tenth byte of a negative step never varies.
    step_size = min(step_width, varints.NEGATIVE - 1)
    step_sizes = [size for size in (8, 4, 2, 1) if step_size & size]
    sizes = [8, *step_sizes, *[4] * len(event.summary.value)]
    ends = itertools.accumulate(sizes, initial=0)
    parts = tuple((int(places[end]), size) for end, size in zip(ends, sizes, strict=False))  # the last end begins none
    tags = tuple(value.tag for value in event.summary.value)
    return ByteLayout(tags, template.tobytes(), parts, slice(1, 1 + len(step_sizes)), step_width == varints.NEGATIVE)


def _probe(event: Event, byte: int, step_width: int) -> bytes:
    """Serializes the event with this byte all over its fields."""
    event.wall_time = struct.unpack("<d", bytes([byte] * 8))[0]
    groups = sum(byte << 7 * group for group in range(min(step_width, varints.NEGATIVE - 1)))
    event.step = groups - 2**63 if step_width == varints.NEGATIVE else groups
    for value in event.summary.value:
        _put(value, bytes([byte] * 4))
    return event.SerializeToString()


def _put(value: Summary.Value, content: bytes) -> bool:
    """Replaces the four bytes of a float32 number, however it is spelled; False if the value is none."""
    if value.WhichOneof("value") == "simple_value":
        (value.simple_value,) = struct.unpack("<f", content)
        return True
    tensor = value.tensor
    content_size = len(tensor.tensor_content) + 4 * len(tensor.float_val)
    if tensor.dtype != DT_FLOAT or content_size != 4 or any(dim.size != 1 for dim in tensor.tensor_shape.dim):
        return False
    if tensor.tensor_content:
        tensor.tensor_content = content
    else:
        tensor.float_val[:] = struct.unpack("<f", content)
    return True


class Rows:
    """Records that come again and again in the same order; a row holds one of each.

    Attributes:
      layouts: of the records.
      size: of a row in bytes.
    """

    def __init__(self, layouts: Sequence[ByteLayout]):
        self.layouts = tuple(layouts)
        records = [frame(layout.template) for layout in layouts]
        self._ends = [end - TAIL_SIZE for end in itertools.accumulate(map(len, records))]
        self.size = self._ends[-1] + TAIL_SIZE
        self._template = np.frombuffer(b"".join(records), np.uint8)
        self._checksums = [checksum(layout.template) for layout in layouts]
        self._blank = np.empty((0, self.size), np.uint8)
        self._targets: list[np.ndarray] = []

    def columns(self, fields: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
        """What differs from row to row.

        Args:
          fields: of each layout, for each of its parts, little-endian unsigned integers `[n]`, contiguous.

        Returns:
          The same, and behind those of each layout the checksums: `[n]` each.
        """
        columns = []
        for layout, blank, parts in zip(self.layouts, self._checksums, fields, strict=True):
            length = len(layout.template)
            behind = [length - offset - size for offset, size in layout.parts]
            columns += [*parts, masked_checksums(blank, zip(parts, behind, strict=True))]
        return columns

    def filled(self, columns: Sequence[np.ndarray], most: int) -> Iterator[np.ndarray]:
        """Whole rows, so many at most at a time: uint8 `[m, size]`, to be used before the next are asked for."""
        count = len(columns[0])
        if len(self._blank) < min(count, most):
            self._blank = np.tile(self._template, (min(count, most), 1))
            self._targets = [_column(self._blank, offset, size) for offset, size in self._places]
        for start in range(0, count, most):
            rows = self._blank[: count - start]
            for target, column in zip(self._targets, columns, strict=True):
                target[: len(rows)] = column[start : start + len(rows)]
            yield rows

    def fields(self, rows: np.ndarray) -> list[list[np.ndarray]]:
        """Takes the fields out of rows: uint8 `[n, size]`."""
        return [
            [_column(rows, end - len(layout.template) + offset, size).copy() for offset, size in layout.parts]
            for layout, end in zip(self.layouts, self._ends, strict=True)
        ]

    @functools.cached_property
    def _places(self) -> list[tuple[int, int]]:
        """Where in a row each of the columns is: (offset, size)."""
        places = []
        for layout, end in zip(self.layouts, self._ends, strict=True):
            places += [(end - len(layout.template) + offset, size) for offset, size in layout.parts]
            places.append((end, TAIL_SIZE))
        return places


def _column(rows: np.ndarray, offset: int, size: int) -> np.ndarray:
    """One integer of each row: a view."""
    return np.ndarray(len(rows), _INTEGERS[size], rows, offset, rows.strides[:1])
