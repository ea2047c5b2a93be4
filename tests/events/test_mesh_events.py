"""Meshes in event files: what is read is what was written, and TensorBoard's mesh plugin serves the same."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins import base_plugin
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.mesh_plugin import MeshPlugin
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.util import tensor_util
from werkzeug.test import Client
from werkzeug.wrappers import Response

import tbgrad
from tbgrad.events.tfrecord import frame
from tbgrad.events.writer import EventWriter
from tbgrad.records import Meshes, Scalars

TAGS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PARTS = {"vertices": MeshPluginData.VERTEX, "faces": MeshPluginData.FACE, "colors": MeshPluginData.COLOR}
CONFIG = {"camera": {"cls": "PerspectiveCamera", "fov": 50.25, "position": [-0.75, 2.2, 1e-9]}, "∇": [True, None, "ü"]}


def write(directory, *records):
    writer = EventWriter(Path(directory))
    writer.write(records)
    writer.close()


def read(directory, *records):
    write(directory, *records)
    return tbgrad.read_run(directory)


def meshes(count=3, tag="surface/mesh", seed=0):
    """Random meshes of several sizes, with every kind of float among their vertices."""
    rng = np.random.default_rng(seed)
    vertices, faces, colors = [], [], []
    for k in range(count):
        n, m = 20 + k, 30 + 2 * k
        vertices.append(rng.integers(0, 2**32, (n, 3), dtype=np.uint32).view(np.float32))
        faces.append(rng.integers(0, n, (m, 3)))
        colors.append(rng.integers(0, 256, (n, 3)))
    steps = 10 * np.arange(count)
    return Meshes(tag, steps, vertices, faces, colors, CONFIG, np.linspace(1e9, 2e9, count), "what it **means**")


def same(found, record):
    """Bit for bit."""
    assert (found.tag, found.description, found.config) == (record.tag, record.description, record.config)
    for name in ("step", "wall_time"):
        assert getattr(found, name).tobytes() == getattr(record, name).tobytes()
        assert getattr(found, name).dtype == getattr(record, name).dtype
    for name in PARTS:
        pairs = list(zip(getattr(found, name), getattr(record, name), strict=True))
        assert [(a.dtype, a.shape, a.tobytes()) for a, _ in pairs] == [
            (b.dtype, b.shape, b.tobytes()) for _, b in pairs
        ]


def test_meshes_are_read_bit_for_bit(tmp_path):
    record = meshes()
    found = read(tmp_path, record)
    assert list(found.meshes) == ["surface/mesh"] and found.damage == ()
    assert not found.scalars and not found.images and not found.texts
    same(found.meshes["surface/mesh"], record)
    assert [a.dtype for a in (record.vertices[0], record.faces[0], record.colors[0])] == ["float32", "int32", "uint8"]


def test_several_meshes_beside_other_series(tmp_path):
    first, second = meshes(2, "a"), meshes(4, "b/c", seed=1)
    found = read(tmp_path, first, Scalars("loss", [0], [1.0]), second)
    assert list(found.meshes) == ["a", "b/c"] and list(found.scalars) == ["loss"]
    same(found.meshes["a"], first)
    same(found.meshes["b/c"], second)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    TAGS,
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4, unique=True),
    st.integers(1, 6),
    st.integers(0, 5),
    st.integers(0, 2**32 - 1),
    TAGS,
)
def test_meshes_of_any_size_tag_and_step(tag, steps, vertices, faces, seed, about):
    rng = np.random.default_rng(seed)
    record = Meshes(
        tag,
        steps,
        [rng.integers(0, 2**32, (vertices, 3), dtype=np.uint32).view(np.float32) for _ in steps],
        [rng.integers(0, vertices, (faces, 3)) for _ in steps],
        [rng.integers(0, 256, (vertices, 3)) for _ in steps],
        wall_time=rng.uniform(0, 2e9, len(steps)),
        description=about,
    )
    with tempfile.TemporaryDirectory() as directory:
        same(read(directory, record).meshes[tag], record)


@pytest.mark.parametrize("left_out", [("faces",), ("colors",), ("faces", "colors")])
def test_clouds_of_points_and_meshes_without_colours(tmp_path, left_out):
    whole = meshes(2)
    parts = {name: None if name in left_out else getattr(whole, name) for name in PARTS}
    record = Meshes("cloud", whole.step, **parts, config=CONFIG, wall_time=whole.wall_time)
    found = read(tmp_path, record, Scalars("loss", [0], [1.0]))
    assert found.damage == () and all(getattr(found.meshes["cloud"], name) is None for name in left_out)
    for name in set(PARTS) - set(left_out):
        for one, other in zip(getattr(found.meshes["cloud"], name), getattr(record, name), strict=True):
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    contents = accumulator.PluginTagToContent("mesh").values()
    told = {mesh_metadata.parse_plugin_metadata(content).components for content in contents}
    assert told == {mesh_metadata.get_components_bitmask([PARTS[name] for name in PARTS if name not in left_out])}
    assert set(tbgrad.read_run(tmp_path, ["cloud"]).meshes) == {"cloud"} and not tbgrad.read_run(tmp_path, []).meshes


@pytest.mark.parametrize("name", ["ripple", "tilted_waves"])
def test_the_meshes_of_surfaces_and_descents_are_read_bit_for_bit(tmp_path, name):
    f = tbgrad.resolve(name)
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [f.start], 20))
    records = [*tbgrad.summarize(tbgrad.surface(f, points=31)), *tbgrad.summarize(descent)]
    written = {record.tag: record for record in records if isinstance(record, Meshes)}
    assert set(written) == {"surface/mesh", "descent/mesh"}
    found = read(tmp_path, *records).meshes
    for tag, record in written.items():
        same(found[tag], record)
    assert len(found["descent/mesh"].step) > 5


def test_a_mesh_that_lacks_a_part_is_damage_and_the_rest_is_read(tmp_path):
    record = meshes(2)
    write(tmp_path, record)
    (path,) = tmp_path.iterdir()
    # The colours come last, and the last event has those of the second step.
    path.write_bytes(path.read_bytes()[:-20])
    found = tbgrad.read_run(tmp_path)
    assert any("lacks vertices or faces or colors at 1 step" in line for line in found.damage)
    assert found.meshes["surface/mesh"].step.tolist() == [0]
    assert found.meshes["surface/mesh"].vertices[0].tobytes() == record.vertices[0].tobytes()


def test_a_mesh_with_a_broken_configuration_is_damage_and_the_rest_is_read(tmp_path):
    event = Event(step=3)
    about = ("mesh", "", MeshPluginData.VERTEX, mesh_metadata.get_components_bitmask([1]), [1, 3, 3])
    metadata = mesh_metadata.create_summary_metadata(*about, json_config="{camera")
    tensor = tensor_util.make_tensor_proto(np.eye(3, dtype=np.float32)[None])
    event.summary.value.add(tag="mesh_VERTEX", tensor=tensor, metadata=metadata)
    event.summary.value.add(tag="loss", simple_value=0.5)
    (tmp_path / "a.tfevents").write_bytes(frame(event.SerializeToString()))
    found = tbgrad.read_run(tmp_path)
    assert len(found.damage) == 1 and found.damage[0].startswith("mesh 'mesh' is none") and not found.meshes
    assert found.scalars["loss"].value.tolist() == [0.5]


def test_tensorboard_reads_every_part(tmp_path):
    record = meshes()
    write(tmp_path, record)
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    for field, part in PARTS.items():
        tag = mesh_metadata.get_instance_name("surface/mesh", part)
        events = accumulator.Tensors(tag)
        assert [e.step for e in events] == [0, 10, 20] and [e.wall_time for e in events] == record.wall_time.tolist()
        for event, array in zip(events, getattr(record, field), strict=True):
            # A batch of one mesh.
            stored = tensor_util.make_ndarray(event.tensor_proto)
            assert stored.dtype == array.dtype and stored.shape == (1, *array.shape)
            assert stored.tobytes() == array.tobytes()
        metadata = accumulator.SummaryMetadata(tag)
        told = mesh_metadata.parse_plugin_metadata(metadata.plugin_data.content)
        assert metadata.plugin_data.plugin_name == "mesh" and metadata.summary_description == "what it **means**"
        assert (told.name, told.content_type, json.loads(told.json_config)) == ("surface/mesh", part, CONFIG)
        assert told.components == mesh_metadata.get_components_bitmask(list(PARTS.values()))
        assert list(told.shape)[::2] == [1, 3]


def test_tensorboards_mesh_plugin_serves_what_was_written(tmp_path):
    f = tbgrad.resolve("ripple")
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [f.start], 100))
    (record,) = [r for r in tbgrad.summarize(descent) if isinstance(r, Meshes)]
    write(tmp_path, record)
    # What TensorBoard itself makes of a log directory, with its usual sampling: ten tensors of a tag.
    multiplexer = EventMultiplexer(tensor_size_guidance={"mesh": 10})
    multiplexer.AddRun(str(tmp_path), "run")
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(tmp_path))
    plugin = MeshPlugin(base_plugin.TBContext(logdir=str(tmp_path), data_provider=provider))
    apps = {path: Client(app, Response) for path, app in plugin.get_plugin_apps().items()}
    assert json.loads(apps["/tags"].get("/tags").data) == {"run": {"descent/mesh": {"samples": 1}}}
    query = {"run": "run", "tag": "descent/mesh", "sample": 0}
    told = json.loads(apps["/meshes"].get("/meshes", query_string=query).data)
    assert sorted({entry["step"] for entry in told}) == record.step.tolist() and len(record.step) == 10
    assert len(told) == 3 * 10 and json.loads(told[0]["config"]) == json.loads(json.dumps(record.config))
    for field, kind, dtype in (("vertices", "VERTEX", "f4"), ("faces", "FACE", "i4"), ("colors", "COLOR", "u1")):
        for k in (0, 4, 9):
            asked = {**query, "content_type": kind, "step": int(record.step[k])}
            served = np.frombuffer(apps["/data"].get("/data", query_string=asked).data, dtype)
            assert served.tobytes() == getattr(record, field)[k].tobytes()
