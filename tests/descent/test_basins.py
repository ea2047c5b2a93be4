"""Basins: known partitions of the plane, NumPy descents from each pixel, rings, holes, and the known minima."""

import numpy as np
import pytest
from html_tables import cells
from oracles import adam

import tbgrad
from tbgrad.descent.basins import MOST_PIXELS, find_basins, pixel_starts
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.results import Status

HIMMELBLAU = [(3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)]


def himmelblau_gradient(p):
    x, y = p[..., 0], p[..., 1]
    a, b = x * x + y - 11, x + y * y - 7
    return np.stack([4 * x * a + 2 * b, 2 * a + 4 * y * b], axis=-1)


def descended(gradient, starts, rate, steps, tolerance=1e-6, momentum=0.0):
    """Ends [n, d] and updates [n] of gradient descent that stops at a small gradient, start by start."""
    ends, made = np.array(starts, float), np.zeros(len(starts), int)
    for k, start in enumerate(np.array(starts, float)):
        position, velocity = start, 0.0
        limit = tolerance * max(1.0, np.abs(gradient(start)).max())
        for step in range(steps + 1):
            slope = gradient(position)
            made[k], ends[k] = step, position
            if np.abs(slope).max() <= limit or step == steps:
                break
            velocity = momentum * velocity - rate * slope
            position = position + velocity
    return ends, made


def grid(x, y):
    """Row by row: y along rows, x along columns."""
    return np.array([(a, b) for b in y for a in x])


def formula(text, *domain):
    return tbgrad.Function.of_formula(text, name="f", domain=domain or None)


def sgd(rate, **settings):
    return tbgrad.Optimizer("sgd", rate, **settings)


@pytest.fixture(scope="module")
def halves():
    """Two minima that x = 0 parts, where starts end on the saddle; 21 columns, so that one is x = 0."""
    f = tbgrad.resolve("x**4 - 2*x**2 + y**2")
    return find_basins(f, sgd(0.05), [("x", -2, 2), ("y", -1, 1)], points=21, steps=400)


@pytest.fixture(scope="module")
def himmelblau():
    return find_basins(tbgrad.resolve("himmelblau"), sgd(0.004), points=16, steps=400)


def test_the_halves_of_a_double_well(halves):
    # With rate 0.05 no step jumps over x = 0 from |x| < √6.
    expected = np.where(halves.x < -1e-12, 0, np.where(halves.x > 1e-12, 1, 2))
    np.testing.assert_array_equal(halves.basin, np.tile(expected, (21, 1)))
    assert [end.point for end in halves.ends] == ["minimum", "minimum", "saddle"]
    places = [end.position for end in halves.ends]
    np.testing.assert_allclose(places, [(-1, 0), (1, 0), (0, 0)], atol=1e-5)
    assert [end.count for end in halves.ends] == [210, 210, 21]
    assert [end.value for end in halves.ends] == pytest.approx([-1, -1, 0], abs=1e-9)
    assert all(end.is_point and end.known is None for end in halves.ends)
    assert halves.converged.all() and halves.global_share is None and halves.unreached == ()
    assert [halves.share(i) for i in range(3)] == pytest.approx([10 / 21, 10 / 21, 1 / 21])


def test_what_basins_say_of_themselves(halves):
    np.testing.assert_allclose(halves.x, np.linspace(-2, 2, 21), atol=1e-15)
    np.testing.assert_allclose(halves.y, np.linspace(-1, 1, 21), atol=1e-15)
    assert halves.position.shape == (21, 21, 2)
    for array in (halves.value, halves.steps_made, halves.status, halves.basin):
        assert array.shape == (21, 21)
    assert (halves.variables, dict(halves.fixed), halves.steps, halves.starts) == (("x", "y"), {}, 400, 441)
    assert (halves.optimizer, halves.learning_rate, halves.rate_rule) == ("sgd", 0.05, "as given")
    assert halves.where == "21 × 21 starts, x from -2 to 2, y from -1 to 1"
    assert [end.label for end in halves.ends] == ["minimum (-1, 0)", "minimum (1, 0)", "saddle (0, 0)"]
    assert [row[0] for row in cells(halves)[1:]] == [end.label for end in halves.ends]
    np.testing.assert_allclose(halves.value, halves.position[..., 0] ** 4 - 2 * halves.position[..., 0] ** 2
                               + halves.position[..., 1] ** 2, atol=1e-14)  # fmt: skip
    assert halves.median_steps() == np.median(halves.steps_made)
    assert halves.median_steps(2) == np.median(halves.steps_made[:, 10])


def test_himmelblau_is_numpys_descent_from_every_pixel(himmelblau):
    axis = np.linspace(-5, 5, 16)
    ends, made = descended(himmelblau_gradient, grid(axis, axis), 0.004, 400)
    np.testing.assert_array_equal(himmelblau.steps_made.ravel(), made)
    np.testing.assert_allclose(himmelblau.position.reshape(-1, 2), ends, rtol=1e-9, atol=1e-9)
    assert himmelblau.converged.all() and made.max() < 400 and np.ptp(made) > 20
    nearest = np.linalg.norm(ends[:, None] - np.array(HIMMELBLAU), axis=-1).argmin(axis=1)
    places = np.array([end.position for end in himmelblau.ends])
    found = np.linalg.norm(places[:, None] - np.array(HIMMELBLAU), axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(found[himmelblau.basin.ravel()], nearest)
    counts = [end.count for end in himmelblau.ends]
    assert counts == np.bincount(himmelblau.basin.ravel()).tolist() == sorted(counts, reverse=True)


def test_each_known_minimum_is_found_and_matched(himmelblau):
    assert len(himmelblau.ends) == 4
    minima = himmelblau.subject.minima
    assert sorted(end.known for end in himmelblau.ends) == list(range(len(minima)))
    for end in himmelblau.ends:
        np.testing.assert_allclose(end.position, minima[end.known].points[0], atol=1e-4)
        assert end.point == "minimum"
    assert himmelblau.unreached == () and himmelblau.global_share == 1.0


@pytest.mark.parametrize(("name", "rate"), [("branin", 0.1), ("six_hump_camel", 0.05)])
def test_known_minima_of_the_catalogue(name, rate):
    f = tbgrad.resolve(name)
    basins = find_basins(f, tbgrad.Optimizer("adam", rate), points=12, steps=500)
    minima = basins.subject.minima
    assert {end.known for end in basins.ends} >= set(range(len(minima))) and basins.unreached == ()
    for end in basins.ends:
        distances = [np.abs(np.subtract(end.position, minimum.points[0])).max() for minimum in minima]
        assert end.known == (int(np.argmin(distances)) if min(distances) < 1e-3 else None)
    share = sum(end.count for end in basins.ends if end.known is not None) / 144
    assert basins.global_share == pytest.approx(share)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_momentum_is_numpys(momentum):
    f = tbgrad.resolve("himmelblau")
    basins = find_basins(f, sgd(0.002, momentum=momentum), [("x", 1, 4), ("y", -3, 3)], points=5, steps=60)
    starts = grid(np.linspace(1, 4, 5), np.linspace(-3, 3, 5))
    ends, made = descended(himmelblau_gradient, starts, 0.002, 60, momentum=momentum)
    np.testing.assert_array_equal(basins.steps_made.ravel(), made)
    np.testing.assert_allclose(basins.position.reshape(-1, 2), ends, rtol=1e-9)
    assert dict(basins.settings) == {"momentum": momentum}


def test_adam_is_numpys():
    basins = find_basins(tbgrad.resolve("himmelblau"), tbgrad.Optimizer("adam", 0.1), points=6, steps=500)
    axis = np.linspace(-5, 5, 6)
    for row, column in [(0, 0), (2, 3), (5, 1), (4, 4)]:
        path = adam(himmelblau_gradient, (axis[column], axis[row]), 0.1, 500)
        steepest = np.abs(himmelblau_gradient(path)).max(axis=-1)
        step = np.flatnonzero(steepest <= 1e-6 * max(1, steepest[0]))[0]
        assert basins.steps_made[row, column] == step
        np.testing.assert_allclose(basins.position[row, column], path[step], rtol=1e-7)


def test_a_ring_is_one_set_and_known():
    f = tbgrad.resolve("ripple")
    basins = find_basins(f, sgd(0.5), [("x", -5, 5), ("y", -5, 5)], points=24, steps=300)
    x, y = np.meshgrid(basins.x, basins.y)
    outside = np.hypot(x, y) > np.pi / 2
    # The ring's radius is 3π/2; from within π/2 it goes to the kink at the origin.
    np.testing.assert_array_equal(basins.basin, np.where(outside, 0, -1))
    (ring,) = basins.ends
    assert ring.count == outside.sum() and ring.known == 0 and not ring.is_point
    assert ring.value == pytest.approx(-1, abs=1e-9)
    assert np.hypot(*ring.position) == pytest.approx(3 * np.pi / 2, abs=1e-4)
    np.testing.assert_allclose(ring.middle, (0, 0), atol=0.2)
    assert ring.label == "a set of minima around (0, 0)"
    assert basins.unreached == () and basins.global_share == pytest.approx(outside.mean())
    assert not (basins.status[~outside] == basins.statuses.index(Status.CONVERGED)).any()


def test_a_valley_is_one_set():
    basins = find_basins(tbgrad.resolve("(x - y)**2"), sgd(0.1), [("x", -1, 1), ("y", -1, 1)], points=15, steps=200)
    assert (basins.basin == 0).all()
    (valley,) = basins.ends
    assert not valley.is_point and valley.point == "undecided" and valley.known is None
    np.testing.assert_allclose(valley.position, (0, 0), atol=1e-4)


def test_a_plain_is_where_it_starts():
    basins = find_basins(tbgrad.resolve("0*x + 0*y + 3"), sgd(0.1), [("x", -1, 1), ("y", -1, 1)], points=9, steps=20)
    assert (basins.basin == 0).all() and len(basins.ends) == 1
    assert (basins.steps_made == 0).all() and basins.median_steps() == 0
    x, y = np.meshgrid(basins.x, basins.y)
    np.testing.assert_array_equal(basins.position, np.stack([x, y], axis=-1))


def test_all_diverge():
    basins = find_basins(tbgrad.resolve("sphere"), sgd(1.5), points=6, steps=200)
    assert basins.failed.all() and not basins.converged.any()
    assert basins.counted(Status.DIVERGED) == 36
    assert (basins.basin == -1).all() and basins.ends == ()
    assert np.isnan(basins.median_steps()) and basins.global_share == 0 and basins.unreached == (0,)
    assert len(cells(basins)) == 1 + len(basins.ends)


def test_some_diverge():
    # x' = x - 0.1 (4x³ - 4x) grows beyond |x| = √6, and settles within.
    f = tbgrad.resolve("x**4 - 2*x**2 + y**2")
    basins = find_basins(f, sgd(0.1), [("x", -4, 4), ("y", -1, 1)], points=17, steps=300)
    far = np.tile(np.abs(basins.x) > np.sqrt(6), (17, 1))
    np.testing.assert_array_equal(basins.failed, far)
    np.testing.assert_array_equal(basins.basin == -1, far)
    assert sum(end.count for end in basins.ends) == (~far).sum()


def test_where_the_function_is_undefined():
    f = tbgrad.resolve("x - log(x) + y**2")
    basins = find_basins(f, sgd(0.1), [("x", -1.95, 2.05), ("y", -1, 1)], points=11, steps=400)
    defined = np.tile(basins.x > 0, (11, 1))
    np.testing.assert_array_equal(basins.basin, np.where(defined, 0, -1))
    assert (basins.status[~defined] == basins.statuses.index(Status.NOT_FINITE)).all()
    (end,) = basins.ends
    np.testing.assert_allclose(end.position, (1, 0), atol=1e-5)
    assert end.point == "minimum" and end.count == defined.sum()


def test_undefined_everywhere():
    basins = find_basins(tbgrad.resolve("sqrt(-1 - x**2) + y"), sgd(0.1), [("x", -1, 1), ("y", -1, 1)], points=4)
    assert basins.counted(Status.NOT_FINITE) == 16 and basins.ends == ()


def test_three_variables_of_which_one_is_fixed_at_the_start():
    f = tbgrad.resolve("(x**2 - 1)**2 + y**2 + (z - x)**2")
    over = [("x", -1.5, 1.5), ("y", -1, 1)]
    basins = find_basins(f, sgd(0.05), over, {"z": 3.0}, points=8, steps=800)
    assert dict(basins.fixed) == {"z": 3.0} and basins.position.shape == (8, 8, 3)

    def gradient(p):
        x, y, z = p
        return np.array([4 * x * (x * x - 1) - 2 * (z - x), 2 * y, 2 * (z - x)])

    starts = np.column_stack([grid(np.linspace(-1.5, 1.5, 8), np.linspace(-1, 1, 8)), np.full(64, 3.0)])
    ends, made = descended(gradient, starts, 0.05, 800)
    np.testing.assert_array_equal(basins.steps_made.ravel(), made)
    np.testing.assert_allclose(basins.position.reshape(-1, 3), ends, rtol=1e-8, atol=1e-10)
    assert basins.converged.all() and {np.sign(end.position[0]) for end in basins.ends} == set(np.sign(ends[:, 0]))
    assert "z = 3" in basins.where


def test_float32():
    f = tbgrad.resolve("himmelblau")
    basins = find_basins(f, sgd(0.004), points=16, steps=400, dtype="float32")
    double = find_basins(f, sgd(0.004), points=16, steps=400)
    assert all(a.dtype == np.float32 for a in (basins.x, basins.y, basins.value, basins.position))
    assert sorted(end.known for end in basins.ends) == [0, 1, 2, 3]
    known = [np.array([end.known for end in b.ends])[b.basin] for b in (basins, double)]
    assert (known[0] == known[1]).mean() > 0.97
    # A gradient of 1e-4 of the first is small in float32.
    axis = np.linspace(-5, 5, 16)
    _, made = descended(himmelblau_gradient, grid(axis, axis), 0.004, 400, tolerance=1e-4)
    assert (np.abs(basins.steps_made.ravel() - made) <= 2).mean() > 0.97


def test_out_of_steps():
    basins = find_basins(tbgrad.resolve("himmelblau"), sgd(0.004), points=4, steps=2)
    assert (basins.basin == -1).all() and basins.ends == () and (basins.steps_made == 2).all()
    assert basins.unreached == (0, 1, 2, 3)


def test_the_automatic_rate_is_one_for_all_pixels():
    # 1 / the largest eigenvalue, 6x with x up to 2; the first updates are short against the domain.
    f = formula("x**3 + y**2", (1.0, 2.0), (-1.0, 1.0))
    basins = find_basins(f, "sgd", points=4, steps=1)
    steepest = max(3 * 2.0**2, 2.0)
    assert basins.learning_rate <= 1 / 12
    assert basins.learning_rate * np.hypot(3 * 2.0**2, 2.0) <= 0.1 * (1 + 1e-12)
    assert basins.learning_rate * steepest > 0.05


def test_pixels_stand_row_by_row():
    f = formula("x*y*z", (-1.0, 3.0), (0.0, 2.0), (1.0, 5.0))
    starts = pixel_starts(f, points=3)
    expected = [(x, y, 3.0) for y in (0, 1, 2) for x in (-1, 1, 3)]
    np.testing.assert_array_equal(starts, expected)
    starts = pixel_starts(f, [("z", 0, 1), ("x", 5, 6)], {"y": 7.0}, points=2, dtype="float32")
    np.testing.assert_array_equal(starts, [(5, 7, 0), (5, 7, 1), (6, 7, 0), (6, 7, 1)])
    assert starts.dtype == np.float32
    assert len(pixel_starts(f, points=5)) == 25


@pytest.mark.parametrize(
    ("function", "options", "error"),
    [
        ("fading_wave", {}, ShapeError),
        ("x**2 + y**2", {}, RangeError),
        ("himmelblau", {"over": [("z", 0, 1)]}, OptionError),
        ("himmelblau", {"over": [("x", 0, 1), ("x", 0, 2)]}, OptionError),
        ("himmelblau", {"over": [("x", 1, 0)]}, RangeError),
        ("himmelblau", {"over": [("x", 0, np.inf)]}, RangeError),
        ("himmelblau", {"fix": {"x": 1.0}}, OptionError),
        ("himmelblau", {"points": 1}, RangeError),
        ("himmelblau", {"points": -1}, RangeError),
        ("himmelblau", {"points": MOST_PIXELS + 1}, RangeError),
        ("himmelblau", {"steps": 0}, RangeError),
        ("himmelblau", {"steps": 1.5}, OptionError),
    ],
    ids=str,
)
def test_what_cannot_be(function, options, error):
    with pytest.raises(error):
        find_basins(tbgrad.resolve(function), sgd(0.1), **{"points": 4, "steps": 2} | options)
