"""The second derivative along a line: exact, for every kind of function, undefined where the function is."""

import math

import mpmath
import numpy as np
import pytest
import tensorflow as tf
from oracles import Exact

from tbgrad.calculus.hessians import hessian
from tbgrad.calculus.products import second_along
from tbgrad.calculus.sweeps import sweep
from tbgrad.errors import ShapeError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function

CATALOGUE = catalogue()


def along(text, low, high, points=41, **more):
    return sweep(Function.of_formula(text), ("x", low, high), points=points, second=True, **more)


def test_not_computed_unless_asked_for():
    assert sweep(CATALOGUE["ripple"]).second is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sin(x)", lambda x: -np.sin(x)),
        ("exp(10*x)", lambda x: 100 * np.exp(10 * x)),
        ("1/x", lambda x: 2 / x**3),
        ("log(x + 3)", lambda x: -1 / (x + 3) ** 2),
        ("x**3", lambda x: 6 * x),
        ("tanh(x)", lambda x: -2 * np.tanh(x) / np.cosh(x) ** 2),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_by_hand(text, expected, dtype):
    result = along(text, -1.03, 1, dtype=dtype)
    assert result.second.dtype == dtype and result.second.shape == (41,)
    rounding = {"float64": 1e-13, "float32": 3e-5}[dtype]
    exact = expected(result.coordinate.astype(np.float64))
    np.testing.assert_allclose(result.second, exact, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("name", ["himmelblau", "ripple", "branin", "peaks", "ackley", "rastrigin", "styblinski_tang"])
def test_the_catalogue_against_mpmath(name):
    f = CATALOGUE[name]
    exact, centre = Exact(f), [sum(bounds) / 2 + 0.1 for bounds in f.domain]
    last = [high for _, high in f.domain]
    result = sweep(f, start=centre, end=last, points=3, second=True)
    direction = (np.array(last) - centre) / np.linalg.norm(np.array(last) - centre)
    for i, position in enumerate(result.position):
        with mpmath.workdps(40):
            moved = [(mpmath.mpf(float(x)), mpmath.mpf(float(v))) for x, v in zip(position, direction, strict=True)]
            second = float(mpmath.diff(lambda t, at=moved: exact._value(*(x + t * v for x, v in at)), 0, 2))
        assert result.second[i] == pytest.approx(second, rel=1e-10, abs=1e-12)


def test_undefined_where_the_function_or_its_slope_is():
    result = along("log(x)", -1, 1, 5)
    assert np.isnan(result.second[:2]).all() and not np.isfinite(result.second[2])
    np.testing.assert_allclose(result.second[3:], [-4, -1])
    assert not np.isfinite(along("sqrt(x)", -1, 1, 3).second[:2]).any()
    # (sin x)/x has a limit at 0, but no value there.
    assert np.isnan(along("sin(x)/x", -1, 1, 3).second[1])


def test_steps_and_kinks_have_none_to_speak_of():
    for text in ("floor(x)", "abs(x)", "relu(x)"):
        np.testing.assert_array_equal(along(text, -1, 1, 7).second, np.zeros(7))


def test_what_is_fixed_need_not_have_a_derivative():
    result = sweep(Function.of_formula("x**2 + sqrt(y)*x"), ("x", 0, 2), points=5, second=True)
    assert np.isinf(result.gradient[1:, 1]).all()
    np.testing.assert_array_equal(result.second, np.full(5, 2.0))


def test_every_kind_of_function():
    def mixing(x, y):
        return tf.reduce_sum(x**3 * y)

    sums = CATALOGUE["sphere"].with_dimensions(4)
    assert sweep(sums, ("x1", 0, 1), points=3, second=True).second == pytest.approx([2, 2, 2])
    vector = Function.of_vector(lambda p: tf.reduce_prod(p, -1), 3)
    line = sweep(vector, start=(1, 2, 3), end=(2, 0, 1), points=4, second=True)
    direction = np.array([1, -2, -2]) / 3
    expected = np.einsum("i,nij,j->n", direction, hessian(vector, line.position), direction)
    np.testing.assert_allclose(line.second, expected, rtol=1e-13)
    alone = sweep(Function(mixing, ("x", "y")), ("x", 0, 2), {"y": 3}, points=3, second=True)
    np.testing.assert_allclose(alone.second, [0, 18, 36])
    linear = sweep(Function(lambda x: 3 * x, ("x",)), ("x", 0, 1), points=2, second=True)
    np.testing.assert_array_equal(linear.second, [0, 0])


def test_many_points_are_computed_in_parts():
    result = along("sin(x)", 0, 6, 150_001)
    np.testing.assert_allclose(result.second, -result.value, atol=1e-15)


def test_along_a_direction_of_any_length():
    f, points = CATALOGUE["himmelblau"], [[1.0, 2.0], [-3.0, 0.5]]
    matrix = hessian(f, points)
    for v in ([1.0, 0.0], [0.0, 2.0], [3.0, -4.0], [0.0, 0.0]):
        np.testing.assert_allclose(second_along(f, points, v), np.einsum("i,nij,j->n", v, matrix, v), rtol=1e-13)
    assert second_along(f, np.zeros((0, 2)), [1.0, 0.0]).shape == (0,)
    with pytest.raises(ShapeError, match="vectors have shape"):
        second_along(f, points, [1.0, 0.0, 0.0])


def test_the_tutorials_second_derivative():
    result = sweep(CATALOGUE["fading_wave"], points=100, second=True)
    x = result.coordinate[1:]
    s, c = np.sin(2 * x), np.cos(2 * x)
    expected = -2 * s / np.sqrt(x) - c / x**1.5 + 3 * s / (8 * x**2.5)
    np.testing.assert_allclose(result.second[1:], expected, rtol=1e-11, atol=1e-12)
    assert math.isnan(result.second[0])
