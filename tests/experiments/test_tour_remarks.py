"""What the tour says in words is true of the functions, beyond the steps that it shows."""

import mpmath
import numpy as np
import pytest
from oracles import sgd

import tbgrad
from tbgrad.experiments.guide import gradient_table
from tbgrad.experiments.landscapes import picture_region


def race(name, rate, steps, **settings):
    f = tbgrad.resolve("rosenbrock")
    return tbgrad.descend(f, tbgrad.Optimizer(name, rate, **settings), [f.start], steps)


def test_rmsprop_never_settles():
    later = race("rmsprop", 0.001, 20_000)
    assert later.status == ("oscillating",)
    assert later.gap.min() > 1e-6
    # Its updates stay about as long as its rate, in both coordinates.
    assert later.readings["update_norm"].value[-1000:-1].min() > 0.0005


def test_sgd_crawls_and_gets_there_much_later():
    assert race("sgd", 0.00125, 2000).status == ("steps_used",)

    def gradient(p):
        x, y = p
        return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])

    path = sgd(gradient, (-1.2, 1.0), 0.00125, 40_000)
    assert np.linalg.norm(path[2000] - 1) > 0.2
    assert np.linalg.norm(path[-1] - 1) < 1e-3


def test_every_point_of_the_ring_is_a_minimum():
    angle = np.linspace(0, 2 * np.pi, 50)
    ring = 1.5 * np.pi * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    found = tbgrad.evaluate(tbgrad.resolve("ripple"), ring)
    np.testing.assert_allclose(found.value, -1)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-14)


def test_the_table_agrees_in_every_way():
    rows = gradient_table(tbgrad.resolve("ripple"), (2.0, 0.0))
    assert [row["way"] for row in rows] == ["by hand", "autograd", "TensorFlow"]
    for row in rows:
        assert row["value"] == pytest.approx(float(mpmath.sin(2)), rel=1e-15)
        assert row["gradient"] == pytest.approx([float(mpmath.cos(2)), 0.0], rel=1e-15)


@pytest.mark.parametrize(
    ("function", "rate", "domain"),
    [("rosenbrock", 0.001, True), ("rosenbrock", 0.01, True), ("ripple", 0.1, True), ("tilted_waves", 0.1, False)],
)
def test_pictures_show_the_domain_or_the_surroundings_of_a_small_path(function, rate, domain):
    f = tbgrad.resolve(function)
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", rate), [f.start], 300)
    region = picture_region(f, descent)
    assert (tuple(region) == f.domain) is domain
    low, high = np.array(region).T
    assert (low <= f.start).all() and (f.start <= high).all()
