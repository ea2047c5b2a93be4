"""Trainings that are cut short, changed between two fits, scaled, or asked for wrongly."""

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.errors import LogdirError, NoGradientError, OptionError, ShapeError

X, Y = networks.data()


def sgd():
    return keras.optimizers.SGD(0.1)


def scaled(initial_scale=2.0**15):
    return keras.optimizers.LossScaleOptimizer(sgd(), initial_scale=initial_scale)


def fitted(model, *callbacks, x=X, y=Y, **options):
    return model.fit(
        x, y, **{"batch_size": networks.BATCH, "shuffle": False, "verbose": 0}, callbacks=callbacks, **options
    )


def test_other_layers_are_another_run(tmp_path, capsys):
    model = networks.made(networks.frozen, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", every=1, overwrite=True)
    fitted(model, callback)
    model.layers[0].trainable = True
    model.compile(sgd(), model.loss)
    fitted(model, callback)
    assert callback.directory == tmp_path / "run-2"
    said = f"'{tmp_path / 'run'}' holds a run of other layers; this one goes to '{tmp_path / 'run-2'}'"
    assert said in capsys.readouterr().err
    np.testing.assert_array_equal(callback.training.step, np.arange(6, 12))
    for name, weights, steps in (("run", 2, np.arange(6)), ("run-2", 4, np.arange(6, 12))):
        run = tbgrad.read_run(tmp_path / name)
        np.testing.assert_array_equal(run.scalars["training/loss"].step, steps)
        assert len(run.hparams.values) and "training/verdict" in run.texts
        layers = [tag for tag in run.scalars if tag.startswith("training/zeros/")]
        assert len(layers) == weights // 2
    # So it is with a model whose weights do not exist yet.
    fitted(networks.made(networks.sequential, lambda: keras.optimizers.SGD(0.25)), callback)
    assert callback.directory == tmp_path / "run-3" and len(callback.training.layers) == 3
    rates = [tbgrad.read_run(tmp_path / name).hparams.values["learning_rate"] for name in ("run-2", "run-3")]
    np.testing.assert_allclose(rates, [float(model.optimizer.learning_rate), 0.25])


def test_what_another_callback_interrupts_is_written_when_the_training_goes_on(tmp_path):
    class Interrupts(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    model = networks.made(networks.functional, sgd)
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        fitted(model, callback, Interrupts())
    fitted(model, callback)
    np.testing.assert_array_equal(callback.training.step, np.arange(9))
    np.testing.assert_array_equal(tbgrad.read_run(tmp_path / "run").scalars["training/loss"].step, np.arange(9))


def test_the_verdict_repeats_no_step(tmp_path):
    x = X.copy()
    x[-1] = np.nan
    fitted(
        networks.made(networks.functional, sgd), tbgrad.GradientCallback(tmp_path / "run", every=50, quiet=True), x=x
    )
    step = tbgrad.read_run(tmp_path / "run").texts["training/verdict"].step
    assert len(step) and (np.diff(step) > 0).all()


@pytest.mark.parametrize("compiled", [{}, {"run_eagerly": True}], ids=str)
def test_a_nan_is_told_where_a_scaled_loss_makes_no_update_of_it(compiled, tmp_path):
    x = X.copy()
    x[2 * networks.BATCH] = np.nan
    model = networks.made(networks.functional, scaled, **compiled)
    callback = tbgrad.GradientCallback(tmp_path / "run", save_batch=True, on_not_finite="stop", quiet=True)
    history = fitted(model, callback, x=x, epochs=3)
    (fault,) = callback.faults
    assert (fault.kind, fault.step, len(history.epoch)) == ("not finite", 2, 1)
    assert "batch at step 2" in fault.sentence
    with np.load(tmp_path / "run" / "batch_step2.npz") as kept:
        np.testing.assert_array_equal(kept["array_0"], x[2 * networks.BATCH : 3 * networks.BATCH])


def test_a_training_without_any_update_has_a_verdict(tmp_path):
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(networks.made(networks.functional, scaled), callback, x=np.full_like(X, np.nan))
    assert "step 0 held NaN" in tbgrad.read_run(tmp_path / "run").texts["training/verdict"].text[-1]
    assert len(callback.training.step) == 0 and callback.faults


def test_an_infinite_slope_is_told_where_the_scale_cannot_help(tmp_path):
    @tf.custom_gradient
    def steep(x):
        return tf.identity(x), lambda upstream: upstream * np.inf

    def network():
        x = keras.Input((networks.FEATURES,))
        inner = keras.layers.Lambda(steep)(keras.layers.Dense(4, name="below")(x))
        return keras.Model(x, keras.layers.Dense(networks.CLASSES, name="above")(inner))

    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(networks.made(network, lambda: scaled(4.0)), callback)
    (fault,) = callback.faults
    assert (fault.kind, fault.layer) == ("not finite", "below") and "while the loss was finite" in fault.sentence


def test_a_scale_that_is_too_large_is_no_fault(tmp_path):
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(networks.made(networks.functional, lambda: scaled(1e38)), callback, x=100 * X)
    assert callback.faults == ()
    # The first steps make no update, so they are no rows.
    assert 0 < len(callback.training.step) < 6


def test_weights_of_no_numbers_count_for_nothing(tmp_path):
    class Holds(keras.layers.Dense):
        def build(self, shape):
            self.nothing = self.add_weight(shape=(0, 4), name="nothing")
            super().build(shape)

        def call(self, x):
            return super().call(x) + keras.ops.sum(self.nothing)

    model = networks.made(lambda: keras.Sequential([keras.Input((networks.FEATURES,)), Holds(3)]), sgd)
    told = networks.by_tape(
        networks.made(lambda: keras.Sequential([keras.Input((networks.FEATURES,)), Holds(3)]), sgd), X, Y
    )
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(model, callback)
    whole = [np.sqrt(sum(np.sum(g**2) for g in step["gradient"].values())) for step in told]
    np.testing.assert_allclose(callback.training.total.gradient_norm, whole, rtol=1e-5)
    assert np.isfinite(callback.training.by_layer.zeros).all()
    assert callback.faults == ()


def test_units_below_zero_are_not_dead(tmp_path):
    class Shifted(keras.layers.Dense):
        def call(self, x):
            return super().call(x) - 1e3

    def network():
        x = keras.Input((networks.FEATURES,))
        return keras.Model(x, keras.layers.Dense(networks.CLASSES)(Shifted(5, activation="relu")(x)))

    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    fitted(networks.made(network, lambda: keras.optimizers.SGD(1e-9)), callback)
    np.testing.assert_array_equal(callback.training.dead[:, 0], 0)


def test_what_gets_no_gradient_has_no_histogram_of_it(tmp_path):
    def network():
        x = keras.Input((networks.FEATURES,))
        inner = keras.layers.Lambda(tf.stop_gradient)(keras.layers.Dense(4, name="cut")(x))
        return keras.Model(x, keras.layers.Dense(networks.CLASSES, name="head")(inner))

    with pytest.warns(UserWarning, match="Gradients do not exist"):
        fitted(networks.made(network, sgd), tbgrad.GradientCallback(tmp_path / "run", histograms=2, quiet=True))
    tags = tbgrad.read_run(tmp_path / "run").histograms
    assert not [tag for tag in tags if "gradients" in tag and "cut" in tag]
    assert [tag for tag in tags if "weights" in tag and "cut" in tag]
    assert [tag for tag in tags if "gradients" in tag and "head" in tag]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": "a"}, "every is 'a'"),
        ({"every": float("nan")}, "every is nan"),
        ({"layers": 5}, "layers is 5"),
        ({"layers": [5]}, r"layers is \[5\]"),
        ({"rules": {}}, "rules is {}"),
        ({"sharpness": 3}, "sharpness is 3"),
    ],
    ids=str,
)
def test_options_of_another_kind_are_refused(options, words, tmp_path):
    with pytest.raises(OptionError, match=words):
        tbgrad.GradientCallback(tmp_path / "run", **options)


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    model = networks.made(networks.functional, sgd)
    with pytest.raises(LogdirError, match="run"):
        fitted(model, tbgrad.GradientCallback(tmp_path / "run", quiet=True))
    assert "train_step" not in vars(model) and (tmp_path / "run").read_text() == "mine"


def test_a_monitor_says_what_it_cannot_measure(tmp_path):
    weight = tf.Variable([1.0, 2.0], name="layer/kernel")
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        with pytest.raises(NoGradientError, match="none of 1 variables"):
            monitor([None], [weight], 0)
        with pytest.raises(NoGradientError, match="none of 0 variables"):
            monitor([], [], 0)
        with pytest.raises(ShapeError, match=r"shape \(2,\) got a gradient of shape \(3,\)"):
            monitor([tf.ones(3)], [weight], 0)
        with pytest.raises(OptionError, match="hold a EagerTensor"):
            monitor([tf.ones(2)], [tf.ones(2)], 0)
        rate = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
        for step in range(3):
            monitor([tf.ones(2)], [weight], step, learning_rate=rate)
    np.testing.assert_array_equal(monitor.training.learning_rate, [0.5, 0.25, 0.125])


def test_a_unit_that_gives_something_in_one_sample_is_not_dead(tmp_path):
    rare = keras.layers.Dense(3, activation="relu", trainable=False)
    model = keras.Sequential([keras.Input((3,)), rare, keras.layers.Dense(3)])
    model.compile(sgd(), networks.LOSS(from_logits=True))
    rare.set_weights([np.eye(3), np.zeros(3)])
    # The first unit is alive in the last sample alone, the second always, the third never.
    x = np.tile(np.float32([-1, 1, -1]), (networks.BATCH, 1))
    x[-1, 0] = 1
    callback = tbgrad.GradientCallback(tmp_path / "run", every=1, quiet=True)
    fitted(model, callback, x=x, y=Y[: networks.BATCH])
    np.testing.assert_allclose(callback.training.dead[0, 0], 1 / 3, rtol=1e-6)


@pytest.fixture
def double_precision():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def test_in_double_precision_the_readings_are_too(double_precision, tmp_path):
    x = X.astype(np.float64)
    told = networks.by_tape(networks.made(networks.functional, sgd), x, Y)
    callback = tbgrad.GradientCallback(tmp_path / "run", every=1, quiet=True)
    fitted(networks.made(networks.functional, sgd), callback, x=x)
    for row, step in zip(callback.training.norm, told, strict=True):
        norms = sorted(np.linalg.norm(gradient) for gradient in step["gradient"].values())
        np.testing.assert_allclose(np.sort(row), norms, rtol=1e-12)


def test_where_nothing_gets_a_gradient_keras_says_so(tmp_path):
    def network():
        x = keras.Input((networks.FEATURES,))
        return keras.Model(x, keras.layers.Lambda(tf.stop_gradient)(keras.layers.Dense(networks.CLASSES)(x)))

    for name, optimizer in (("plain", sgd), ("scaled", scaled)):
        with pytest.raises(ValueError, match="No gradients provided"):
            fitted(networks.made(network, optimizer), tbgrad.GradientCallback(tmp_path / name, quiet=True))
