import numpy as np
import pytest
import tensorflow as tf

from tbgrad.calculus.derivatives import evaluate, hessian
from tbgrad.errors import FunctionCallError, NoGradientError, RunError
from tbgrad.functions.function import Function
from tbgrad.functions.imports import from_callable

POINTS = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, -1.0]])


def refused(error, call):
    with pytest.raises(error) as caught:
        evaluate(from_callable(call), POINTS)
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, RunError)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_a_python_function():
    found = evaluate(from_callable(lambda x, y, a=3.0: a * x**2 * y), POINTS)
    x, y = POINTS.T
    np.testing.assert_allclose(found.value, 3 * x**2 * y)
    np.testing.assert_allclose(found.gradient, np.stack([6 * x * y, 3 * x**2], -1))
    np.testing.assert_allclose(hessian(from_callable(lambda x, y: x**2 * y), POINTS[:1]), [[[4, 2], [2, 0]]])


def test_a_function_of_a_vector():
    f = Function.of_vector(lambda p: tf.reduce_sum(p**3, axis=-1), 2)
    np.testing.assert_allclose(evaluate(f, POINTS).gradient, 3 * POINTS**2)


def test_a_compiled_function_and_branches_by_where():
    @tf.function
    def f(x, y):
        return tf.where(x > 1.0, x * y, y)

    np.testing.assert_array_equal(evaluate(from_callable(f), POINTS).gradient, [[0, 1], [5, 3], [0, 1]])


def test_a_function_is_traced_once_for_each_dtype():
    traces = []

    def f(x, y):
        traces.append(x.dtype.name)
        return x * y

    made = from_callable(f)
    for count in (1, 2, 3):
        evaluate(made, POINTS[:count])
        evaluate(made, POINTS[:count].astype(np.float32))
    assert sorted(traces) == ["float32", "float64"]


def test_an_error_in_the_function_shows_the_users_own_line():
    def broken(x, y):
        return x + y.no_such_method()

    message = refused(FunctionCallError, broken)
    assert message.startswith("'broken' raised an error when it was called:")
    assert "test_user_functions.py, line" in message
    assert "return x + y.no_such_method()" in message
    assert "AttributeError: " in message and message.endswith("has no attribute 'no_such_method'")


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: np.sin(x),
        lambda x, y: float(x) * y,
        lambda x, y: x * tf.constant(1.0, tf.float16),
        lambda x, y: None,
        lambda x, y: {}["key"],
        lambda x, y, *, z: x,
    ],
    ids=["numpy", "float", "dtypes", "nothing", "lookup", "missing"],
)
def test_errors_when_it_is_called(call):
    assert "raised an error when it was called" in refused(FunctionCallError, call)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x, y: tf.reduce_sum(x), r"()"),
        (lambda x, y: 3.0, "()"),
        (lambda x, y: tf.stack([x, y], axis=-1), "(None, 2)"),
        (lambda x, y: x[:, None] * y[None, :], "(None, None)"),
        (lambda x, y: (x, y), "(2, None)"),
    ],
    ids=["sum", "number", "columns", "outer", "pair"],
)
def test_another_shape_than_one_value_for_each_point(call, shape):
    message = refused(FunctionCallError, call)
    assert f"gives shape {shape}" in message
    assert "expected one value for each point" in message


@pytest.mark.parametrize(
    "call",
    [lambda x, y: x[:1], lambda x, y: tf.concat([x, y], axis=0), lambda x, y: tf.boolean_mask(x, x > 1.0)],
    ids=["slice", "concatenation", "mask"],
)
def test_another_number_of_values_than_points(call):
    # TensorFlow knows such a shape only when it runs.
    refused(FunctionCallError, call)


def test_another_dtype_than_it_was_given():
    message = refused(FunctionCallError, lambda x, y: tf.cast(x, tf.float32) * 2)
    assert "gives float32 where it was given float64" in message


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: tf.round(x),
        lambda x, y: tf.cast(tf.cast(x, tf.int64), tf.float64),
        lambda x, y: tf.stop_gradient(x * y),
        lambda x, y: tf.ones_like(x),
        lambda x, y: tf.numpy_function(np.sin, [x], tf.float64),
    ],
    ids=["round", "integers", "stopped", "constant", "numpy_function"],
)
def test_a_value_without_a_path_to_its_variables(call):
    message = refused(NoGradientError, call)
    assert "has no gradient" in message and "NumPy calls" in message


def test_an_error_while_it_runs_is_the_functions_own():
    def picky(x, y):
        tf.debugging.assert_less(x, tf.constant(2.0, x.dtype), message="too far right")
        return x * y

    assert "too far right" in refused(FunctionCallError, picky)


def test_an_error_of_a_python_call_inside_is_the_functions_own():
    def outside(x):
        raise ValueError("no such thing")

    message = refused(FunctionCallError, lambda x, y: tf.py_function(outside, [x], x.dtype) + y)
    assert "no such thing" in message


def test_after_an_error_the_function_can_be_evaluated_again():
    broken = [True]

    def f(x, y):
        if broken:
            raise ValueError("not yet")
        return x * y

    made = from_callable(f)
    with pytest.raises(FunctionCallError, match="not yet"):
        evaluate(made, POINTS)
    broken.clear()
    np.testing.assert_array_equal(evaluate(made, POINTS).value, POINTS.prod(axis=-1))


@pytest.mark.parametrize("mixing", [lambda x, y: (x - tf.reduce_mean(x)) ** 2 + y, lambda x, y: x * tf.cumsum(y)])
def test_functions_that_mix_points_are_refused(mixing):
    assert "mixes points" in refused(FunctionCallError, mixing)
