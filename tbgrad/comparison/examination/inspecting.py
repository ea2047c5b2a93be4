"""A run as the doctor sees it: file by file, with what records do not keep.

TensorBoard reads the files of a run in the order of their names, and of a tag's first event it remembers the plugin.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_HALF, DT_STRING, DataType

from tbgrad.events import contents
from tbgrad.events.decoding import decode
from tbgrad.events.reader import event_files
from tbgrad.records import Records
from tbgrad.runs.directories import is_locked
from tbgrad.runs.opening import read_info

# A file that was changed so many seconds ago may still be written by somebody who holds no lock.
FRESH = 60
_GZIP = b"\x1f\x8b"
# The types of tensors that are numbers, as NumPy calls them.
_TYPES = {number: name.removeprefix("DT_").lower() for name, number in DataType.items() if number != DT_STRING}
_TYPES |= {DT_DOUBLE: "float64", DT_FLOAT: "float32", DT_HALF: "float16"}
_SHOWN = ("graph_def", "meta_graph_def", "tagged_run_metadata")


@dataclass(frozen=True)
class Sight:
    """Something that was seen in an event: file, byte, step, and in words what it is."""

    file: str
    byte: int
    step: int
    what: str = ""

    @property
    def words(self) -> str:
        """The place in words."""
        return f"file {self.file}, byte {self.byte}, step {self.step}"


@dataclass
class Watcher:
    """Gathers what records do not keep; is called with each event.

    Attributes:
      has_content: whether any event holds something to be shown.
      plugins: the plugin that a tag's first event names; "" where it names none.
      nameless: where a tag begins with a tensor that names no plugin.
      unshown: where a scalar is no float32 tensor of rank 0.
      twice: where an event holds a tag twice.
      session: HParams's own messages by kind: what the session begins and ends with, and an experiment.
    """

    has_content: bool = False
    plugins: dict[str, str] = field(default_factory=dict)
    nameless: dict[str, Sight] = field(default_factory=dict)
    unshown: dict[str, Sight] = field(default_factory=dict)
    twice: dict[str, Sight] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)

    def __call__(self, path: Path, offset: int, event: Event) -> None:
        """Looks at one event."""
        values = event.summary.value
        self.has_content |= bool(values) or event.WhichOneof("what") in _SHOWN
        tags = set()
        for value in values:
            seen = Sight(path.name, offset, event.step)
            if value.tag in tags:
                self.twice.setdefault(value.tag, seen)
            tags.add(value.tag)
            self._look_at(value, seen)

    def _look_at(self, value: Summary.Value, seen: Sight) -> None:
        named = value.metadata.plugin_data.plugin_name
        is_tensor = value.WhichOneof("value") == "tensor"
        if value.tag not in self.plugins:
            self.plugins[value.tag] = named or ("" if is_tensor else contents.likely_plugin(value))
            if is_tensor and not named:
                self.nameless[value.tag] = seen
        # What is no number at all is among the damage.
        tensor, shape = value.tensor, [dimension.size for dimension in value.tensor.tensor_shape.dim]
        is_number = is_tensor and tensor.dtype in _TYPES and all(size == 1 for size in shape)
        if self.plugins[value.tag] == "scalars" and is_number and (tensor.dtype != DT_FLOAT or shape):
            kind = _TYPES[tensor.dtype]
            what = f"{kind} of shape {shape}" if shape else kind
            self.unshown.setdefault(value.tag, Sight(seen.file, seen.byte, seen.step, what))
        if named == "hparams":
            try:
                self.session |= contents.session(value)
            except DecodeError:
                # It is among the damage.
                return


@dataclass(frozen=True, eq=False)
class InspectedRun:
    """A run, read once.

    Attributes:
      run: its name.
      logdir: where all runs are.
      directory: where this one is.
      info: what run.json says; None for somebody else's run.
      is_locked: whether a process of tbgrad's writes it.
      files: its event files in TensorBoard's order, with what each of them holds; without compressed ones.
      compressed: names of event files that are compressed.
      fresh: those of the files that were changed within the last minute.
      watched: what records do not keep.
    """

    run: str
    logdir: Path
    directory: Path
    info: Mapping[str, Any] | None
    is_locked: bool
    files: Mapping[Path, Records]
    compressed: Sequence[str]
    fresh: frozenset[Path]
    watched: Watcher

    @property
    def is_written(self) -> bool:
        """Whether it may still be written."""
        return any(map(self.may_grow, self.files)) or self.is_locked

    def may_grow(self, file: Path) -> bool:
        """Whether somebody may still write this file."""
        return self.is_locked or (self.info is None and file in self.fresh)

    @property
    def status(self) -> str:
        """How the launch ended, as run.json says: `complete`, `failed`, `running` or `crashed`; empty without it."""
        said = str((self.info or {}).get("status", ""))
        return "crashed" if said == "running" and not self.is_locked else said

    @functools.cached_property
    def steps(self) -> dict[str, dict[Path, np.ndarray]]:
        """Steps of each tag by file, in TensorBoard's order; of a mesh the tag is its name."""
        found: dict[str, dict[Path, np.ndarray]] = {}
        for path, records in self.files.items():
            for series in (records.scalars, records.images, records.histograms, records.texts, records.meshes):
                for tag, record in series.items():
                    if len(record.step):
                        found.setdefault(tag, {})[path] = record.step
        return found


def inspect(directory: Path, name: str, logdir: Path) -> InspectedRun:
    """Reads a run; damaged files are told, not raised."""
    paths, watcher = event_files(directory), Watcher()
    info = read_info(directory)
    is_open = info is None or info.get("status") == "running"
    locked = is_open and is_locked(directory)
    if is_open and not locked:
        # It may have been closed just now.
        info = read_info(directory)
    now = time.time()
    fresh = frozenset(path for path in paths if now - _changed(path) < FRESH)
    compressed = [path for path in paths if _begins_with(path, _GZIP)]
    files = {path: decode([path], watch=watcher) for path in paths if path not in compressed}
    names = [path.name for path in compressed]
    return InspectedRun(name, logdir, directory, info, locked, files, names, fresh, watcher)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _begins_with(path: Path, start: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False
