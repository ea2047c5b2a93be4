"""Thousands of starts, in tiles: each goes as it goes alone, whatever the function and the optimizer."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.descent.recording import Recording
from tbgrad.descent.stopping import GradientNorm, UpdateNorm, Value

STARTS = 5000
# The first and the last of all, of the tiles, and some between.
SAMPLED = [0, 1, 1666, 1667, 2499, 2500, 3332, 3333, 3334, 4097, 4998, 4999]


@pytest.fixture(scope="module")
def waves():
    return tbgrad.resolve("tilted_waves")


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(11).uniform(0.4, 4, (STARTS, 2))


def assert_each_alone(f, optimizer_of, points, steps, sampled, **options):
    """The sampled ones of a batch against descents of their own."""
    batch = tbgrad.descend(f, optimizer_of(slice(None)), points, steps, **options)
    for k in sampled:
        alone = tbgrad.descend(f, optimizer_of(k), points[[k]], steps, **options)
        for part in ("position", "value", "gradient"):
            found, expected = (getattr(d, part) for d in (batch, alone))
            np.testing.assert_allclose(found[:, k], expected[:, 0], rtol=1e-12, atol=1e-13, err_msg=f"{part} of {k}")
            found, expected = (getattr(d.end, part) for d in (batch, alone))
            np.testing.assert_allclose(found[k], expected[0], rtol=1e-12, atol=1e-13)
        assert batch.steps_made[k] == alone.steps_made[0]
        found, expected = batch.verdicts[k], alone.verdicts[0]
        assert (found.status, found.point) == (expected.status, expected.point)
        for name, reading in batch.readings.items():
            np.testing.assert_allclose(reading.value[:, k], alone.readings[name].value[:, 0], rtol=1e-6, atol=1e-8)
    return batch


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_thousands_go_as_each_goes_alone(waves, points, name):
    batch = assert_each_alone(waves, lambda k: tbgrad.Optimizer(name, 0.05), points, 130, SAMPLED)
    assert batch.position.shape == (131, STARTS, 2) and len(batch.verdicts) == STARTS
    np.testing.assert_array_equal(batch.position[0], points)
    np.testing.assert_array_equal(batch.position[-1], batch.end.position)


def test_they_stop_as_each_stops_alone(waves, points):
    stop = GradientNorm(1e-3) | (UpdateNorm(1e-3) & Value(0.49))
    batch = assert_each_alone(waves, lambda k: tbgrad.Optimizer("sgd", 0.1), points, 200, SAMPLED, stop=stop)
    assert len(set(batch.steps_made.tolist())) > 20
    # Bit for bit, all rows from its stop on.
    for k in range(0, STARTS, 97):
        made = batch.steps_made[k]
        assert (batch.position[made:, k] == batch.position[made, k]).all()


def test_each_has_its_own_rate(waves, points):
    rates = np.random.default_rng(1).uniform(0.01, 0.3, STARTS)
    batch = assert_each_alone(waves, lambda k: tbgrad.Optimizer("sgd", rates[k]), points, 40, SAMPLED[::3])
    np.testing.assert_array_equal(batch.learning_rate, rates)
    # By hand: the first update of each.
    np.testing.assert_allclose(batch.position[1], points - rates[:, None] * batch.gradient[0], rtol=1e-14, atol=1e-15)


def test_each_has_its_own_momentum(waves, points):
    momenta = np.random.default_rng(2).uniform(0.1, 0.9, STARTS)
    assert_each_alone(
        waves, lambda k: tbgrad.Optimizer("sgd", 0.02, momentum=momenta[k]), points, 30, SAMPLED[-2:], instruments=()
    )


def test_an_optimizer_that_mixes_coordinates(waves, points):
    assert_each_alone(waves, lambda k: tbgrad.Optimizer("lamb", 0.02), points, 20, SAMPLED[::5], instruments=())


@tf.custom_gradient
def call_numpy(x, y):
    """(x - 1)² + 3·y² by NumPy, which no compiler sees."""

    def numpy(call):
        return tf.ensure_shape(tf.numpy_function(call, [x, y], x.dtype), x.shape)

    def gradients(upstream):
        return upstream * numpy(lambda x, y: 2 * (x - 1)), upstream * numpy(lambda x, y: 6 * y)

    return numpy(lambda x, y: (x - 1) ** 2 + 3 * y**2), gradients


@pytest.mark.parametrize("starts", [1, 3, 4500])
def test_a_function_that_xla_cannot_compile(points, starts):
    f = tbgrad.Function(call_numpy, ("x", "y"))
    shrink = np.array([0.8, 0.4]) ** np.arange(21)[:, None, None]
    expected = [1.0, 0.0] + (points[:starts] - [1.0, 0.0]) * shrink
    for plan in ("every", 5, Recording("every", values_only=True)):
        optimizer = tbgrad.Optimizer("sgd", 0.1)
        descent = tbgrad.descend(f, optimizer, points[:starts], 20, record=plan, instruments=(), kinds=False)
        np.testing.assert_allclose(descent.end.position, expected[-1], rtol=1e-13, atol=1e-14)
        value = (expected[descent.step, :, 0] - 1) ** 2 + 3 * expected[descent.step, :, 1] ** 2
        np.testing.assert_allclose(descent.value, value, rtol=1e-10, atol=1e-14)
        if plan == "every":
            np.testing.assert_allclose(descent.position, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("starts", [1, 2, 4500])
def test_a_python_function_that_mixes_points(points, starts):
    # The mean over all points would pull each by 1/n of the others' values: alone, x² - mean(x²) is zero.
    f = tbgrad.Function(lambda x, y: x * x + y * y - tf.reduce_mean(x * x), ("x", "y"))
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), points[:starts], 20, kinds=False)
    np.testing.assert_allclose(descent.position[..., 0], np.broadcast_to(points[:starts, 0], (21, starts)), atol=1e-13)
    np.testing.assert_allclose(descent.end.position[:, 1], points[:starts, 1] * 0.8**20, rtol=1e-12)


def test_a_function_of_one_vector(points):
    f = tbgrad.Function.of_vector(lambda p: p[0] ** 2 + 3.0 * p[1] ** 2, 2)
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), points[:2500], 10, kinds=False)
    np.testing.assert_allclose(descent.end.position, points[:2500] * [0.8**10, 0.4**10], rtol=1e-12)


@pytest.mark.parametrize("starts", [2048, 2049, 4097, 8193])
def test_numbers_of_starts_about_those_of_tiles(starts):
    # Every start has a way of its own: none is left out, written twice, or written over another.
    f = tbgrad.resolve("x**2")
    points = np.arange(1.0, starts + 1)[:, None]
    for plan, rows in ((1, 4), (3, 2), (Recording("every", True), 4)):
        descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.25), points, 3, record=plan, instruments=(), kinds=False)
        np.testing.assert_array_equal(descent.value, points.T**2 * 0.25 ** descent.step[:, None])
        np.testing.assert_array_equal(descent.end.position, points / 8)
        assert len(descent.value) == rows and len(descent.verdicts) == len(descent.steps_made) == starts
