"""Runs that others wrote, read by tbgrad: tf.summary, Keras's callback, torch, events made by hand."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.util import tensor_util

from tbgrad.events.reader import read_run
from tbgrad.events.tfrecord import frame

VALUES = np.random.default_rng(0).normal(size=50).astype(np.float32)
PIXELS = np.random.default_rng(1).integers(0, 256, (1, 6, 9, 3), dtype=np.uint8)


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)))


def test_tf_summary(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for step, value in enumerate(VALUES):
            tf.summary.scalar("loss", value, step=10 * step, description="the **loss**")
        tf.summary.image("picture", PIXELS, step=3)
        tf.summary.text("story", "# ∇f", step=4)
        tf.summary.text("list", ["one", "two"], step=5)
        tf.summary.histogram("weights", VALUES, step=6, buckets=5)
        tf.summary.graph(tf.function(tf.sin).get_concrete_function(1.0).graph)
    read = read_run(tmp_path)
    assert set(read.scalars) == {"loss"} and read.damage == () and read.hparams is None
    loss = read.scalars["loss"]
    assert loss.value.tobytes() == VALUES.tobytes() and loss.step.tolist() == list(range(0, 500, 10))
    assert loss.description == "the **loss**" and (np.diff(loss.wall_time) >= 0).all() and loss.wall_time[0] > 1e9
    picture = read.images["picture"]
    assert picture.size == (9, 6) and picture.step.tolist() == [3]
    np.testing.assert_array_equal(pixels(picture.image[0]), PIXELS[0])
    assert read.texts["story"].text == ("# ∇f",) and read.texts["story"].step.tolist() == [4]
    assert read.texts["list"].text == ("one\ntwo",)
    weights = read.histograms["weights"]
    counted, edges = np.histogram(VALUES, 5)
    assert weights.step.tolist() == [6] and weights.buckets[0][:, 2].tolist() == counted.tolist()
    np.testing.assert_allclose(weights.buckets[0][:, 1], edges[1:], rtol=1e-6)
    assert "Sin" in {node.operation for node in read.graphs[""].nodes}


def test_the_graph_of_a_traced_function(tmp_path):
    traced = tf.function(lambda x: tf.sin(x) * x, autograph=False)
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.trace_on(graph=True)
        traced(tf.constant(1.0))
        tf.summary.trace_export("trace", step=0)
    read = read_run(tmp_path)
    operations = {node.operation for node in read.graphs["trace"].nodes}
    assert {"Sin", "Mul"} <= operations and list(read.graphs) == ["trace"] and read.damage == ()


@pytest.mark.parametrize("name", ["loss", "∂f/∂x", "a/b c"])
def test_tf_summary_in_two_files(tmp_path, name):
    for part in range(2):
        with tf.summary.create_file_writer(str(tmp_path), filename_suffix=f".{part}").as_default():
            tf.summary.scalar(name, float(part), step=part)
    found = read_run(tmp_path).scalars[name]
    # TensorFlow counts its files in their names, and file 10 stands before file 9.
    assert sorted(zip(found.step.tolist(), found.value.tolist(), strict=True)) == [(0, 0.0), (1, 1.0)]


def test_hparams_by_tensorboards_own_functions(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        hparams_summary.hparams({"rate": 0.5, "name": "adam", "nesterov": True}, trial_id="mine", start_time_secs=1.5)
    found = read_run(tmp_path).hparams
    assert found.values == {"rate": 0.5, "name": "adam", "nesterov": True}
    assert found.trial == "mine" and found.succeeded is None and found.wall_time[0] == 1.5


def test_keras_tensorboard_callback(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = keras.callbacks.TensorBoard(str(tmp_path), histogram_freq=1, update_freq=1)
    history = model.fit(x, x[:, :1], epochs=4, batch_size=16, verbose=0, validation_split=0.25, callbacks=[callback])
    train, validation = read_run(tmp_path / "train"), read_run(tmp_path / "validation")
    assert train.scalars["epoch_loss"].step.tolist() == list(range(4))
    np.testing.assert_array_equal(train.scalars["epoch_loss"].value, np.float32(history.history["loss"]))
    np.testing.assert_array_equal(validation.scalars["epoch_loss"].value, np.float32(history.history["val_loss"]))
    assert len(train.scalars["batch_loss"].value) == 12
    assert train.damage == validation.damage == ()


CLOUD = np.random.default_rng(2).normal(size=(1, 10, 3)).astype(np.float32)


def counts(buckets):
    """How many samples there are in all, however the writer chose its buckets."""
    assert buckets.dtype == np.float64 and (buckets[:, 0] <= buckets[:, 1]).all()
    return buckets[:, 2].sum()


@pytest.mark.parametrize("module", ["torch.utils.tensorboard", "tensorboardX"])
def test_torch_and_tensorboardx(tmp_path, module):
    writer = pytest.importorskip(module).SummaryWriter(str(tmp_path))
    for step, value in enumerate(VALUES):
        writer.add_scalar("loss", float(value), step)
        writer.add_scalar("rate", 0.5, step, walltime=1e9 + step)
    for step in range(2):
        writer.add_image("picture", PIXELS[0], step, dataformats="HWC")
    writer.add_text("story", "# ∇f", 4)
    writer.add_histogram("weights", VALUES, 7)
    writer.add_mesh("cloud", vertices=CLOUD, global_step=3)
    writer.close()
    read = read_run(tmp_path)
    assert read.damage == () and set(read.scalars) == {"loss", "rate"}
    assert read.scalars["loss"].value.tobytes() == VALUES.tobytes()
    assert read.scalars["loss"].step.tolist() == list(range(50))
    assert read.scalars["rate"].wall_time.tolist() == [1e9 + step for step in range(50)]
    picture = read.images["picture"]
    assert picture.size == (9, 6) and picture.step.tolist() == [0, 1]
    for image in picture.image:
        np.testing.assert_array_equal(pixels(image), PIXELS[0])
    assert read.texts["story/text_summary"].text == ("# ∇f",)
    weights = read.histograms["weights"]
    assert weights.step.tolist() == [7] and counts(weights.buckets[0]) == 50
    cloud = read.meshes["cloud"]
    assert cloud.step.tolist() == [3] and cloud.faces is None and cloud.colors is None and cloud.config == {}
    np.testing.assert_array_equal(cloud.vertices[0], CLOUD[0])


def test_clu(tmp_path):
    writer = pytest.importorskip("clu.metric_writers").SummaryWriter(str(tmp_path))
    for step, value in enumerate(VALUES):
        writer.write_scalars(step, {"loss": value, "rate": 0.5})
    writer.write_images(3, {"picture": PIXELS})
    writer.write_texts(4, {"story": "# ∇f"})
    writer.write_histograms(7, {"weights": VALUES})
    writer.write_hparams({"rate": 0.5, "name": "adam"})
    writer.close()
    read = read_run(tmp_path)
    assert read.damage == () and set(read.scalars) == {"loss", "rate"}
    assert read.scalars["loss"].value.tobytes() == VALUES.tobytes()
    assert read.scalars["loss"].step.tolist() == list(range(50))
    np.testing.assert_array_equal(pixels(read.images["picture"].image[0]), PIXELS[0])
    assert read.texts["story"].text == ("# ∇f",) and counts(read.histograms["weights"].buckets[0]) == 50
    assert read.hparams.values == {"rate": 0.5, "name": "adam"}


def test_tensorboards_own_writer(tmp_path):
    from tensorboard.summary import Writer

    writer = Writer(str(tmp_path))
    for step, value in enumerate(VALUES):
        writer.add_scalar("loss", value, step, wall_time=1e9 + step, description="what")
    writer.close()
    loss = read_run(tmp_path).scalars["loss"]
    assert loss.value.tobytes() == VALUES.tobytes() and loss.wall_time.tolist() == [1e9 + s for s in range(50)]
    assert loss.description == "what"


def scalar_event(step, value):
    metadata = create_summary_metadata(display_name="", description="")
    tensor = tensor_util.make_tensor_proto(value)
    if tensor.ByteSize() and np.ndim(value) == 0:
        # As NumPy's bytes, which is what many writers make.
        array = np.asarray(value)
        tensor.tensor_content = array.tobytes()
        for name in ("float_val", "double_val", "int_val", "int64_val", "half_val"):
            tensor.ClearField(name)
    return Event(step=step, summary=Summary(value=[Summary.Value(tag="a", tensor=tensor, metadata=metadata)]))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "float16"])
def test_scalars_of_any_dtype(tmp_path, dtype):
    events = [scalar_event(i, np.array(v, dtype=dtype)) for i, v in enumerate([7, -3, 0])]
    data = b"".join(frame(e.SerializeToString()) for e in events)
    (tmp_path / "events.out.tfevents.1.hand").write_bytes(data)
    assert read_run(tmp_path).scalars["a"].value.tolist() == [7.0, -3.0, 0.0]


def test_several_tags_in_one_event(tmp_path):
    values = [Summary.Value(tag=f"a{i}", simple_value=i / 2) for i in range(3)]
    events = [Event(step=step, wall_time=1.0, summary=Summary(value=values)) for step in range(4)]
    (tmp_path / "events.out.tfevents.1.hand").write_bytes(b"".join(frame(e.SerializeToString()) for e in events))
    read = read_run(tmp_path)
    for i in range(3):
        assert read.scalars[f"a{i}"].value.tolist() == [i / 2] * 4
        assert read.scalars[f"a{i}"].step.tolist() == list(range(4))
