"""Events to records: what TensorBoard's plugins call scalars, images, texts and hparams, in any of their spellings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.data_compat import migrate_value
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util

from tbgrad.records import HParams, Images, Records, Scalars, Texts


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
        self.session: dict[str, Any] = {}
        self.damage: list[str] = []

    def add(self, event: Event, value: Summary.Value) -> None:
        # A tag's plugin is told at its first event only.
        plugin = self.plugins.get(value.tag)
        if plugin is None:
            value = migrate_value(value)
            plugin = self.plugins[value.tag] = value.metadata.plugin_data.plugin_name
            self.descriptions[value.tag] = value.metadata.summary_description
        if plugin == "hparams":
            self._add_session(value)
        elif plugin in _CONTENTS:
            entry = event.step, event.wall_time, _CONTENTS[plugin](value)
            self.series.setdefault(value.tag, []).append(entry)

    def _add_session(self, value: Summary.Value) -> None:
        data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        kind = data.WhichOneof("data")
        if kind is not None:
            self.session[kind] = getattr(data, kind)

    def records(self) -> Records:
        found: dict[str, dict[str, Any]] = {"scalars": {}, "images": {}, "text": {}}
        for tag, entries in self.series.items():
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
        return Records(found["scalars"], found["images"], found["text"], self._hparams(), tuple(self.damage))

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


def _size(content: tuple[int, int, bytes]) -> tuple[int, int]:
    return content[0], content[1]


_CONTENTS = {"scalars": _scalar, "images": _image, "text": _text}
