"""The plane of a path in many variables: against NumPy's SVD, and known shapes."""

import numpy as np
import pytest

from tbgrad.descent.planes import path_plane
from tbgrad.results import Plane

RNG = np.random.default_rng(7)
NONE = np.zeros((1, 4))


def walk(rows, d, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, d)).cumsum(axis=0)


def gradients_of(path):
    return np.zeros_like(path)


def first_singular(rows):
    return np.linalg.svd(rows, full_matrices=False)[2][0]


def assert_same_line(one, other, tolerance=1e-9):
    assert abs(abs(one @ other) - 1) < tolerance


@pytest.mark.parametrize(("rows", "d"), [(3, 3), (30, 5), (200, 12), (40, 1000), (512, 600)])
def test_both_directions_are_those_of_numpy(rows, d):
    path = walk(rows, d)
    plane = path_plane(path, gradients_of(path))
    way = path[-1] - path[0]
    first = way / np.linalg.norm(way)
    np.testing.assert_allclose(plane.directions[0], first, atol=1e-12)
    centred = path - path.mean(axis=0)
    assert_same_line(plane.directions[1], first_singular(centred - np.outer(centred @ first, first)))
    np.testing.assert_allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-12)
    np.testing.assert_array_equal(plane.origin, path[0])
    assert plane.axes == ("along: from start to end", "across: largest rest") and plane.through_end


def test_the_shares_are_those_of_the_variance():
    path = walk(60, 8, seed=3)
    plane = path_plane(path, gradients_of(path))
    total = path.var(axis=0).sum()
    for share, direction in zip(plane.explained, plane.directions, strict=True):
        assert share == pytest.approx((path @ direction).var() / total, rel=1e-12)
    # No plane with the same first direction holds more.
    for _ in range(50):
        other = RNG.normal(size=8)
        other -= other @ plane.directions[0] * plane.directions[0]
        assert (path @ other).var() / (other @ other) / total <= plane.explained[1] + 1e-12


def test_a_path_in_a_plane_is_held_whole():
    # A parabola over start and end, in a slanted plane of six dimensions, by hand.
    along, across = np.linalg.qr(RNG.normal(size=(6, 2)))[0].T
    t = np.linspace(0, 4, 81)
    path = RNG.normal(size=6) + np.outer(t, along) + np.outer(t * (4 - t), across)
    plane = path_plane(path, gradients_of(path))
    assert sum(plane.explained) == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(plane.distance(path), 0, atol=1e-12)
    coordinates = plane.project(path)
    np.testing.assert_allclose(coordinates[:, 0], t, atol=1e-12)
    # Its sign is the one with which the path's excursion is positive.
    np.testing.assert_allclose(coordinates[:, 1], t * (4 - t), atol=1e-12)
    np.testing.assert_allclose(plane.origin + coordinates @ plane.directions, path, atol=1e-12)


def test_the_result_does_not_depend_on_the_path_turned_round_or_moved():
    path = walk(50, 5)
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    one, other = (path_plane(p, gradients_of(p)) for p in (path, path @ turn + 100))
    np.testing.assert_allclose(one.explained, other.explained, rtol=1e-9)
    np.testing.assert_allclose(one.project(path), other.project(path @ turn + 100), atol=1e-9)


def test_of_very_many_rows_some_are_enough():
    t = np.linspace(0, 1, 5001)[:, None]
    path = np.hstack([t, np.sin(9 * t) * (1 - t), 0.1 * np.cos(40 * t), t**3])
    plane = path_plane(path, gradients_of(path))
    first = (path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0])
    rest = path - path.mean(axis=0)
    rest -= np.outer(rest @ first, first)
    best = (np.linalg.svd(rest, full_matrices=False)[1][0] ** 2) / len(path) / path.var(axis=0).sum()
    assert 0.999 * best < plane.explained[1] <= best * (1 + 1e-12)


def test_a_straight_path_goes_where_the_gradients_vary():
    path = np.outer(np.linspace(0, 2, 9), [1.0, 0, 0, 0])
    gradient = np.outer(np.linspace(1, 3, 9), [5.0, 0, 0, 0])
    gradient[:, 2] = np.linspace(-1, 1, 9) ** 3
    gradient[4] = np.nan
    plane = path_plane(path, gradient)
    np.testing.assert_allclose(np.abs(plane.directions), [[1, 0, 0, 0], [0, 0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(plane.explained, [1, 0], atol=1e-12)
    assert plane.axes[1] == "across: where the gradient varies"


@pytest.mark.parametrize("gradient", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.outer([2.0, 1.0], [1, 1, 0.5])])
def test_a_straight_path_without_another_direction_gets_one_that_is_always_the_same(gradient):
    path = np.outer([0.0, 3.0], [1, 1, 0.5])
    plane = path_plane(path, gradient)
    # The third axis is the one that the way holds least of.
    way = np.array([2, 2, 1]) / 3
    expected = np.array([0, 0, 1]) - way[2] * way
    np.testing.assert_allclose(plane.directions[1], expected / np.linalg.norm(expected), atol=1e-12)
    assert plane.axes == ("along: from start to end", "across: perpendicular")


def test_a_path_that_comes_back_has_two_principal_directions():
    t = np.linspace(0, 2 * np.pi, 65)
    path = np.stack([0.1 * np.sin(2 * t), 3 * np.cos(t) - 3, np.sin(t), 0 * t], axis=-1)
    plane = path_plane(path, gradients_of(path))
    expected = np.linalg.svd(path - path.mean(axis=0))[2][:2]
    for found, principal in zip(plane.directions, expected, strict=True):
        assert_same_line(found, principal)
    assert plane.axes[0] == "along: the path's largest direction" and not plane.through_end
    assert plane.explained[0] > plane.explained[1] > 0


def test_a_path_that_does_not_move():
    path = np.full((5, 3), 2.0)
    downhill = path_plane(path, np.full((5, 3), [0.0, 4.0, -3.0]))
    np.testing.assert_allclose(downhill.directions[0], [0, -0.8, 0.6])
    assert downhill.axes[0] == "along: downhill"
    assert downhill.explained == (1.0, 0.0) and not downhill.through_end
    for gradient in (np.zeros((1, 3)), np.full((1, 3), np.inf)):
        nowhere = path_plane(path[:1], gradient)
        np.testing.assert_array_equal(nowhere.directions, np.eye(3)[:2])
        assert nowhere.axes == ("along: the first variable", "across: perpendicular")


def test_rounding_is_no_direction():
    # A straight path in float32, whose positions are off the line by roundings only.
    t = np.linspace(0, 1, 200)
    path = (1000 + np.outer(t, [1.0, 2.0, 0.3])).astype(np.float32)
    plane = path_plane(path, np.zeros_like(path))
    assert plane.axes[1] == "across: perpendicular" and plane.explained[0] > 0.999
    still = path_plane(np.nextafter(np.full((4, 3), 1e3), [[0.0], [2e3], [0.0], [2e3]]), np.zeros((4, 3)))
    assert not still.through_end


@pytest.mark.parametrize("scale", [1e-12, 1e90])
def test_tiny_and_huge_paths(scale):
    path = walk(20, 4)
    path -= path[0]
    one, other = path_plane(path, gradients_of(path)), path_plane(scale * path, gradients_of(path))
    np.testing.assert_allclose(one.directions, other.directions, atol=1e-9)
    np.testing.assert_allclose(one.explained, other.explained, rtol=1e-9)


def test_the_end_may_be_called_otherwise():
    path = walk(4, 3)
    assert path_plane(path, gradients_of(path), "step 3").axes[0] == "along: from start to step 3"


def test_positions_beyond_the_floats_have_no_place_on_it():
    plane = Plane(np.zeros(3), np.eye(2, 3), (0.6, 0.4))
    position = np.array([[1.0, 2.0, 3.0], [np.inf, 0.0, 0.0], [np.nan, 0.0, 1.0]])
    np.testing.assert_array_equal(plane.project(position[:1]), [[1.0, 2.0]])
    assert not np.isfinite(plane.project(position[1:])).all(axis=-1).any()
    assert plane.distance(position)[0] == 3.0
