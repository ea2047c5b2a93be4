"""Series of scalars to frames, whole series at once.

Scalars are float32 tensors of rank 0 with their bytes as content, which keeps every bit. A tag's first event in a file
carries the plugin's metadata, the others do not.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.plugins.scalar import metadata as scalar_metadata

from tbgrad.events import varints
from tbgrad.events.layouts import Rows, layout_of
from tbgrad.events.tfrecord import frame
from tbgrad.records import Record, Scalars

# So many rows get their checksums at a time, and so many are filled and written: with fewer, calls take a larger share.
_BLOCK, _CHUNK = 1 << 17, 1 << 14
# Fewer rows are encoded one by one.
_FEW = 48
# Of one event: a row of many tags would be long, and a chunk have few rows.
_MOST_TAGS = 32


def grouped(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Puts neighbouring scalars with the same steps and wall times together, since they can share their events.

    Where the iterable raises, what it gave before comes first.
    """
    group: list[Record] = []
    try:
        for record in records:
            if group and not (isinstance(record, Scalars) and _can_join(record, group)):
                yield group
                group = []
            group.append(record)
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def _can_join(record: Scalars, group: Sequence[Record]) -> bool:
    first = group[0]
    return (
        isinstance(first, Scalars)
        and len(group) < _MOST_TAGS
        # TensorBoard drops points of a tag that is twice in one event.
        and all(record.tag != other.tag for other in group)
        and _are_equal(first.step, record.step)
        and _are_equal(first.wall_time, record.wall_time)
    )


def _are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Bit for bit. Series that differ mostly differ at their beginning, and need not be compared whole."""
    one, other = one.view(np.int64), other.view(np.int64)
    return len(one) == len(other) and np.array_equal(one[:1], other[:1]) and np.array_equal(one, other)


class ScalarEncoder:
    """Encodes the scalars of one file."""

    def __init__(self):
        # For each tag that has its metadata in the file an event, and the tensor in it that holds its number.
        self._told: dict[str, tuple[Event, TensorProto]] = {}

    def encode(self, group: Sequence[Scalars]) -> Iterable[tuple[bytes | np.ndarray, int]]:
        """Frames of series that share steps and wall times: an event holds one number of each.

        Args:
          group: `Scalars` of different tags.

        Returns:
          (frames, how many) of each part. An array must be used before the next part is asked for.
        """
        record = group[0]
        if len(group) == 1 and len(record.step) == 1 and record.tag in self._told:
            event, tensor = self._told[record.tag]
            event.step, event.wall_time = record.step.item(), record.wall_time.item()
            tensor.tensor_content = record.value.tobytes()
            return [(frame(event.SerializeToString()), 1)]
        return self._series(group)

    def _series(self, group: Sequence[Scalars]) -> Iterator[tuple[bytes | np.ndarray, int]]:
        start, count = 0, len(group[0].step)
        event = _event([record.tag for record in group])
        if count and any(record.tag not in self._told for record in group):
            yield from _singly(_with_metadata(event, group, self._told), group, 0, 1)
            for record in group:
                alone = _event([record.tag])
                self._told[record.tag] = alone, alone.summary.value[0].tensor
            start = 1
        if count - start < _FEW:
            yield from _singly(event, group, start, count)
        else:
            yield from _by_rows(event, group, start)


def _singly(event: Event, group: Sequence[Scalars], begin: int, end: int) -> list[tuple[bytes, int]]:
    """Event by event, through protobuf."""
    first = group[0]
    tensors = [value.tensor for value in event.summary.value]
    contents = [record.value[begin:end].tobytes() for record in group]
    frames = []
    times = zip(first.step[begin:end].tolist(), first.wall_time[begin:end].tolist(), strict=True)
    for place, (event.step, event.wall_time) in zip(range(0, 4 * (end - begin), 4), times, strict=True):
        for tensor, content in zip(tensors, contents, strict=True):
            tensor.tensor_content = content[place : place + 4]
        frames.append((frame(event.SerializeToString()), 1))
    return frames


def _by_rows(event: Event, group: Sequence[Scalars], start: int) -> Iterator[tuple[bytes | np.ndarray, int]]:
    """One event after another where steps of different lengths alternate, by rows where they do not."""
    step, wall_time = group[0].step, group[0].wall_time.view(np.uint64)
    values = [record.value.view(np.uint32) for record in group]
    rows: dict[int, Rows] = {}
    for begin, end, width in _runs(step, start):
        if end - begin < _FEW:
            yield from _singly(event, group, begin, end)
            continue
        if width not in rows:
            rows[width] = Rows([layout_of(event, width)])
        alike = rows[width]
        steps = varints.encode(step[begin:end], alike.layouts[0].step_sizes)
        columns = alike.columns([[wall_time[begin:end], *steps, *(value[begin:end] for value in values)]])
        for filled in alike.filled(columns, _CHUNK):
            yield filled, len(filled)


def _runs(step: np.ndarray, start: int) -> Iterator[tuple[int, int, int]]:
    """Neighbours whose steps take equally many bytes, not too many of them: (begin, end, bytes)."""
    for begin in range(start, len(step), _BLOCK):
        block = step[begin : begin + _BLOCK]
        low, high = int(block.min()), int(block.max())
        if varints.width(low) == varints.width(high) and (low < 0) == (high < 0):
            yield begin, begin + len(block), varints.width(low)
            continue
        widths = varints.widths(block)
        ends = [*(np.flatnonzero(np.diff(widths)) + 1).tolist(), len(block)]
        for first, end in itertools.pairwise([0, *ends]):
            yield begin + first, begin + end, int(widths[first])


def _event(tags: Sequence[str]) -> Event:
    tensor = TensorProto(dtype=DT_FLOAT, tensor_shape=TensorShapeProto(), tensor_content=bytes(4))
    return Event(summary=Summary(value=[Summary.Value(tag=tag, tensor=tensor) for tag in tags]))


def _with_metadata(event: Event, group: Sequence[Scalars], told: Container[str]) -> Event:
    event = Event.FromString(event.SerializeToString())
    for value, record in zip(event.summary.value, group, strict=True):
        if record.tag not in told:
            metadata = scalar_metadata.create_summary_metadata(display_name="", description=record.description)
            value.metadata.CopyFrom(metadata)
    return event
