"""Events to records: what TensorBoard's plugins call by the same names, in any of their spellings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.data_compat import migrate_value
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.util import tensor_util

from tbgrad.events.encoding import MESH_PARTS, OUTPUT_SHAPES
from tbgrad.records import Chart, GraphNode, GraphRecord, HParams, Images, Layout, Meshes, Records, Scalars, Texts


def decode(payloads: Iterable[tuple[str, bytes | None, str]]) -> Records:
    """Gathers the records of a run from its events.

    Args:
      payloads: (place, serialized event, damage) in order; the event is None where it could not be read.

    Returns:
      `Records`, series in the order of their events.
    """
    gathered = _Gathered()
    for place, payload, damage in payloads:
        if payload is None:
            gathered.damage.append(f"{place}: {damage}")
            continue
        try:
            event = Event.FromString(payload)
        except DecodeError:
            gathered.damage.append(f"{place}: not an event")
            continue
        try:
            gathered.add_graph(event)
        except DecodeError:
            gathered.damage.append(f"{place}: not a graph")
        for value in event.summary.value:
            try:
                gathered.add(event, value)
            except (ValueError, TypeError, LookupError, DecodeError) as error:
                gathered.damage.append(f"{place}: '{value.tag}' does not hold what its plugin expects ({error})")
    return gathered.records()


class _Gathered:
    """Series under construction: (step, wall time, content) by tag."""

    def __init__(self):
        self.plugins: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.series: dict[str, list[tuple[int, float, Any]]] = {}
        self.meshes: dict[str, dict[int, str]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.session: dict[str, Any] = {}
        self.graph: GraphRecord | None = None
        self.layout: Layout | None = None
        self.damage: list[str] = []

    def add(self, event: Event, value: Summary.Value) -> None:
        # A tag's plugin is told at its first event only.
        plugin = self.plugins.get(value.tag)
        if plugin is None:
            value = migrate_value(value)
            plugin = self.plugins[value.tag] = value.metadata.plugin_data.plugin_name
            self.descriptions[value.tag] = value.metadata.summary_description
            if plugin == "mesh":
                part = mesh_metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
                self.meshes.setdefault(part.name, {})[part.content_type] = value.tag
                self.configs[part.name] = json.loads(part.json_config or "{}")
        if plugin == "hparams":
            self._add_session(value)
        elif plugin == "custom_scalars":
            self.layout = _layout(event, value)
        elif plugin in _CONTENTS:
            entry = event.step, event.wall_time, _CONTENTS[plugin](value)
            self.series.setdefault(value.tag, []).append(entry)

    def add_graph(self, event: Event) -> None:
        if event.WhichOneof("what") == "graph_def":
            nodes = GraphDef.FromString(event.graph_def).node
            self.graph = GraphRecord([_node(node) for node in nodes], event.wall_time)

    def _add_session(self, value: Summary.Value) -> None:
        data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        kind = data.WhichOneof("data")
        if kind is not None:
            self.session[kind] = getattr(data, kind)

    def records(self) -> Records:
        found: dict[str, dict[str, Any]] = {"scalars": {}, "images": {}, "text": {}}
        in_meshes = {tag for parts in self.meshes.values() for tag in parts.values()}
        for tag, entries in self.series.items():
            if tag in in_meshes:
                continue
            steps, wall_times, contents = zip(*entries, strict=True)
            more = {"wall_time": np.array(wall_times), "description": self.descriptions[tag]}
            plugin = self.plugins[tag]
            if plugin == "scalars":
                value = np.frombuffer(b"".join(contents), "<f4")
                found[plugin][tag] = Scalars(tag, steps, value, **more)
            elif plugin == "images":
                found[plugin][tag] = Images(tag, steps, [c[2] for c in contents], _size(contents[-1]), **more)
            else:
                found[plugin][tag] = Texts(tag, steps, contents, **more)
        return Records(
            found["scalars"],
            found["images"],
            found["text"],
            self._meshes(),
            {} if self.graph is None else {"": self.graph},
            self._hparams(),
            self.layout,
            tuple(self.damage),
        )

    def _meshes(self) -> dict[str, Meshes]:
        """Joins the parts of each mesh at the steps that have all of them."""
        found = {}
        for name, tags in self.meshes.items():
            parts = {}
            for part, field, *_ in MESH_PARTS:
                entries = self.series.get(tags.get(part, ""), ())
                parts[field] = {step: (wall_time, array) for step, wall_time, array in entries}
            whole = [step for step in parts["vertices"] if all(step in entries for entries in parts.values())]
            if len(whole) < len(parts["vertices"]):
                self.damage.append(
                    f"mesh '{name}' lacks faces or colours at {len(parts['vertices']) - len(whole)} steps"
                )
            arrays = {field: [entries[step][1] for step in whole] for field, entries in parts.items()}
            wall_time = np.array([parts["vertices"][step][0] for step in whole])
            more = {"config": self.configs.get(name, {}), "description": self.descriptions[next(iter(tags.values()))]}
            if whole:
                found[name] = Meshes(name, whole, **arrays, wall_time=wall_time, **more)
        return found

    def _hparams(self) -> HParams | None:
        start = self.session.get("session_start_info")
        if start is None:
            return None
        end = self.session.get("session_end_info")
        values = {name: getattr(v, v.WhichOneof("kind")) for name, v in sorted(start.hparams.items())}
        succeeded = None if end is None else end.status == api_pb2.STATUS_SUCCESS
        ended = None if end is None else end.end_time_secs
        return HParams(values, start.group_name, succeeded, (start.start_time_secs, ended))


def _scalar(value: Summary.Value) -> bytes:
    if value.HasField("simple_value"):
        return np.float32(value.simple_value).astype("<f4").tobytes()
    tensor = value.tensor
    if tensor.dtype == DT_FLOAT and len(tensor.tensor_content) == 4:
        return tensor.tensor_content
    return np.float32(tensor_util.make_ndarray(tensor).reshape(-1)[0]).astype("<f4").tobytes()


def _image(value: Summary.Value) -> tuple[int, int, bytes]:
    width, height, *images = migrate_value(value).tensor.string_val
    return int(width), int(height), images[0] if images else b""


def _text(value: Summary.Value) -> str:
    return "\n".join(text.decode(errors="replace") for text in value.tensor.string_val)


def _mesh_part(value: Summary.Value) -> np.ndarray:
    return tensor_util.make_ndarray(value.tensor)[0]


def _node(node: NodeDef) -> GraphNode:
    shapes = node.attr[OUTPUT_SHAPES].list.shape if OUTPUT_SHAPES in node.attr else ()
    one = len(shapes) == 1 and not shapes[0].unknown_rank
    shape = tuple(dimension.size for dimension in shapes[0].dim) if one else None
    kept = [name for name in sorted(node.attr) if not (one and name == OUTPUT_SHAPES)]
    return GraphNode(node.name, node.op, tuple(node.input), {name: _attribute(node.attr[name]) for name in kept}, shape)


def _attribute(attribute: AttrValue) -> str:
    if attribute.WhichOneof("value") == "s":
        return attribute.s.decode(errors="replace")
    return text_format.MessageToString(attribute, as_one_line=True)


def _layout(event: Event, value: Summary.Value) -> Layout:
    layout = layout_pb2.Layout.FromString(value.tensor.string_val[0])
    categories = {category.title: [_chart(chart) for chart in category.chart] for category in layout.category}
    return Layout(categories, event.wall_time)


def _chart(chart: layout_pb2.Chart) -> Chart:
    if chart.WhichOneof("content") == "multiline":
        return Chart(chart.title, tuple(chart.multiline.tag))
    bands = ((series.value, series.lower, series.upper) for series in chart.margin.series)
    return Chart(chart.title, tuple(tag for band in bands for tag in band), is_margin=True)


def _size(content: tuple[int, int, bytes]) -> tuple[int, int]:
    return content[0], content[1]


_CONTENTS = {"scalars": _scalar, "images": _image, "text": _text, "mesh": _mesh_part}
