"""The ends of Hessians' spectra by products alone, against NumPy's eigenvalues of Hessians known by hand."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus import lanczos, products
from tbgrad.calculus.lanczos import extreme_eigenvalues, leading_eigenvectors
from tbgrad.errors import NoGradientError, OptionError, RangeError, ShapeError

RNG = np.random.default_rng(1950)


def rotated(spectrum):
    """A symmetric matrix with these eigenvalues, in no particular directions."""
    directions, _ = np.linalg.qr(RNG.normal(size=(len(spectrum), len(spectrum))))
    return directions @ np.diag(spectrum) @ directions.T


def quadratic(matrix):
    """½ pᵀAp, whose Hessian is A."""

    def call(p):
        return tf.einsum("...i,ij,...j->...", p, tf.constant(matrix, p.dtype), p) / 2

    return tbgrad.Function.of_vector(call, len(matrix), name="quadratic")


def counting(monkeypatch):
    """The number of points in each call of hvp."""
    calls = []

    def counted(f, points, vectors):
        calls.append(len(points))
        return products.hvp(f, points, vectors)

    monkeypatch.setattr(lanczos, "hvp", counted)
    return calls


SPECTRA = {
    "one": np.array([3.0]),
    "two": np.array([-4.0, 1.0]),
    "evenly spaced": np.linspace(-2.0, 7.0, 40),
    "all the same": np.full(100, 2.5),
    "repeated": np.repeat([-1.0, 0.5, 3.0], 40),
    "repeated ends": np.concatenate([[-5.0] * 10, np.linspace(-1, 1, 80), [8.0] * 10]),
    "negative": -np.geomspace(1e-3, 1e3, 45),
    "low rank": np.concatenate([np.zeros(95), [1.0, 2.0, 3.0, 4.0, 50.0]]),
    "outliers": np.concatenate([RNG.normal(size=300), [-20.0, 30.0]]),
    "huge": np.linspace(-1e300, 1e300, 30),
    "tiny": np.linspace(1e-300, 7e-300, 30),
}


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_known_spectra(spectrum):
    f = quadratic(rotated(spectrum))
    smallest, largest = extreme_eigenvalues(f, RNG.normal(size=(3, len(spectrum))))
    assert smallest.shape == largest.shape == (3,) and smallest.dtype == largest.dtype == np.float64
    precision = 1e-11 * np.abs(spectrum).max()
    np.testing.assert_allclose(smallest, spectrum.min(), rtol=0, atol=precision)
    np.testing.assert_allclose(largest, spectrum.max(), rtol=0, atol=precision)


def test_float32_products():
    spectrum = np.concatenate([RNG.normal(size=200), [-20.0, 30.0]])
    points = np.zeros((2, 202), np.float32)
    for found in (
        extreme_eigenvalues(quadratic(rotated(spectrum)), points),
        extreme_eigenvalues(quadratic(rotated(spectrum)), points.astype(np.float64), dtype="float32"),
    ):
        np.testing.assert_allclose(found, [[-20.0] * 2, [30.0] * 2], rtol=3e-6)
        assert found[0].dtype == np.float64 and (found[0] != -20).any()


@pytest.mark.parametrize("name", ["rosenbrock", "rastrigin", "ackley", "griewank", "levy", "styblinski_tang"])
def test_the_catalogue_in_100_dimensions(name):
    f = tbgrad.resolve(name, 100)
    low, high = np.array(f.domain).T
    points = RNG.uniform(low, high, (5, 100))
    expected = np.linalg.eigvalsh(tbgrad.hessian(f, points))
    smallest, largest = extreme_eigenvalues(f, points, products=100)
    scale = np.abs(expected).max(axis=-1)
    np.testing.assert_allclose((smallest - expected[:, 0]) / scale, 0, atol=1e-9)
    np.testing.assert_allclose((largest - expected[:, -1]) / scale, 0, atol=1e-9)
    # Half as many products are within a few percent, from inside.
    smallest, largest = extreme_eigenvalues(f, points)
    for inward in ((smallest - expected[:, 0]) / scale, (expected[:, -1] - largest) / scale):
        assert (inward > -1e-12).all() and (inward < 0.03).all()


@pytest.mark.parametrize("d", [1, 2, 3])
def test_few_variables(d):
    text = ["sin(3*x)", "sin(3*x)*y**2 + x*y", "x**2*y*z - exp(x*z) + cos(y)"][d - 1]
    f = tbgrad.resolve(text)
    points = RNG.normal(size=(50, d))
    expected = np.linalg.eigvalsh(tbgrad.hessian(f, points))
    for found, wanted in zip(extreme_eigenvalues(f, points), (expected[:, 0], expected[:, -1]), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


def test_one_variable_by_hand():
    x = RNG.normal(size=(20, 1))
    smallest, largest = extreme_eigenvalues(tbgrad.resolve("x**4"), x)
    np.testing.assert_allclose(smallest, 12 * x[:, 0] ** 2, rtol=1e-14)
    np.testing.assert_array_equal(smallest, largest)


@pytest.mark.parametrize("text", ["x + 2*y", "3*x - 1"])
def test_a_zero_hessian(text):
    f = tbgrad.resolve(text)
    np.testing.assert_array_equal(extreme_eigenvalues(f, np.ones((3, f.dimensions))), np.zeros((2, 3)))


def test_zero_among_others():
    f = tbgrad.resolve(lambda p: tf.reduce_sum(tf.nn.relu(p) ** 3, axis=-1), dimensions=70)
    points = np.array([-np.ones(70), np.arange(1.0, 71), np.full(70, 2.0)])
    np.testing.assert_allclose(extreme_eigenvalues(f, points, products=70), [[0, 6, 12], [0, 420, 12]], rtol=1e-9)


def test_undefined_points_are_nan_and_leave_their_neighbours_alone():
    f = tbgrad.resolve("log(x)*y")
    points = [[1.0, 2.0], [-1.0, 2.0], [0.0, 1.0], [np.nan, 1.0], [np.inf, 1.0], [1.0, 2.0]]
    smallest, largest = extreme_eigenvalues(f, points)
    expected = np.linalg.eigvalsh([[-2.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(smallest[[0, 5]], expected[0], rtol=1e-14)
    np.testing.assert_allclose(largest[[0, 5]], expected[1], rtol=1e-14)
    assert np.isnan(smallest[1:4]).all() and np.isnan(largest[1:4]).all()


def test_products_are_few_where_few_are_needed(monkeypatch):
    calls = counting(monkeypatch)
    points = np.ones((4, 100))
    extreme_eigenvalues(quadratic(2.5 * np.eye(100)), points)
    assert calls == [4]
    calls.clear()
    extreme_eigenvalues(quadratic(rotated(SPECTRA["repeated"])), np.ones((4, 120)))
    assert len(calls) <= 4
    calls.clear()
    extreme_eigenvalues(quadratic(rotated(SPECTRA["outliers"])), np.ones((4, 302)))
    assert 10 < len(calls) < 40
    calls.clear()
    extreme_eigenvalues(tbgrad.resolve("rosenbrock", 100), RNG.normal(size=(4, 100)), products=7)
    assert calls == [4] * 7


def test_points_that_have_ended_take_no_more_products(monkeypatch):
    calls = counting(monkeypatch)
    f = tbgrad.resolve(lambda p: tf.reduce_sum(p**4, axis=-1), dimensions=80)
    points = np.concatenate([np.ones((5, 80)), RNG.normal(size=(1, 80))])
    _, largest = extreme_eigenvalues(f, points)
    assert calls[:2] == [6, 1]
    np.testing.assert_allclose(largest, 12 * np.abs(points).max(axis=-1) ** 2, rtol=1e-9)


def test_a_point_does_not_depend_on_the_others_and_is_the_same_each_time(monkeypatch):
    f = tbgrad.resolve("rastrigin", 70)
    points = RNG.uniform(-5, 5, (9, 70))
    whole = np.array(extreme_eigenvalues(f, points))
    np.testing.assert_array_equal(whole, extreme_eigenvalues(f, points))
    scale = np.abs(whole).max()
    for k in (0, 8):
        alone = np.array(extreme_eigenvalues(f, points[k : k + 1]))
        np.testing.assert_allclose(alone[:, 0], whole[:, k], rtol=0, atol=1e-9 * scale)
    monkeypatch.setattr(lanczos, "_NUMBERS_AT_ONCE", 2 * 50 * 70)
    calls = counting(monkeypatch)
    np.testing.assert_allclose(extreme_eigenvalues(f, points), whole, rtol=0, atol=1e-9 * scale)
    assert max(calls) == 2


def test_no_points_and_bad_input():
    f = tbgrad.resolve("rosenbrock")
    smallest, largest = extreme_eigenvalues(f, np.zeros((0, 2)))
    assert smallest.shape == largest.shape == (0,)
    with pytest.raises(RangeError, match="products is 0; expected at least 1"):
        extreme_eigenvalues(f, [[1.0, 2.0]], products=0)
    with pytest.raises(ShapeError, match=r"expected \(n, 2\)"):
        extreme_eigenvalues(f, [1.0, 2.0])
    with pytest.raises(OptionError, match="resolve"):
        extreme_eigenvalues("rosenbrock", [[1.0, 2.0]])
    with pytest.raises(NoGradientError, match=r"tf\.floor"):
        extreme_eigenvalues(tbgrad.resolve(lambda x, y: tf.floor(x) * y), [[1.0, 2.0]])


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_leading_eigenvectors_of_known_spectra(spectrum):
    matrix, count = rotated(spectrum), min(3, len(spectrum))
    values, vectors = leading_eigenvectors(quadratic(matrix), RNG.normal(size=(2, len(spectrum))), count, products=400)
    expected, scale = np.sort(spectrum)[::-1][:count], np.abs(spectrum).max()
    np.testing.assert_allclose(values, np.tile(expected, (2, 1)), rtol=0, atol=1e-9 * scale)
    for point in range(2):
        np.testing.assert_allclose(vectors[point] @ vectors[point].T, np.eye(count), atol=1e-10)
        rest = vectors[point] @ (matrix / scale) - expected[:, None] / scale * vectors[point]
        np.testing.assert_allclose(rest, 0.0, atol=1e-5)
        assert (np.take_along_axis(vectors[point], np.abs(vectors[point]).argmax(1)[:, None], 1) > 0).all()


def test_leading_eigenvectors_where_there_is_no_hessian():
    f = tbgrad.resolve("log(x) + y**2")
    values, vectors = leading_eigenvectors(f, [[-1.0, 1.0], [1.0, 1.0]], 2)
    assert np.isnan(values[0]).all() and np.isnan(vectors[0]).all()
    np.testing.assert_allclose(values[1], [2.0, -1.0])
    np.testing.assert_allclose(vectors[1], [[0, 1], [1, 0]], atol=1e-12)
    for count in (0, 3):
        with pytest.raises(RangeError, match=f"count is {count}"):
            leading_eigenvectors(f, [[1.0, 1.0]], count)
