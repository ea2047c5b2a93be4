"""Records to events, by the protobufs of the tensorboard package.

Scalars are float32 tensors of rank 0 with their bytes as content, which keeps every bit, and carry the plugin's
metadata at their first event only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from google.protobuf import struct_pb2
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text import metadata as text_metadata

from tbgrad.records import Chart, GraphNode, GraphRecord, HParams, Images, Layout, Meshes, Record, Scalars, Texts

# The attribute from which TensorBoard takes what flows along an edge.
OUTPUT_SHAPES = "_output_shapes"
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


def _meshes(record: Meshes) -> Iterator[bytes]:
    components = mesh_metadata.get_components_bitmask([part for part, *_ in MESH_PARTS])
    for part, name, kind, dtype in MESH_PARTS:
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
        tensors = (_batch_of_one(array.astype(kind), dtype) for array in arrays)
        yield from _series(record, metadata, tensors, mesh_metadata.get_instance_name(record.tag, part))


def _batch_of_one(array: np.ndarray, dtype: int) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in (1, *array.shape)])
    return TensorProto(dtype=dtype, tensor_shape=shape, tensor_content=array.tobytes())


def _strings(values: list[bytes], rank: int) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))] * rank)
    return TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=values)


def _series(
    record: Any, metadata: SummaryMetadata, tensors: Iterator[TensorProto], tag: str | None = None
) -> Iterator[bytes]:
    for step, wall_time, tensor in zip(record.step.tolist(), record.wall_time.tolist(), tensors, strict=True):
        value = Summary.Value(tag=tag or record.tag, tensor=tensor, metadata=metadata)
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


def _graph(record: GraphRecord) -> Iterator[bytes]:
    graph = GraphDef(node=[_node(node) for node in record.nodes])
    yield Event(wall_time=record.wall_time, graph_def=graph.SerializeToString()).SerializeToString()


def _node(node: GraphNode) -> NodeDef:
    attributes = {name: AttrValue(s=text.encode()) for name, text in node.attributes.items()}
    if node.shape is not None:
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in node.shape])
        attributes[OUTPUT_SHAPES] = AttrValue(list=AttrValue.ListValue(shape=[shape]))
    return NodeDef(name=node.name, op=node.operation, input=node.inputs, attr=attributes)


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
    Scalars: _scalars,
    Images: _images,
    Texts: _texts,
    Meshes: _meshes,
    HParams: _hparams,
    GraphRecord: _graph,
    Layout: _layout,
}
