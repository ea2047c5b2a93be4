"""What tbgrad writes, read by others: TensorBoard's EventAccumulator, TensorFlow's TFRecordDataset."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util
from tensorflow.core.util import event_pb2

from tbgrad.events.writer import EventWriter
from tbgrad.records import HParams, Images, Scalars, Texts

ALL = {"tensors": 0}


def png(width, height):
    target = io.BytesIO()
    Image.new("RGB", (width, height), (10, 20, 30)).save(target, "PNG")
    return target.getvalue()


def write(directory, *records):
    writer = EventWriter(directory)
    writer.write(records)
    writer.close()
    (path,) = directory.iterdir()
    return path


def accumulated(directory):
    accumulator = EventAccumulator(str(directory), size_guidance=ALL)
    accumulator.Reload()
    return accumulator


@pytest.fixture
def values():
    bits = np.random.default_rng(0).integers(0, 2**32, 2000, dtype=np.uint32)
    bits[:6] = [0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 1, 0x807FFFFF]
    return bits.view(np.float32)


def test_tensorboard_reads_every_scalar(tmp_path, values):
    steps = np.sort(np.random.default_rng(1).choice(2**40, 2000, replace=False)) - 2**39
    times = np.linspace(1e9, 2e9, 2000)
    write(tmp_path, Scalars("loss/∂x", steps, values, times, "what it **means**"), Scalars("other", [0], [1.0]))
    accumulator = accumulated(tmp_path)
    assert sorted(accumulator.Tags()["tensors"]) == ["loss/∂x", "other"]
    events = accumulator.Tensors("loss/∂x")
    assert [e.step for e in events] == steps.tolist() and [e.wall_time for e in events] == times.tolist()
    read = np.array([tensor_util.make_ndarray(e.tensor_proto) for e in events])
    assert read.dtype == np.float32 and read.shape == (2000,)
    assert read.tobytes() == values.tobytes()
    metadata = accumulator.SummaryMetadata("loss/∂x")
    assert metadata.plugin_data.plugin_name == "scalars" and metadata.summary_description == "what it **means**"
    assert accumulator.file_version == 2.0


def test_tensorboard_reads_images_texts_and_hparams(tmp_path):
    picture = png(7, 5)
    write(
        tmp_path,
        Images("picture", [0, 4], [picture, picture], (7, 5)),
        Texts("story", 2, "# ∇f"),
        HParams({"rate": 0.05, "name": "adam", "nesterov": True}, "trial", True, (1.0, 2.0)),
    )
    accumulator = accumulated(tmp_path)
    first, second = accumulator.Tensors("picture")
    assert (first.step, second.step) == (0, 4)
    assert tensor_util.make_ndarray(first.tensor_proto).tolist() == [b"7", b"5", picture]
    assert accumulator.SummaryMetadata("picture").plugin_data.plugin_name == "images"
    (text,) = accumulator.Tensors("story")
    assert tensor_util.make_ndarray(text.tensor_proto).item().decode() == "# ∇f" and text.step == 2

    def session(tag):
        content = accumulator.SummaryMetadata(tag).plugin_data.content
        return plugin_data_pb2.HParamsPluginData.FromString(content)

    start = session("_hparams_/session_start_info").session_start_info
    assert start.group_name == "trial" and start.start_time_secs == 1.0
    found = {name: value.WhichOneof("kind") for name, value in start.hparams.items()}
    assert found == {"rate": "number_value", "name": "string_value", "nesterov": "bool_value"}
    end = session("_hparams_/session_end_info").session_end_info
    assert end.status == api_pb2.STATUS_SUCCESS and end.end_time_secs == 2.0


@pytest.mark.parametrize("succeeded", [True, False, None])
def test_the_end_of_a_session_is_told_only_when_it_ended(tmp_path, succeeded):
    write(tmp_path, HParams({"a": 1.0}, succeeded=succeeded))
    content = accumulated(tmp_path).PluginTagToContent("hparams")
    assert ("_hparams_/session_end_info" in content) == (succeeded is not None)
    if succeeded is False:
        data = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/session_end_info"])
        assert data.session_end_info.status == api_pb2.STATUS_FAILURE


def test_tensorflow_reads_every_record_and_event(tmp_path, values):
    # TFRecordDataset checks both checksums and raises where one is wrong.
    path = write(tmp_path, Scalars("loss", np.arange(2000), values, wall_time=3.5))
    first, *events = [event_pb2.Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(path))]
    assert first.file_version == "brain.Event:2" and not first.HasField("summary")
    assert [e.step for e in events] == list(range(2000)) and {e.wall_time for e in events} == {3.5}
    read = np.array([tf.make_ndarray(e.summary.value[0].tensor) for e in events])
    assert read.dtype == np.float32 and read.tobytes() == values.tobytes()
    assert {e.summary.value[0].tag for e in events} == {"loss"}
    # Metadata stands at the tag's first event only; the tensors are of rank 0, or the dashboard shows nothing.
    assert [e.summary.value[0].HasField("metadata") for e in events] == [True] + [False] * 1999
    assert all(not e.summary.value[0].tensor.tensor_shape.dim for e in events)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique=True).map(sorted),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)
def test_tensorflow_and_tensorboard_agree_on_steps_and_tags(tmp_path_factory, steps, tag):
    directory = tmp_path_factory.mktemp("run")
    path = write(directory, Scalars(tag, steps, np.zeros(len(steps))))
    events = [event_pb2.Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(path))][1:]
    assert [(e.step, e.summary.value[0].tag) for e in events] == [(step, tag) for step in steps]
    assert [e.step for e in accumulated(directory).Tensors(tag)] == steps
