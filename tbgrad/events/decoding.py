"""Events to records: gathers what has the same tag into series."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.data_compat import migrate_value
from tensorboard.plugins.graph.metadata import PLUGIN_NAME_RUN_METADATA_WITH_GRAPH
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData

from tbgrad.events import contents
from tbgrad.events.encoding import MESH_PARTS
from tbgrad.events.graphs import decode_graph, decode_trace
from tbgrad.events.scanning import Block, KnownLayouts, scan
from tbgrad.events.tfrecord import FrameFile
from tbgrad.records import GraphRecord, Histograms, Images, Layout, Meshes, Records, Scalars, Texts


def decode(
    files: Iterable[Path],
    is_wanted: Callable[[str], bool] | None = None,
    watch: Callable[[Path, int, Event], None] | None = None,
) -> Records:
    """Gathers the records of a run from its event files.

    Args:
      files: in order.
      is_wanted: tells of a tag whether to keep it; all by default.
      watch: is shown file, byte and content of each event that is read by itself, for what records do not keep. Of
        events that repeat in the same layout, tags and all, it sees the first.

    Returns:
      `Records`, series in the order of their events.
    """
    gathered, known = _Gathered(is_wanted), KnownLayouts()
    for path in files:
        try:
            with FrameFile(path) as file:
                for part in scan(file, known):
                    if isinstance(part, Block):
                        gathered.add_block(part)
                    elif part.payload is None:
                        gathered.damage.append(f"{path}, byte {part.offset}: {part.damage}")
                    else:
                        event = gathered.add_event(f"{path}, byte {part.offset}", part.payload)
                        if event is not None and watch is not None:
                            watch(path, part.offset, event)
                        if event is not None and gathered.has_only_numbers(event):
                            known.learn(event, part.payload)
        except OSError as error:
            gathered.damage.append(f"{path}: cannot be read: {error.strerror}")
    return gathered.records()


class _Numbers:
    """A series of scalars under construction: arrays, and single entries behind them."""

    def __init__(self):
        self._arrays: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._singles: list[tuple[int, float, bytes]] = []

    def append(self, step: int, wall_time: float, value: bytes) -> None:
        self._singles.append((step, wall_time, value))

    def extend(self, step: np.ndarray, wall_time: np.ndarray, value: np.ndarray) -> None:
        self._join_singles()
        self._arrays.append((step, wall_time, value))

    def _join_singles(self) -> None:
        if self._singles:
            step, wall_time, value = zip(*self._singles, strict=True)
            self._arrays.append((np.array(step, np.int64), np.array(wall_time), np.frombuffer(b"".join(value), "<f4")))
            self._singles = []

    def series(self, tag: str, description: str) -> Scalars:
        self._join_singles()
        step, wall_time, value = map(np.concatenate, zip(*self._arrays, strict=True))
        return Scalars(tag, step, value, wall_time, description)


class _Gathered:
    """Series under construction, by tag."""

    def __init__(self, is_wanted: Callable[[str], bool] | None):
        self.is_wanted = is_wanted
        self.plugins: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.numbers: dict[str, _Numbers] = {}
        # Everything else: step, wall time, content.
        self.series: dict[str, list[tuple[int, float, Any]]] = {}
        # What is told of a mesh, by its name; the name by the tag of a part.
        self.meshes: dict[str, MeshPluginData] = {}
        self.mesh_names: dict[str, str] = {}
        self.mesh_tags: dict[tuple[str, int], str] = {}
        self.session: dict[str, Any] = {}
        self.graphs: dict[str, GraphRecord] = {}
        self.layout: Layout | None = None
        self.damage: list[str] = []

    def add_block(self, block: Block) -> None:
        # A tag may occur several times in a period.
        places: dict[str, list[tuple[int, int]]] = {}
        for index, layout in enumerate(block.layouts):
            for column, tag in enumerate(layout.tags):
                places.setdefault(tag, []).append((index, column))
        for tag, found in places.items():
            if self.plugins.get(tag) == "scalars" and self._is_wanted(tag):
                self.numbers.setdefault(tag, _Numbers()).extend(
                    _interleaved([block.step[index] for index, _ in found]),
                    _interleaved([block.wall_time[index] for index, _ in found]),
                    _interleaved([block.value[index][column] for index, column in found]),
                )

    def add_event(self, place: str, payload: bytes) -> Event | None:
        """Adds all that an event holds; returns it, or None if it is none."""
        try:
            event = Event.FromString(payload)
        except DecodeError:
            self.damage.append(f"{place}: not an event")
            return None
        if event.WhichOneof("what") == "graph_def" and self._is_wanted(""):
            try:
                self.graphs[""] = decode_graph(event)
            except DecodeError:
                self.damage.append(f"{place}: not a graph")
        for value in event.summary.value:
            try:
                self._add_value(event, value)
            except (ValueError, TypeError, LookupError, DecodeError) as error:
                self.damage.append(f"{place}: '{value.tag}' does not hold what its plugin expects ({error})")
        return event

    def has_only_numbers(self, event: Event) -> bool:
        """Whether no value belongs to a plugin that reads something else from it, or calls it damaged."""
        plugins = {self.plugins[value.tag] for value in event.summary.value}
        return not plugins & contents.CONTENTS.keys() - {"scalars"}

    def _is_wanted(self, tag: str) -> bool:
        return self.is_wanted is None or self.is_wanted(self.mesh_names.get(tag, tag))

    def _add_value(self, event: Event, value: Summary.Value) -> None:
        tag = value.tag
        # A tag's plugin is told at its first event only.
        plugin = self.plugins.get(tag)
        if plugin is None:
            # Only old spellings need to be told anew, and a number needs none of it.
            told = value if value.HasField("simple_value") else migrate_value(value)
            plugin = self.plugins[tag] = told.metadata.plugin_data.plugin_name or contents.likely_plugin(told)
            self.descriptions[tag] = told.metadata.summary_description
            if plugin == "mesh":
                part = mesh_metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
                self.meshes[part.name] = part
                self.mesh_names[tag] = part.name
                self.mesh_tags[part.name, part.content_type] = tag
        if plugin == "hparams":
            # TensorBoard keeps what it was told first, also where a run is appended to.
            self.session = contents.session(value) | self.session
        elif plugin == "custom_scalars":
            self.layout = contents.layout(event, value)
        elif plugin == PLUGIN_NAME_RUN_METADATA_WITH_GRAPH and self._is_wanted(tag):
            self.graphs[tag] = decode_trace(event, value)
        elif plugin in contents.CONTENTS and self._is_wanted(tag):
            content = contents.CONTENTS[plugin](value)
            if plugin == "scalars":
                self.numbers.setdefault(tag, _Numbers()).append(event.step, event.wall_time, content)
            else:
                self.series.setdefault(tag, []).append((event.step, event.wall_time, content))

    def records(self) -> Records:
        found: dict[str, dict[str, Any]] = {"images": {}, "histograms": {}, "text": {}, "mesh": {}}
        for tag, entries in self.series.items():
            steps, wall_times, entered = zip(*entries, strict=True)
            more = {"wall_time": np.array(wall_times), "description": self.descriptions[tag]}
            plugin = self.plugins[tag]
            if plugin == "images":
                found[plugin][tag] = Images(tag, steps, [image for _, _, image in entered], entered[-1][:2], **more)
            elif plugin == "histograms":
                found[plugin][tag] = Histograms(tag, steps, entered, **more)
            elif plugin == "text":
                found[plugin][tag] = Texts(tag, steps, entered, **more)
        return Records(
            {tag: numbers.series(tag, self.descriptions[tag]) for tag, numbers in self.numbers.items()},
            found["images"],
            found["histograms"],
            found["text"],
            self._meshes(),
            self.graphs,
            contents.hparams(self.session),
            self.layout,
            tuple(self.damage),
            self.plugins,
        )

    def _meshes(self) -> dict[str, Meshes]:
        """Joins the parts of each mesh at the steps that have all of them."""
        found = {}
        for name, told in self.meshes.items():
            if not self._is_wanted(name):
                continue
            parts, description = {}, ""
            for part, field, *_ in MESH_PARTS:
                # Writers declare parts that they do not write; what is there counts.
                if (tag := self.mesh_tags.get((name, part))) is not None:
                    entries = self.series.get(tag, ())
                    parts[field] = {step: (wall_time, array) for step, wall_time, array in entries}
                    description = description or self.descriptions[tag]
            steps = dict.fromkeys(step for entries in parts.values() for step in entries)
            needed = [parts.get("vertices", {}), *parts.values()]
            whole = [step for step in steps if all(step in entries for entries in needed)]
            if len(whole) < len(steps):
                self.damage.append(f"mesh '{name}' lacks {' or '.join(parts)} at {len(steps) - len(whole)} steps")
            arrays = {field: [entries[step][1] for step in whole] for field, entries in parts.items()}
            wall_time = [parts["vertices"][step][0] for step in whole]
            try:
                config = json.loads(told.json_config or "{}") or {}
                more = {"config": config, "wall_time": np.array(wall_time), "description": description}
                if whole:
                    found[name] = Meshes(name, whole, **arrays, **more)
            except (ValueError, TypeError) as error:
                self.damage.append(f"mesh '{name}' is none ({error})")
        return found


def _interleaved(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Joins columns row by row."""
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=1).reshape(-1)
