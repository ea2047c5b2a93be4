import math
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tbgrad.calculus.derivatives import evaluate
from tbgrad.calculus.hessians import hessian
from tbgrad.errors import FunctionCallError, RunError
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
        lambda x, y: sys.exit(3),
        lambda x, y: {}["key"],
    ],
    ids=["numpy", "float", "dtypes", "exit", "lookup"],
)
def test_errors_when_it_is_called(call):
    assert "raised an error when it was called" in refused(FunctionCallError, call)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x, y: tf.stack([x, y], axis=-1), "(None, 2)"),
        (lambda x, y: tf.stack([x, y, x * y]), "(3, None)"),
        (lambda x, y: (x, y), "(2, None)"),
    ],
    ids=["columns", "rows", "pair"],
)
def test_another_shape_than_one_value_for_each_point(call, shape):
    message = refused(FunctionCallError, call)
    assert f"gives shape {shape}" in message
    assert "expected one value for each point" in message


@pytest.mark.parametrize(
    "call",
    [lambda x, y: tf.concat([x, y], axis=0), lambda x, y: tf.boolean_mask(x * y, x > 1.0)],
    ids=["concatenation", "mask"],
)
def test_another_number_of_values_than_points(call):
    # TensorFlow knows such a shape only when it runs.
    refused(FunctionCallError, call)


def test_another_dtype_than_it_was_given():
    message = refused(FunctionCallError, lambda x, y: tf.cast(x, tf.float32) * 2)
    assert "gives float32 where it was given float64" in message


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


def numpy_sine(x, y):
    return np.sin(x) + y


def numpy_of_both(x, y):
    return np.arctan2(x, y) * np.sum(x)


def math_log(x, y):
    return math.log(x) + y


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (numpy_sine, "write tf.sin in place of np.sin."),
        (numpy_of_both, "write tf.atan2 in place of np.arctan2 and tf.reduce_sum in place of np.sum."),
        (math_log, "write tf.math.log in place of math.log."),
        (lambda x, y: x if x > 0 else y, "tf.where(x > 0, a, b)"),
        (lambda x, y: min(x, y), "tf.minimum"),
        (lambda x, y: float(x) * y, "leave them out, or write tf.cast"),
        (lambda x, y: x.numpy() * y, "leave .numpy() out"),
        (lambda x, y: sum(x for _ in range(y)), "a variable cannot say how often"),
        (lambda x, y: sum(v for v in x) + y, "tf.reduce_sum(p, axis=-1)"),
        (lambda x, y: x * tf.constant(2.0), "write plain numbers (2.0*x)"),
        (lambda x, y: x.sum(), "tf.reduce_sum"),
    ],
)
def test_what_to_write_instead(call, advice):
    message = refused(FunctionCallError, call)
    assert advice in message.splitlines()[-1]
    assert "test_user_functions.py, line" in message


def unstacked(p):
    x, y = tf.unstack(p, axis=-1)
    return x * y


def unpacked(p):
    _, width = p.shape
    return tf.reduce_sum(p) / width


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p[:, 0] * p[:, 1],
        lambda p: p[1:] - p[:-1],
        lambda p: tf.reduce_sum(p**2, axis=1),
        lambda p: tf.linalg.matvec(tf.constant([[1.0, 2.0], [3.0, 4.0]], p.dtype), p),
        lambda p: p * tf.constant([1.0, 2.0], p.dtype),
        lambda p: sum(p[i] for i in range(len(p))),
        lambda p: sum(p[..., i] for i in range(p.shape[-1])),
        lambda p: tf.split(p, 2, axis=-1)[0],
        unstacked,
        unpacked,
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype="float64")]),
    ],
)
def test_where_a_vector_seems_to_be_meant_its_length_is_asked_for(call):
    with pytest.raises(FunctionCallError, match=r"is a vector, say how long it is: --dimensions 2"):
        evaluate(from_callable(call), [[1.0], [2.0], [3.0]])


def asserted(x):
    tf.debugging.assert_less(x, tf.constant(0.0, x.dtype), message="too far right")
    return x


def unknown(x):
    return shape * x  # noqa: F821


def untrue(x):
    assert x is None
    return x


@pytest.mark.parametrize(
    "call",
    [
        asserted,
        unknown,
        untrue,
        lambda x: sys.exit(2),
        lambda x: x * int("no number"),
        lambda x: x.dim,
        lambda x: {}["shape"],
        lambda x: [1.0][1] * x,
        lambda x: 1 / 0,
        lambda x: x * None,
    ],
)
def test_other_errors_say_nothing_of_vectors(call):
    with pytest.raises(FunctionCallError) as caught:
        evaluate(from_callable(call), [[1.0], [2.0], [3.0]])
    assert "vector" not in str(caught.value)


def test_the_last_three_of_the_users_lines():
    def first(x):
        return second(x)

    def second(x):
        return third(x)

    def third(x):
        return {}[x.shape.rank]

    lines = refused(FunctionCallError, lambda x, y: first(x) * y).splitlines()
    assert [line.partition(": ")[2] for line in lines[1:-1]] == [
        "return second(x)",
        "return third(x)",
        "return {}[x.shape.rank]",
    ]
    assert lines[-1].startswith("  KeyError: ")


def test_lines_that_autograph_had_rewritten_are_the_users():
    @tf.function
    def f(x, y):
        z = x * 2
        return z.no_such_method(y)

    lines = refused(FunctionCallError, f).splitlines()
    assert "test_user_functions.py, line" in lines[1] and lines[1].endswith("return z.no_such_method(y)")
    assert lines[2].startswith("  AttributeError: 'SymbolicTensor' object has no attribute 'no_such_method'")
    assert len(lines) == 3


def test_an_error_at_run_time_shows_the_line_that_made_the_operation():
    def f(x, y):
        return y * tf.gather(x, [100])

    message = refused(FunctionCallError, f)
    assert "return y * tf.gather(x, [100])" in message
    assert "Graph execution error" not in message and "tbgrad/" not in message


def test_a_function_in_another_dtype_says_which_to_ask_for():
    message = refused(FunctionCallError, lambda x, y: tf.cast(x * y, tf.float32))
    assert "gives float32 where it was given float64; expected the same. Compute in it, by dtype='float32'" in message


def test_a_function_that_returns_nothing():
    assert "'lambda' returns nothing; expected one value" in refused(FunctionCallError, lambda x, y: None)
