"""Lines and planes in the space of a network's weights: against NumPy's norms, singular values and eigenvectors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tbgrad
from tbgrad.calculus import directions as rooms
from tbgrad.errors import OptionError, RangeError, ShapeError, UndefinedError

RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(12, 4, 4, 2)).astype("float32"), RNG.integers(0, 3, 12)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [layers.Input((4, 4, 2)), layers.Conv2D(3, 2), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for weight in model.trainable_weights:
        weight.assign(RNG.normal(size=weight.shape))
    return tbgrad.model_loss(model, X, Y)


def test_each_filter_has_the_length_of_the_weights(network):
    origin = network.weights()
    plane = tbgrad.random_directions(network, origin, seed=3)
    assert plane.directions.shape == (2, network.dimensions) and (plane.origin == origin).all()
    unflatten = network.layout.unflatten
    assert sorted(len(shape) for shape in network.layout.shapes) == [1, 1, 1, 1, 2, 4]
    for direction in plane.directions:
        for part, weight in zip(unflatten(direction), unflatten(origin.astype(float)), strict=True):
            if weight.ndim == 1:
                assert (part == 0).all()
                continue
            for column in range(weight.shape[-1]):
                length = np.linalg.norm(weight[..., column])
                np.testing.assert_allclose(np.linalg.norm(part[..., column]), length, rtol=1e-12)
                assert np.abs(part[..., column] - weight[..., column]).max() > 0.1
    assert plane.axes == ("first: random direction", "second: random direction")
    assert "each filter as long as the origin's" in plane.caption and "seed 3" in plane.caption


def test_each_layer_has_the_length_of_the_weights(network):
    origin = network.weights()
    plane = tbgrad.random_directions(network, origin, 1, "layer")
    for part, weight in zip(
        network.layout.unflatten(plane.directions[0]), network.layout.unflatten(origin), strict=True
    ):
        assert np.isclose(np.linalg.norm(part), np.linalg.norm(weight) if weight.ndim > 1 else 0.0, rtol=1e-6)
    assert "each layer as long" in plane.caption and plane.names == ("first",)


def test_random_directions_of_any_function():
    f = tbgrad.resolve("rosenbrock", dimensions=10)
    one = tbgrad.random_directions(f, np.ones(10), normalization=None, seed=4)
    np.testing.assert_allclose(np.linalg.norm(one.directions, axis=1), 1.0)
    whole = tbgrad.random_directions(f, 2 * np.ones(10), normalization="layer")
    np.testing.assert_allclose(np.linalg.norm(whole.directions, axis=1), np.sqrt(40))
    again = tbgrad.random_directions(f, np.ones(10), normalization=None, seed=4)
    assert (again.directions == one.directions).all()
    other = tbgrad.random_directions(f, np.ones(10), normalization=None, seed=5)
    assert (other.directions != one.directions).all()
    with pytest.raises(OptionError, match="has no filters"):
        tbgrad.random_directions(f, np.ones(10))


def test_a_plane_of_random_directions_shows_the_loss(network):
    plane = tbgrad.random_directions(network, network.weights())
    surface = tbgrad.surface(tbgrad.restrict(network, plane), [("first", -1, 1), ("second", -1, 1)], points=3)
    (loss,) = tbgrad.evaluate(network, [network.weights()]).value
    np.testing.assert_allclose(surface.value[1, 1], loss, rtol=1e-6)
    corner = network.weights() - plane.directions[0] + plane.directions[1]
    np.testing.assert_allclose(surface.value[2, 0], tbgrad.evaluate(network, [corner]).value[0], rtol=1e-5)


def walk(n=30, d=50):
    return (RNG.normal(size=(n, d)) * np.geomspace(3, 0.01, d)).cumsum(axis=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("at_once", [2**22, 90])
def test_principal_directions_are_singular_vectors(monkeypatch, dtype, at_once):
    monkeypatch.setattr(rooms, "_AT_ONCE", at_once)
    path = walk().astype(dtype)
    plane = tbgrad.principal_directions(path)
    moved = path.astype(float) - path[-1].astype(float)
    _, _, expected = np.linalg.svd(moved, full_matrices=False)
    np.testing.assert_allclose(np.abs(plane.directions @ expected[:2].T), np.eye(2), atol=1e-7)
    along = moved @ expected[:2].T
    np.testing.assert_allclose(plane.explained, along.var(axis=0) / moved.var(axis=0).sum(), rtol=1e-6)
    assert (plane.origin == path[-1]).all() and (plane.project(path[:1]) >= 0).all()
    assert plane.caption.endswith("not normalised") and plane.names == ("first", "second")


def test_a_straight_path_is_a_line():
    path = np.outer(np.linspace(0, 1, 9), RNG.normal(size=20)) + 5.0
    line = tbgrad.principal_directions(path, 1)
    np.testing.assert_allclose(line.explained, (1.0,), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(line.project(path[:1])), np.linalg.norm(path[0] - path[-1]), rtol=1e-9)
    with pytest.raises(UndefinedError, match="moves in fewer than 2 directions"):
        tbgrad.principal_directions(path)
    with pytest.raises(UndefinedError, match="does not move"):
        tbgrad.principal_directions(np.ones((5, 3)))
    with pytest.raises(UndefinedError, match="not finite"):
        tbgrad.principal_directions(np.full((5, 3), np.nan))
    with pytest.raises(ShapeError, match="more than 2 positions"):
        tbgrad.principal_directions(path[:2])


def test_towards_another_position():
    one, other = RNG.normal(size=(2, 10))
    line = tbgrad.direction_towards(one, other)
    np.testing.assert_allclose(line.at([[0.0], [1.0]]), [one, other])
    assert line.names == ("t",)
    f = tbgrad.restrict(tbgrad.resolve("rosenbrock", dimensions=10), line)
    sweep = tbgrad.sweep(f, ("t", 0.0, 1.0), points=3)
    expected = tbgrad.evaluate(tbgrad.resolve("rosenbrock", dimensions=10), [one, (one + other) / 2, other]).value
    np.testing.assert_allclose(sweep.value, expected, rtol=1e-12)
    with pytest.raises(ShapeError, match="two different positions"):
        tbgrad.direction_towards(one, one)
    with pytest.raises(ShapeError, match=r"\(d,\) twice"):
        tbgrad.direction_towards(one, other[:3])


def test_hessian_directions_are_eigenvectors():
    basis, _ = np.linalg.qr(RNG.normal(size=(30, 30)))
    spectrum = np.concatenate([np.linspace(-9, 1, 28), [4.0, 7.0]])
    matrix = basis @ np.diag(spectrum) @ basis.T
    f = tbgrad.Function.of_vector(lambda p: tf.einsum("...i,ij,...j->...", p, tf.constant(matrix, p.dtype), p) / 2, 30)
    plane = tbgrad.hessian_directions(f, RNG.normal(size=30))
    np.testing.assert_allclose(np.abs(plane.directions @ basis[:, [29, 28]]), np.eye(2), atol=1e-6)
    assert "eigenvalues 7 and 4" in plane.caption
    assert tbgrad.hessian_directions(f, np.zeros(30), 1).directions.shape == (1, 30)


def test_hessian_directions_of_a_network_bend_as_the_eigenvalues_say(network):
    origin = network.weights()
    plane = tbgrad.hessian_directions(network, origin)
    matrix = tbgrad.hessian(network, [origin])[0].astype(float)
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    along = np.einsum("ki,ij,kj->k", plane.directions, matrix, plane.directions)
    np.testing.assert_allclose(along, values[[-1, -2]], rtol=1e-3)
    np.testing.assert_allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-9)


def test_mistakes_are_told():
    f = tbgrad.resolve("rosenbrock", dimensions=4)
    for make in (tbgrad.random_directions, tbgrad.hessian_directions):
        with pytest.raises(ShapeError, match=r"expected \(4,\)"):
            make(f, [0.0, 1.0])
        with pytest.raises(RangeError, match="count is 3"):
            make(f, np.ones(4), 3)
        with pytest.raises(ShapeError, match="not finite"):
            make(f, [np.nan] * 4)
        with pytest.raises(ShapeError, match="has one variable"):
            make(tbgrad.resolve("x**2"), [1.0])
    with pytest.raises(OptionError, match="normalization is 'neuron'"):
        tbgrad.random_directions(f, np.ones(4), normalization="neuron")
    with pytest.raises(UndefinedError, match="no direction a length"):
        tbgrad.random_directions(f, np.zeros(4), normalization="layer")
    with pytest.raises(UndefinedError, match=r"Hessian .* is not finite"):
        tbgrad.hessian_directions(tbgrad.resolve("log(x) + y**2"), [-1.0, 1.0])
    with pytest.raises(RangeError, match="count is 3"):
        tbgrad.principal_directions(walk(), 3)
