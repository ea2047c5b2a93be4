"""What a check says of gradients that are wrong, wrong at one point, or wrong in single precision."""

import numpy as np
import pytest
import tensorflow as tf
from check_verdicts import AGREES, DISAGREES, at, verdicts

import tbgrad
from tbgrad.errors import FunctionCallError, GradientError, RunError
from tbgrad.functions.function import Function


def wrong(call, change):
    """The function with its gradient changed: `change` takes the true partial derivatives."""

    @tf.custom_gradient
    def bent(*columns):
        with tf.GradientTape() as tape:
            tape.watch(columns)
            value = call(*columns)
        partials = tape.gradient(value, columns)
        return value, lambda up: [up * p for p in change(*partials, *columns)]

    return Function(lambda x, y: bent(x, y), ("x", "y"), name="bent")


def smooth(x, y):
    return tf.sin(3 * x) * y + x**2 / (1 + y**2)


POINTS = np.random.default_rng(7).uniform(-2, 2, (20, 2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda u, v, x, y: (-u, v), "∂f/∂x is -1 times"),
        (lambda u, v, x, y: (-u, -v), "-1 times"),
        (lambda u, v, x, y: (u, 2 * v), "∂f/∂y is 2 times"),
        (lambda u, v, x, y: (u, tf.zeros_like(v)), "∂f/∂y is 0 where"),
        (lambda u, v, x, y: (u - 2 * x / (1 + y**2), v), "∂f/∂x is "),
        (lambda u, v, x, y: (u * (1 + 1e-5), v), "∂f/∂x is "),
        (lambda u, v, x, y: (v, u), "where the differences give"),
        (lambda u, v, x, y: (u + np.nan, v), "∂f/∂x is NaN"),
    ],
)
def test_wrong_gradients_are_told_with_their_cause(change, says):
    check = tbgrad.check_gradient(wrong(smooth, change), POINTS)
    assert {point.verdict for point in check.points} == {DISAGREES} and check.verdict == DISAGREES
    assert all(says in point.cause for point in check.points[:1]) or says in check.cause


def test_rounding_inside_a_custom_gradient_is_no_kink():
    def staircase(x, y):
        return tf.exp(y / tf.exp(x)) / tf.sqrt(1e8 + (x + 10))

    assert at(wrong(staircase, lambda u, v, *_: (-u, v)), 0.5, -1.0).verdict == DISAGREES
    right = at(wrong(staircase, lambda u, v, *_: (u, v)), 0.5, -1.0)
    assert right.verdict == AGREES and right.digits > 9
    constant = wrong(lambda x, y: (3 + x + (y - x)) ** 12, lambda u, v, *_: (0 * u, v))
    assert at(constant, 1.80553867068671, 2.501236375812173).verdict == AGREES


def only_in_float32(x, y):
    return (tf.constant(3.0) + x + (y - x)) ** 12


def test_rounding_inside_a_custom_gradient_in_float32_is_no_kink():
    constant = wrong(only_in_float32, lambda u, v, *_: (0 * u, v))
    points = np.random.default_rng(3).uniform(-2, 3, (20, 2))
    assert set(verdicts(constant, points, dtype="float32")) == {AGREES}


def test_what_moves_the_value_by_less_than_its_last_digit_is_no_wrong_gradient():
    """x/x is 1: its derivative is a residue of rounding, and its sign says nothing."""
    flipped = wrong(lambda x, y: tf.exp(y**-1.0 * (x / x)), lambda u, v, *_: (-u, v))
    point = at(flipped, 1.4791674837279631, 0.7523112550963844)
    assert point.reverse[0] != 0 and point.verdict == AGREES


def half_broken(x, y):
    return tf.constant(1e8) + tf.stop_gradient(3 * x) + 2 * x + 0 * y


@pytest.mark.parametrize(
    ("f", "point", "dtype"),
    [
        (wrong(lambda x, y: 1e16 + x + y, lambda u, v, *_: (-u, v)), (0.3, 0.5), "float64"),
        (wrong(lambda x, y: 1e8 + 1e-8 * x + y, lambda u, v, *_: (-u, v)), (0.3, 0.5), "float64"),
        (lambda x, y: 1e10 * (1 + y**2) + tf.stop_gradient(tf.sin(x / 1e7)) + 0 * x, (0.0, 0.5), "float64"),
        (half_broken, (0.3, 0.5), "float32"),
    ],
)
def test_a_large_value_hides_no_wrong_gradient_that_larger_steps_show(f, point, dtype):
    assert at(f, *point, dtype=dtype).verdict == DISAGREES


def test_a_right_custom_gradient_agrees():
    check = tbgrad.check_gradient(wrong(smooth, lambda u, v, x, y: (u, v)), POINTS)
    assert check.verdict == AGREES and check.digits > 9


@pytest.mark.parametrize("scale", [1e-8, 1e8, 1e100, 1e-100])
def test_wrong_gradients_at_any_scale(scale):
    flip = {"right": lambda u, v, x, y: (u, v), "wrong": lambda u, v, x, y: (-u, v)}

    def scaled(x, y):
        return scale * tf.sin(x / scale) * y

    points = [[0.4 * scale, 1.0], [-1.3 * scale, 2.0]]
    assert verdicts(wrong(scaled, flip["right"]), points) == [AGREES] * 2
    assert verdicts(wrong(scaled, flip["wrong"]), points) == [DISAGREES] * 2


def test_the_branch_that_where_did_not_take():
    def trap(x):
        return tf.where(x > 0, tf.sqrt(x), tf.zeros_like(x)) + x

    points = tbgrad.check_gradient(lambda x: tf.where(x > 0, tf.exp(-1 / x), x * 0.0), [[0.0]]).points
    check = tbgrad.check_gradient(trap, [[2.0]])
    assert check.verdict == AGREES
    safe = tbgrad.check_gradient(lambda x: tf.where(x > 1, tf.math.log(x - 1), x), [[0.5]])
    assert safe.verdict == AGREES
    trapped = tbgrad.check_gradient(lambda x: tf.where(x < 1, x**2, (x - 1) ** 0.5), [[0.5]])
    assert trapped.verdict == DISAGREES and "tf.where did not take" in trapped.cause
    assert points[0].verdict == DISAGREES and "tf.where did not take" in points[0].cause


def test_a_nan_that_overflow_makes():
    point = at("1/(1 + exp(-x))", -800.0)
    assert point.verdict == DISAGREES and "NaN" in point.cause and "tf.where" not in point.cause
    assert at("1/(1 + exp(-x))", -20.0).verdict == AGREES


def test_a_gradient_that_is_wrong_at_one_point_only():
    # TensorFlow's sign(0)·|0|′ + sign′·|0| is 0 where x = sign(x)|x| has slope 1.
    assert at("sign(x)*abs(x)", 0.0).verdict == DISAGREES
    flipped = wrong(lambda x, y: y * tf.sign(x) * tf.abs(x), lambda u, v, *_: (-u, v))
    assert at(flipped, 0.0, 0.5).verdict == DISAGREES
    assert at("sign(x)*abs(x)", 1e-9).verdict == AGREES


def test_no_path_back_is_a_wrong_gradient_not_a_zero():
    check = tbgrad.check_gradient(lambda x: tf.numpy_function(np.sin, [x], tf.float64), [[1.0], [2.0]])
    assert [p.verdict for p in check.points] == [DISAGREES] * 2
    assert "has no gradient" in check.cause and np.isnan(check.points[0].reverse).all()
    assert check.points[0].differences[0] == pytest.approx(np.cos(1.0), rel=1e-9)
    one = tbgrad.check_gradient(lambda x, y: x**2 + tf.stop_gradient(y**2), [[1.0, 2.0]])
    assert one.verdict == DISAGREES and "no gradient by y: tf.stop_gradient breaks the path" in one.cause
    assert one.points[0].differences.tolist() == pytest.approx([2.0, 4.0], rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "x"),
    [
        ("x**20", 1e-3), ("exp(80*x)", -2.7), ("sin(1e12 + 1e-3*x)", 0.3), ("1e15 + x", 0.3), ("sin(1e4*x)", 1.7),
        ("abs(x - 0.1)", 0.1), ("0.1*x + 0.2*x - 0.3*x", 0.3), ("1 + 1e30*x**20", 1e-3), ("x/x", 0.3),
    ],
)  # fmt: skip
def test_float32_is_no_wrong_gradient(formula, x):
    point = at(formula, x, dtype="float32")
    assert point.verdict == AGREES
    assert point.digits > 3 or point.cause.startswith("float32") or point.reverse[0] == 0


def test_a_gradient_wrong_in_float32_alone():
    @tf.custom_gradient
    def coarse(x):
        factor = 1.1 if x.dtype == tf.float32 else 1.0
        return tf.sin(x), lambda up: factor * up * tf.cos(x)

    assert at(lambda x: coarse(x), 1.0).verdict == AGREES
    point = at(lambda x: coarse(x), 1.0, dtype="float32")
    assert point.verdict == DISAGREES and point.cause.startswith("float32")


def test_a_function_that_takes_float32_only():
    def f(x):
        return x * tf.constant(2.0, tf.float32) + tf.sin(x)

    points = np.float32([[0.3], [1.7]])
    assert verdicts(f, points) == [AGREES] * 2
    flipped = Function(lambda x, y: wrong(smooth, lambda u, v, *_: (-u, v)).call(x, y) * tf.constant(1, tf.float32),
                       ("x", "y"), name="flipped")  # fmt: skip
    assert verdicts(flipped, np.float32([[0.3, 0.4]])) == [DISAGREES]
    with pytest.raises(FunctionCallError):
        tbgrad.check_gradient(f, [[0.3]])


def test_assert_gradient_lists_points_and_causes():
    f = wrong(smooth, lambda u, v, x, y: (-u, v))
    with pytest.raises(GradientError, match="disagrees with differences at 20 of 20 points") as caught:
        tbgrad.assert_gradient(f, POINTS)
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, RunError)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12 and lines[-1].strip() == "... and 10 more" and "-1 times" in lines[1]
    with pytest.raises(GradientError, match="at 1 of 1 point:"):
        tbgrad.assert_gradient(f, POINTS[:1])
