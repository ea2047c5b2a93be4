"""What a check says of gradients, right and wrong, held against what is known of the functions."""

import numpy as np
import pytest
import tensorflow as tf
from check_verdicts import AGREES, DISAGREES, KINK, UNDEFINED, at, verdicts

import tbgrad
from tbgrad.calculus.checks import draw_points
from tbgrad.errors import FunctionCallError, RangeError, ShapeError
from tbgrad.functions import catalogue
from tbgrad.functions.function import Function


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
        ("1e16 + abs(x)", [0.0], "slope is -1 below the point and 1 above"),
        ("1 + 1e-16*abs(x)", [0.0], "kink"),
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


def test_at_the_edge_of_the_domain_a_slope_lost_in_rounding_accuses_nobody():
    point = at("x**1.5 + sin(x) + cosh(100)", 0.0)
    assert point.verdict == AGREES and point.digits == 0 and "cannot tell" in point.cause


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


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("where(x > 0, sqrt(x), 0)", lambda h: 0.5 / np.sqrt(h)), ("relu(x)", lambda h: 0.5 + 0 * h)],
)
def test_where_there_is_no_slope_the_error_is_that_of_the_quotient(formula, expected):
    """(f(h) - f(-h)) / 2h, against a gradient of 0."""
    check = tbgrad.check_gradient(formula, [[0.0]])
    told = np.isfinite(check.error[0])
    assert told.sum() > 50
    np.testing.assert_allclose(check.error[0, told], expected(check.step[0, told]), 1e-12)


def test_assert_gradient_is_silent_where_nothing_is_wrong():
    assert tbgrad.assert_gradient("sin(x)*y", [[1.0, 2.0]]) is None
    assert tbgrad.assert_gradient(lambda x: tf.abs(x), [[0.0], [1.0]]) is None
    assert tbgrad.assert_gradient("log(x)", [[-1.0], [1.0]]) is None


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
