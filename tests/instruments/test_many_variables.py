"""Above 64 variables the largest eigenvalue comes from products alone."""

import numpy as np
import pytest
from recorded_steps import quadratic, recorded

import tbgrad
from tbgrad.instruments import named

D = 100
# f = Σᵢ(x₁ + ... + xᵢ)², so that H = 2LᵀL with a lower triangle L of ones.
MATRIX = 2 * np.tril(np.ones((D, D))).T @ np.tril(np.ones((D, D)))
PATH = np.random.default_rng(4).normal(size=(5, 2, D))


@pytest.fixture(scope="module")
def function():
    return tbgrad.resolve("rotated_hyper_ellipsoid").with_dimensions(D)


def test_the_sharpness(function):
    (sharpness,) = named("sharpness")
    found = sharpness.measure(recorded(function, PATH, *quadratic(MATRIX)))
    np.testing.assert_allclose(found, np.linalg.eigvalsh(MATRIX)[-1], rtol=1e-10)


def test_the_preconditioned_sharpness(function):
    moment = np.random.default_rng(5).uniform(0.01, 9, (4, 2, D))
    known = {"settings": {"epsilon": 0.1}, "rate": np.full(4, 0.02), "second_moment": moment}
    (over_edge,) = named("sharpness_over_edge")
    found = over_edge.measure(recorded(function, PATH, *quadratic(MATRIX), optimizer="rmsprop", **known))
    expected = np.linalg.eigvals(MATRIX / np.sqrt(moment + 0.1)[..., None]).real.max(-1) * 0.02 / 2
    np.testing.assert_allclose(found, expected, rtol=1e-10)
