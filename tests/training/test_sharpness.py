"""The sharpness of real trainings: against the Hessians of linear models, whose eigenvalues NumPy knows."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers

import tbgrad
from tbgrad.errors import OptionError, RangeError
from tbgrad.training.sharpness import sharpness_scalars

N, D, RATE = 40, 6, 0.01
RNG = np.random.default_rng(61)
# Keras's inputs are float32.
X = (RNG.normal(size=(N, D)) * np.geomspace(0.3, 3, D)).astype("float32").astype(float)
Y = RNG.normal(size=(N, 1))
# Of the mean of squared errors of a linear model.
HESSIAN = 2 * X.T @ X / N


def linear(optimizer=None, **known):
    """A linear model in float64, without a bias."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([layers.Input((D,)), layers.Dense(1, use_bias=False, dtype="float64")])
    model.compile(optimizer or keras.optimizers.SGD(RATE), keras.losses.MeanSquaredError(dtype="float64"), **known)
    return model


def train(model, steps):
    model.fit(X, Y, batch_size=N, epochs=steps, shuffle=False, verbose=0)


def largest(matrix):
    return np.linalg.eigvalsh(matrix)[-1]


@pytest.mark.parametrize("batch_size", [None, 7])
def test_the_sharpness_of_a_linear_model(batch_size):
    sharpness = tbgrad.Sharpness(X, Y, batch_size=batch_size)
    value, over_edge = sharpness.measure(linear())
    np.testing.assert_allclose(value, largest(HESSIAN), rtol=1e-10)
    np.testing.assert_allclose(over_edge, largest(HESSIAN) * RATE / 2, rtol=1e-6)


def test_momentum_moves_the_edge():
    plain = keras.optimizers.SGD(RATE, momentum=0.9)
    ahead = keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    for optimizer, edge in ((plain, 3.8 / RATE), (ahead, 3.8 / 2.8 / RATE)):
        _, over_edge = tbgrad.Sharpness(X, Y).measure(linear(optimizer))
        np.testing.assert_allclose(over_edge, largest(HESSIAN) / edge, rtol=1e-6)


def test_an_optimizer_besides_the_models_may_be_asked_about():
    model, other = linear("adam"), keras.optimizers.SGD(2 * RATE)
    _, over_edge = tbgrad.Sharpness(X, Y).measure(model, other)
    np.testing.assert_allclose(over_edge, largest(HESSIAN) * RATE, rtol=1e-6)


def gradients(steps, updates):
    """Of the steps of a loop in NumPy; `updates` takes gradient and step, and returns what is taken off."""
    weights, found = linear().get_weights()[0][:, 0].astype(float), []
    for step in range(steps):
        gradient = 2 * X.T @ (X @ weights - Y[:, 0]) / N
        found.append(gradient)
        weights = weights - updates(gradient, step)
    return np.array(found)


def adam_updates(state, eps=1e-7, beta=0.999):
    def update(gradient, step):
        state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
        state["v"] = beta * state.get("v", 0) + (1 - beta) * gradient**2
        rate = RATE * np.sqrt(1 - beta ** (step + 1)) / (1 - 0.9 ** (step + 1))
        return rate * state["m"] / (np.sqrt(state["v"]) + eps)

    return update


def test_adam_sees_the_hessian_through_its_second_moment():
    # A large epsilon, to see its place.
    model, sharpness = linear(keras.optimizers.Adam(RATE, epsilon=0.5)), tbgrad.Sharpness(X, Y)
    assert np.isnan(sharpness.measure(model)[1]), "before the first update there is no second moment"
    train(model, 5)
    state = {}
    gradients(5, adam_updates(state, eps=0.5))
    bias = np.sqrt(1 - 0.999**5)
    scale = 1 / np.sqrt(np.sqrt(state["v"]) / bias + 0.5 / bias)
    value, over_edge = sharpness.measure(model)
    np.testing.assert_allclose(value, largest(HESSIAN), rtol=1e-10)
    np.testing.assert_allclose(over_edge, largest(scale[:, None] * HESSIAN * scale) * RATE / 38, rtol=1e-4)


def test_rmsprop_and_adagrad_have_theirs():
    for optimizer, moment in (
        (keras.optimizers.RMSprop(RATE, rho=0.8, epsilon=0.1), lambda g: 0.8 * 0.2 * g[0] ** 2 + 0.2 * g[1] ** 2),
        (keras.optimizers.Adagrad(RATE, epsilon=0.1), lambda g: 0.1 + g[0] ** 2 + g[1] ** 2),
    ):
        model, sharpness = linear(optimizer), tbgrad.Sharpness(X, Y)
        train(model, 1)
        weights = model.get_weights()[0][:, 0]
        second = 2 * X.T @ (X @ weights - Y[:, 0]) / N
        first = gradients(1, lambda g, step: 0.0)[0]
        train(model, 1)
        scale = 1 / np.sqrt(np.sqrt(moment([first, second]) + 0.1))
        expected = largest(scale[:, None] * HESSIAN * scale) * RATE / 2
        np.testing.assert_allclose(sharpness.measure(model)[1], expected, rtol=1e-4)


def test_a_schedule_counts_as_it_is_now():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [RATE, RATE / 10])
    model, sharpness = linear(keras.optimizers.SGD(schedule)), tbgrad.Sharpness(X, Y)
    before = sharpness.measure(model)[1]
    train(model, 4)
    np.testing.assert_allclose(sharpness.measure(model)[1], before / 10, rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Lion(RATE),
        keras.optimizers.SGD(RATE, clipnorm=1.0),
        keras.optimizers.Adam(RATE, amsgrad=True),
        keras.optimizers.SGD(0.0),
        type("SGD", (keras.optimizers.SGD,), {})(RATE),
    ],
    ids=["lion", "clipped", "amsgrad", "no rate", "own class"],
)
def test_where_no_edge_is_known_there_is_none(optimizer):
    model = linear(optimizer)
    value, over_edge = tbgrad.Sharpness(X, Y).measure(model)
    np.testing.assert_allclose(value, largest(HESSIAN), rtol=1e-10)
    assert np.isnan(over_edge)


def test_what_scales_the_loss_does_not_scale_the_sharpness():
    model = linear(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(RATE)))
    value, over_edge = tbgrad.Sharpness(X, Y).measure(model)
    np.testing.assert_allclose([value, over_edge], [largest(HESSIAN), largest(HESSIAN) * RATE / 2], rtol=1e-6)


def network():
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [layers.Input((D,)), layers.Dense(5, "tanh"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(RATE), "mse")
    return model


def test_programs_are_kept_while_the_network_is_trained():
    model, sharpness = network(), tbgrad.Sharpness(X, Y)
    sharpness.measure(model)
    f = sharpness._loss
    train(model, 3)
    # The stored statistics have changed, which are not those of the batch.
    value, over_edge = sharpness.measure(model)
    assert sharpness._loss is f and np.isfinite(over_edge)
    matrix = tbgrad.hessian(tbgrad.model_loss(model, X, Y, batch_norm="batch"), [f.weights()])[0].astype(float)
    np.testing.assert_allclose(value, largest((matrix + matrix.T) / 2), rtol=1e-3)
    model.layers[0].trainable = False
    sharpness.measure(model)
    assert sharpness._loss is not f and sharpness._loss.dimensions == f.dimensions - 35
    model.layers[0].bias.assign_add(np.ones(5))
    assert sharpness._loss.call.is_outdated()


def test_training_goes_as_it_would_go():
    results = []
    for measures in (False, True):
        model, sharpness = network(), tbgrad.Sharpness(X, Y)
        for _ in range(3):
            train(model, 1)
            if measures:
                sharpness.measure(model)
        results.append([v.numpy() for v in [*model.variables, *model.optimizer.variables]])
    assert all((one == other).all() for one, other in zip(*results, strict=True))


def test_close_lets_go_of_the_model():
    model, sharpness = linear(), tbgrad.Sharpness(X, Y)
    sharpness.measure(model)
    held = weakref.ref(model)
    sharpness.close()
    del model
    keras.backend.clear_session()
    gc.collect()
    assert held() is None


def test_weights_that_are_not_finite_have_no_sharpness():
    model = linear()
    model.layers[0].kernel.assign(np.full((D, 1), np.nan))
    assert np.isnan(tbgrad.Sharpness(X, Y).measure(model)).all()


def test_when_it_is_due():
    assert [s for s in range(250) if tbgrad.Sharpness(X, Y).is_due(s)] == [0, 100, 200]
    assert [s for s in range(10) if tbgrad.Sharpness(X, Y, every=4).is_due(s)] == [0, 4, 8]
    assert [s for s in range(10) if tbgrad.Sharpness(X, Y, steps=(1, 7)).is_due(s)] == [1, 7]
    for wrong in ({"every": 2, "steps": (1,)}, {"every": 0.5}, {"steps": (1.5,)}, {"products": True}):
        with pytest.raises(OptionError):
            tbgrad.Sharpness(X, Y, **wrong)
    for wrong in ({"every": 0}, {"steps": (-1,)}, {"products": 0}):
        with pytest.raises(RangeError):
            tbgrad.Sharpness(X, Y, **wrong)


def test_series_leave_out_what_is_not_known():
    one, other = sharpness_scalars([0, 10, 20], [3.0, 2.0, np.nan], [np.nan, 0.5, np.inf])
    assert (one.tag, one.step.tolist(), one.value.tolist()) == ("training/sharpness", [0, 10], [3.0, 2.0])
    assert (other.tag, other.step.tolist(), other.value.tolist()) == ("training/sharpness_over_edge", [10], [0.5])
    assert "full batches only" in other.description
    assert len(sharpness_scalars(5, 1.0, np.nan)) == 1
