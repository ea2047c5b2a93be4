"""Records to events, by the protobufs of the tensorboard package.

Scalars are float32 tensors of rank 0 with their bytes as content, which keeps every bit, and carry the plugin's
metadata at their first event only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import struct_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text import metadata as text_metadata

from tbgrad.records import HParams, Images, Record, Scalars, Texts


def encode(record: Record) -> Iterator[bytes]:
    """Serialized events of one record, in order."""
    return _ENCODERS[type(record)](record)


def file_version(wall_time: float) -> bytes:
    """The event with which every file begins."""
    return Event(wall_time=wall_time, file_version="brain.Event:2").SerializeToString()


def _scalars(record: Scalars) -> Iterator[bytes]:
    metadata = scalar_metadata.create_summary_metadata(display_name="", description=record.description)
    content = record.value.astype("<f4").tobytes()
    tensors = (
        TensorProto(dtype=DT_FLOAT, tensor_shape=TensorShapeProto(), tensor_content=content[i : i + 4])
        for i in range(0, len(content), 4)
    )
    return _series(record, metadata, tensors)


def _images(record: Images) -> Iterator[bytes]:
    metadata = image_metadata.create_summary_metadata(display_name="", description=record.description)
    size = [str(pixels).encode() for pixels in record.size]
    return _series(record, metadata, (_strings([*size, image], rank=1) for image in record.image))


def _texts(record: Texts) -> Iterator[bytes]:
    metadata = text_metadata.create_summary_metadata(display_name="", description=record.description)
    return _series(record, metadata, (_strings([text.encode()], rank=0) for text in record.text))


def _strings(values: list[bytes], rank: int) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))] * rank)
    return TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=values)


def _series(record: Any, metadata: SummaryMetadata, tensors: Iterator[TensorProto]) -> Iterator[bytes]:
    for step, wall_time, tensor in zip(record.step.tolist(), record.wall_time.tolist(), tensors, strict=True):
        value = Summary.Value(tag=record.tag, tensor=tensor, metadata=metadata)
        metadata = None
        yield Event(wall_time=wall_time, step=step, summary=Summary(value=[value])).SerializeToString()


def _hparams(record: HParams) -> Iterator[bytes]:
    began, ended = record.wall_time
    values = {name: _hparam(value) for name, value in record.values.items()}
    start = plugin_data_pb2.SessionStartInfo(hparams=values, group_name=record.trial, start_time_secs=began)
    data = plugin_data_pb2.HParamsPluginData(session_start_info=start)
    yield _session(hparams_metadata.SESSION_START_INFO_TAG, data, began)
    if record.succeeded is not None:
        status = api_pb2.STATUS_SUCCESS if record.succeeded else api_pb2.STATUS_FAILURE
        end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
        data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
        yield _session(hparams_metadata.SESSION_END_INFO_TAG, data, ended)


def _hparam(value: bool | float | str) -> struct_pb2.Value:
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    return struct_pb2.Value(number_value=float(value))


def _session(tag: str, data: plugin_data_pb2.HParamsPluginData, wall_time: float) -> bytes:
    metadata = hparams_metadata.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=metadata, tensor=hparams_metadata.NULL_TENSOR)
    return Event(wall_time=wall_time, summary=Summary(value=[value])).SerializeToString()


_ENCODERS: dict[type, Callable[[Any], Iterator[bytes]]] = {
    Scalars: _scalars,
    Images: _images,
    Texts: _texts,
    HParams: _hparams,
}
