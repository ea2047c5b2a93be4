"""The compiled loop: shapes, dtypes, programs that are kept, and bad input."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.errors import FunctionCallError, NoGradientError, RangeError, ShapeError
from tbgrad.instruments.instrument import Instrument

SGD = tbgrad.Optimizer("sgd", 0.05)


def bowl(**known):
    return tbgrad.Function(lambda x, y: x * x + 3.0 * y * y, ("x", "y"), name="bowl", **known)


@pytest.mark.parametrize("starts", [1, 2, 5])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 7])
def test_the_shape_law(starts, dimensions, steps):
    f = tbgrad.Function.of_vector(lambda p: tf.reduce_sum(p * p, axis=-1), dimensions)
    points = np.random.default_rng(0).uniform(-1, 1, (starts, dimensions))
    descent = tbgrad.descend(f, SGD, points, steps)
    assert descent.position.shape == descent.gradient.shape == (steps + 1, starts, dimensions)
    assert descent.value.shape == (steps + 1, starts)
    assert all(reading.value.shape == (steps + 1, starts) for reading in descent.readings.values())
    assert len(descent.verdicts) == len(descent.status) == starts
    assert descent.steps == steps
    # Step 0 is the start itself; x shrinks by 1 - 2 × rate each step.
    np.testing.assert_array_equal(descent.position[0], points)
    expected = points * 0.9 ** np.arange(steps + 1)[:, None, None]
    np.testing.assert_allclose(descent.position, expected, rtol=1e-14)
    np.testing.assert_allclose(descent.value, (expected**2).sum(-1), rtol=1e-13)
    np.testing.assert_allclose(descent.gradient, 2 * expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("starts", "dtype", "expected"),
    [
        ([[1, 2]], None, "float64"),
        ([[1.0, 2.0]], None, "float64"),
        (np.array([[1, 2]], dtype=np.float32), None, "float32"),
        (np.array([[1, 2]], dtype=np.float16), None, "float64"),
        (np.array([[1, 2]], dtype=np.float32), "float64", "float64"),
        ([[1.0, 2.0]], "float32", "float32"),
    ],
)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_dtype_is_kept_throughout(starts, dtype, expected, name):
    descent = tbgrad.descend(bowl(), tbgrad.Optimizer(name, 0.05), starts, 3, dtype=dtype)
    arrays = [descent.position, descent.value, descent.gradient, *(r.value for r in descent.readings.values())]
    assert {array.dtype.name for array in arrays} == {expected}


def test_a_second_call_is_bitwise_the_same_and_builds_nothing():
    traces = []

    def call(x, y):
        traces.append(1)
        return tf.sin(x) * tf.cos(y) + x * x + y * y

    f = tbgrad.Function(call, ("x", "y"))
    starts = np.random.default_rng(1).normal(size=(3, 2))
    optimizer = tbgrad.Optimizer("adam", 0.05)
    first = tbgrad.descend(f, optimizer, starts, 60)
    programs, traced = set(f._programs), len(traces)
    second = tbgrad.descend(f, tbgrad.Optimizer("adam", 0.05), starts.copy(), 60)
    assert set(f._programs) == programs and len(traces) == traced
    for name in ("position", "value", "gradient"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()
    for name, reading in first.readings.items():
        assert reading.value.tobytes() == second.readings[name].value.tobytes()


def test_other_starts_of_the_same_shape_use_the_same_program():
    f = bowl()
    tbgrad.descend(f, SGD, [[1.0, 2.0]], 5)
    programs = len(f._programs)
    moved = tbgrad.descend(f, SGD, [[-3.0, 0.5]], 5)
    assert len(f._programs) == programs
    np.testing.assert_allclose(moved.position[:, 0, 0], -3.0 * 0.9 ** np.arange(6), rtol=1e-14)


def test_results_do_not_change_when_a_program_runs_again():
    f = bowl()
    first = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.05, momentum=0.9), [[1.0, 2.0]], 5)
    kept = first.position.copy()
    tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.05, momentum=0.9), [[7.0, 7.0]], 5)
    np.testing.assert_array_equal(first.position, kept)


def test_another_rate_setting_or_number_of_steps_is_another_descent():
    f = bowl()
    ends = [
        tbgrad.descend(f, optimizer, [[1.0, 2.0]], steps).position[-1].tobytes()
        for optimizer, steps in [
            (SGD, 5),
            (tbgrad.Optimizer("sgd", 0.06), 5),
            (tbgrad.Optimizer("sgd", 0.05, momentum=0.5), 5),
            (tbgrad.Optimizer("sgd", 0.05, momentum=0.5, nesterov=True), 5),
            (SGD, 6),
        ]
    ]
    assert len(set(ends)) == len(ends)


def test_instruments_of_the_same_name_are_not_confused():
    f = bowl()
    for factor in (1.0, 2.0):
        twice = Instrument("scaled", "", "x", lambda s, factor=factor: factor * s.position[..., 0], of_update=False)
        descent = tbgrad.descend(f, SGD, [[1.0, 2.0]], 3, instruments=[twice])
        np.testing.assert_allclose(descent.readings["scaled"].value, factor * descent.position[..., 0])


def test_parameters_make_another_function():
    f = tbgrad.resolve("rosenbrock")
    usual, steeper = (tbgrad.descend(g, SGD, [[0.1, 0.1]], 1) for g in (f, f.with_parameters(b=10.0)))
    assert usual.position[1, 0, 1] == pytest.approx(0.1 - 0.05 * 200 * 0.09, rel=1e-12)
    assert steeper.position[1, 0, 1] == pytest.approx(0.1 - 0.05 * 20 * 0.09, rel=1e-12)


def test_a_name_alone_takes_the_automatic_rate():
    descent = tbgrad.descend(tbgrad.resolve("ellipse"), "sgd", [[0.1, 0.1]], 3)
    assert descent.learning_rate == pytest.approx(1 / 20)
    assert tbgrad.descend(bowl(), SGD, [[1.0, 2.0]], 3).rate_rule == "as given"


@pytest.mark.parametrize("starts", [[1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]], 1.0, [[[1.0, 2.0]]], [], np.zeros((0, 2))])
def test_starts_of_a_wrong_shape(starts):
    with pytest.raises(ShapeError) as caught:
        tbgrad.descend(bowl(), SGD, starts, 5)
    assert "bowl" in str(caught.value) and isinstance(caught.value, ValueError)


@pytest.mark.parametrize("steps", [0, -1])
def test_too_few_steps(steps):
    with pytest.raises(RangeError, match=str(steps)):
        tbgrad.descend(bowl(), SGD, [[1.0, 2.0]], steps)


@pytest.mark.parametrize("dtype", ["float16", "int32", "double"])
def test_dtypes_that_are_not_offered(dtype):
    with pytest.raises(RangeError, match="float64 or float32"):
        tbgrad.descend(bowl(), SGD, [[1.0, 2.0]], 5, dtype=dtype)


def test_functions_that_cannot_be_differentiated():
    with pytest.raises(NoGradientError):
        tbgrad.descend(tbgrad.Function(lambda x: tf.round(x) * 0 + tf.stop_gradient(x), ("x",)), SGD, [[1.0]], 2)
    with pytest.raises(FunctionCallError, match="ZeroDivisionError"):
        tbgrad.descend(tbgrad.Function(lambda x: x * (1 / 0), ("x",)), SGD, [[1.0]], 2)


def test_the_gradient_at_a_root_of_zero_is_the_one_that_evaluate_gives():
    # XLA makes NaN of the 0·∞ that TensorFlow takes for 0.
    f = tbgrad.resolve("drop_wave")
    descent = tbgrad.descend(f, SGD, [[0.0, 0.0]], 3)
    np.testing.assert_array_equal(descent.gradient[:, 0], 0.0)
    assert descent.status[0].value == "converged"


def test_the_result_says_what_was_asked():
    descent = tbgrad.descend(tbgrad.resolve("sphere"), tbgrad.Optimizer("sgd", 0.25, momentum=0.5), [[1.0, 1.0]], 4)
    assert (descent.optimizer, descent.learning_rate, dict(descent.settings)) == ("sgd", 0.25, {"momentum": 0.5})
    assert descent.subject.name == "sphere" and descent.subject.variables == ("x", "y")
    np.testing.assert_array_equal(descent.gap, np.maximum(descent.value, np.finfo(float).eps))
    assert tbgrad.descend(bowl(), SGD, [[1.0, 2.0]], 1).gap is None
