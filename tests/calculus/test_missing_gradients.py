"""A None gradient is a true zero or an error that names the operation; never a silent zero."""

import re

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.errors import FunctionCallError, NoGradientError

POINTS = np.array([[1.25, 2.5], [3.5, 5.25], [0.5, -1.75]])


@tf.function
def floored(x):
    return tf.floor(x) + 1.0


@tf.function
def first_of_two(x, y):
    return 2.0 * x, y


@tf.custom_gradient
def straight_through(x):
    return tf.round(x), lambda upstream: upstream


@tf.custom_gradient
def own_stop(x):
    return x * x, lambda upstream: None


BROKEN = {
    "tf.stop_gradient": lambda x, y: x * tf.stop_gradient(y),
    "tf.floor": lambda x, y: x + tf.floor(y),
    "tf.round": lambda x, y: x * tf.round(y),
    "tf.math.ceil": lambda x, y: x * tf.math.ceil(y),
    "tf.cast to int32": lambda x, y: x * tf.cast(tf.cast(y, tf.int32), y.dtype),
    "tf.cast to bool": lambda x, y: x * tf.cast(tf.cast(y, tf.bool), y.dtype),
    "tf.argmax": lambda x, y: x * tf.cast(tf.argmax(tf.stack([y, -y])), y.dtype),
    "tf.numpy_function": lambda x, y: x * tf.numpy_function(np.sin, [y], y.dtype),
    "> (tf.greater)": lambda x, y: x * tf.where(y > 0.0, tf.ones_like(y), 2.0 * tf.ones_like(y)),
    "tf.floor, in a call": lambda x, y: x * floored(tf.sin(y)),
    "tf.identity": lambda x, y: x * own_stop(y),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("what", [w for w in BROKEN if w != "tf.identity"])
def test_an_operation_that_breaks_the_path_is_named(what, dtype):
    f = tbgrad.resolve(BROKEN[what])
    with pytest.raises(NoGradientError) as caught:
        tbgrad.evaluate(f, POINTS, dtype=dtype)
    message = str(caught.value)
    assert f"has no gradient by y: {what.partition(',')[0]} breaks the path to its value" in message
    assert re.search(r"test_missing_gradients\.py, line \d+: ", message)


def test_the_line_is_the_one_in_the_inner_function():
    with pytest.raises(NoGradientError, match=r"line \d+: return tf\.floor\(x\) \+ 1\.0"):
        tbgrad.evaluate(tbgrad.resolve(BROKEN["tf.floor, in a call"]), POINTS)


def test_a_custom_gradient_of_none_is_no_zero():
    with pytest.raises((NoGradientError, FunctionCallError)):
        tbgrad.evaluate(tbgrad.resolve(BROKEN["tf.identity"]), POINTS)


@pytest.mark.parametrize("what", ["tf.floor", "tf.stop_gradient", "tf.numpy_function"])
def test_everything_that_differentiates_refuses(what):
    f = tbgrad.resolve(BROKEN[what])
    ranges = [("x", 0.25, 1.0), ("y", 0.25, 1.0)]
    calls = [
        lambda: tbgrad.trace_graph(f),
        lambda: tbgrad.hessian(f, POINTS),
        lambda: tbgrad.hvp(f, POINTS, POINTS),
        lambda: tbgrad.jvp(f, POINTS, POINTS),
        lambda: tbgrad.sweep(f, over=ranges[0]),
        lambda: tbgrad.surface(f, over=ranges, points=3),
        lambda: tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), POINTS[:1], 2),
    ]
    for call in calls:
        with pytest.raises(NoGradientError, match=re.escape(what)):
            call()


@pytest.mark.parametrize(
    ("call", "gradient"),
    [
        (lambda x, y: x * x, lambda x, y: (2 * x, 0 * y)),
        (lambda x, y: tf.zeros_like(x) + y**2, lambda x, y: (0 * x, 2 * y)),
        (lambda x, y: y * tf.cast(tf.size(x), x.dtype) / tf.cast(tf.size(x), x.dtype), lambda x, y: (0 * x, 0 * y + 1)),
        (lambda x, y: first_of_two(x, y)[0], lambda x, y: (0 * x + 2, 0 * y)),
        (lambda x, y: tf.sign(x) * y, lambda x, y: (0 * x, np.sign(x))),
        (lambda x, y: straight_through(x) * y, lambda x, y: (y, np.round(x))),
        (lambda x, y: x * tf.stop_gradient(3.0 * tf.ones_like(y)), lambda x, y: (0 * x + 3, 0 * y)),
    ],
    ids=["left out", "like", "size", "other output", "sign", "straight through", "shape of it only"],
)
def test_a_true_zero_stays_a_zero(call, gradient):
    found = tbgrad.evaluate(tbgrad.resolve(call), POINTS).gradient
    np.testing.assert_allclose(found, np.stack(gradient(*POINTS.T), -1))


def test_steps_in_formulas_have_slope_zero():
    # The same call with a formula and without one.
    formula = tbgrad.Function.of_formula("x + 0*y")
    step = tbgrad.Function(lambda x, y: x + tf.floor(y), ("x", "y"), formula=formula.formula)
    np.testing.assert_array_equal(tbgrad.evaluate(step, POINTS).gradient, [[1, 0]] * 3)


@pytest.mark.parametrize(
    "call", [lambda x, y: tf.ones_like(x), lambda x, y: 3.0, lambda x, y: tf.constant(2.0, x.dtype)]
)
def test_a_value_that_depends_on_nothing(call):
    with pytest.raises(NoGradientError, match="its value does not depend on x or y"):
        tbgrad.evaluate(tbgrad.resolve(call), POINTS)


PARTLY_BROKEN = [
    lambda p: p[0] * tf.stop_gradient(p[1]),
    lambda p: p[..., 0] * tf.stop_gradient(p[..., 1]),
    lambda p: p[:, 0] + tf.floor(p[:, 1]),
    lambda p: tf.unstack(p, axis=-1)[0] * tf.round(tf.unstack(p, axis=-1)[1]),
    lambda p: tf.gather(p, 0, axis=-1) * tf.floor(tf.gather(p, 1, axis=-1)),
    lambda p: tf.split(p, 3, axis=-1)[0] * tf.floor(tf.split(p, 3, axis=-1)[1]),
    lambda p: p[0] ** 2 + tf.reduce_sum(tf.floor(p[1:])),
]


@pytest.mark.parametrize("call", PARTLY_BROKEN)
def test_a_coordinate_of_a_vector_without_a_path(call):
    with pytest.raises(NoGradientError, match=r"has no gradient by x1: tf\.\w+ breaks the path"):
        tbgrad.evaluate(tbgrad.resolve(call, dimensions=3), np.ones((4, 3)))


@pytest.mark.parametrize(
    ("call", "gradient"),
    [
        (lambda p: p[0] * p[1], lambda p: (p[1], p[0], 0)),
        (lambda p: p[0] ** 2 + tf.reduce_sum(p[1:]), lambda p: (2 * p[0], 1, 1)),
        (lambda p: p[0] * tf.stop_gradient(p[0]), lambda p: (p[0], 0, 0)),
        (lambda p: p[-1] * tf.reduce_sum(tf.stop_gradient(p)), lambda p: (0, 0, p.sum())),
    ],
    ids=["left out", "rest", "one of two ways", "whole"],
)
def test_coordinates_of_a_vector(call, gradient):
    points = np.random.default_rng(3).normal(size=(5, 3))
    found = tbgrad.evaluate(tbgrad.resolve(call, dimensions=3), points).gradient
    np.testing.assert_allclose(found, [gradient(p) for p in points])


def test_a_vector_without_a_path():
    with pytest.raises(NoGradientError, match=r"has no gradient by its vector: tf\.floor"):
        tbgrad.evaluate(tbgrad.resolve(lambda p: tf.reduce_sum(tf.floor(p)), dimensions=2), POINTS)
