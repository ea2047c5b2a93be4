"""Runs that others wrote are compared as they are: tf.summary, Keras, tensorboardX, torch, clu."""

import keras
import numpy as np
import pytest
import tensorboardX
import tensorflow as tf

import tbgrad
from tbgrad.comparison.logged import read_logs

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


def fit(directory, rate, validation_split=0.25, epochs=2):
    """Trains as users of TensorBoard's HParams do: settings in a directory, scalars below it."""
    from tensorboard.plugins.hparams import api as hp

    x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    callbacks = [
        keras.callbacks.TensorBoard(str(directory)),
        hp.KerasCallback(str(directory), {"lr": rate, "optimizer": "sgd"}),
    ]
    more = {"validation_split": validation_split, "callbacks": callbacks}
    return model.fit(x, x[:, :1], epochs=epochs, verbose=0, **more).history


@pytest.fixture(scope="module")
def of_keras(tmp_path_factory):
    top = tmp_path_factory.mktemp("keras")
    return top, {f"run{i}": fit(top / f"run{i}", rate) for i, rate in enumerate((0.1, 0.01))}


def test_keras_settings_lie_above(of_keras):
    top, histories = of_keras
    comparison = tbgrad.compare(top, group_by="lr")
    (ranking,) = comparison.rankings
    expected = sorted(histories, key=lambda name: histories[name]["val_loss"][-1])
    assert [run.run for run in ranking.runs] == [f"{name}/validation" for name in expected]
    assert {run.run: run.hparams["lr"] for run in ranking.runs} == {"run0/validation": 0.1, "run1/validation": 0.01}
    assert {run.status for run in ranking.runs} == {"success"}
    # One training is one score, and nothing is left out silently.
    assert {group.settings["lr"]: len(group.sample) for group in ranking.groups} == {0.1: 1, 0.01: 1}
    assert "not run0/train, run1/train" in " ".join(ranking.remarks) and comparison.skipped == ()
    (ranking,) = tbgrad.compare(top, "epoch_loss", where="lr<0.05").rankings
    assert [run.run for run in ranking.runs] == ["run1/validation"]


def test_keras_training_is_ranked_where_it_is_asked_for(of_keras):
    top, histories = of_keras

    def ranked(places, *by, **more):
        comparison = tbgrad.compare(places, *by, **more)
        return {"/".join(run.directory.parts[-2:]): run for run in comparison.runs}

    # A pattern, both by name, a condition, and a scalar that only training has; the settings still lie above.
    for found in (
        ranked(str(top / "*/train"), "epoch_loss"),
        ranked(top, "epoch_loss", where="run=*/train"),
        ranked(top, "epoch_learning_rate"),
    ):
        assert {name: run.hparams["lr"] for name, run in found.items()} == {"run0/train": 0.1, "run1/train": 0.01}
    for name in histories:
        trained = ranked(top / name / "train", "epoch_loss")[f"{name}/train"]
        assert trained.metrics["epoch_loss"] == pytest.approx(histories[name]["loss"][-1], rel=1e-6)
    assert len(ranked([str(top / "*/train"), str(top / "*/validation")], "epoch_loss")) == 4


def test_keras_without_validation_is_ranked_and_told(logdir):
    fit(logdir / "with", 0.1)
    fit(logdir / "without", 0.1, validation_split=0.0)
    (ranking,) = tbgrad.compare(logdir, "epoch_loss").rankings
    assert {run.run for run in ranking.runs} == {"with/validation", "without/train"}
    assert "no validation beside without/train" in " ".join(ranking.remarks)


def test_keras_export_and_page(of_keras, tmp_path):
    from tbgrad.comparison.exports.exporting import export_scalars
    from tbgrad.comparison.page.report import html_report

    top, _ = of_keras
    export_scalars(top, tmp_path / "values.csv", where=["lr<0.05"])
    rows = (tmp_path / "values.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"run1/train", "run1/validation"}
    page = html_report(tbgrad.compare(top))
    assert "<td>lr</td><td>0.01</td>" in page and "not run0/train" in page


def by_add_hparams(directory, rate, curve=(1.0, 0.5), accuracy=0.5, **name):
    with tensorboardX.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate(curve):
            writer.add_scalar("loss", rate * loss, step)
        writer.add_hparams({"lr": rate}, {"hparam/accuracy": accuracy, "loss": rate * curve[-1]}, **name)


def by_add_hparams_of_torch(directory, rate):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(directory)) as writer:
        for step, loss in enumerate((1.0, 0.5)):
            writer.add_scalar("loss", rate * loss, step)
        writer.add_hparams({"lr": rate}, {"hparam/accuracy": 0.5, "loss": rate * 0.5})


@pytest.mark.parametrize("write", [by_add_hparams, by_add_hparams_of_torch])
def test_settings_of_add_hparams_lie_below(logdir, write):
    for i, rate in enumerate((0.1, 0.01)):
        write(logdir / f"run{i}", rate)
    comparison = tbgrad.compare(logdir, group_by="lr")
    (ranking,) = comparison.rankings
    assert [(run.run, run.hparams["lr"]) for run in ranking.runs] == [("run1", 0.01), ("run0", 0.1)]
    assert [len(group.sample) for group in ranking.groups] == [1, 1] and comparison.skipped == ()
    assert [run.run for run in tbgrad.compare(logdir, where="lr<0.05").runs] == ["run1"]
    # Where only the last metrics have what is asked for, they are ranked.
    comparison = tbgrad.compare(logdir, "hparam/accuracy")
    assert {run.run.split("/")[0] for run in comparison.runs} == {"run0", "run1"} and len(comparison.runs) == 2
    assert all("/" in run.run for run in comparison.runs) and comparison.skipped == ()


def test_last_metrics_decide_nothing_where_there_are_curves(logdir):
    for i, rate in enumerate((0.1, 0.01)):
        with tensorboardX.SummaryWriter(str(logdir / f"run{i}")) as writer:
            for step in range(3):
                writer.add_scalar("train_loss", rate / (1 + step), step)
            writer.add_hparams({"lr": rate}, {"val_loss": 1.0})
    assert {run.run for run in tbgrad.compare(logdir).runs} == {"run0", "run1"}


def test_last_metrics_without_curves_are_runs(logdir):
    """As in torch's manual: many settings of one writer, and no curve."""
    with tensorboardX.SummaryWriter(str(logdir)) as writer:
        for i in range(3):
            writer.add_hparams({"lr": 0.1 * i}, {"loss": 10.0 * i}, name=f"trial{i}")
    comparison = tbgrad.compare(logdir, "loss")
    assert [(run.run, run.hparams["lr"]) for run in comparison.runs] == [
        (f"trial{i}", pytest.approx(0.1 * i)) for i in range(3)
    ]
    # Nor does a run with curves know which of them is its own.
    by_tensorboardx(logdir, [1.0, 0.5])
    assert {run.directory.name: run.hparams.get("lr") for run in tbgrad.compare(logdir, "loss").runs} == {
        **{f"trial{i}": pytest.approx(0.1 * i) for i in range(3)},
        logdir.name: None,
    }


def test_last_metrics_of_a_run_without_curves_are_its_own(logdir):
    with tensorboardX.SummaryWriter(str(logdir / "run")) as writer:
        writer.add_text("notes", "none")
        writer.add_hparams({"lr": 0.1}, {"loss": 1.0}, name="trial")
    assert [run.run for run in tbgrad.compare(logdir).runs] == ["run/trial"]
    assert [run.belongs_to for run in read_logs(logdir)] == [None, None]


def test_a_run_below_with_curves_gives_no_settings(logdir):
    by_tensorboardx(logdir, [1.0, 0.5])
    with_hparams_of_tensorboard(logdir / "below", 0.1, [1.0, 0.25])
    assert {run.directory.name: dict(run.hparams) for run in tbgrad.compare(logdir).runs} == {
        "logs": {},
        "below": {"rate": pytest.approx(0.1), "name": "adam"},
    }
    # Nor do settings that belong to runs further down.
    with_hparams_of_tensorboard(logdir.parent / "other/keras", 0.1, [])
    for name in ("other", "other/keras/train"):
        by_tensorboardx(logdir.parent / name, [1.0, 0.5])
    found = {run.directory.name: run.hparams.get("rate") for run in tbgrad.compare(logdir.parent / "other").runs}
    assert found == {"other": None, "train": pytest.approx(0.1)}
    # Also where the curve is none of what is read.
    with tf.summary.create_file_writer(str(logdir / "below")).as_default():
        tf.summary.scalar("metrics/x", 1.0, step=0)
    with tensorboardX.SummaryWriter(str(logdir)) as writer:
        writer.add_scalar("metrics/x", 1.0, 0)
    runs = {run.directory.name: run for run in read_logs(logdir, lambda tag: tag == "metrics/x")}
    assert runs["logs"].hparams == {} and runs["below"].belongs_to is None


def test_runs_below_a_run_with_settings_below_inherit_them_too(logdir):
    """As `add_scalars` of tensorboardX and torch makes them."""
    by_add_hparams(logdir / "run", 0.1, name="trial")
    by_tensorboardx(logdir / "run/loss_b/deeper", [1.0, 0.5])
    runs = {run.run: run for run in read_logs(logdir)}
    assert {name: dict(run.hparams) for name, run in runs.items()} == {
        name: {"lr": pytest.approx(0.1)} for name in ("run", "run/trial", "run/loss_b/deeper")
    }
    assert [name for name, run in runs.items() if run.belongs_to] == ["run/trial"]


def test_own_settings_and_runs_of_tbgrad_are_left_as_they_are(logdir):
    with_hparams_of_tensorboard(logdir / "theirs", 0.1, [1.0])
    with_hparams_of_tensorboard(logdir / "theirs/below", 0.2, [1.0])
    for name in ("ours", "ours/train", "ours/validation"):
        by_tensorboardx(logdir / name, [1.0, 0.5])
        (logdir / name / "run.json").write_text('{"status": "complete"}')
    with_hparams_of_tensorboard(logdir / "ours/train/below", 0.3, [1.0])
    by_tensorboardx(logdir / "ours/theirs", [1.0])
    with_hparams_of_tensorboard(logdir, 0.4, [1.0])
    found = {run.run: run.hparams.get("rate") for run in tbgrad.compare(logdir, "loss").runs}
    assert found == {
        **{str(logdir): pytest.approx(0.4), "theirs": pytest.approx(0.1), "theirs/below": pytest.approx(0.2)},
        **{"ours": None, "ours/train": None, "ours/validation": None, "ours/train/below": pytest.approx(0.3)},
        # The nearest run above that has settings, over one that has none and takes none.
        "ours/theirs": pytest.approx(0.4),
    }
