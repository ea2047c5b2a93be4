"""Jacobian- and Hessian-vector products, Hessians and their eigenvalues, against hand-written NumPy and autograd."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import tensorflow as tf
from html_tables import cells

import tbgrad
from tbgrad.errors import NoGradientError, OptionError, RangeError, ShapeError
from tbgrad.results import Curvature

RNG = np.random.default_rng(11)
POINTS = RNG.uniform(-2.0, 2.0, (20, 2))
VECTORS = RNG.normal(size=(20, 2))
PRECISION = {"float64": 1e-12, "float32": 2e-5}


def rosenbrock_gradient(p):
    x, y = p
    return np.array([2 * (x - 1) - 400 * x * (y - x**2), 200 * (y - x**2)])


def rosenbrock_hessian(p):
    x, y = p
    return np.array([[2 - 400 * (y - 3 * x**2), -400 * x], [-400 * x, 200.0]])


HESSIANS = np.array([rosenbrock_hessian(p) for p in POINTS])
GRADIENTS = np.array([rosenbrock_gradient(p) for p in POINTS])


def near(found, expected, dtype="float64"):
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=PRECISION[dtype], atol=PRECISION[dtype] * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rosenbrock_by_hand(dtype):
    f = tbgrad.resolve("rosenbrock").with_parameters(a=1.0, b=100.0)
    near(tbgrad.hessian(f, POINTS, dtype=dtype), HESSIANS, dtype)
    near(tbgrad.hvp(f, POINTS, VECTORS, dtype=dtype), np.einsum("nij,nj->ni", HESSIANS, VECTORS), dtype)
    near(tbgrad.jvp(f, POINTS, VECTORS, dtype=dtype), np.sum(GRADIENTS * VECTORS, axis=-1), dtype)
    found = tbgrad.curvature(f, POINTS, dtype=dtype)
    assert isinstance(found, Curvature) and found.finite.all()
    eigenvalues, eigenvectors = np.linalg.eigh(HESSIANS)
    near(found.eigenvalues, eigenvalues, dtype)
    cosines = np.abs(np.einsum("nik,nik->nk", found.eigenvectors, eigenvectors))
    np.testing.assert_allclose(cosines, 1, rtol=10 * PRECISION[dtype])
    near(found.hessian, HESSIANS, dtype)


def test_the_default_dtype_is_that_of_the_points():
    f = tbgrad.resolve("rosenbrock")
    single = POINTS.astype(np.float32)
    for found in (tbgrad.hessian(f, single), tbgrad.hvp(f, single, VECTORS), tbgrad.jvp(f, single, VECTORS)):
        assert found.dtype == np.float32
    assert tbgrad.curvature(f, single).eigenvalues.dtype == np.float32
    assert tbgrad.hessian(f, [[1, 1]]).dtype == np.float64


MATRIX = RNG.normal(size=(12, 12))


def coupled(np_like, p):
    """A function of many variables that couples them all; written once for autograd and once for TensorFlow."""
    if np_like is anp:
        return anp.sum(anp.sin(anp.dot(MATRIX, p)) * p) + anp.exp(-anp.sum(p**2))
    a = tf.constant(MATRIX, p.dtype)
    return tf.reduce_sum(tf.sin(tf.linalg.matvec(a, p)) * p) + tf.exp(-tf.reduce_sum(p**2))


@pytest.mark.parametrize("d", [12])
def test_many_coupled_variables_by_autograd(d):
    f = tbgrad.resolve(lambda p: coupled(tf, p), dimensions=d)
    points, vectors = RNG.normal(size=(4, d)), RNG.normal(size=(4, d))
    hessians = np.array([autograd.hessian(lambda p: coupled(anp, p))(p) for p in points])
    gradients = np.array([autograd.grad(lambda p: coupled(anp, p))(p) for p in points])
    near(tbgrad.hessian(f, points), hessians)
    near(tbgrad.hvp(f, points, vectors), np.einsum("nij,nj->ni", hessians, vectors))
    near(tbgrad.jvp(f, points, vectors), np.sum(gradients * vectors, axis=-1))
    near(tbgrad.curvature(f, points).eigenvalues, np.linalg.eigvalsh(hessians))


@tf.function
def branching(x, y):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * x * y, lambda: y * y)


def looping(x, y):
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * y), (0, x))[1]


@pytest.mark.parametrize(
    ("call", "hessian"),
    [
        (branching, lambda x, y: [[2 * y, 2 * x], [2 * x, 0]] if x > 0 else [[0, 0], [0, 2]]),
        (looping, lambda x, y: [[0, 3 * y**2], [3 * y**2, 6 * x * y]]),
        (lambda x, y: tf.reduce_sum(x) ** 3 * y, lambda x, y: [[6 * x * y, 3 * x**2], [3 * x**2, 0]]),
        (lambda x, y: x * tf.abs(y), lambda x, y: [[0, np.sign(y)], [np.sign(y), 0]]),
        (lambda x, y: tf.nn.relu(x) + 2 * y, lambda x, y: [[0, 0], [0, 0]]),
    ],
    ids=["branch", "loop", "mixing", "abs", "piecewise linear"],
)
def test_python_functions(call, hessian):
    f = tbgrad.resolve(call)
    expected = np.array([hessian(*p) for p in POINTS])
    np.testing.assert_allclose(tbgrad.hessian(f, POINTS), expected, rtol=1e-12, atol=1e-12)
    product = np.einsum("nij,nj->ni", expected, VECTORS)
    np.testing.assert_allclose(tbgrad.hvp(f, POINTS, VECTORS), product, rtol=1e-12, atol=1e-12)


def test_one_vector_for_all_points():
    f = tbgrad.resolve("rosenbrock")
    near(tbgrad.hvp(f, POINTS, [1.0, 0.0]), tbgrad.hessian(f, POINTS)[:, :, 0])
    near(tbgrad.jvp(f, POINTS, [0, 1]), tbgrad.evaluate(f, POINTS).gradient[:, 1])


def test_products_of_long_vectors_and_of_zero():
    f = tbgrad.resolve("x**2*y")
    near(tbgrad.hvp(f, [[1.0, 2.0]], [[1e3, 0.0]]), [[4e3, 2e3]])
    np.testing.assert_array_equal(tbgrad.hvp(f, [[1.0, 2.0]], [[0.0, 0.0]]), [[0.0, 0.0]])
    np.testing.assert_array_equal(tbgrad.hvp(tbgrad.resolve("x + y"), POINTS, VECTORS), np.zeros((20, 2)))


def test_undefined_points_are_nan_and_leave_their_neighbours_alone():
    f = tbgrad.resolve("log(x)*y")
    points = [[1.0, 2.0], [-1.0, 2.0], [0.0, 1.0]]
    found = tbgrad.curvature(f, points)
    np.testing.assert_array_equal(found.finite, [True, False, False])
    assert np.isnan(found.eigenvalues[1:]).all() and np.isnan(found.eigenvectors[1:]).all()
    near(found.eigenvalues[0], np.linalg.eigvalsh([[-2.0, 1.0], [1.0, 0.0]]))
    assert np.isnan(tbgrad.jvp(f, points, [1.0, 1.0])[1])


def test_huge_second_derivatives_do_not_overflow():
    found = tbgrad.curvature(tbgrad.resolve("1e308*x**2 - 1e300*y**2 - 1e308*x**2/2"), [[0.0, 0.0]])
    np.testing.assert_allclose(found.eigenvalues, [[-2e300, 1e308]])


def test_no_points():
    f = tbgrad.resolve("rosenbrock")
    empty = np.zeros((0, 2))
    assert tbgrad.hessian(f, empty).shape == (0, 2, 2)
    assert tbgrad.hvp(f, empty, empty).shape == (0, 2)
    assert tbgrad.jvp(f, empty, empty).shape == (0,)
    assert len(cells(tbgrad.curvature(f, empty))) == 1


def test_hessians_in_parts_are_those_at_once(monkeypatch):
    f = tbgrad.resolve("rosenbrock")
    whole = tbgrad.hessian(f, POINTS)
    monkeypatch.setattr("tbgrad.calculus.hessians._ENTRIES_AT_ONCE", 28)
    np.testing.assert_array_equal(tbgrad.hessian(f, POINTS), whole)


def test_more_than_memory_is_refused():
    with pytest.raises(RangeError, match=r"Take fewer points, or tbgrad\.hvp"):
        tbgrad.hessian(tbgrad.resolve(lambda p: tf.reduce_sum(p), dimensions=10_000), np.zeros((3, 10_000)))


@pytest.mark.parametrize(
    "vectors", [1.0, [1.0], [[1.0, 2.0]] * 3, np.ones((20, 3)), np.ones((1, 20, 2)), "ab", [["a"]]]
)
@pytest.mark.parametrize("product", [tbgrad.hvp, tbgrad.jvp])
def test_vectors_of_another_shape_are_refused(product, vectors):
    with pytest.raises(ShapeError, match=r"vectors have shape .*; expected \(20, 2\), one for each point, or \(2,\)"):
        product(tbgrad.resolve("rosenbrock"), POINTS, vectors)


@pytest.mark.parametrize("call", [tbgrad.hessian, tbgrad.curvature, lambda f, p: tbgrad.hvp(f, p, p)])
def test_bad_input(call):
    with pytest.raises(OptionError, match="resolve"):
        call("rosenbrock", POINTS)
    with pytest.raises(ShapeError, match=r"expected \(n, 2\)"):
        call(tbgrad.resolve("rosenbrock"), [1.0, 2.0])
    with pytest.raises(NoGradientError, match=r"tf\.floor"):
        call(tbgrad.resolve(lambda x, y: tf.floor(x) * y), POINTS)


def test_a_curvature_shows_itself_as_a_table():
    found = tbgrad.curvature(tbgrad.resolve("x**2 - y**2"), [[1.0, 2.0]])
    heads, row = cells(found)
    assert heads == ["x", "y", "λ1", "λ2", "v1", "v2"] and row[:4] == ["1", "2", "-2", "2"]
    assert row[5].replace("-", "") == "(1, 0)"
    with pytest.raises(AttributeError):
        found.hessian = None
