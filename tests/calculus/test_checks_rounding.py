"""What a check says where rounding hides the slope: right gradients are not accused, and wrong ones are found."""

import math

import numpy as np
import pytest
import tensorflow as tf
from check_verdicts import AGREES, DISAGREES, KINK, at, verdicts

import tbgrad
from tbgrad.errors import FunctionCallError


def rastrigin(x, y):
    return 20 + x**2 - 10 * tf.cos(2 * math.pi * x) + y**2 - 10 * tf.cos(2 * math.pi * y)


def cosines(x, y):
    return 1 - tf.cos(x) * tf.cos(y)


def rosenbrock(x, y):
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


def with_its_own_gradient(call):
    @tf.custom_gradient
    def computed(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = call(x, y)
        partials = tape.gradient(value, [x, y])
        return value, lambda up: [up * partial for partial in partials]

    return lambda x, y: computed(x, y)


def in_a_loop(call):
    return lambda x, y: tf.while_loop(lambda i, _: i < 1, lambda i, _: (i + 1, call(x, y)), (0, tf.zeros_like(x)))[1]


STYLES = {
    "f(x, y)": lambda call: tbgrad.resolve(lambda x, y: call(x, y)),
    "f(p) with p[0]": lambda call: tbgrad.resolve(lambda p: call(p[0], p[1]), dimensions=2),
    "f(p) with p[..., 0]": lambda call: tbgrad.resolve(lambda p: call(p[..., 0], p[..., 1]), dimensions=2),
    "tf.function": lambda call: tbgrad.resolve(tf.function(lambda x, y: call(x, y), autograph=False)),
    "tf.custom_gradient": lambda call: tbgrad.resolve(with_its_own_gradient(call)),
    "tf.while_loop": lambda call: tbgrad.resolve(in_a_loop(call)),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("call", "minimum"), [(rastrigin, 0.0), (cosines, 0.0), (rosenbrock, 1.0)])
@pytest.mark.parametrize("reach", [1e-1, 1e-3, 1e-6])
def test_right_gradients_near_a_minimum_are_not_accused(style, call, minimum, reach):
    points = minimum + reach * np.array([[0.72, -0.51], [-0.31, 0.89], [0.05, 0.07], [-0.94, -0.22]])
    assert verdicts(STYLES[style](call), points) == [AGREES] * 4
    if style in ("f(x, y)", "f(p) with p[0]"):
        assert verdicts(STYLES[style](call), points, dtype="float32") == [AGREES] * 4


@pytest.mark.parametrize("inner", [tf.float32, tf.bfloat16, tf.float16])
def test_what_is_computed_in_lower_precision_is_not_accused(inner):
    f = tbgrad.resolve(lambda x: tf.cast(tf.sin(tf.cast(x, inner)), x.dtype))
    assert verdicts(f, [[0.3], [1.7], [100.0], [3.0], [0.001]]) == [AGREES] * 5


@pytest.mark.parametrize(
    ("text", "smallest"),
    [
        ("(1 - cos(x))/x**2", -8),
        ("(sqrt(1 + x) - 1)/x", -14),
        ("(x - sin(x))/x**3", -6),
        ("(exp(x) - 1 - x)/x**2", -8),
        ("log(1 + x)/x", -14),
        ("(-x + sqrt(x**2 + 4e-9))/(2e-9)", -2),
    ],
)
def test_cancellation_is_not_accused(text, smallest):
    points = 10.0 ** np.random.default_rng(12).uniform(smallest, 0, (40, 1))
    assert verdicts(text, points) == [AGREES] * 40


def test_cancellation_is_told_and_no_digits_are_claimed():
    # The slope is -1e-5/12; what is computed is -0.008.
    found = at("(1 - cos(x))/x**2", 1e-5)
    assert found.verdict == AGREES and found.digits < 1 and "cancel, leaves 0.0 digits of ∂f/∂x" in found.cause
    assert at("(1 - cos(x))/x**2", 1.0).digits > 12


def times(factor, call):
    """The function with its gradient multiplied."""

    @tf.custom_gradient
    def bent(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = call(x)
        slope = tape.gradient(value, x)
        return value, lambda up: factor * up * slope

    return tbgrad.resolve(lambda x: bent(x))


@pytest.mark.parametrize(
    ("call", "factor", "points"),
    [
        (lambda x: 100 + (x - 1) ** 2, -1.0, [1 + 1e-6, 1 + 1e-7]),
        (tf.cosh, -1.0, [1e-8]),
        (lambda x: tf.exp(-x * x), -1.0, [1e-8]),
        (lambda x: 1e12 + tf.sin(x), -1.0, [0.3]),
        (lambda x: 1e10 + tf.sin(x), 1.1, [1.7]),
        (lambda x: 1e8 + tf.sin(x), 1.001, [0.3, 1.7, -2.2, 3.0]),
        (lambda x: 1 + x**4, 1.001, [0.01]),
    ],
)
def test_a_wrong_gradient_that_larger_steps_tell_is_found(call, factor, points):
    points = np.array(points)[:, None]
    assert verdicts(times(factor, call), points) == [DISAGREES] * len(points)
    assert verdicts(times(1.0, call), points) == [AGREES] * len(points)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("1e6 + 1e-11*tanh(1e3*x)", [0.0]),
        ("1e10*y + 1e-7*tanh(1e3*x)", [0.0, 1.0]),
        ("1 + 1e-17*tanh(1e3*x)", [0.0]),
        ("1e13 + sin(x)", [5.0]),
        ("abs(x) + 1e14", [-0.865]),
        ("abs(x - 1) + 100", [1 + 1e-12]),
        ("floor(10*x)", [-3.9]),
        ("x - floor(x)", [1.00000000000001]),
    ],
)
def test_what_rounding_hides_beside_a_point_does_not_accuse_its_gradient(text, point):
    assert verdicts(text, [point]) == [AGREES]


def test_what_rounding_hides_does_not_excuse_a_wrong_gradient():
    beside = [[1 + 1e-12]]
    assert verdicts(times(1.0, lambda x: abs(x - 1) + 100), beside) == [AGREES]
    assert verdicts(times(-1.0, lambda x: abs(x - 1) + 100), beside) == [KINK]
    # A jump at the point alone, of which central differences see nothing.
    assert verdicts("x + sign(abs(y))", [[-1.0, 0.0]]) == [KINK]


def refuses_negative(x):
    tf.debugging.assert_positive(x)
    return tf.sqrt(x)


def refuses_nan(x):
    return tf.debugging.check_numerics(tf.math.log(x), "no logarithm")


@pytest.mark.parametrize("call", [refuses_negative, refuses_nan])
def test_a_function_that_refuses_other_points_can_be_checked(call):
    check = tbgrad.check_gradient(tbgrad.resolve(call), [[1.0], [2.0], [1e-3]])
    assert [point.verdict.value for point in check.points] == [AGREES] * 3
    assert all(point.digits > 6 for point in check.points)
    with pytest.raises(FunctionCallError):
        tbgrad.check_gradient(tbgrad.resolve(call), [[1.0], [-1.0]])


def test_an_error_of_a_custom_gradient_is_told_as_it_is():
    @tf.custom_gradient
    def bent(x):
        def back(up):
            raise KeyError("no such gradient")

        return tf.sin(x), back

    f = tbgrad.resolve(lambda x: bent(x))
    for ask in (tbgrad.evaluate, tbgrad.check_gradient):
        with pytest.raises(FunctionCallError, match=r"KeyError.*no such gradient"):
            ask(f, [[1.0]])


def with_numpy(x):
    return x + tf.numpy_function(np.sin, [x], x.dtype)


def with_a_stop(p):
    return p[0] ** 2 + tf.stop_gradient(p[1] ** 2) * p[1]


@pytest.mark.parametrize(
    ("call", "dimensions", "named"), [(with_numpy, None, "numpy_function"), (with_a_stop, 2, "stop")]
)
def test_a_path_that_is_broken_in_one_term_is_named(call, dimensions, named):
    (point,) = tbgrad.check_gradient(tbgrad.resolve(call, dimensions), [[1.0] * (dimensions or 1)]).points
    assert point.verdict == DISAGREES and named in point.cause and "passes no gradient back" in point.cause
    assert "passes no gradient" not in at(times(-1.0, tf.sin), 1.0).cause


@pytest.mark.parametrize("text", ["x**2", "atan(x)", "exp(-x)"])
@pytest.mark.parametrize("infinite", [math.inf, -math.inf])
def test_an_infinite_point_gets_the_same_verdict_alone_and_beside_others(text, infinite):
    assert verdicts(text, [[infinite]]) == verdicts(text, [[1.0], [infinite]])[1:]
