"""Faults that are planted in real trainings are found and named with the right layer and step; sound ones are not."""

import keras
import networks
import numpy as np
import pytest

import tbgrad
from tbgrad.errors import WriteError

layers = keras.layers
X, Y = networks.data(batches=40)
# Which class it is can be learnt.
Y = np.argmax(X[:, : networks.CLASSES], axis=1)


def fitted(stack, tmp_path, rate=0.1, x=X, epochs=1, **options):
    keras.utils.set_random_seed(options.pop("seed", 0))
    model = keras.Sequential([keras.Input((networks.FEATURES,)), *stack], name="net")
    model.compile(keras.optimizers.SGD(rate), networks.LOSS(from_logits=True))
    callback = tbgrad.GradientCallback(tmp_path / "run", **options)
    model.fit(x, Y, batch_size=networks.BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback])
    return model, callback


def tower(activation, initializer="glorot_uniform"):
    hidden = [
        layers.Dense(12, activation=activation, kernel_initializer=initializer, name=f"h{i}") for i in range(1, 11)
    ]
    return [*hidden, layers.Dense(networks.CLASSES, name="out")]


@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_training_has_no_fault(seed, tmp_path, capsys):
    stack = [layers.Dense(16, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(networks.CLASSES)]
    _, callback = fitted(stack, tmp_path, epochs=5, seed=seed)
    assert callback.faults == () and capsys.readouterr().err == ""
    assert callback.training.loss[-1] < callback.training.loss[0] / 2


def test_a_batch_with_a_nan_is_named_and_kept(tmp_path, capsys):
    x = X.copy()
    x[5 * networks.BATCH + 3, 2] = np.nan
    _, callback = fitted(tower("relu")[-2:], tmp_path, x=x, save_batch=True, on_not_finite="stop")
    fault = callback.faults[0]
    assert (fault.kind, fault.step) == ("not finite", 5) and "batch" in fault.sentence
    assert callback.training.step[-1] == 5
    with np.load(tmp_path / "run" / "batch_step5.npz") as kept:
        np.testing.assert_array_equal(kept["array_0"], x[5 * networks.BATCH : 6 * networks.BATCH])
    told = capsys.readouterr().err
    assert told.count("step 5: ") == 1 and "batch_step5.npz" in told
    text = tbgrad.read_run(tmp_path / "run").texts["training/verdict"].text[-1]
    assert not text.lstrip("# ").lower().startswith("healthy")
    # And so the examination of the folder finds it.
    assert any("training" in finding.fault for finding in tbgrad.examine(tmp_path).findings)


def test_a_batch_that_cannot_be_kept_is_told(tmp_path):
    class Blocks(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            (tmp_path / "run" / "batch_step0.npz").mkdir(exist_ok=True)

    x, model = X.copy(), networks.made(networks.functional, lambda: keras.optimizers.SGD(0.1))
    x[0, 0] = np.nan
    callback = tbgrad.GradientCallback(tmp_path / "run", save_batch=True, quiet=True)
    with pytest.raises(WriteError, match=r"cannot write '.*batch_step0\.npz': Is a directory"):
        model.fit(x, Y, batch_size=networks.BATCH, shuffle=False, verbose=0, callbacks=[callback, Blocks()])
    assert not hasattr(model.train_step, "tbgrad_chain")


def test_a_nan_that_a_gradient_makes_is_traced_to_its_layer(tmp_path):
    @keras.saving.register_keras_serializable()
    class Root(layers.Layer):
        """The square root of |x| has an infinite slope at zero, where its value is finite."""

        def call(self, x):
            return keras.ops.sqrt(keras.ops.relu(x))

    _, callback = fitted(
        [layers.Dense(6, name="before"), Root(), layers.Dense(networks.CLASSES, name="behind")], tmp_path, quiet=True
    )
    fault = callback.faults[0]
    assert (fault.kind, fault.layer, fault.step) == ("not finite", "before", 0)
    assert "loss" in fault.sentence


def test_a_rate_that_explodes(tmp_path):
    _, callback = fitted(tower(None)[-3:], tmp_path, rate=300.0, quiet=True)
    kinds = {fault.kind for fault in callback.faults}
    assert kinds & {"diverging", "not finite"}
    worst = min(callback.faults, key=lambda fault: fault.step)
    assert worst.step <= 5 and "learning rate" in worst.cure


def test_a_sigmoid_tower_whose_gradient_vanishes(tmp_path):
    _, callback = fitted(tower("sigmoid"), tmp_path, quiet=True)
    (fault,) = callback.faults
    assert fault.kind == "vanishing" and "h1" in (fault.layer, *fault.shared) and fault.step <= 5
    assert fault.layer in ("h2", "h3", "h4")


def test_a_dead_layer_is_judged_by_its_units(tmp_path):
    dead = layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-50), name="dead")
    stack = [layers.Dense(16, activation="relu", name="first"), dead, layers.Dense(networks.CLASSES, name="out")]
    _, callback = fitted(stack, tmp_path, quiet=True)
    assert [(f.kind, f.layer) for f in callback.faults] == [("dead", "dead")]
    np.testing.assert_array_equal(callback.training.dead[:, 1], 1.0)


def test_the_share_of_dead_units_is_that_of_the_activations(tmp_path):
    _, callback = fitted([layers.Dense(40, activation="relu", name="wide"), layers.Dense(3)], tmp_path, quiet=True)
    keras.utils.set_random_seed(0)
    again = keras.Sequential([keras.Input((networks.FEATURES,)), layers.Dense(40, activation="relu"), layers.Dense(3)])
    kernel, bias = again.layers[0].get_weights()
    units = np.maximum(X[: networks.BATCH] @ kernel + bias, 0)
    assert callback.training.dead[0, 0] == pytest.approx(np.mean((units == 0).all(axis=0)))


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_layer_that_is_cut_off_is_named_with_the_reason(tmp_path, capsys):
    class Cut(layers.Layer):
        def call(self, x):
            return keras.ops.stop_gradient(x)

    stack = [layers.Dense(8, name="lost"), Cut(), layers.Dense(networks.CLASSES, name="kept")]
    _, callback = fitted(stack, tmp_path)
    assert {(f.kind, f.layer) for f in callback.faults} == {("no gradient", "lost")}
    assert all("tf.stop_gradient" in f.sentence for f in callback.faults)
    assert capsys.readouterr().err.count("tf.stop_gradient") == len(callback.faults)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_layer_that_nothing_comes_of_is_told_as_such(tmp_path):
    class Forgets(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.unused = layers.Dense(networks.CLASSES), layers.Dense(2, name="unused")

        def call(self, x):
            self.unused(x)
            return self.used(x)

    model = networks.made(Forgets, lambda: keras.optimizers.SGD(0.1))
    callback = tbgrad.GradientCallback(tmp_path / "run", quiet=True)
    model.fit(X, Y, verbose=0, callbacks=[callback])
    assert {f.layer for f in callback.faults} == {"unused"}
    assert all("does not depend on it" in f.sentence for f in callback.faults)
