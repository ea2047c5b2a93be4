import numpy as np
import pytest
from oracles import Exact

from tbgrad.calculus.backward import backward
from tbgrad.calculus.derivatives import evaluate
from tbgrad.calculus.hessians import hessian
from tbgrad.errors import RangeError, ShapeError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function

CATALOGUE = catalogue()
ALL = pytest.mark.parametrize("f", CATALOGUE.values(), ids=CATALOGUE)
EPS = np.finfo(float).eps
# Smaller floats have fewer digits.
TINY = 1e-300


def points_of(f, count, seed=17):
    low, high = np.array(f.domain).T
    return np.random.default_rng(seed).uniform(low, high, (count, f.dimensions))


@ALL
def test_value_and_gradient_against_mpmath(f):
    """Relative error 1e-12, and what a rounding of the coordinates does to the exact answer.

    A function near a zero is ill-conditioned: moving x by its own rounding, eps·|x|, moves the value by eps·|x·∂f/∂x|
    and the gradient by eps·|H·x|. No algorithm in float64 can do better; it is allowed four such roundings. A gradient
    is measured by its length, as one component may vanish by cancellation.
    """
    points = points_of(f, 40)
    found, exact = evaluate(f, points), Exact(f)
    for point, value, gradient in zip(points, found.value, found.gradient, strict=True):
        expected, slope = exact.value(point), exact.gradient(point)
        assert abs(value - expected) <= 1e-12 * abs(expected) + 4 * EPS * np.abs(point) @ np.abs(slope) + TINY
        allowed = TINY + 1e-12 * np.abs(slope).max() + 4 * EPS * np.abs(exact.hessian(point)) @ np.abs(point)
        assert (np.abs(gradient - slope) <= allowed).all()


@ALL
def test_hessian_against_mpmath(f):
    points = points_of(f, 5, seed=18)
    exact = Exact(f)
    for point, found in zip(points, hessian(f, points), strict=True):
        expected = exact.hessian(point)
        # What a rounding of the coordinates does to sin(x²) far out, its second derivative feels twice.
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-10 * np.abs(expected).max())


@ALL
def test_by_hand_against_mpmath_and_the_compiled_gradient(f):
    points = points_of(f, 8, seed=19)
    compiled, exact = evaluate(f, points), Exact(f)
    for point, value, gradient in zip(points, compiled.value, compiled.gradient, strict=True):
        by_hand = backward(f, point)
        slope = exact.gradient(point)
        felt = 4 * EPS * np.abs(exact.hessian(point)) @ np.abs(point)
        allowed = TINY + 1e-12 * np.abs(slope).max() + felt
        for found in (exact.value(point), value):
            np.testing.assert_allclose(by_hand.value, found, rtol=1e-12, atol=1e-14)
        for found in (slope, gradient):
            assert (np.abs(by_hand.gradient - found) <= allowed).all()


@ALL
def test_a_batch_equals_its_points(f):
    points = points_of(f, 17, seed=20)
    batch = evaluate(f, points)
    for i, point in enumerate(points):
        alone = evaluate(f, [point])
        # Vectorized and scalar code of one function may differ in the last place.
        np.testing.assert_allclose(alone.value[0], batch.value[i], rtol=1e-12, atol=1e-15)
        scale = max(1.0, np.abs(batch.gradient).max())
        np.testing.assert_allclose(alone.gradient[0], batch.gradient[i], rtol=1e-12, atol=1e-13 * scale)


@pytest.mark.parametrize(
    ("name", "point", "value", "gradient"),
    [
        ("ripple", (2.0, 0.0), 0.909297426825681695, (-0.416146836547142387, 0.0)),
        ("fading_wave", (4.1,), 0.232296853326313995, (-0.195825531572645104,)),
    ],
)
def test_the_tutorials_numbers(name, point, value, gradient):
    found = evaluate(CATALOGUE[name], [point])
    np.testing.assert_allclose(found.value, [value], rtol=5e-15)
    np.testing.assert_allclose(found.gradient, [gradient], rtol=5e-15)


@pytest.mark.parametrize(
    ("name", "end", "value"),
    [
        ("tilted_waves", (2.53709188, 2.23564573), 0.48729576284047765),
        ("fading_wave", (5.47497182,), -0.21346504478695877),
        ("ripple", (2.10744442, 4.21488884), -1.0),
        ("ripple", (2.73776093, 3.83552799), -1.0),
    ],
)
def test_where_the_tutorials_descents_end(name, end, value):
    found = evaluate(CATALOGUE[name], [end])
    np.testing.assert_allclose(found.value, [value], rtol=1e-14)
    # The stated positions have eight decimals.
    np.testing.assert_allclose(found.gradient, 0, atol=2e-8)


def test_the_tutorials_minimum_of_tilted_waves_curves_upward():
    (matrix,) = hessian(CATALOGUE["tilted_waves"], np.array([[2.53709188, 2.23564573]]))
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), [0.60, 1.15], atol=0.005)


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("ripple", [[0.0, 0.0]]),
        ("tilted_waves", [[1.0, 0.0], [0.0, 0.0]]),
        ("fading_wave", [[0.0], [-1.0]]),
    ],
)
def test_where_there_is_no_gradient(name, points):
    found = evaluate(CATALOGUE[name], points)
    assert not found.finite.any()
    assert not np.isfinite(found.gradient).any(axis=-1).all()


def test_an_undefined_point_leaves_its_neighbours_alone():
    found = evaluate(CATALOGUE["fading_wave"], [[4.1], [0.0], [-2.0], [4.1]])
    np.testing.assert_array_equal(found.finite, [True, False, False, True])
    assert found.value[0] == found.value[3]


@pytest.mark.parametrize(
    ("points", "dtype", "expected"),
    [
        (np.ones((3, 2), np.float64), None, "float64"),
        (np.ones((3, 2), np.float32), None, "float32"),
        (np.ones((3, 2), np.float32), "float64", "float64"),
        (np.ones((3, 2), np.float64), "float32", "float32"),
        (np.ones((3, 2), np.float16), None, "float64"),
        (np.ones((3, 2), int), None, "float64"),
        ([[1, 1]] * 3, None, "float64"),
        ([[1, 1]] * 3, "float32", "float32"),
    ],
)
def test_shapes_and_dtypes(points, dtype, expected):
    found = evaluate(CATALOGUE["rosenbrock"].with_parameters(a=0.1), points, dtype=dtype)
    assert (found.position.shape, found.value.shape, found.gradient.shape) == ((3, 2), (3,), (3, 2))
    assert {found.position.dtype.name, found.value.dtype.name, found.gradient.dtype.name} == {expected}


@ALL
def test_float32_is_as_good_as_float32_can_be(f):
    if f.name == "cross_in_tray":
        # exp(100) is no float32.
        assert "float32" in f.remark
        return
    points = points_of(f, 20, seed=21).astype(np.float32)
    single, double = evaluate(f, points), evaluate(f, points.astype(float))
    scale = max(1.0, np.abs(double.value).max())
    np.testing.assert_allclose(single.value, double.value, rtol=1e-4, atol=1e-6 * scale)
    assert hessian(f, points).dtype == np.float32


def test_no_points_give_no_values():
    found = evaluate(CATALOGUE["ripple"], np.zeros((0, 2)))
    assert (found.value.shape, found.gradient.shape) == ((0,), (0, 2))


@pytest.mark.parametrize("points", [1.0, None, [1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]], [[[1.0, 2.0]]], []])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(ShapeError, match=r"expected \(n, 2\) for 'ripple'\. For one point write \[\[\.\.\.\]\]"):
        evaluate(CATALOGUE["ripple"], points)


@pytest.mark.parametrize("points", [[[1.0, 2.0], [3.0]], [["a", "b"]]])
def test_points_that_are_no_array_of_numbers_are_refused(points):
    with pytest.raises(ShapeError):
        evaluate(CATALOGUE["ripple"], points)


@pytest.mark.parametrize("dtype", ["int32", "float16", "complex128", "double precision"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(RangeError, match=f"dtype is {dtype}; expected float64 or float32"):
        evaluate(CATALOGUE["ripple"], [[1.0, 2.0]], dtype=dtype)


def test_hessian_of_what_is_linear_or_constant_is_zero():
    points = np.ones((3, 2))
    for text in ("x + 2*y", "x, y -> 3", "x, y -> y"):
        np.testing.assert_array_equal(hessian(Function.of_formula(text), points), np.zeros((3, 2, 2)))
    np.testing.assert_array_equal(hessian(Function.of_formula("x + y**2"), points), [[[0, 0], [0, 2]]] * 3)


def test_gradient_of_variables_that_the_formula_leaves_out_is_zero():
    found = evaluate(Function.of_formula("x, y, z -> y**2"), [[1.0, 3.0, 5.0]])
    np.testing.assert_array_equal(found.gradient, [[0.0, 6.0, 0.0]])
    np.testing.assert_array_equal(evaluate(Function.of_formula("x, y -> 3"), [[1.0, 2.0]]).gradient, [[0.0, 0.0]])


def test_subject_is_carried():
    assert evaluate(CATALOGUE["ripple"], [[1.0, 2.0]]).subject == CATALOGUE["ripple"].subject()
