"""What a check says of gradients, right and wrong, held against what is known of the functions."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus.checks import draw_points
from tbgrad.errors import FunctionCallError, GradientError, RangeError, RunError, ShapeError
from tbgrad.functions import catalogue
from tbgrad.functions.function import Function

AGREES, DISAGREES = "agrees", "disagrees"
KINK, UNDEFINED = "not differentiable here", "undefined here"


def verdicts(f, points, **settings):
    return [point.verdict.value for point in tbgrad.check_gradient(f, points, **settings).points]


def at(f, *coordinates, **settings):
    (point,) = tbgrad.check_gradient(f, [list(coordinates)], **settings).points
    return point


@pytest.mark.parametrize(
    ("formula", "x", "slope"),
    [
        ("sin(x)", 1.0, np.cos(1.0)),
        ("x**20", 1e-3, 20e-57),
        ("x**20", 0.0, 0.0),
        ("1e-30*x", 0.3, 1e-30),
        ("1e200*x", 0.3, 1e200),
        ("1e15 + x", 0.3, 1.0),
        ("(1e15 + x) - 1e15", 0.3, 1.0),
        ("(1e8 + x) - 1e8", 0.3, 1.0),
        ("0*x + 7", 0.3, 0.0),
        ("exp(300*x)", 1.0, 300 * np.exp(300.0)),
        ("sin(1e4*x)", 2.3, 1e4 * np.cos(2.3e4)),
        ("1/(x - 1e-6)", 0.0, -1e12),
        ("log(x)", 1e-300, 1e300),
        ("x**3", 1e100, 3e200),
        ("x**3", -1e8, 3e16),
        ("sqrt(x**2 + 1e-20)", 0.0, 0.0),
        ("abs(x)", 1e-9, 1.0),
        ("1 + abs(x)", -1e-9, -1.0),
        ("abs(x)**1.5", 0.0, 0.0),
        ("1 + abs(x)**1.1", 0.0, 0.0),
        ("sin(x)**2 + cos(x)**2 - 1", 0.7, 0.0),
        ("0.1*x + 0.2*x - 0.3*x", 0.0, 0.0),
        ("x/x", -2.679588585585816, 0.0),
        ("sign(x)", 1e-12, 0.0),
        ("tanh(1e6*x)", 0.0, 1e6),
        ("asin(x)", 1 - 1e-12, 1 / np.sqrt(2e-12)),
    ],
)
def test_right_gradients_in_hard_places(formula, x, slope):
    point = at(formula, x)
    assert point.verdict == AGREES, point.cause
    room = 10 * point.uncertainty[0] + 1e-9 * abs(slope)
    # asin's argument is rounded: its slope is known to 1e-4 there.
    assert abs(point.differences[0] - slope) <= room + (1e-4 * abs(slope) if "asin" in formula else 0)


@pytest.mark.parametrize("formula", ["1e-20*sin(1e30*x) + 1", "1 + abs(x)**1.5", "exp(300*x)"])
def test_where_differences_cannot_tell_they_accuse_nobody(formula):
    x = {"exp(300*x)": 2.36, "1 + abs(x)**1.5": 1e-12}.get(formula, 0.0)
    point = at(formula, x)
    assert point.verdict == AGREES and point.digits == 0 and point.cause


@pytest.mark.parametrize(
    ("formula", "point", "says"),
    [
        ("abs(x)", [0.0], "slope is -1 below the point and 1 above"),
        ("1 + abs(x - 2)", [2.0], "kink"),
        ("abs(x) + x", [0.0], "slope is 0 below the point and 2 above"),
        ("sqrt(x**2 + y**2)", [0.0, 0.0], "kink"),
        ("(x + y + abs(x - y))/2", [1.5, 1.5], "kink"),
        ("sqrt(abs(x*y))", [0.0, 0.0], "kink"),
        ("sign(x)", [0.0], "jump"),
        ("where(x > 0, log(x), 0)", [0.0], "jump"),
        ("where(x > 0, 1/x, 0)", [0.0], "jump"),
        ("mod(x, 2)", [4.0], "jump"),
        ("round(x)", [0.5], "jump"),
        ("softplus(-abs(x))", [0.0], "kink"),
        ("maximum(x, y)**2", [2.0, 2.0], "kink"),
        ("sum(abs(q[i]) for i in range(n))", [0.0, 3.0], "kink"),
        ("cbrt(x)", [0.0], "grows without bound"),
        ("where(x > 0, x*log(x), 0)", [0.0], ""),
        ("sign(sin(x + y))", [-2.0, 2.0], "jump"),
        ("atan2(y, x)", [-1.0, 0.0], "jump"),
        ("sqrt(abs(x))", [0.0], "grows without bound"),
        ("sign(x)*abs(x)**(1/3)", [0.0], "grows without bound"),
        ("sqrt(x)", [0.0], "edge of its domain, where the slope grows"),
        ("asin(x)", [1.0], "edge of its domain, where the slope grows"),
        ("sqrt(sign(x))", [0.0], "edge of its domain"),
    ],
)
def test_no_derivative_here(formula, point, says):
    found = at(f"x, y -> {formula}" if len(point) == 2 and "q[" not in formula else formula, *point)
    assert found.verdict == KINK and says in found.cause


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        ("where(x != 0, sin(x)/x, 1)", 0.0),
        ("where(x != 0, x**2*sin(1/x), 0)", 0.0),
        ("where(x != 0, x + x**2*sin(1/x), 0)", 1.0),
        ("where(x > 0, x**1.5, 0)", 0.0),
    ],
)
def test_the_branch_not_taken_spoils_a_gradient_that_is_there(formula, slope):
    found = at(formula, 0.0)
    if np.isfinite(found.reverse).all():
        assert (found.verdict, found.reverse.tolist()) == (AGREES, [slope])
    else:
        assert found.verdict == DISAGREES and "the branch that tf.where did not take" in found.cause


def test_relu_and_the_maximum_of_two():
    assert verdicts(lambda x: tf.nn.relu(x), [[0.0], [1e-9], [-2.0]]) == [KINK, AGREES, AGREES]
    assert verdicts(lambda x, y: tf.maximum(x, y), [[1.0, 1.0], [1.0, 2.0]]) == [KINK, AGREES]
    assert verdicts(lambda x: tf.floor(x) + x, [[3.0], [3.25]]) == [KINK, AGREES]


@pytest.mark.parametrize(
    ("formula", "x", "says"),
    [("log(x)", 0.0, "infinite"), ("log(x)", -1.0, "NaN"), ("1/x", 0.0, "pole"), ("sqrt(-x**2)", 0.0, "both sides")],
)
def test_undefined_here(formula, x, says):
    point = at(formula, x)
    assert point.verdict == UNDEFINED and says in point.cause


@pytest.mark.parametrize(("formula", "x"), [("x**1.5", 0.0), ("x*sqrt(x)", 0.0), ("(1 - x)**2.5", 1.0)])
def test_at_the_edge_of_the_domain_the_side_that_is_there_counts(formula, x):
    point = at(formula, x)
    assert point.verdict == AGREES and "edge of its domain" in point.cause and abs(point.differences[0]) < 1e-9


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
    assert at("sign(x)*abs(x)", 1e-9).verdict == AGREES


def test_no_path_back_is_a_wrong_gradient_not_a_zero():
    check = tbgrad.check_gradient(lambda x: tf.numpy_function(np.sin, [x], tf.float64), [[1.0], [2.0]])
    assert [p.verdict for p in check.points] == [DISAGREES] * 2
    assert "has no gradient" in check.cause and np.isnan(check.points[0].reverse).all()
    assert check.points[0].differences[0] == pytest.approx(np.cos(1.0), rel=1e-9)
    one = tbgrad.check_gradient(lambda x, y: x**2 + tf.stop_gradient(y**2), [[1.0, 2.0]])
    assert one.verdict == DISAGREES and "no gradient by y: tf.stop_gradient breaks the path" in one.cause
    assert one.points[0].differences.tolist() == pytest.approx([2.0, 4.0], rel=1e-9)


@pytest.mark.parametrize("name", sorted(catalogue.catalogue()))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_catalogue_function_agrees(name, dtype):
    f = tbgrad.resolve(name)
    points, region = draw_points(f, 30, seed=3)
    assert "domain" in region
    check = tbgrad.check_gradient(f, points, dtype=dtype)
    if (name, dtype) == ("cross_in_tray", "float32"):
        # exp(100) is beyond the floats of single precision.
        assert check.verdict == UNDEFINED and "float32" in check.cause
        return
    assert check.verdict == AGREES, check.cause
    assert check.digits > (9 if dtype == "float64" else 3)


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


def test_many_variables():
    f = Function.of_vector(lambda p: tf.reduce_sum(p**3, axis=-1), 12)
    points = np.random.default_rng(2).normal(size=(5, 12))
    check = tbgrad.check_gradient(f, points)
    assert check.verdict == AGREES and check.digits > 9
    np.testing.assert_allclose([p.differences for p in check.points], 3 * points**2, rtol=1e-9)


def test_the_result_holds_the_v():
    check = tbgrad.check_gradient("exp(x)", [[1.0]])
    told = np.isfinite(check.error[0])
    step, error = check.step[0, told], check.error[0, told]
    assert (np.diff(step) < 0).all() and np.array_equal(np.log2(step), np.round(np.log2(step)))
    # Central differences of exp at 1 are e sinh(h)/h: their truncation is known.
    coarse = (step > 1e-3) & (step < 10)
    expected = np.sinh(step[coarse]) / step[coarse] - 1
    np.testing.assert_allclose(error[coarse], expected, rtol=1e-4)
    assert 1e-6 < step[error.argmin()] < 1e-4 and error[step < 1e-13].max() > 1e-6
    assert check.digits > 14 and check.points[0].error < 1e-9


def test_assert_gradient_is_silent_where_nothing_is_wrong():
    assert tbgrad.assert_gradient("sin(x)*y", [[1.0, 2.0]]) is None
    assert tbgrad.assert_gradient(lambda x: tf.abs(x), [[0.0], [1.0]]) is None
    assert tbgrad.assert_gradient("log(x)", [[-1.0], [1.0]]) is None


def test_assert_gradient_lists_points_and_causes():
    f = wrong(smooth, lambda u, v, x, y: (-u, v))
    with pytest.raises(GradientError, match="disagrees with differences at 20 of 20 points") as caught:
        tbgrad.assert_gradient(f, POINTS)
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, RunError)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12 and lines[-1].strip() == "... and 10 more" and "-1 times" in lines[1]
    with pytest.raises(GradientError, match="at 1 of 1 point:"):
        tbgrad.assert_gradient(f, POINTS[:1])


def test_wrong_questions():
    with pytest.raises(ShapeError):
        tbgrad.check_gradient("sin(x)", [1.0])
    with pytest.raises(RangeError, match="no point"):
        tbgrad.check_gradient("sin(x)", np.empty((0, 1)))
    with pytest.raises(FunctionCallError, match="broken on purpose"):

        def broken(x):
            raise ValueError("broken on purpose")

        tbgrad.check_gradient(broken, [[1.0]])


def test_random_points():
    f = tbgrad.resolve("rosenbrock")
    points, region = draw_points(f, 50, seed=1)
    low, high = np.array(f.domain).T
    assert points.shape == (50, 2) and (points >= low).all() and (points <= high).all() and "its domain" in region
    np.testing.assert_array_equal(points, draw_points(f, 50, seed=1)[0])
    assert not np.array_equal(points, draw_points(f, 50, seed=2)[0])
    points, region = draw_points(tbgrad.resolve("log(x)"), 50)
    assert len(points) == 50 and (points > 0).all() and (points <= 3).all()
    assert "from -3 to 3" in region and "left out" in region
    assert "at none of" in draw_points(tbgrad.resolve("log(-x**2 - 1)"), 5)[1]
    with pytest.raises(RangeError):
        draw_points(f, 0)
