"""What a callback writes, and where: several fits, several callbacks, batches that are kept, options that are wrong."""

import json

import keras
import networks
import numpy as np
import pytest

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.training.schedules import Schedule

X, Y = networks.data()


def sgd(**settings):
    return keras.optimizers.SGD(0.1, **settings)


def fitted(model, *callbacks, x=X, **options):
    given = {"batch_size": networks.BATCH, "verbose": 0, "shuffle": False} | options
    model.fit(x, Y, callbacks=list(callbacks), **given)


def test_by_default_every_step_to_the_hundredth_then_every_tenth():
    steps = np.arange(150)
    assert steps[Schedule()(steps)].tolist() == [*range(100), *range(100, 150, 10)]
    assert steps[Schedule(7)(steps)].tolist() == [*range(0, 150, 7)]
    assert Schedule(1)(steps) is True


def test_the_run_holds_what_was_measured_layer_by_layer(tmp_path):
    model = networks.made(networks.functional, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", every=2, histograms=3, quiet=True)
    fitted(model, callback)
    run = tbgrad.read_run(tmp_path / "run")
    assert not run.damage
    np.testing.assert_array_equal(run.scalars["training/gradient_norm"].step, [0, 2, 4])
    layers = [tag.rpartition("/")[2] for tag in run.scalars if tag.startswith("training/gradient_norm/")]
    by_layer = [name for name in layers if name not in ("lower", "median", "upper")]
    assert [name.partition("_")[0] for name in by_layer] == ["1", "2", "3", "4"]
    whole = np.sqrt(np.sum(callback.training.norm**2, axis=1))
    np.testing.assert_allclose(run.scalars["training/gradient_norm"].value, whole, rtol=1e-6)
    assert run.texts["training/verdict"].text[-1].lstrip("# ").startswith("Healthy")
    assert "training/layers" in run.images and "optimizer" in run.hparams.values
    kinds = {tag.split("/")[1] for tag in run.histograms}
    assert kinds == {"gradients", "weights"}
    for histogram in run.histograms.values():
        np.testing.assert_array_equal(histogram.step, [0, 3])
    # In the order of the network, as the scalars.
    assert sorted({tag.split("/")[2] for tag in run.histograms}) == by_layer
    # Each of the weights' numbers is counted once.
    counted = [h.buckets[0][:, 2].sum() for tag, h in run.histograms.items() if "gradients" in tag]
    assert sum(counted) == model.count_params()


def test_the_settings_are_those_that_say_something(tmp_path):
    told = {}
    for name, averages in (("plain", {}), ("averaged", {"use_ema": True, "ema_momentum": 0.9})):
        model = networks.made(networks.functional, lambda more=averages: keras.optimizers.SGD(0.05, **more))
        fitted(model, tbgrad.GradientCallback(tmp_path / name, quiet=True))
        told[name] = tbgrad.read_run(tmp_path / name).hparams.values
    assert told["plain"]["learning_rate"] == 0.05
    assert not [setting for setting in told["plain"] if "ema" in setting]
    assert told["averaged"]["use_ema"] is True and told["averaged"]["ema_momentum"] == 0.9


def test_histograms_count_the_gradient_of_their_step(tmp_path):
    model = networks.made(networks.frozen, sgd)
    fitted(model, tbgrad.GradientCallback(tmp_path / "run", histograms=2, quiet=True))
    told = networks.by_tape(networks.made(networks.frozen, sgd), X, Y)
    counted = tbgrad.read_run(tmp_path / "run").histograms
    tag = next(tag for tag in counted if "gradients" in tag and tag.endswith("kernel"))
    for row, step in enumerate(counted[tag].step):
        gradient = next(g for path, g in told[step]["gradient"].items() if path.endswith("kernel"))
        edges = counted[tag].buckets[row]
        assert edges[0, 0] == pytest.approx(gradient.min(), rel=1e-4)
        assert edges[-1, 1] == pytest.approx(gradient.max(), rel=1e-4)


def test_the_same_callback_goes_on_and_a_new_one_takes_the_next_name(tmp_path, capsys):
    model = networks.made(networks.functional, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", every=1)
    fitted(model, callback)
    fitted(model, callback)
    assert capsys.readouterr().err == ""
    run = tbgrad.read_run(tmp_path / "run")
    np.testing.assert_array_equal(run.scalars["training/loss"].step, np.arange(12))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "complete"
    other = tbgrad.GradientCallback(tmp_path / "run")
    fitted(model, other)
    assert other.directory == tmp_path / "run-2"
    assert f"this one goes to '{tmp_path / 'run-2'}'" in capsys.readouterr().err
    again = tbgrad.GradientCallback(tmp_path / "run", overwrite=True, quiet=True)
    fitted(model, again)
    np.testing.assert_array_equal(tbgrad.read_run(tmp_path / "run").scalars["training/loss"].step, np.arange(18, 24))


def test_steps_go_on_with_a_new_optimizer(tmp_path):
    model = networks.made(networks.functional, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(model, callback)
    model.compile(keras.optimizers.Adam(), model.loss)
    fitted(model, callback)
    np.testing.assert_array_equal(callback.training.step, np.arange(12))


def test_accumulated_gradients_are_one_row_for_each_update(tmp_path):
    model = networks.made(networks.frozen, lambda: sgd(gradient_accumulation_steps=3))
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(model, callback)
    twin = networks.made(networks.frozen, sgd)
    told = networks.by_tape(twin, X[: networks.BATCH], Y[: networks.BATCH])
    np.testing.assert_array_equal(callback.training.step, [0, 1])
    # Until the first update the weights stand still, so its gradient is that of the three batches as one.
    twin = networks.made(networks.frozen, sgd)
    mean = _gradient_of(twin, X[: 3 * networks.BATCH], Y[: 3 * networks.BATCH])
    norms = [np.linalg.norm(mean[path]) for path in mean]
    np.testing.assert_allclose(callback.training.norm[0], norms, rtol=1e-5)
    np.testing.assert_allclose(callback.training.update_norm[0], 0.1 * np.array(norms), rtol=1e-4)
    assert told[0]["loss"] > 0


def _gradient_of(model, x, y):
    import tensorflow as tf

    model(x[:1])
    with tf.GradientTape() as tape:
        loss = networks.LOSS(from_logits=True)(y, model(x))
    weights = model.trainable_variables
    return {w.path: g.numpy() for w, g in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True)}


@pytest.mark.parametrize("clip", [{"clipnorm": 0.1}, {"clipvalue": 0.01}, {"global_clipnorm": 0.1}], ids=str)
def test_norms_after_clipping(clip, tmp_path):
    model = networks.made(networks.frozen, lambda: sgd(**clip))
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(model, callback)
    first = networks.by_tape(networks.made(networks.frozen, sgd), X[: networks.BATCH], Y[: networks.BATCH])[0]
    gradients = [np.ravel(g) for g in first["gradient"].values()]
    (kind, limit), total = next(iter(clip.items())), np.linalg.norm(np.concatenate(gradients))
    expected = {
        "clipnorm": [min(np.linalg.norm(g), limit) for g in gradients],
        "clipvalue": [np.linalg.norm(np.clip(g, -limit, limit)) for g in gradients],
        "global_clipnorm": [np.linalg.norm(g) * min(1, limit / total) for g in gradients],
    }[kind]
    np.testing.assert_allclose(callback.training.norm[0], [np.linalg.norm(g) for g in gradients], rtol=1e-5)
    np.testing.assert_allclose(callback.training.clipped_norm[0], expected, rtol=1e-5)
    # What is applied is clipped too, so the rate times its length is the update's length.
    np.testing.assert_allclose(callback.training.update_norm[0], 0.1 * np.array(expected), rtol=1e-3)
    assert "training/gradient_norm_clipped" in tbgrad.read_run(tmp_path / "run").scalars


def test_more_rows_than_the_program_holds_are_all_written(tmp_path):
    model = networks.made(networks.frozen, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", every=1, quiet=True)
    fitted(model, callback, batch_size=1, epochs=4)
    steps = tbgrad.read_run(tmp_path / "run").scalars["training/loss"].step
    np.testing.assert_array_equal(steps, np.arange(4 * len(X)))


def test_layers_are_chosen_by_patterns(tmp_path):
    model = networks.made(networks.shared, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", layers=["ag*"], histograms=5, quiet=True)
    fitted(model, callback)
    counted = tbgrad.read_run(tmp_path / "run").histograms
    assert len(counted) == 4 and all("_again/" in tag for tag in counted)
    tags = [tag for tag in tbgrad.read_run(tmp_path / "run").scalars if tag.startswith("training/zeros/")]
    assert tags == ["training/zeros/1_again"]
    with pytest.raises(OptionError, match="again"):
        fitted(model, tbgrad.GradientCallback(tmp_path / "other", layers=["nothing"], quiet=True))
    assert "train_step" not in vars(model)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": 0}, "every is 0"),
        ({"every": 2.5}, "every is 2.5"),
        ({"every": True}, "every is True"),
        ({"histograms": -1}, "is -1"),
        ({"layers": "dense"}, r"expected a list of names or patterns, as \['dense'\]"),
        ({"on_not_finite": "explode"}, "expected continue or stop"),
    ],
)
def test_wrong_options_are_refused_at_once(options, words, tmp_path):
    with pytest.raises(OptionError, match=words):
        tbgrad.GradientCallback(tmp_path / "run", **options)
    assert not list(tmp_path.iterdir())


def test_a_model_without_an_optimizer_is_refused(tmp_path):
    class Alone(networks.OwnStep):
        def train_step(self, data):
            return {"loss": 0.0}

    model = Alone()
    model.compile(optimizer=None, loss=networks.LOSS(from_logits=True))
    with pytest.raises(OptionError, match="not compiled with an optimizer"):
        fitted(model, tbgrad.GradientCallback(tmp_path / "run"))


def test_xla_cannot_keep_a_batch(tmp_path):
    model = networks.made(networks.frozen, sgd, jit_compile=True)
    with pytest.raises(OptionError, match="XLA cannot keep a batch"):
        fitted(model, tbgrad.GradientCallback(tmp_path / "run", save_batch=True))


def test_sharpness_is_measured_at_the_steps_that_are_asked_for(tmp_path):
    # A linear model's squared error is a quadratic: its Hessian is 2 XᵀX / n, whatever the weights are.
    x = np.random.default_rng(4).normal(size=(64, 5)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    sharpness = tbgrad.Sharpness(x, y, steps=(0, 3, 6))
    callback = tbgrad.GradientCallback(tmp_path / "run", sharpness=sharpness, quiet=True)
    for _ in range(2):
        model.fit(x, y, batch_size=16, epochs=1, verbose=0, callbacks=[callback])
    largest = np.linalg.eigvalsh(2 * x.T.astype(float) @ x / len(x))[-1]
    logged = tbgrad.read_run(tmp_path / "run")
    assert "| `training/sharpness` |" in logged.texts["training/verdict"].text[-1]
    run = logged.scalars
    np.testing.assert_array_equal(run["training/sharpness"].step, [0, 3, 6])
    np.testing.assert_allclose(run["training/sharpness"].value, largest, rtol=1e-4)
    np.testing.assert_allclose(run["training/sharpness_over_edge"].value, largest * 0.05 / 2, rtol=1e-4)


def test_a_scale_of_the_loss_is_taken_off(tmp_path):
    model = networks.made(networks.frozen, lambda: sgd(loss_scale_factor=8.0))
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(model, callback)
    first = networks.by_tape(networks.made(networks.frozen, sgd), X[: networks.BATCH], Y[: networks.BATCH])[0]
    norms = [np.linalg.norm(g) for g in first["gradient"].values()]
    np.testing.assert_allclose(callback.training.norm[0], norms, rtol=1e-5)
    np.testing.assert_allclose(callback.training.loss[0], first["loss"], rtol=1e-5)
