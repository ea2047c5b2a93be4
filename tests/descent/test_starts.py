"""Where descents start: points as given, and starts spread uniformly, by Sobol' points or on a grid."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

import tbgrad
from tbgrad.descent.starts import MOST_SOBOL_DIMENSIONS, SPREADS, choose_starts
from tbgrad.errors import OptionError, RangeError, ShapeError

UNIT = (0.0, 1.0)


def formula(text, *domain):
    return tbgrad.Function.of_formula(text, name="f", domain=domain or None)


def unit_cube(d):
    return tbgrad.Function.of_vector(lambda p: p[..., 0], d, name="cube", domain=(UNIT,) * d)


def discrepancy(points):
    """The L2 star discrepancy, by Warnock's formula (1972)."""
    n, d = points.shape
    once = np.prod(1 - points**2, axis=1).sum()
    pairs = np.prod(1 - np.maximum(points[:, None], points[None]), axis=2).sum()
    return np.sqrt(3.0**-d - 2.0 ** (1 - d) / n * once + pairs / n**2)


def test_the_published_start_or_the_points_given():
    f = tbgrad.resolve("rosenbrock")
    np.testing.assert_array_equal(choose_starts(f), [[-1.2, 1.0]])
    np.testing.assert_array_equal(choose_starts(f, [(0.0, 1.0), [2, 3]]), [[0.0, 1.0], [2.0, 3.0]])
    given = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = choose_starts(f, given)
    np.testing.assert_array_equal(found, given)
    assert found.dtype == np.float64
    given = np.ones((2, 2))
    choose_starts(f, given)[:] = 5
    assert (given == 1).all()


@pytest.mark.parametrize("spread", SPREADS)
def test_points_then_those_drawn(spread):
    f = tbgrad.resolve("rosenbrock")
    starts = choose_starts(f, [(0.0, 1.0), (9.0, 9.0)], drawn=64, seed=3, spread=spread)
    assert starts.shape == (66, 2) and starts.dtype == np.float64
    np.testing.assert_array_equal(starts[:2], [(0.0, 1.0), (9.0, 9.0)])
    np.testing.assert_array_equal(starts[2:], choose_starts(f, drawn=64, seed=3, spread=spread))
    assert (np.abs(starts[2:]) <= 2.048).all() and np.ptp(starts[2:], axis=0).min() > 3.5
    again = choose_starts(f, [(0.0, 1.0), (9.0, 9.0)], drawn=64, seed=3, spread=spread)
    np.testing.assert_array_equal(starts, again)
    other = choose_starts(f, drawn=64, seed=4, spread=spread)
    assert (other != starts[2:]).any() == (spread != "grid")


def test_uniform_starts_are_numpys():
    f = formula("x*y", (-1.0, 3.0), (10.0, 20.0))
    expected = np.random.default_rng(7).uniform([-1.0, 10.0], [3.0, 20.0], size=(100, 2))
    np.testing.assert_array_equal(choose_starts(f, drawn=100, seed=7), expected)
    np.testing.assert_array_equal(choose_starts(f, drawn=100, seed=7, spread="uniform"), expected)


# Joe & Kuo (2008), new-joe-kuo-6.21201: the first eight points in three dimensions.
JOE_KUO = np.array(
    [
        [0, 0, 0],
        [0.5, 0.5, 0.5],
        [0.75, 0.25, 0.25],
        [0.25, 0.75, 0.75],
        [0.375, 0.375, 0.625],
        [0.875, 0.875, 0.125],
        [0.625, 0.125, 0.875],
        [0.125, 0.625, 0.375],
    ]
)


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("seed", [0, 5])
def test_sobol_starts_are_the_published_points_shifted_round_the_domain(count, seed):
    f = formula("x*y*z", (-1.0, 3.0), (10.0, 20.0), UNIT)
    starts = choose_starts(f, drawn=count, seed=seed, spread="sobol")
    in_cube = (starts - [-1, 10, 0]) / [4, 10, 1]
    shift = in_cube[0]
    assert (shift > 0).all() and (shift < 1).all() and len(set(shift)) == 3
    np.testing.assert_allclose((JOE_KUO[:count] + shift) % 1, in_cube, atol=1e-14)


@pytest.mark.parametrize(("d", "m"), [(1, 0), (1, 7), (2, 10), (5, 6), (100, 8)])
def test_sobol_starts_have_one_in_each_stratum_of_each_axis(d, m):
    starts = choose_starts(unit_cube(d), drawn=2**m, seed=11, spread="sobol")
    before = (starts - starts[0]) % 1
    # Shifted back, where roundings put the points that lie on edges on either side of them.
    strata = np.round(before * 2**m) % 2**m
    np.testing.assert_array_equal(np.sort(strata, axis=0), np.tile(np.arange(2.0**m)[:, None], (1, d)))
    np.testing.assert_allclose(before * 2**m % 1 % (1 - 1e-9), 0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("d", "count"), [(1, 100), (2, 256), (2, 1000), (3, 512)])
def test_sobol_starts_are_spread_more_evenly(seed, d, count):
    sobol, uniform = (choose_starts(unit_cube(d), drawn=count, seed=seed, spread=s) for s in ("sobol", "uniform"))
    assert discrepancy(sobol) < 0.5 * discrepancy(uniform)


def test_sobol_starts_fill_many_dimensions():
    for d in (1000, MOST_SOBOL_DIMENSIONS):
        starts = choose_starts(unit_cube(d), drawn=4, seed=1, spread="sobol")
        assert starts.shape == (4, d) and (starts >= 0).all() and (starts <= 1).all()
    with pytest.raises(RangeError, match=r"21,201 variables; .* at most 21,200"):
        choose_starts(unit_cube(MOST_SOBOL_DIMENSIONS + 1), drawn=4, spread="sobol")


@pytest.mark.parametrize("per_axis", [2, 3, 5])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_grid_by_hand(d, per_axis):
    domain = [(-1.0, 3.0), (10.0, 20.0), (0.1, 0.7)][:d]
    f = formula(["x", "x*y", "x*y*z"][d - 1], *domain)
    axes = [[low + (high - low) * i / (per_axis - 1) for i in range(per_axis)] for low, high in domain]
    starts = choose_starts(f, drawn=per_axis**d, spread="grid")
    np.testing.assert_allclose(starts, list(itertools.product(*axes)), rtol=1e-14, atol=1e-14)
    # The ends are the domain's own, to the last digit.
    np.testing.assert_array_equal(starts[[0, -1]], np.array(domain).T)


@pytest.mark.parametrize("d", [1, 2, 100, 1000])
def test_a_grid_of_one_is_the_middle(d):
    f = tbgrad.Function.of_vector(lambda p: p[..., 0], d, domain=((-1.0, 3.0),) * d)
    np.testing.assert_array_equal(choose_starts(f, drawn=1, spread="grid"), np.ones((1, d)))


@pytest.mark.parametrize(
    ("d", "count", "says"),
    [
        (2, 10, r"10 starts .* 2 variables; expected 9 \(3 on each axis\) or 16 \(4 on each axis\)"),
        (2, 15, r"expected 9 \(3 on each axis\) or 16"),
        (2, 2, r"expected 1 \(1 on each axis\) or 4"),
        (2, 999_999, r"expected 998001 \(999 on each axis\) or 1000000 \(1000 on each axis\)"),
        (3, 26, r"expected 8 \(2 on each axis\) or 27"),
        (3, 28, r"expected 27 \(3 on each axis\) or 64"),
        (100, 5, r"expected 1 \(1 on each axis\)\."),
    ],
)
def test_numbers_that_make_no_grid(d, count, says):
    with pytest.raises(RangeError, match=says):
        choose_starts(unit_cube(d), drawn=count, spread="grid")


@pytest.mark.parametrize("spread", SPREADS)
def test_more_starts_than_memory(spread):
    with pytest.raises(RangeError, match=r"10,000,000,000 starts of 2 variables take 149\.0 GiB; at most 2"):
        choose_starts(unit_cube(2), drawn=10**10, spread=spread)


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("x*y", {}, ShapeError),
        ("x*y", {"points": [(1.0,)]}, ShapeError),
        ("x*y", {"points": np.ones((3, 3))}, ShapeError),
        ("x*y", {"points": [(1.0, float("inf"))]}, RangeError),
        ("x*y", {"points": np.array([[1.0, np.nan]])}, RangeError),
        ("x*y", {"points": [(1.0, 1e101)]}, RangeError),
        ("x*y", {"drawn": 3}, RangeError),
        ("x*y", {"drawn": 4, "spread": "grid"}, RangeError),
        ("x*y", {"drawn": 4, "spread": "sobol"}, RangeError),
        ("x*y", {"drawn": -1}, RangeError),
        ("x*y", {"points": [(1.0, 1.0)], "spread": "grid"}, OptionError),
    ],
)
def test_starts_that_cannot_be(text, options, error):
    with pytest.raises(error):
        choose_starts(formula(text), **options)


def test_an_unknown_spread():
    with pytest.raises(OptionError, match=r"no spread named 'sobel'; .* uniform, sobol, grid\. Did you mean 'sobol'\?"):
        choose_starts(unit_cube(2), drawn=4, spread="sobel")


@pytest.mark.parametrize("spread", SPREADS)
def test_a_million_starts(spread):
    starts = choose_starts(unit_cube(2), drawn=1_000_000, seed=2, spread=spread)
    assert starts.shape == (1_000_000, 2) and (starts >= 0).all() and (starts <= 1).all()
    cells, _, _ = np.histogram2d(*starts.T, bins=10)
    # Uniform: 10,000 ± 100 in each cell.
    np.testing.assert_allclose(cells, 10_000, atol={"uniform": 500, "sobol": 60, "grid": 0}[spread])


def test_only_sobol_starts_load_tensorflow():
    code = (
        "import sys, tbgrad; from tbgrad.descent.starts import choose_starts; f = tbgrad.resolve('sphere');"
        "[choose_starts(f, drawn=4, spread=s) for s in ('uniform', 'grid')]; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
