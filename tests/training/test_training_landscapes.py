"""The loss of a linear network around its training's path: a quadratic that is known, by NumPy alone."""

import keras
import numpy as np
import pytest

import tbgrad
from tbgrad.results import Plane

RNG = np.random.default_rng(8)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5, 3.0] + 0.3 * RNG.normal(size=60)).astype("float32")[:, None]


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="linear")
    model.compile(keras.optimizers.Adam(0.1), "mse")
    trajectory = tbgrad.WeightTrajectory(every=4)
    model.fit(X, Y, epochs=6, batch_size=10, verbose=0, callbacks=[trajectory])
    return model, trajectory


def loss(weights):
    """Mean squared error of weights `[..., 5]`, the last one the bias, in float64."""
    weights = np.asarray(weights, float)
    return np.mean((weights[..., :4] @ X.T.astype(float) + weights[..., 4:] - Y[:, 0].astype(float)) ** 2, axis=-1)


@pytest.mark.parametrize("gradients", [True, False])
def test_its_surface_along_the_principal_directions(trained, gradients):
    model, trajectory = trained
    before = model.get_weights()
    f, path = tbgrad.model_loss(model, X, Y), trajectory.position
    plane = tbgrad.principal_directions(path)
    found = tbgrad.landscape(f, plane, path=path, steps=trajectory.step, points=9, gradients=gradients)
    s, t = np.meshgrid(found.x, found.y)
    position = plane.origin + s[..., None] * plane.directions[0] + t[..., None] * plane.directions[1]
    np.testing.assert_allclose(found.value, loss(position), rtol=1e-4)
    if gradients:
        error = position[..., :4] @ X.T + position[..., 4:] - Y[:, 0]
        slopes = 2 / len(X) * np.concatenate([error @ X, error.sum(axis=-1, keepdims=True)], axis=-1)
        expected = slopes @ plane.directions.T
        np.testing.assert_allclose(found.slopes, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    trail = found.trail
    np.testing.assert_allclose(trail.value, loss(path), rtol=1e-4)
    np.testing.assert_array_equal(trail.step, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36])
    feet = np.linalg.lstsq(plane.directions.T, (path - plane.origin).astype(float).T, rcond=None)[0].T
    np.testing.assert_allclose(trail.at, feet, rtol=1e-4, atol=1e-5)
    centred = path.astype(float) - path.mean(axis=0, dtype=float)
    inside = centred @ np.linalg.qr(plane.directions.T.astype(float))[0]
    assert trail.explained == pytest.approx((inside**2).sum() / (centred**2).sum(), rel=1e-6)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for said in (plane.caption, "60 samples", "from"):
        assert said in found.subject.caption


def test_its_curve_from_the_first_weights_to_the_last(trained):
    model, trajectory = trained
    f, path = tbgrad.model_loss(model, X, Y), trajectory.position
    plane = tbgrad.direction_towards(path[0], path[-1])
    found = tbgrad.landscape(f, plane, path=path, steps=trajectory.step, points=11)
    position = path[0] + found.coordinate[:, None] * (path[-1].astype(float) - path[0])
    np.testing.assert_allclose(found.value, loss(position), rtol=1e-4)
    np.testing.assert_allclose(found.trail.at[[0, -1], 0], [0, 1], atol=1e-6)
    np.testing.assert_allclose(found.trail.value, loss(path), rtol=1e-4)


def test_a_path_of_a_memory_map(trained, tmp_path):
    model, _ = trained
    f = tbgrad.model_loss(model, X, Y)
    keras.utils.set_random_seed(2)
    again = keras.models.clone_model(model)
    again.compile(keras.optimizers.Adam(0.1), "mse")
    kept = tbgrad.WeightTrajectory(every=3, file=tmp_path / "weights.npy")
    again.fit(X, Y, epochs=2, batch_size=10, verbose=0, callbacks=[kept])
    path = kept.position
    plane = Plane(path[-1], np.eye(2, 5), axes=("w0", "w1"))
    found = tbgrad.landscape(f, plane, path=path, steps=kept.step, points=3, gradients=False)
    np.testing.assert_allclose(found.trail.value, loss(path), rtol=1e-4)
    np.testing.assert_allclose(found.trail.at, (np.array(path) - path[-1])[:, :2], atol=1e-6)
