"""What one value of an event holds, by the plugin that its tag belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING
from tensorboard.data_compat import migrate_value
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util

from tbgrad.records import Chart, HParams, Layout

_HPARAM_KINDS = ("number_value", "string_value", "bool_value")
_MOST_REPEATED = 4096


def likely_plugin(value: Summary.Value) -> str:
    """The plugin of a value that comes without metadata, or whose tag's first event is damaged; "" if in doubt."""
    tensor = value.tensor
    rank = len(tensor.tensor_shape.dim)
    if tensor.dtype == DT_STRING:
        is_image = rank == 1 and len(tensor.string_val) > 2 and all(text.isdigit() for text in tensor.string_val[:2])
        return "images" if is_image else "text"
    if value.HasField("simple_value"):
        return "scalars"
    if tensor.dtype == DT_DOUBLE and rank == 2 and tensor.tensor_shape.dim[1].size == 3:
        return "histograms"
    return "scalars" if tensor.dtype and rank == 0 else ""


def scalar(value: Summary.Value) -> bytes:
    """The four bytes of a float32 number."""
    tensor = value.tensor
    if value.HasField("simple_value"):
        number = value.simple_value
    elif tensor.dtype == DT_FLOAT and len(tensor.tensor_content) == 4 and _size(tensor) == 1:
        return tensor.tensor_content
    else:
        (number,) = _array(tensor).reshape(-1)
    if number != number and (tensor.float_val or not tensor.dtype):
        return _nan(value)
    if isinstance(number, np.complexfloating):
        raise ValueError("a complex number")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.float32(number).tobytes()


def _nan(value: Summary.Value) -> bytes:
    """The bytes of a float32 NaN. As Python's number it would lose the bit that says whether it is a signaling one."""
    alone = Summary.Value()
    if value.HasField("simple_value"):
        alone.CopyFrom(value)
        for name in ("tag", "metadata", "node_name"):
            alone.ClearField(name)
    else:
        alone.tensor.float_val.MergeFrom(value.tensor.float_val)
    return alone.SerializeToString()[-4:]


def image(value: Summary.Value) -> tuple[int, int, bytes]:
    """Width, height, and the bytes of a picture; of several the first."""
    width, height, *images = migrate_value(value).tensor.string_val
    return int(width), int(height), images[0] if images else b""


def histogram(value: Summary.Value) -> np.ndarray:
    """Left edge, right edge and count of each bucket: float64 `[buckets, 3]`."""
    with np.errstate(over="ignore"):
        return _array(migrate_value(value).tensor).astype(np.float64).reshape(-1, 3)


def text(value: Summary.Value) -> str:
    """A text; several are joined line by line."""
    if value.tensor.dtype != DT_STRING:
        raise ValueError("no text")
    return "\n".join(part.decode(errors="replace") for part in value.tensor.string_val)


def mesh_part(value: Summary.Value) -> np.ndarray:
    """Vertices, faces or colours of the first mesh of a batch."""
    return _array(value.tensor)[0]


def _array(tensor: TensorProto) -> np.ndarray:
    # A value that repeats to the end of a tensor is written once, which can claim any size.
    if _size(tensor) > max(tensor.ByteSize(), _MOST_REPEATED):
        raise ValueError(f"it claims {_size(tensor)} numbers in {tensor.ByteSize()} bytes")
    return tensor_util.make_ndarray(tensor)


def _size(tensor: TensorProto) -> int:
    return math.prod(dimension.size for dimension in tensor.tensor_shape.dim)


CONTENTS: Mapping[str, Callable[[Summary.Value], Any]] = {
    "scalars": scalar,
    "images": image,
    "histograms": histogram,
    "text": text,
    "mesh": mesh_part,
}


def session(value: Summary.Value) -> dict[str, Any]:
    """A session's start or end, by the name of what it is."""
    data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
    kind = data.WhichOneof("data")
    return {} if kind is None else {kind: getattr(data, kind)}


def hparams(session: Mapping[str, Any]) -> HParams | None:
    """The settings of a session that was started."""
    start, end = session.get("session_start_info"), session.get("session_end_info")
    if start is None:
        return None
    kinds = {name: v.WhichOneof("kind") for name, v in sorted(start.hparams.items())}
    values = {name: getattr(start.hparams[name], kind) for name, kind in kinds.items() if kind in _HPARAM_KINDS}
    succeeded = None if end is None else end.status == api_pb2.STATUS_SUCCESS
    ended = None if end is None else end.end_time_secs
    return HParams(values, start.group_name, succeeded, (start.start_time_secs, ended))


def layout(event: Event, value: Summary.Value) -> Layout:
    """The charts of the Custom Scalars dashboard."""
    found = layout_pb2.Layout.FromString(value.tensor.string_val[0])
    categories = {category.title: [_chart(chart) for chart in category.chart] for category in found.category}
    return Layout(categories, event.wall_time)


def _chart(chart: layout_pb2.Chart) -> Chart:
    if chart.WhichOneof("content") == "multiline":
        return Chart(chart.title, tuple(chart.multiline.tag))
    bands = ((series.value, series.lower, series.upper) for series in chart.margin.series)
    return Chart(chart.title, tuple(tag for band in bands for tag in band), is_margin=True)
