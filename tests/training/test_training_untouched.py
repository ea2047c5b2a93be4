"""The callback changes nothing of a training, keeps nothing of the model, and leaves the model as it found it."""

import copy
import gc
import pickle
import weakref

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

from tbgrad.training.callback import GradientCallback
from tbgrad.training.hooks import Hooks, is_wrapped

X, Y = networks.data()
HOOKED = ("train_step", "compute_loss", "train_function")
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "adam, clipped by its norm": lambda: keras.optimizers.Adam(0.01, clipnorm=0.5),
    "adamw with averages": lambda: keras.optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=2),
    "accumulating": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=3),
    "scaled loss": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    "a schedule": lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 20), global_clipnorm=0.1),
}


@pytest.fixture(autouse=True)
def deterministic(request):
    """Operations that give the same bits each time; Keras takes no XLA with them."""
    if "xla" in request.node.name:
        yield
        return
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def with_dropout():
    x = keras.Input((networks.FEATURES,))
    inner = keras.layers.BatchNormalization()(keras.layers.Dense(8, activation="relu")(x))
    return keras.Model(x, keras.layers.Dense(networks.CLASSES)(keras.layers.Dropout(0.3)(inner)))


def trained(make, optimizer, callbacks, **compiled):
    model = networks.made(make, optimizer, **compiled)
    history = model.fit(X, Y, batch_size=networks.BATCH, epochs=2, verbose=0, callbacks=callbacks, validation_split=0.2)
    return history.history, model.get_weights(), model


def assert_same(one, other):
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_loss_and_weights_are_the_same_to_the_last_bit(optimizer, tmp_path):
    callback = GradientCallback(tmp_path / "run", every=1, histograms=2, quiet=True)
    assert_same(
        trained(with_dropout, OPTIMIZERS[optimizer], []), trained(with_dropout, OPTIMIZERS[optimizer], [callback])
    )
    assert len(callback.training.step) > 2


@pytest.mark.parametrize(
    "compiled",
    [{"jit_compile": True}, {"steps_per_execution": 3}, {"run_eagerly": True}],
    ids=["xla", "steps per execution", "eager"],
)
def test_so_they_are_however_the_step_is_run(compiled, tmp_path):
    sgd = OPTIMIZERS["sgd"]
    callback = GradientCallback(tmp_path / "run", quiet=True)
    assert_same(trained(with_dropout, sgd, [], **compiled), trained(with_dropout, sgd, [callback], **compiled))


def test_mixed_precision_is_the_same(tmp_path):
    def mixed():
        policy = keras.mixed_precision.DTypePolicy("mixed_float16")
        x = keras.Input((networks.FEATURES,))
        out = keras.layers.Dense(8, activation="relu", dtype=policy)(x)
        return keras.Model(x, keras.layers.Dense(networks.CLASSES, dtype="float32")(out))

    scaled = OPTIMIZERS["scaled loss"]
    callback = GradientCallback(tmp_path / "run", quiet=True)
    assert_same(trained(mixed, scaled, []), trained(mixed, scaled, [callback]))
    # What is told is not scaled: by 32768, the gradient would be far longer than any step of this size.
    told = callback.training
    np.testing.assert_allclose(told.update_norm, 0.1 * told.norm, rtol=2e-3, atol=1e-6)


def test_the_model_is_given_back_as_it_was(tmp_path):
    model = networks.made(networks.functional, OPTIMIZERS["scaled loss"])
    model.fit(X, Y, verbose=0)
    before, methods = model.train_function, {id(layer): set(vars(layer)) for layer in model.layers}
    callback = GradientCallback(tmp_path / "run", quiet=True)
    model.fit(X, Y, verbose=0, callbacks=[callback])
    assert model.train_function is before
    assert not any(name in vars(model) for name in HOOKED if name != "train_function")
    assert not {"apply", "_clip_gradients", "scale_loss"} & (
        set(vars(model.optimizer)) | set(vars(model.optimizer.inner_optimizer))
    )
    assert all("call" not in vars(layer) for layer in model.layers) and methods


def test_the_model_is_not_kept(tmp_path):
    model = networks.made(networks.sequential, OPTIMIZERS["sgd"])
    callback = GradientCallback(tmp_path / "run", histograms=2, quiet=True)
    model.fit(X, Y, verbose=0, callbacks=[callback])
    kept, layer = weakref.ref(model), weakref.ref(model.layers[0])
    del model
    keras.backend.clear_session()
    gc.collect()
    assert kept() is None and layer() is None
    assert len(callback.training.step)


def test_saving_and_copying_work_while_it_trains(tmp_path):
    class Copies(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pickle.loads(pickle.dumps(self.model))
            copy.deepcopy(self.model)

    model = networks.made(networks.functional, OPTIMIZERS["sgd"])
    saves = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
    callback = GradientCallback(tmp_path / "run", quiet=True)
    model.fit(X[:32], Y[:32], batch_size=16, verbose=0, callbacks=[callback, saves, Copies()])
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # And what was loaded trains, with its optimizer's steps going on.
    again = GradientCallback(tmp_path / "loaded", quiet=True)
    loaded.fit(X[:32], Y[:32], batch_size=16, verbose=0, callbacks=[again])
    np.testing.assert_array_equal(again.training.step, [2, 3])


def test_an_error_in_the_training_gives_the_model_back(tmp_path):
    def batches():
        yield X[:16], Y[:16]
        yield X[16:32], Y[16:32]
        raise ValueError("no more")

    signature = (tf.TensorSpec([16, networks.FEATURES]), tf.TensorSpec([16], tf.int64))
    model = networks.made(networks.functional, OPTIMIZERS["sgd"])
    callback = GradientCallback(tmp_path / "run", quiet=True)
    with pytest.raises(tf.errors.OpError, match="no more"):
        model.fit(
            tf.data.Dataset.from_generator(batches, output_signature=signature),
            shuffle=False,
            verbose=0,
            callbacks=[callback],
        )
    assert not is_wrapped(model, "train_step") and "train_step" not in vars(model)
    np.testing.assert_array_equal(callback.training.step, [0, 1])


def test_two_callbacks_at_once_measure_the_same(tmp_path):
    model = networks.made(networks.functional, OPTIMIZERS["sgd"])
    both = [GradientCallback(tmp_path / name, quiet=True) for name in ("one", "other")]
    model.fit(X, Y, verbose=0, callbacks=both)
    np.testing.assert_array_equal(both[0].training.norm, both[1].training.norm)
    assert not any(name in vars(model) for name in ("train_step", "compute_loss"))


def test_hooks_leave_in_any_order():
    class Owner:
        def act(self, x):
            return x

    class Adds:
        def __init__(self, amount):
            self.amount, self.hooks = amount, Hooks()

        def around(self, original, x):
            return original(x) + self.amount

    owner, one, other = Owner(), Adds(1), Adds(10)
    one.hooks.wrap(owner, "act", one.around)
    other.hooks.wrap(owner, "act", other.around)
    assert owner.act(0) == 11
    one.hooks.undo()
    assert owner.act(0) == 10
    del other
    gc.collect()
    assert owner.act(0) == 0 and not is_wrapped(owner, "act")


@pytest.mark.parametrize("name", ["functional", "sequential", "own step"])
def test_a_step_is_traced_no_more_often_than_without(name, tmp_path):
    def traces(*callbacks):
        model, seen = networks.made(networks.MODELS[name], OPTIMIZERS["sgd"]), []
        original = model.compute_loss
        model.compute_loss = lambda *args, **kwargs: seen.append(0) or original(*args, **kwargs)
        model.fit(X, Y, batch_size=networks.BATCH, epochs=2, verbose=0, callbacks=callbacks)
        return len(seen)

    assert traces(GradientCallback(tmp_path / "run", quiet=True)) <= traces()


def test_an_optimizer_that_is_given_some_of_the_weights_knows_no_more(tmp_path):
    class TrainsItsHead(networks.OwnStep):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            self.optimizer.apply(tape.gradient(loss, self.outer.trainable_variables), self.outer.trainable_variables)
            return {"loss": loss}

    def variables(*callbacks):
        model = networks.made(TrainsItsHead, OPTIMIZERS["adam, clipped by its norm"])
        model(X[:1])
        model.fit(X, Y, batch_size=networks.BATCH, verbose=0, callbacks=callbacks)
        return [tuple(variable.shape) for variable in model.optimizer.variables], model.get_weights()

    assert_same(variables(), variables(GradientCallback(tmp_path / "run", quiet=True)))
