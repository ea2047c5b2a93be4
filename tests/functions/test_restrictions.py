"""A function on a line or a plane: against mpmath and the chain rule, through the ordinary kernels."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from oracles import mp_gradient, mp_value

import tbgrad
from tbgrad.calculus import pointwise
from tbgrad.calculus.kernels import CHUNK, Kernel
from tbgrad.calculus.pointwise import Manner
from tbgrad.errors import OptionError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.functions.imports import from_callable
from tbgrad.functions.restrictions import restrict
from tbgrad.results import Plane

TEXT = "cos(x)*sin(y) + x/y + x*z**2"
ORIGIN, DIRECTIONS = (2.0, 1.0, -0.5), ((0.6, 0.0, 0.8), (1.0, 2.0, -0.5))
COORDINATES = np.random.default_rng(5).uniform(-0.4, 0.4, (12, 2))


# The plane written into the formula, by hand.
ON_PLANE = "cos(2 + 0.6*s + t)*sin(1 + 2*t) + (2 + 0.6*s + t)/(1 + 2*t) + (2 + 0.6*s + t)*(0.8*s - 0.5 - 0.5*t)**2"


def expected(coordinates):
    """Value and gradient on the plane at 50 digits."""
    points = np.asarray(coordinates, np.float64).tolist()
    values = [float(mp_value(ON_PLANE, s=s, t=t)) for s, t in points]
    return np.array(values), np.array([mp_gradient(ON_PLANE, "st", point) for point in points], dtype=float)


def of_numbers(x, y, z):
    return tf.cos(x) * tf.sin(y) + x / y + x * z**2


def of_vector(p):
    x, y, z = tf.unstack(p, axis=-1)
    return of_numbers(x, y, z)


def of_one_vector(p):
    # For a single point: with many it takes three whole points.
    return tf.cos(p[0]) * tf.sin(p[1]) + p[0] / p[1] + p[0] * p[2] ** 2


def mixing(x, y, z):
    value = of_numbers(x, y, z)
    return value + 0.1 * (value - tf.reduce_mean(value))


KINDS = {
    "formula": lambda: tbgrad.resolve(TEXT),
    "numbers": lambda: from_callable(of_numbers),
    "tf.function": lambda: from_callable(tf.function(of_numbers)),
    "vector": lambda: Function.of_vector(of_vector, 3),
    "one vector": lambda: Function.of_vector(of_one_vector, 3),
    "mixing": lambda: from_callable(mixing),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "digits"), [("float64", 2e-14), ("float32", 2e-5)])
def test_a_plane_through_any_kind_of_function(kind, dtype, digits):
    plane = restrict(KINDS[kind](), ORIGIN, DIRECTIONS)
    coordinates = COORDINATES.astype(dtype)
    found = tbgrad.evaluate(plane, coordinates)
    value, gradient = expected(coordinates)
    assert found.value.dtype == found.gradient.dtype == dtype
    np.testing.assert_allclose(found.value, value, rtol=digits, atol=digits)
    np.testing.assert_allclose(found.gradient, gradient, rtol=digits, atol=10 * digits)
    alone = kind in ("one vector", "mixing")
    assert (pointwise.manner(plane, dtype) is Manner.TOGETHER) == (not alone)


def test_a_sweep_and_a_surface_are_ordinary():
    f = tbgrad.resolve(TEXT)
    line = tbgrad.sweep(restrict(f, ORIGIN, DIRECTIONS[:1]), ("along", -1.0, 1.0), points=9, tangents=[0.25])
    assert line.axis == "along" and line.subject.variables == ("along",)
    coordinates = np.stack([np.linspace(-1, 1, 9), np.zeros(9)], axis=-1)
    value, gradient = expected(coordinates)
    np.testing.assert_allclose(line.value, value, rtol=1e-13)
    np.testing.assert_allclose(line.slope, gradient[:, 0], rtol=1e-12)
    (touched,), (slope,) = expected([[0.25, 0.0]])
    assert line.tangents[0].value == pytest.approx(touched, rel=1e-13)
    assert line.tangents[0].slope == pytest.approx(slope[0], rel=1e-12)
    on = restrict(f, ORIGIN, DIRECTIONS, ("s", "t"))
    found = tbgrad.surface(on, [("t", 0.0, 0.3), ("s", -0.3, 0.0)], points=4)
    value, gradient = expected(found.position.reshape(-1, 2))
    np.testing.assert_allclose(found.value.ravel(), value, rtol=1e-13)
    np.testing.assert_allclose(found.slopes.reshape(-1, 2), gradient[:, ::-1], rtol=1e-12, atol=1e-13)


def test_second_derivatives_and_graphs():
    f = tbgrad.resolve(TEXT)
    plane = restrict(f, ORIGIN, DIRECTIONS)
    directions = np.array(DIRECTIONS)
    curved = tbgrad.hessian(f, [np.array(ORIGIN) + [0.1, -0.2] @ directions])[0]
    np.testing.assert_allclose(tbgrad.hessian(plane, [[0.1, -0.2]])[0], directions @ curved @ directions.T, rtol=1e-12)
    assert tbgrad.trace_graph(plane).counts["gradient"] > 0
    assert tbgrad.check_gradient(plane, COORDINATES[:3]).verdict.value == "agrees"


def test_a_thousand_variables():
    d = 1000
    rng = np.random.default_rng(1)
    origin, directions = rng.uniform(-1, 1, d), rng.uniform(-1, 1, (2, d))
    plane = restrict(tbgrad.resolve("rosenbrock", dimensions=d), origin, directions)
    coordinates = rng.uniform(-1, 1, (5, 2))
    found = tbgrad.evaluate(plane, coordinates)
    x = origin + coordinates @ directions
    inner = x[:, 1:] - x[:, :-1] ** 2
    np.testing.assert_allclose(found.value, (100 * inner**2 + (1 - x[:, :-1]) ** 2).sum(axis=1), rtol=1e-13)
    gradient = np.zeros_like(x)
    gradient[:, :-1] += -400 * inner * x[:, :-1] - 2 * (1 - x[:, :-1])
    gradient[:, 1:] += 200 * inner
    np.testing.assert_allclose(found.gradient, gradient @ directions.T, rtol=1e-10)


def test_points_that_become_long_are_computed_in_smaller_chunks():
    seen = []

    def program(position):
        tf.py_function(lambda p: seen.append(len(p)), [position], [])
        return tf.reduce_sum(position, axis=1), position

    traced = tf.function(program, input_signature=[tf.TensorSpec([None, 2], "float64")]).get_concrete_function()
    at_once = CHUNK // 50_000
    Kernel(traced, elementary=False, breadth=50_000)(np.zeros((3 * at_once, 2)))
    assert seen == [at_once] * 3
    inner = restrict(tbgrad.resolve("sphere", dimensions=70), np.zeros(70), np.eye(3, 70), ("a", "b", "c"))
    assert inner.breadth == restrict(inner, np.zeros(3), np.eye(1, 3)).breadth == 70


def test_a_restriction_of_a_restriction():
    f = tbgrad.resolve(TEXT)
    plane = restrict(f, ORIGIN, DIRECTIONS)
    line = restrict(plane, (0.1, -0.2), [[0.5, 0.25]])
    t = np.linspace(-0.5, 0.5, 5)
    value, gradient = expected(np.stack([0.1 + 0.5 * t, -0.2 + 0.25 * t], axis=-1))
    found = tbgrad.evaluate(line, t[:, None])
    np.testing.assert_allclose(found.value, value, rtol=1e-13)
    np.testing.assert_allclose(found.gradient[:, 0], gradient @ [0.5, 0.25], rtol=1e-12)


def test_where_the_function_is_undefined_so_is_its_restriction():
    line = restrict(tbgrad.resolve("log(x) + y"), (1.0, 0.0), [[-1.0, 1.0]])
    found = tbgrad.evaluate(line, [[0.5], [2.0]])
    assert found.finite.tolist() == [True, False]


def test_what_is_told_of_it():
    f = tbgrad.resolve("rosenbrock").with_parameters(b=10.0)
    line, plane = restrict(f, (1.0, 1.0), [[1.0, 0.0]]), restrict(f, (1.0, 1.0), np.eye(2))
    assert (line.label, plane.label) == ("rosenbrock on a line", "rosenbrock on a plane")
    assert line.variables == ("along",) and plane.variables == ("along", "across")
    assert restrict(tbgrad.resolve("x*y*z"), (0, 0, 0), np.eye(3), ("a", "b", "c")).label == "x*y*z on a subspace"
    # The parameters that were set hold.
    assert tbgrad.evaluate(line, [[1.0]]).value[0] == pytest.approx(1 + 10 * 9)
    # Runs of two lines must not be mistaken for each other, nor requests.
    other = restrict(f, (1.0, 1.0), [[0.0, 1.0]])
    assert other.name != line.name and other.request() != line.request()
    assert restrict(f, (1.0, 1.0), [[1.0, 0.0]]).request() == line.request()
    # Nor those of one line through functions that differ in their parameters, or in their formulas alone.
    steeper = restrict(f.with_parameters(b=20.0), (1.0, 1.0), [[1.0, 0.0]])
    assert steeper.name != line.name and steeper.request() != line.request()
    named = [restrict(tbgrad.Function.of_formula(text, name="mine"), (1.0, 1.0), np.eye(2)) for text in ("x*y", "x+y")]
    assert named[0].name != named[1].name and named[0].request() != named[1].request()
    assert set(line.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


def test_a_plane_brings_its_directions_names_and_caption():
    f = dataclasses.replace(tbgrad.resolve("rosenbrock"), caption="on these data")
    origin, directions = np.array([1.0, 1.0]), np.array([[1.0, 0.5], [0.0, 2.0]])
    plane = Plane(origin, directions, axes=("s: one way", "t"), caption="nothing normalised")
    on, same = restrict(f, plane), restrict(f, origin, directions, ("s", "t"))
    assert on.variables == ("s", "t") and on.request() == same.request()
    assert on.caption == on.subject().caption == "nothing normalised; on these data"
    assert same.subject().caption == "on these data"
    np.testing.assert_array_equal(tbgrad.evaluate(on, [[0.5, -0.25]]).value, [100 * (0.75 - 1.5**2) ** 2 + 0.5**2])
    assert restrict(f, plane, names=("a", "b")).variables == ("a", "b")
    with pytest.raises(OptionError, match="directions of its own"):
        restrict(f, plane, directions)


def test_arrays_may_change_afterwards():
    origin, directions = np.array([1.0, 2.0]), np.array([[1.0, 0.0]])
    line = restrict(tbgrad.resolve("x + 10*y"), origin, directions)
    origin[:], directions[:] = 7.0, 7.0
    assert tbgrad.evaluate(line, [[3.0]]).value[0] == 24.0


@pytest.mark.parametrize(
    ("origin", "directions", "names", "said"),
    [
        ((1.0,), [[1.0, 0.0]], ("a",), r"origin has shape \(1,\); expected \(2,\)"),
        ((1.0, 2.0), [1.0, 0.0], ("a",), r"shape \(2,\); expected \(k, 2\) .* For one direction"),
        ((1.0, 2.0), [[1.0, 0.0, 0.0]], ("a",), r"shape \(1, 3\)"),
        ((1.0, 2.0), np.zeros((0, 2)), ("a",), r"shape \(0, 2\)"),
        ((1.0, 2.0), np.ones((3, 2)), ("a", "b", "c"), r"k from 1 to 2"),
        ((1.0, np.nan), [[1.0, 0.0]], ("a",), "not finite"),
        ((1.0, 2.0), [[np.inf, 0.0]], ("a",), "not finite"),
        ((1.0, 2.0), [[0.0, 0.0]], ("a",), "is zero"),
        ((1.0, 2.0), [[1.0, 2.0], [-2.0, -4.0]], ("a", "b"), "linearly dependent"),
        ((1.0, 2.0), [[1.0, 2.0], [1.0]], ("a", "b"), "expected an origin of 2 numbers"),
        ((1.0, 2.0), [["x", "y"]], ("a",), "expected an origin of 2 numbers"),
        ((1.0, 2.0), np.eye(2), ("a",), "expected a list of 2, one for each direction"),
        ((1.0, 2.0), [[1.0, 0.0]], "along", "expected a list of 1"),
        ((1.0, 2.0), np.eye(2), ("a", "a"), "not distinct"),
    ],
)
def test_mistakes_are_told(origin, directions, names, said):
    with pytest.raises(ShapeError, match=said):
        restrict(tbgrad.resolve("rosenbrock"), origin, directions, names)


def test_tiny_and_huge_directions_are_fine():
    f = tbgrad.resolve("x + 2*y")
    for scale in (1e-200, 1e200):
        plane = restrict(f, (0.0, 0.0), [[scale, 0.0], [0.0, 1.0]])
        np.testing.assert_allclose(tbgrad.evaluate(plane, [[1 / scale, 1.0]]).value, [3.0])


def test_what_is_no_function_is_refused():
    with pytest.raises(OptionError, match="expected a Function, got 'sphere'"):
        restrict("sphere", (0.0, 0.0), [[1.0, 0.0]])
