"""A line or a plane in a space of many variables, against least squares by NumPy."""

import numpy as np
import pytest

from tbgrad.results import Plane
from tbgrad.results import planes as module

RNG = np.random.default_rng(11)
ORIGIN, SLANTED = RNG.normal(size=7), RNG.normal(size=(2, 7)) * [[0.3], [40.0]]
POSITIONS = RNG.normal(size=(5, 3, 7))


def least_squares(position, origin, directions):
    return np.linalg.lstsq(directions.T, (position - origin).reshape(-1, len(origin)).T, rcond=None)[0].T


@pytest.mark.parametrize("count", [1, 2])
def test_positions_are_projected_at_right_angles_whatever_the_directions(count):
    plane = Plane(ORIGIN, SLANTED[:count])
    feet = plane.project(POSITIONS)
    assert feet.shape == (5, 3, count) and feet.dtype == np.float64
    expected = least_squares(POSITIONS, ORIGIN, SLANTED[:count])
    np.testing.assert_allclose(feet.reshape(-1, count), expected, rtol=1e-10, atol=1e-12)
    away = np.linalg.norm(POSITIONS.reshape(-1, 7) - ORIGIN - expected @ SLANTED[:count], axis=1)
    np.testing.assert_allclose(plane.distance(POSITIONS).ravel(), away, rtol=1e-10)


def test_points_on_it_come_back():
    plane, coordinates = Plane(ORIGIN, SLANTED), RNG.normal(size=(4, 2))
    points = plane.at(coordinates)
    np.testing.assert_allclose(points, [ORIGIN + s * SLANTED[0] + t * SLANTED[1] for s, t in coordinates])
    np.testing.assert_allclose(plane.project(points), coordinates, rtol=1e-10)
    np.testing.assert_allclose(plane.distance(points), 0, atol=1e-12)
    np.testing.assert_allclose(plane.project(points[0]), coordinates[0], rtol=1e-10)


def test_many_positions_are_projected_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 15)
    feet = Plane(ORIGIN, SLANTED).project(POSITIONS)
    expected = least_squares(POSITIONS, ORIGIN, SLANTED)
    np.testing.assert_allclose(feet.reshape(-1, 2), expected, rtol=1e-10)
    assert Plane(ORIGIN, SLANTED).project(np.zeros((0, 7))).shape == (0, 2)


def test_float32_weights_are_projected_in_float64():
    origin, directions = ORIGIN.astype(np.float32), SLANTED.astype(np.float32)
    positions = (1e3 + POSITIONS).astype(np.float32)
    feet = Plane(origin, directions).project(positions)
    wide = (positions.astype(float), origin.astype(float), directions.astype(float))
    np.testing.assert_allclose(feet.reshape(-1, 2), least_squares(*wide), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_tiny_and_huge_directions(scale):
    feet = Plane(ORIGIN, SLANTED * [[scale], [1.0]]).project(POSITIONS)
    expected = least_squares(POSITIONS, ORIGIN, SLANTED) / [scale, 1.0]
    np.testing.assert_allclose(feet.reshape(-1, 2), expected, rtol=1e-10)


def test_its_coordinates_have_names():
    assert Plane(ORIGIN, SLANTED).names == ("along", "across")
    assert Plane(ORIGIN, SLANTED[:1]).axes == ("along",)
    named = Plane(ORIGIN, SLANTED, axes=("first: principal direction", "second"))
    assert named.names == ("first", "second")
