"""Which ends are the same: points, rings, valleys and plains whose sets are known."""

import numpy as np
import pytest

from tbgrad.descent.clusters import cluster_ends
from tbgrad.descent.ends import as_ends, known_minimum_of, middle_members
from tbgrad.errors import RangeError, ShapeError
from tbgrad.results import KnownMinimum

RANDOM = np.random.default_rng(3)
SCALE = np.array([10.0, 20.0])


def grid(points, low=-5.0, high=5.0):
    """`[points², 2]`: starts on a square of width 10."""
    line = np.linspace(low, high, points)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def ring(radius, starts):
    """Where the starts come to the circle by the shortest way."""
    return radius * starts / np.linalg.norm(starts, axis=1, keepdims=True)


def sizes(labels):
    return np.bincount(labels).tolist()


def square(position, value, points, value_scale=1.0):
    width = np.full(position.shape[1], 10.0)
    return cluster_ends(position, value, width, value_scale, 1 / (points - 1))


@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_points_are_told_apart_and_the_most_frequent_comes_first(d):
    middles = np.stack([np.zeros(d), np.full(d, 0.3), np.full(d, -2.0)])
    which = RANDOM.permutation(np.repeat([0, 1, 2], [50, 200, 100]))
    position = middles[which] + 1e-6 * RANDOM.normal(size=(350, d))
    labels = cluster_ends(position, np.zeros(350), np.full(d, 10.0), 1.0, 1 / 18)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, np.array([2, 0, 1])[which])


def test_the_distance_is_relative_to_each_axis():
    near = np.array([[0.0, 0.0], [0.0, 0.009], [0.0, 0.1], [0.03, 0.1]]).repeat(3, axis=0)
    assert sizes(cluster_ends(near, np.zeros(12), SCALE, 1.0)) == [6, 3, 3]
    assert sizes(cluster_ends(near, np.zeros(12), SCALE * 100, 1.0)) == [12]


def test_equal_places_of_other_value_are_two():
    value = np.repeat([0.0, 1e-3, 1e-3 + 1e-9], 4)
    assert sizes(cluster_ends(np.zeros((12, 2)), value, SCALE, 1.0)) == [8, 4]
    assert sizes(cluster_ends(np.zeros((12, 2)), value, SCALE, 1e6)) == [12]


@pytest.mark.parametrize("points", [16, 64, 200])
@pytest.mark.parametrize("radius", [1.0, 4.0])
def test_a_ring_is_one_set(points, radius):
    starts = grid(points)
    labels = square(
        ring(radius, starts) * (1 + 1e-7 * RANDOM.normal(size=(len(starts), 1))), np.full(len(starts), -1.0), points
    )
    assert sizes(labels) == [len(starts)]


def test_a_ring_whose_ends_crowd_at_two_places_is_one_set():
    angle = np.pi * np.sin(RANDOM.uniform(0, 2 * np.pi, 64 * 64))
    assert sizes(square(3 * np.stack([np.cos(angle), np.sin(angle)], 1), np.zeros(64 * 64), 64)) == [64 * 64]


@pytest.mark.parametrize("outer_value", [-1.0, -0.9])
def test_two_rings_are_two_sets(outer_value):
    starts = grid(64)
    inner = np.linalg.norm(starts, axis=1) < 3
    position = np.where(inner[:, None], ring(1.5, starts), ring(4.5, starts))
    labels = square(position, np.where(inner, -1.0, outer_value), 64)
    assert sizes(labels) == [(~inner).sum(), inner.sum()]
    np.testing.assert_array_equal(labels, inner)


def test_rings_that_cross_are_told_apart_by_value():
    starts = grid(100)
    first = RANDOM.random(len(starts)) < 0.6
    position = ring(2.0, starts) + np.where(first[:, None], [1.0, 0.0], [-1.0, 0.0])
    assert sizes(square(position, np.where(first, 0.0, 1.0), 100)) == [first.sum(), (~first).sum()]


@pytest.mark.parametrize("direction", [(1.0, 0.0), (1.0, 1.0), (1.0, -0.37)])
@pytest.mark.parametrize("points", [20, 64])
def test_a_valley_is_one_set_though_whole_rows_of_starts_end_at_the_same_point(direction, points):
    along = np.array(direction) / np.linalg.norm(direction)
    starts = grid(points)
    labels = square((starts @ along)[:, None] * along, np.zeros(len(starts)), points)
    assert sizes(labels) == [len(starts)]


def test_parallel_valleys_of_equal_value_are_told_apart():
    starts = grid(128)
    normal = np.array([1.0, 1.0]) / np.sqrt(2)
    off = starts @ normal - 2 * np.round(starts @ normal / 2)
    labels = square(starts - off[:, None] * normal, np.zeros(len(starts)), 128)
    np.testing.assert_array_equal(np.unique(labels, return_counts=True)[1].sum(), len(starts))
    which = np.round(starts @ normal / 2).astype(int)
    # The valleys at the corners are some points short.
    for k in (-2, -1, 0, 1, 2):
        assert len(np.unique(labels[which == k])) == 1
    assert len(np.unique(labels[np.abs(which) <= 2])) == 5


def test_a_plain_is_one_set():
    starts = grid(50)
    assert sizes(square(starts, np.zeros(2500), 50)) == [2500]


@pytest.mark.parametrize("gap", [0.25, 0.12, 0.03])
def test_minima_of_equal_value_stay_apart_down_to_some_pixels(gap):
    # A lattice, each of whose points is found by several starts.
    starts = grid(200, -1.0, 1.0)
    ends = np.round(starts / gap) * gap + 1e-9 * RANDOM.normal(size=starts.shape)
    labels = cluster_ends(ends, np.zeros(len(ends)), np.full(2, 2.0), 1.0, 1 / 199)
    assert labels.max() + 1 == len(np.unique(np.round(starts / gap), axis=0))


@pytest.mark.parametrize(("pixels", "sets"), [(1.0, 1), (1.05, 30), (1.5, 30)])
def test_a_row_of_points_is_a_valley_only_as_near_as_the_starts_are(pixels, sets):
    row = np.stack([np.arange(30) * pixels / 63 * 10, np.zeros(30)], axis=1).repeat(5, axis=0)
    assert square(row, np.zeros(150), 64).max() + 1 == sets


def test_a_few_symmetric_minima_within_a_pixel_are_no_ring():
    places = np.array([[0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01]])
    labels = square(places.repeat(100, axis=0), np.zeros(400), 20)
    assert sizes(labels) == [100] * 4


def test_a_slow_valley_whose_value_changes_is_one_set():
    along = np.linspace(0, 1, 4000)
    assert sizes(square(np.stack([along, along**2], 1), 1e-4 * along**2, 64)) == [4000]


@pytest.mark.parametrize("d", [2, 6])
def test_a_curve_in_many_dimensions_is_one_set(d):
    t = RANDOM.random(5000)
    curve = np.stack([np.sin((k + 1) * t) for k in range(d)], axis=1)
    labels = cluster_ends(np.concatenate([curve, curve + 5]), np.zeros(10_000), np.full(d, 10.0), 1.0, 1 / 99)
    assert sizes(labels) == [5000, 5000] and len(set(labels[:5000])) == 1


def test_the_order_of_the_ends_does_not_matter():
    starts = grid(40)
    position = np.concatenate([ring(3.0, starts), 1.2 + 0 * starts[:300], -1.2 + 0 * starts[:300]])
    value = np.concatenate([np.zeros(len(starts)), np.full(600, 0.5)])
    order = RANDOM.permutation(len(value))
    labels = square(position, value, 40)
    assert sizes(labels) == [1600, 300, 300]
    np.testing.assert_array_equal(square(position[order], value[order], 40), labels[order])


def test_far_away_and_degenerate_ends():
    assert cluster_ends(np.empty((0, 2)), np.empty(0), SCALE, 1.0).shape == (0,)
    far = np.array([[1e300, 0.0], [-1e300, 0.0], [0.0, 0.0]])
    assert sizes(cluster_ends(far, np.zeros(3), SCALE, 0.0, 0.1)) == [1, 1, 1]
    assert sizes(cluster_ends(np.ones((5, 1)), np.ones(5), np.ones(1), 0.0)) == [5]


def test_what_cannot_be_clustered_is_refused():
    with pytest.raises(ShapeError, match="do not belong together"):
        cluster_ends(np.zeros((3, 2)), np.zeros(4), SCALE, 1.0)
    with pytest.raises(RangeError, match="not finite"):
        cluster_ends(np.full((3, 2), np.nan), np.zeros(3), SCALE, 1.0)
    with pytest.raises(RangeError, match="positive widths"):
        cluster_ends(np.zeros((3, 2)), np.zeros(3), np.array([1.0, 0.0]), 1.0)


CIRCLE = tuple((3 * np.cos(t), 3 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 181))
MINIMA = (KnownMinimum(((0.0, 0.0),), 0.0), KnownMinimum(((0.5, 0.0),), 0.0), KnownMinimum(CIRCLE, -1.0))


@pytest.mark.parametrize(
    ("place", "value", "known"),
    [
        ((0.001, 0.0), 0.0, 0),
        ((0.499, 0.001), 1e-9, 1),
        ((0.001, 0.0), 0.1, None),
        ((0.2, 0.0), 0.0, None),
        ((0.0, -3.0), -1.0, 2),
        ((3 * np.cos(0.5), 3 * np.sin(0.5)), -1.0 + 1e-9, 2),
        ((0.0, 3.2), -1.0, None),
        ((0.0, 0.0), -1.0, None),
    ],
)
def test_a_known_minimum_is_known_by_place_and_value(place, value, known):
    assert known_minimum_of(np.array([place]), np.array([value]), MINIMA, np.full(2, 10.0), 1.0) == known
    assert known_minimum_of(np.array([place]), np.array([value]), (), np.full(2, 10.0), 1.0) is None


def test_the_sets_are_described():
    starts = grid(40)
    position = np.concatenate([ring(3.0, starts), np.tile([0.0, 0.0], (400, 1)), np.tile([2.0, 1.0], (90, 1))])
    value = np.repeat([-1.0, 0.0, 0.25], [1600, 400, 90])
    labels = square(position, value, 40)
    width = np.full(2, 10.0)
    ends = as_ends(labels, position, value, ["undecided", "minimum", "saddle"], MINIMA, width, 1.0)
    assert [e.count for e in ends] == [1600, 400, 90] and [e.known for e in ends] == [2, 0, None]
    assert [e.label for e in ends] == ["a set of minima around (0, 0)", "minimum (0, 0)", "saddle (2, 1)"]
    assert ends[0].extent == pytest.approx(0.6, abs=1e-3) and ends[1].extent == 0
    assert np.linalg.norm(ends[0].position) == pytest.approx(3) and ends[0].middle == pytest.approx((0, 0), abs=1e-2)
    with pytest.raises(ShapeError, match="2 kinds of points for 3 sets"):
        as_ends(labels, position, value, ["minimum"] * 2, MINIMA, width, 1.0)


def test_the_middle_member_is_an_end_and_nearest_to_the_mean():
    position = np.array([[0.0], [1.0], [2.1], [7.0], [7.0], [9.0]])
    np.testing.assert_array_equal(middle_members(np.array([0, 0, 0, 1, 1, 1]), position, np.ones(1)), [1, 3])
