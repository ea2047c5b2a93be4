"""Graphs and layouts in event files: what is read is what was written, TensorBoard reads the same, damage is told."""

import contextlib
import dataclasses
import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins import base_plugin
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
from tensorboard.plugins.custom_scalar.summary import pb as layout_summary
from tensorboard.plugins.graph.graphs_plugin import GraphsPlugin
from werkzeug.test import Client
from werkzeug.wrappers import Response

import tbgrad
from tbgrad.events.tfrecord import frame
from tbgrad.events.writer import EventWriter
from tbgrad.records import Chart, GraphNode, GraphRecord, Layout, Scalars, Texts

FEW = settings(max_examples=100, deadline=None, derandomize=True)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.floats(allow_nan=False, width=64).filter(bool)
SHAPES = st.none() | st.lists(st.integers(-1, 2**62), max_size=4).map(tuple)
ATTRIBUTES = st.dictionaries(WORDS.filter(lambda key: key != "_output_shapes"), WORDS, max_size=4)
NODES = st.builds(GraphNode, WORDS, WORDS, st.lists(WORDS, max_size=3).map(tuple), ATTRIBUTES, SHAPES)
CHARTS = st.builds(Chart, WORDS, st.lists(WORDS, max_size=4).map(tuple)) | st.builds(
    Chart, WORDS, st.tuples(WORDS, WORDS, WORDS), st.just(True)
)

NODE = GraphNode("forward/∂f÷∂x #2", "Mul", ("forward/x", "forward/v1:1"), {"value": "-0.5", "∇": "a/b = ∞"}, ())
GRAPH = GraphRecord([GraphNode("forward/x", "variable"), GraphNode("forward/v1", "Split"), NODE], 12.5)
BAND = Chart("band", ("value/median", "value/lower", "value/upper"), is_margin=True)
LAYOUT = Layout({"∇": [Chart("two lines", ("^a$", "^∂/b$")), BAND], "empty": [], "": [Chart("", ())]}, 12.5)


def written(directory, *records):
    with contextlib.closing(EventWriter(Path(directory))) as writer:
        writer.write(records)
    return tbgrad.read_run(directory)


def add_event(directory, **fields):
    """A file of one event, made by hand; later ones have later names."""
    name = f"events.out.tfevents.{len(list(directory.iterdir())):010}.hand"
    (directory / name).write_bytes(frame(Event(**fields).SerializeToString()))


def served(directory, plugin, path, **query):
    """What one of TensorBoard's plugins answers about a run."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRun(str(directory), "run")
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(directory))
    context = base_plugin.TBContext(logdir=str(directory), data_provider=provider, multiplexer=multiplexer)
    response = Client(plugin(context).get_plugin_apps()[path], Response).get(path, query_string=query)
    assert response.status_code == 200
    return response.data.decode()


@FEW
@given(st.lists(NODES, min_size=1, max_size=5), TIMES)
def test_graphs_keep_every_character(nodes, wall_time):
    record = GraphRecord(nodes, wall_time)
    with tempfile.TemporaryDirectory() as directory:
        read = written(directory, record)
    assert read.graphs == {"": record} and read.damage == () and read.layout is None


@FEW
@given(st.dictionaries(WORDS, st.lists(CHARTS, max_size=4).map(tuple), max_size=4), TIMES)
def test_layouts_keep_every_character_and_their_order(categories, wall_time):
    record = Layout(categories, wall_time)
    with tempfile.TemporaryDirectory() as directory:
        read = written(directory, record)
    assert read.layout == record and list(read.layout.categories) == list(categories)
    assert read.damage == () and read.graphs == {}


def test_an_empty_graph(tmp_path):
    assert written(tmp_path, GraphRecord([], 12.5)).graphs == {"": GraphRecord([], 12.5)}


def test_an_event_of_the_first_second_of_1970_keeps_its_time(tmp_path):
    read = written(tmp_path, GraphRecord([NODE], 0.0), Layout({"a": []}, 0.0))
    assert (read.graphs[""].wall_time, read.layout.wall_time) == (0.0, 0.0)


def test_among_other_records_the_last_graph_and_the_last_layout_count(tmp_path):
    first = GraphRecord([GraphNode("old", "Old")], 1.0)
    read = written(tmp_path, first, Texts("story", 0, "∇"), Layout({"old": []}, 1.0), GRAPH, Scalars("a", 0, 1), LAYOUT)
    assert read.graphs == {"": GRAPH} and read.layout == LAYOUT and read.damage == ()
    assert set(read.scalars) == {"a"} and set(read.texts) == {"story"}


def test_layouts_in_several_files_of_a_run_as_tensorboard_reads_them(tmp_path):
    for title in ("first", "second", "third"):
        read = written(tmp_path, Layout({title: [Chart("chart", (f"^{title}$",))]}, 1.0))
    shown = json.loads(served(tmp_path, CustomScalarsPlugin, "/layout"))
    assert [category["title"] for category in shown["category"]] == list(read.layout.categories) == ["third"]


@pytest.mark.parametrize("f", ["tilted_waves", "rosenbrock"])
def test_tensorboard_reads_the_same_nodes(tmp_path, f):
    function = tbgrad.resolve(f)
    # What the dashboard asks for.
    query = {"run": "run", "limit_attr_size": 1024, "large_attrs_key": "_too_large_attrs"}
    for i, result in enumerate((tbgrad.trace_graph(function), tbgrad.backward(function, (1.25, 0.5)))):
        directory = tmp_path / str(i)
        directory.mkdir()
        record, page = tbgrad.summarize(result)
        read = written(directory, record, page)
        assert read.graphs == {"": record} and read.texts[page.tag].text == page.text
        accumulator = EventAccumulator(str(directory))
        accumulator.Reload()
        shown = text_format.Parse(served(directory, GraphsPlugin, "/graph", **query), GraphDef())
        for graph in (accumulator.Graph(), shown):
            assert [(n.name, n.op, tuple(n.input)) for n in graph.node] == [
                (n.name, n.operation, n.inputs) for n in record.nodes
            ]
            for node, expected in zip(graph.node, record.nodes, strict=True):
                texts = {key: value.s.decode() for key, value in node.attr.items() if value.WhichOneof("value") == "s"}
                assert texts == expected.attributes
                shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else []
                found = [tuple(dimension.size for dimension in shape.dim) for shape in shapes]
                assert found == ([] if expected.shape is None else [expected.shape])


def test_tensorboard_shows_the_charts(tmp_path):
    written(tmp_path, LAYOUT)
    shown = json.loads(served(tmp_path, CustomScalarsPlugin, "/layout"))["category"]
    assert [category.get("title", "") for category in shown] == list(LAYOUT.categories)
    lines, band = shown[0]["chart"]
    assert (lines["title"], lines["multiline"]["tag"]) == ("two lines", ["^a$", "^∂/b$"])
    assert band["margin"]["series"] == [{"value": "value/median", "lower": "value/lower", "upper": "value/upper"}]


def same_as(record, graph_def):
    """Holds a record against TensorFlow's own GraphDef; attributes other than texts are written in proto's text."""
    assert [(n.name, n.op, tuple(n.input)) for n in graph_def.node] == [
        (n.name, n.operation, n.inputs) for n in record.nodes
    ]
    for node, found in zip(graph_def.node, record.nodes, strict=True):
        assert all(isinstance(text, str) for text in found.attributes.values())
        assert set(found.attributes) | {"_output_shapes"} == set(node.attr) | {"_output_shapes"}
        for key in found.attributes:
            value = AttrValue.FromString(node.attr[key].SerializeToString())
            if value.WhichOneof("value") == "s":
                assert found.attributes[key] == value.s.decode(errors="replace")
            else:
                assert text_format.Parse(found.attributes[key], AttrValue()) == value
        shapes = list(node.attr["_output_shapes"].list.shape)
        if len(shapes) == 1 and not shapes[0].unknown_rank:
            assert found.shape == tuple(dimension.size for dimension in shapes[0].dim)
        else:
            assert found.shape is None


def test_tf_summary_graph(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def f(x):
        parts = tf.split(x, 3, axis=1)
        return tf.cast(parts[2] * tf.constant([1.0]), tf.float64), tf.shape(x)

    graph = f.get_concrete_function().graph
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.graph(graph)
        tf.summary.scalar("loss", 0.5, step=0)
    read = tbgrad.read_run(tmp_path)
    assert list(read.graphs) == [""] and read.damage == () and set(read.scalars) == {"loss"}
    same_as(read.graphs[""], graph.as_graph_def(add_shapes=True))
    nodes = {node.name: node for node in read.graphs[""].nodes}
    assert nodes["x"].attributes["dtype"] == "type: DT_FLOAT" and nodes["x"].shape == (-1, 3)
    assert nodes["split"].shape is None and "split:2" in {given for n in nodes.values() for given in n.inputs}
    # What was read can be written, and is read again as it is.
    again = tmp_path / "again"
    again.mkdir()
    assert written(again, read.graphs[""]).graphs == read.graphs


def test_the_graph_of_a_keras_model(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    graph = tf.function(model).get_concrete_function(tf.TensorSpec([None, 3], tf.float32)).graph
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.graph(graph)
    read = tbgrad.read_run(tmp_path)
    assert read.damage == () and any(node.operation == "MatMul" for node in read.graphs[""].nodes)
    same_as(read.graphs[""], graph.as_graph_def(add_shapes=True))


def test_keras_callback_writes_no_such_graph(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 3), dtype=np.float32)
    model.fit(x, x[:, :1], verbose=0, callbacks=[keras.callbacks.TensorBoard(str(tmp_path), write_graph=True)])
    read = tbgrad.read_run(tmp_path / "train")
    # Keras 3 writes the layers' plan only, as a summary of another plugin.
    assert read.damage == () and read.graphs == {} and "epoch_loss" in read.scalars


def test_a_damaged_graph_is_told_and_the_rest_is_read(tmp_path):
    written(tmp_path, Scalars("a", 0, 1.5))
    add_event(tmp_path, wall_time=1.0, graph_def=b"\xff\xff\xff")
    read = written(tmp_path, Texts("story", 0, "still here"))
    assert read.graphs == {} and len(read.damage) == 1
    assert ".hand, byte 0:" in read.damage[0] and "not a graph" in read.damage[0]
    assert read.scalars["a"].value.tolist() == [1.5] and read.texts["story"].text == ("still here",)


def test_a_damaged_graph_does_not_replace_a_whole_one(tmp_path):
    add_event(tmp_path, wall_time=12.5, graph_def=GraphDef().SerializeToString() + b"\x0a\x7f")
    read = written(tmp_path, GRAPH)
    assert read.graphs == {"": GRAPH} and len(read.damage) == 1


def test_random_bytes_in_a_graph_never_raise(tmp_path):
    record, _ = tbgrad.summarize(tbgrad.trace_graph(tbgrad.resolve("tilted_waves")))
    written(tmp_path, dataclasses.replace(record, wall_time=1.0))
    (file,) = tmp_path.iterdir()
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    data = np.frombuffer(accumulator.Graph().SerializeToString(), np.uint8)
    random, told = np.random.default_rng(0), 0
    for _ in range(300):
        spoiled = data.copy()
        where = random.integers(0, len(data), size=random.integers(1, 6))
        spoiled[where] = random.integers(0, 256, size=len(where))
        file.write_bytes(frame(Event(wall_time=1.0, graph_def=spoiled.tobytes()).SerializeToString()))
        read = tbgrad.read_run(tmp_path)
        assert len(read.damage) == (read.graphs == {})
        told += len(read.damage)
    assert told > 50


@pytest.mark.parametrize("strings", [[], [b"\xff\xff\xff"], [b"\x12\x7f"]], ids=["none", "junk", "cut"])
def test_a_damaged_layout_is_told(tmp_path, strings):
    tensor = TensorProto(dtype=DT_STRING, string_val=strings)
    metadata = layout_metadata.create_summary_metadata()
    value = Summary.Value(tag=layout_metadata.CONFIG_SUMMARY_TAG, tensor=tensor, metadata=metadata)
    add_event(tmp_path, summary=Summary(value=[value]))
    read = tbgrad.read_run(tmp_path)
    assert read.layout is None and len(read.damage) == 1 and layout_metadata.CONFIG_SUMMARY_TAG in read.damage[0]


def foreign_layout(directory, *charts):
    layout = layout_pb2.Layout(category=[layout_pb2.Category(title="∇", chart=charts)])
    add_event(directory, wall_time=2.5, summary=Summary.FromString(layout_summary(layout).SerializeToString()))
    return tbgrad.read_run(directory)


def test_a_layout_by_tensorboards_own_function(tmp_path):
    lines = layout_pb2.Chart(title="lines", multiline=layout_pb2.MultilineChartContent(tag=["a", "b.*"]))
    bands = [layout_pb2.MarginChartContent.Series(value="v", lower="l", upper="u")]
    band = layout_pb2.Chart(title="band", margin=layout_pb2.MarginChartContent(series=bands))
    read = foreign_layout(tmp_path, lines, band)
    expected = (Chart("lines", ("a", "b.*")), Chart("band", ("v", "l", "u"), is_margin=True))
    assert read.layout == Layout({"∇": expected}, 2.5) and read.damage == ()


def test_a_margin_chart_of_several_bands_can_be_written_again(tmp_path):
    bands = [layout_pb2.MarginChartContent.Series(value=v, lower=v + "l", upper=v + "u") for v in "ab"]
    read = foreign_layout(tmp_path, layout_pb2.Chart(margin=layout_pb2.MarginChartContent(series=bands)))
    assert read.layout.categories["∇"][0].tags == ("a", "al", "au", "b", "bl", "bu")
    assert written(tmp_path, read.layout).layout == read.layout
