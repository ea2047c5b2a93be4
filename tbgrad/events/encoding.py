"""Records other than scalars to events, by the protobufs of the tensorboard package."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from google.protobuf import struct_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.text import metadata as text_metadata

from tbgrad.events.graphs import encode_graph
from tbgrad.records import Chart, GraphRecord, Histograms, HParams, Images, Layout, Meshes, Record, Texts

# What a mesh consists of: TensorBoard's name of the part, the field that holds it, its dtype.
MESH_PARTS = (
    (MeshPluginData.VERTEX, "vertices", "<f4", DT_FLOAT),
    (MeshPluginData.FACE, "faces", "<i4", DT_INT32),
    (MeshPluginData.COLOR, "colors", "u1", DT_UINT8),
)


def encode(record: Record) -> Iterator[bytes]:
    """Serialized events of one record, in order."""
    return _ENCODERS[type(record)](record)


def file_version(wall_time: float) -> bytes:
    """The event with which every file begins."""
    return Event(wall_time=wall_time, file_version="brain.Event:2").SerializeToString()


def _images(record: Images) -> Iterator[bytes]:
    metadata = image_metadata.create_summary_metadata(display_name="", description=record.description)
    size = [str(pixels).encode() for pixels in record.size]
    return _series(record, metadata, (_strings([*size, image], rank=1) for image in record.image))


def _histograms(record: Histograms) -> Iterator[bytes]:
    metadata = histogram_metadata.create_summary_metadata(display_name="", description=record.description)
    return _series(record, metadata, (_tensor(buckets.astype("<f8"), DT_DOUBLE) for buckets in record.buckets))


def _texts(record: Texts) -> Iterator[bytes]:
    metadata = text_metadata.create_summary_metadata(display_name="", description=record.description)
    return _series(record, metadata, (_strings([text.encode()], rank=0) for text in record.text))


def _meshes(record: Meshes) -> Iterator[bytes]:
    parts = [part for part in MESH_PARTS if getattr(record, part[1]) is not None]
    components = mesh_metadata.get_components_bitmask([part for part, *_ in parts])
    for part, name, kind, dtype in parts:
        arrays = getattr(record, name)
        metadata = mesh_metadata.create_summary_metadata(
            record.tag,
            "",
            part,
            components,
            (1, *arrays[0].shape) if arrays else (1, 0, 3),
            record.description,
            json.dumps(dict(record.config), sort_keys=True),
        )
        tensors = (_tensor(array.astype(kind)[np.newaxis], dtype) for array in arrays)
        yield from _series(record, metadata, tensors, mesh_metadata.get_instance_name(record.tag, part))


def _tensor(array: np.ndarray, dtype: int) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in array.shape])
    return TensorProto(dtype=dtype, tensor_shape=shape, tensor_content=array.tobytes())


def _strings(values: list[bytes], rank: int) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))] * rank)
    return TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=values)


def _series(
    record: Any, metadata: SummaryMetadata, tensors: Iterator[TensorProto], tag: str | None = None
) -> Iterator[bytes]:
    # Every event tells its plugin, so that the damage of one does not take the others along.
    for step, wall_time, tensor in zip(record.step.tolist(), record.wall_time.tolist(), tensors, strict=True):
        value = Summary.Value(tag=tag or record.tag, tensor=tensor, metadata=metadata)
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
    return struct_pb2.Value(number_value=value)


def _session(tag: str, data: plugin_data_pb2.HParamsPluginData, wall_time: float) -> bytes:
    metadata = hparams_metadata.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=metadata, tensor=hparams_metadata.NULL_TENSOR)
    return Event(wall_time=wall_time, summary=Summary(value=[value])).SerializeToString()


def _layout(record: Layout) -> Iterator[bytes]:
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(title=title, chart=[_chart(chart) for chart in charts])
            for title, charts in record.categories.items()
        ]
    )
    value = Summary.Value(
        tag=layout_metadata.CONFIG_SUMMARY_TAG,
        metadata=layout_metadata.create_summary_metadata(),
        tensor=_strings([layout.SerializeToString()], rank=0),
    )
    yield Event(wall_time=record.wall_time, summary=Summary(value=[value])).SerializeToString()


def _chart(chart: Chart) -> layout_pb2.Chart:
    if not chart.is_margin:
        return layout_pb2.Chart(title=chart.title, multiline=layout_pb2.MultilineChartContent(tag=chart.tags))
    bands = zip(chart.tags[::3], chart.tags[1::3], chart.tags[2::3], strict=True)
    series = [layout_pb2.MarginChartContent.Series(value=v, lower=low, upper=high) for v, low, high in bands]
    return layout_pb2.Chart(title=chart.title, margin=layout_pb2.MarginChartContent(series=series))


_ENCODERS: dict[type, Callable[[Any], Iterator[bytes]]] = {
    Images: _images,
    Histograms: _histograms,
    Texts: _texts,
    Meshes: _meshes,
    HParams: _hparams,
    GraphRecord: encode_graph,
    Layout: _layout,
}
