"""Every number that the callback reads from a training is that of a GradientTape in an eager loop."""

import keras
import networks
import numpy as np
import pytest

from tbgrad.training.callback import GradientCallback

X, Y = networks.data()


def sgd():
    return keras.optimizers.SGD(0.1, momentum=0.9)


def watched(model, directory, epochs=1, **options):
    callback = GradientCallback(directory, quiet=True, **options)
    model.fit(X, Y, batch_size=networks.BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback])
    return callback.training


def paths(model, training):
    """The paths of the weights in the order of a training's columns."""
    by_name = {w.path.removeprefix(f"{model.name}/"): w.path for w in model.trainable_variables}
    names = [f"{layer.name}/{weight}" for layer in training.layers for weight in layer.weights]
    assert len(names) == len(by_name)
    return [by_name.get(name) or by_name[name.rpartition("/")[2]] for name in names]


def assert_as_told(training, told, order):
    def stacked(kind, measure):
        return np.array([[measure(step[kind][path]) for path in order] for step in told])

    close = {"rtol": 2e-5, "atol": 1e-7}
    np.testing.assert_array_equal(training.step, np.arange(len(told)))
    np.testing.assert_allclose(training.loss, [step["loss"] for step in told], **close)
    np.testing.assert_allclose(training.learning_rate, [step["rate"] for step in told], **close)
    np.testing.assert_allclose(training.norm, stacked("gradient", np.linalg.norm), **close)
    np.testing.assert_allclose(training.largest, stacked("gradient", lambda g: np.abs(g).max()), **close)
    np.testing.assert_allclose(training.zeros, stacked("gradient", lambda g: np.mean(g == 0)), **close)
    np.testing.assert_allclose(training.update_norm, stacked("update", np.linalg.norm), rtol=2e-5, atol=2e-7)
    np.testing.assert_allclose(training.weight_norm, stacked("old", np.linalg.norm), **close)
    assert np.isnan(training.product[0]).all()
    products = [[np.sum(now["gradient"][path] * now["before"][path]) for path in order] for now in told[1:]]
    np.testing.assert_allclose(training.product[1:], products, rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(training.norm_before[1:], training.norm[:-1], rtol=1e-6)


@pytest.mark.parametrize("name", networks.MODELS)
def test_readings_are_those_of_a_tape(name, tmp_path):
    model = networks.made(networks.MODELS[name], sgd)
    training = watched(model, tmp_path / "run")
    twin = networks.made(networks.MODELS[name], sgd)
    told = networks.by_tape(twin, X, Y)
    # The twin's names may have other numbers; its weights stand in the same order.
    order = dict(
        zip([w.path for w in model.trainable_variables], [w.path for w in twin.trainable_variables], strict=True)
    )
    assert_as_told(training, told, [order[path] for path in paths(model, training)])


@pytest.mark.parametrize(
    "compiled",
    [{"jit_compile": True}, {"steps_per_execution": 4}, {"run_eagerly": True}],
    ids=["xla", "steps per execution", "eager"],
)
def test_however_the_step_is_run(compiled, tmp_path):
    model = networks.made(networks.functional, sgd, **compiled)
    training = watched(model, tmp_path / "run")
    twin = networks.made(networks.functional, sgd)
    told = networks.by_tape(twin, X, Y)
    order = dict(
        zip([w.path for w in model.trainable_variables], [w.path for w in twin.trainable_variables], strict=True)
    )
    assert_as_told(training, told, [order[path] for path in paths(model, training)])


def test_layers_of_equal_names_in_models_within_models_are_told_apart(tmp_path):
    def block():
        return keras.Sequential([keras.Input((networks.FEATURES,)), keras.layers.Dense(7, name="in")], name="block")

    outer = keras.Sequential([keras.Input((networks.FEATURES,)), block()], name="outer")
    model = keras.Sequential([keras.Input((networks.FEATURES,)), block(), outer, keras.layers.Dense(3, name="in")])
    model.compile("sgd", networks.LOSS(from_logits=True))
    callback = GradientCallback(tmp_path / "run", quiet=True)
    model.fit(*networks.data(), verbose=0, callbacks=[callback])
    names = [layer.name for layer in callback.training.layers]
    assert len(set(names)) == 3 and all("in" in name for name in names)
