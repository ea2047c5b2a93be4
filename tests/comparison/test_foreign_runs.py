"""Runs that others wrote are compared as they are: tf.summary, Keras, tensorboardX, torch, clu."""

import keras
import numpy as np
import pytest
import tensorboardX
import tensorflow as tf

import tbgrad

LOSSES = {"good": [1.0, 0.25, 0.125], "middle": [1.0, 0.5, 0.375], "bad": [1.0, 2.0, np.nan]}


def by_tensorflow(directory, losses):
    with tf.summary.create_file_writer(str(directory)).as_default():
        for step, loss in enumerate(losses):
            tf.summary.scalar("loss", loss, step=step)


def by_tensorboardx(directory, losses):
    with tensorboardX.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate(losses):
            writer.add_scalar("loss", loss, step)


def by_torch(directory, losses):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate(losses):
            writer.add_scalar("loss", loss, step)


def by_clu(directory, losses):
    metric_writers = pytest.importorskip("clu.metric_writers")
    writer = metric_writers.SummaryWriter(str(directory))
    for step, loss in enumerate(losses):
        writer.write_scalars(step, {"loss": loss})
    writer.close()


@pytest.mark.parametrize("write", [by_tensorflow, by_tensorboardx, by_torch, by_clu])
def test_ranks_by_the_loss(logdir, write):
    for name, losses in LOSSES.items():
        write(logdir / name, losses)
    (ranking,) = tbgrad.compare([logdir]).rankings
    assert [(run.run, run.rank) for run in ranking.runs] == [("good", 1), ("middle", 2), ("bad", 3)]
    assert ranking.measure.words == "the last value of loss, lowest first"
    (ranking,) = tbgrad.compare([logdir], "loss:steps-to=0.5").rankings
    assert [run.metrics["loss:steps-to=0.5"] for run in ranking.runs] == [1, 1, float("inf")]
    assert [run.rank for run in ranking.runs] == [1, 1, 3]


def with_hparams_of_tensorboard(directory, rate, losses):
    from tensorboard.plugins.hparams import summary_v2

    with tf.summary.create_file_writer(str(directory)).as_default():
        summary_v2.hparams({"rate": rate, "name": "adam"})
        for step, loss in enumerate(losses):
            tf.summary.scalar("loss", loss, step=step)


def with_hparams_of_tensorboardx(directory, rate, losses):
    with tensorboardX.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate(losses):
            writer.add_scalar("loss", loss, step)
        writer.add_hparams({"rate": rate, "name": "adam"}, {"loss": losses[-1]}, name="hparams")


def with_hparams_of_torch(directory, rate, losses):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate(losses):
            writer.add_scalar("loss", loss, step)
        writer.add_hparams({"rate": rate, "name": "adam"}, {"loss": losses[-1]}, run_name="hparams")


@pytest.mark.parametrize(
    ("write", "below"),
    [
        (with_hparams_of_tensorboard, ""),
        (with_hparams_of_tensorboardx, "hparams"),
        (with_hparams_of_torch, "hparams"),
    ],
)
def test_hparams_of_others(logdir, write, below):
    """The others write hparams and metrics into a run of their own below the run."""
    for k, losses in enumerate(LOSSES.values()):
        write(logdir / f"run{k}", [0.5, 0.1, 0.2][k], losses)
    places = [logdir / f"run{k}" / below for k in range(3)]
    (ranking,) = tbgrad.compare(places, where=["rate<0.3"], group_by=["rate"]).rankings
    assert [run.hparams["rate"] for run in ranking.runs] == [0.1, 0.2]
    assert [group.settings for group in ranking.groups] == [{"rate": 0.1}, {"rate": 0.2}]


def test_keras(logdir):
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    histories = {}
    for rate in (0.001, 0.1):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(rate), "mse")
        callback = keras.callbacks.TensorBoard(str(logdir / f"rate{rate}"))
        fitted = model.fit(x, x[:, :1], epochs=3, verbose=0, validation_split=0.25, callbacks=[callback])
        histories[f"rate{rate}/validation"] = fitted.history["val_loss"]
    comparison = tbgrad.compare([str(logdir / "*" / "validation")], "epoch_loss:min")
    assert len(comparison.runs) == 2
    for run in comparison.runs:
        name = "/".join(run.directory.parts[-2:])
        assert run.metrics["epoch_loss:min"] == pytest.approx(min(histories[name]), rel=1e-6)
    assert comparison.runs[0].directory.parts[-2] == min(histories, key=lambda n: min(histories[n])).split("/")[0]
