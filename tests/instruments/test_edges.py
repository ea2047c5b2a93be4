"""The edges of stability against Keras's own optimizers on a quadratic, just below and just above."""

import numpy as np
import pytest
from recorded_steps import quadratic, recorded

import tbgrad
from tbgrad.instruments import named
from tbgrad.instruments.edges import edge, largest_rate, preconditioner

# Where epsilon is this large and positions are small, the preconditioner stands still.
FROZEN = {"epsilon": 4.0}
CASES = [
    ("sgd", {}, 2),
    ("sgd", {"nesterov": True}, 2),
    ("sgd", {"momentum": 0.9}, 3.8),
    ("sgd", {"momentum": 0.5}, 3),
    ("sgd", {"momentum": 0.9, "nesterov": True}, 3.8 / 2.8),
    ("sgd", {"momentum": 0.3, "nesterov": True}, 2.6 / 1.6),
    ("sgd", {"weight_decay": 2.0}, 1.8),
    ("sgd", {"momentum": 0.9, "weight_decay": 2.0}, 1.8 * 1.9),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 2.0}, 1.8 * 1.9 / 2.8),
    ("rmsprop", {}, 2),
    ("rmsprop", {"momentum": 0.9}, 3.8),
    ("adagrad", {}, 2),
    ("adam", {"beta_2": 0.9}, 38),
    ("adam", {"beta_1": 0.5, "beta_2": 0.9}, 6),
    ("adamw", {"beta_2": 0.9, "weight_decay": 2.0}, 1.8 * 19),
    ("nadam", {"beta_2": 0.9}, 38 / 2.8),
    ("nadam", {"beta_1": 0.5, "beta_2": 0.9, "weight_decay": 2.0}, 1.8 * 3 / 2),
]
RATE = 0.1


@pytest.mark.parametrize(("optimizer", "settings", "expected"), CASES)
def test_keras_converges_below_and_diverges_above(optimizer, settings, expected):
    import keras
    import tensorflow as tf

    assert edge(optimizer, settings, RATE) == pytest.approx(expected / RATE, rel=1e-14)

    settings = settings if optimizer == "sgd" else settings | FROZEN
    made = getattr(
        keras.optimizers, {"sgd": "SGD", "rmsprop": "RMSprop", "adamw": "AdamW"}.get(optimizer, optimizer.title())
    )
    made = made(RATE, **settings)
    # Adagrad's sum starts at 0.1.
    frozen = {"sgd": 1.0, "rmsprop": 2.0, "adagrad": np.sqrt(4.1)}.get(optimizer, 4.0)
    curvature = tf.constant(np.array([0.97, 1.03]) * expected / RATE * frozen)
    position = keras.Variable(np.full(2, 1e-120), dtype="float64")
    made.build([position])

    @tf.function
    def step():
        made.apply([curvature * position.value], [position])

    sizes = []
    for _ in range(400):
        step()
        sizes.append(np.abs(position.numpy()))
    # The bias corrections of the first steps are over after a hundred.
    below, above = np.max(sizes[-20:], axis=0) / np.max(sizes[100:120], axis=0)
    assert below < 1e-2 and above > 1e2 and np.max(sizes) < 1e-9


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        ("lion", {}),
        ("adamax", {}),
        ("adadelta", {}),
        ("ftrl", {}),
        ("muon", {}),
        ("", {}),
        ("adam", {"amsgrad": True}),
        ("rmsprop", {"centered": True}),
        ("sgd", {"clipnorm": 1.0}),
        ("sgd", {"clipvalue": np.array([1.0, 2.0])}),
        ("sgd", {"gradient_accumulation_steps": 2}),
    ],
)
def test_where_no_edge_is_known_there_is_none(optimizer, settings):
    assert np.isnan(edge(optimizer, settings, np.ones(3))).all()
    assert np.isnan(largest_rate(optimizer, settings, np.ones(3))).all()


def test_settings_and_rates_of_each_start():
    settings = {"momentum": np.array([0.0, 0.5, 0.9]), "nesterov": False, "weight_decay": None, "clipnorm": None}
    found = edge("sgd", settings, np.array([[0.1], [1.0]]))
    np.testing.assert_allclose(found, [[20, 30, 38], [2, 3, 3.8]], rtol=1e-14)
    assert edge("sgd", {}, 0.0) == np.inf
    assert edge("sgd", {"weight_decay": 30.0}, 0.1) == 0


@pytest.mark.parametrize(("optimizer", "settings", "expected"), [case for case in CASES if case[0] == "sgd"])
def test_the_largest_rate_is_where_the_edge_is(optimizer, settings, expected):
    found = largest_rate(optimizer, settings, np.array([expected / RATE, 7.0]))
    assert found[0] == pytest.approx(RATE, rel=1e-14)
    assert edge(optimizer, settings, found[1]) == pytest.approx(7.0, rel=1e-14)


def test_there_is_no_largest_rate_for_other_optimizers_or_without_curvature():
    assert np.isnan(largest_rate("adam", {}, 1.0)) and np.isnan(largest_rate("rmsprop", {}, 1.0))
    assert np.isnan(largest_rate("sgd", {}, np.array([0.0, -1.0, np.nan]))).all()


MATRIX = np.array([[3.0, 1.0], [1.0, 20.0]])
PATH = np.random.default_rng(9).uniform(-2, 2, (9, 3, 2))


def steps_of(optimizer, settings, second_moment, dtype="float64", **known):
    f = tbgrad.resolve("1.5*x**2 + x*y + 10*y**2")
    known = {"rate": np.full(8, 0.02), "step": np.arange(8) * 3} | known
    return recorded(
        f,
        PATH.astype(dtype),
        *quadratic(MATRIX),
        optimizer=optimizer,
        settings=settings,
        second_moment=None if second_moment is None else second_moment.astype(dtype),
        **known,
    )


def over_edge(steps):
    (instrument,) = named("sharpness_over_edge")
    found = instrument.measure(steps)
    assert found.dtype == steps.value.dtype and found.shape == steps.value.shape
    return found


def largest(divisor):
    """The largest eigenvalue of P⁻¹A, which is not symmetric."""
    return np.linalg.eigvals(MATRIX / divisor[..., None]).real.max(-1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("optimizer", "settings", "divisor", "expected"),
    [
        ("adam", {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 0.1}, lambda v, b: (np.sqrt(v) + 0.1) / b, 38 / 0.02),
        ("adamw", {"epsilon": 0.1, "beta_2": 0.99}, lambda v, b: (np.sqrt(v) + 0.1) / b, (2 - 8e-5) * 19 / 0.02),
        ("nadam", {"epsilon": 0.1, "beta_2": 0.99}, lambda v, b: np.sqrt(v) / b + 0.1, 38 / 2.8 / 0.02),
        ("rmsprop", {"epsilon": 0.1, "momentum": 0.5}, lambda v, b: np.sqrt(v + 0.1), 3 / 0.02),
        ("adagrad", {"epsilon": 0.1}, lambda v, b: np.sqrt(v + 0.1), 2 / 0.02),
    ],
)
def test_the_preconditioned_sharpness(optimizer, settings, divisor, expected, dtype):
    moment = np.random.default_rng(10).uniform(0.01, 9, (8, 3, 2))
    bias = np.sqrt(1 - 0.99 ** (np.arange(8) * 3 + 1))[:, None, None]
    found = over_edge(steps_of(optimizer, settings, moment, dtype))
    np.testing.assert_allclose(found, largest(divisor(moment, bias)) / expected, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "rmsprop", "adagrad"])
def test_the_preconditioner_is_what_keras_divides_by(optimizer):
    import keras

    # Without momentum, an update is the rate times gradient over preconditioner.
    settings = {"epsilon": 0.3} | ({"beta_1": 1e-12} if "ada" in optimizer and optimizer != "adagrad" else {})
    made = {"adam": "Adam", "nadam": "Nadam", "rmsprop": "RMSprop", "adagrad": "Adagrad"}[optimizer]
    made = getattr(keras.optimizers, made)(0.125, **settings)
    position = keras.Variable(np.zeros(2), dtype="float64")
    made.build([position])
    for step in range(3):
        gradient, before = np.array([1.5, -0.2 * step - 0.1]), position.numpy()
        made.apply([gradient], [position])
        (moment,) = (v.numpy() for v in made.variables if "velocity" in v.path or "accumulator" in v.path)
        divisor = preconditioner(optimizer, settings, np.array([step]), moment[None, None])
        np.testing.assert_allclose(before - position.numpy(), 0.125 * gradient / divisor[0, 0], rtol=2e-5)


def test_rates_and_settings_of_each_row_and_start():
    moment = np.random.default_rng(11).uniform(0.01, 9, (8, 3, 2))
    rate = np.random.default_rng(12).uniform(0.01, 0.1, (8, 3))
    settings = {
        "beta_1": np.array([0.5, 0.8, 0.9]),
        "beta_2": np.array([0.9, 0.99, 0.999]),
        "epsilon": np.array([1e-3, 1e-2, 0.1]),
    }
    found = over_edge(steps_of("adam", settings, moment, rate=rate))
    for k in range(3):
        b1, b2, epsilon = (float(s[k]) for s in settings.values())
        bias = np.sqrt(1 - b2 ** (np.arange(8) * 3 + 1))
        divisor = (np.sqrt(moment[:, k]) + epsilon) / bias[:, None]
        expected = largest(divisor) * rate[:, k] * (1 - b1) / (2 + 2 * b1)
        np.testing.assert_allclose(found[:, k], expected, rtol=1e-12)
    momenta = {"momentum": np.array([0.0, 0.5, 0.9])}
    sharpness = np.linalg.eigvalsh(MATRIX)[-1]
    found = over_edge(steps_of("sgd", momenta, None, rate=np.linspace(0.01, 0.08, 8)))
    expected = sharpness * np.linspace(0.01, 0.08, 8)[:, None] / [2, 3, 3.8]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "settings", "known"),
    [
        ("lion", {}, {}),
        ("adam", {}, {}),
        ("rmsprop", {"centered": True}, {"second_moment": np.ones((8, 3, 2))}),
        ("sgd", {}, {"rate": None}),
        ("sgd", {"clipnorm": 1.0}, {}),
    ],
)
def test_there_is_no_reading_where_something_is_unknown(optimizer, settings, known):
    moment = known.pop("second_moment", None)
    assert np.isnan(over_edge(steps_of(optimizer, settings, moment, **known))).all()


def test_a_preconditioner_of_zero_has_no_reading():
    moment = np.ones((8, 3, 2))
    moment[2, 1, 0] = 0
    moment[3, 2, 1] = np.inf
    found = over_edge(steps_of("rmsprop", {"epsilon": 0.0}, moment))
    assert np.isnan(found[2, 1]) and np.isfinite(np.delete(found.ravel(), [7, 11])).all()
