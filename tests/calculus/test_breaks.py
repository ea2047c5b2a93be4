"""Where surfaces end or jump between points of the grid: against rims, steps and poles that are known exactly."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad


def surface(text, side=1.0, points=41, dtype="float64", **options):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    return tbgrad.surface(f, [("x", -side, side), ("y", -side, side)], points=points, dtype=dtype, **options)


def places(result):
    """(x, y) of both sides [breaks, 2, 2]."""
    breaks = result.breaks
    x, y = result.x.astype(float), result.y.astype(float)
    first = np.stack([x[breaks.column], y[breaks.row]], axis=-1)
    second = np.stack([x[breaks.column + (breaks.along == 0)], y[breaks.row + (breaks.along == 1)]], axis=-1)
    return first[:, None] + breaks.share[..., None] * (second - first)[:, None]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_rim_of_a_disc(dtype):
    result = surface("log(1 - x^2 - y^2)", 1.2, dtype=dtype)
    at, value = places(result), result.breaks.value
    inside = np.isfinite(value)
    # Each rim has the function on one side, and all of them lie on the circle, just within.
    assert (inside.sum(axis=1) == 1).all() and len(value) > 100
    radius = np.hypot(*at[inside].T)
    cell = 2.4 / 40
    assert (radius < 1).all() and (1 - radius).max() < cell / 100
    np.testing.assert_allclose(value[inside], np.log(1 - radius**2), rtol=5e-3 if dtype == "float32" else 1e-9)
    # No way from a point within to one without is left out: along each row and column that meets the disc, two.
    lines = sum((np.abs(c) < 1).sum() for c in (result.x, result.y))
    assert len(value) == 2 * lines


def test_slopes_at_a_rim():
    result = surface("sqrt(1 - x^2 - y^2)", 1.2)
    inside = np.isfinite(result.breaks.value)
    x, y = places(result)[inside].T
    found = result.breaks.slopes[inside]
    np.testing.assert_allclose(found, -np.stack([x, y], -1) / np.sqrt(1 - x**2 - y**2)[:, None], rtol=1e-8)


def test_a_step_has_both_its_values():
    result = surface("where(x > y + 0.013, x + 2, y)")
    (x0, y0), (x1, y1) = np.moveaxis(places(result), 0, -1)
    low, high = result.breaks.value.T
    flip = x0 - y0 > 0.013
    assert (np.abs(x0 - y0 - 0.013) < 0.05 / 100).all() and (np.abs(x1 - y1 - 0.013) < 0.05 / 100).all()
    # Along x the step goes up, along y it goes down.
    np.testing.assert_array_equal(flip, result.breaks.along == 1)
    np.testing.assert_allclose(np.where(flip, high, low), np.where(flip, y1, y0), atol=1e-12)
    np.testing.assert_allclose(np.where(flip, low, high), np.where(flip, x0, x1) + 2, atol=1e-12)
    above = result.x > result.y[:, None] + 0.013
    assert len(low) == (np.diff(above, axis=0).sum() + np.diff(above, axis=1).sum())


def test_a_pole_that_changes_sign_is_a_break():
    result = surface("tan(x*y)", 3.0, points=101)
    at = places(result)
    away = (at[..., 0] * at[..., 1] - np.pi / 2) / np.pi
    assert np.abs(away - away.round()).max() < 3 * 0.06 / np.pi
    assert (np.sign(result.breaks.value).prod(axis=1) == -1).all() and len(at) > 400
    assert np.abs(result.breaks.value).min() > 5


@pytest.mark.parametrize(
    "text",
    [
        *("x*y", "sin(3*x)*cos(2*y)", "exp(4*x)*y", "abs(x) + abs(y)", "sqrt(x^2 + y^2)", "0*x + 0*y + 3"),
        *("tanh(60*(x - y))", "1/(0.01 + x^2 + y^2)", "1e30*x*y", "1e-30*x*y"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_continuous_has_no_breaks(text, dtype):
    assert surface(text, dtype=dtype).breaks is None


@pytest.mark.parametrize("name", ["rosenbrock", "himmelblau", "rastrigin", "ripple", "easom"])
def test_smooth_functions_of_the_catalogue_have_no_breaks(name):
    assert tbgrad.surface(tbgrad.resolve(name)).breaks is None


def test_a_hole_of_one_line_stays_visible():
    result = surface("x/y")
    at, value = places(result), result.breaks.value
    assert (result.breaks.along == 1).all() and len(value) == 2 * 41
    inside = np.isfinite(value)
    # A third of a cell is left free on each side.
    np.testing.assert_allclose(np.abs(at[inside][:, 1]), 0.35 * 0.05, rtol=1e-9)
    np.testing.assert_allclose(value[inside], at[inside][:, 0] / at[inside][:, 1], rtol=1e-9)


def test_a_hole_between_points_of_the_grid_is_found_where_it_leaves_a_trace():
    # Undefined where |x - 0.025| < 0.01, between two columns 0.05 apart, and another value on the other side.
    result = surface("where(abs(x - 0.025) < 0.01, log(x - 10), sign(x - 0.025))")
    at = places(result)
    assert (result.breaks.along == 0).all() and len(at) == 41
    assert (at[:, 0, 0] < 0.025).all() and (at[:, 1, 0] > 0.025).all()
    assert result.breaks.value.tolist() == [[-1.0, 1.0]] * 41


def test_of_a_function_that_is_rough_everywhere_only_ends_are_told():
    noise = surface("where(x > -0.5, floor(1e6*sin(1e7*(x + 3*y))), log(x - 100))")
    assert not np.isfinite(noise.breaks.value).all(axis=1).any() and len(noise.breaks.value) == 41


def test_a_python_function_is_asked_as_well():
    f = tbgrad.Function(lambda x, y: tf.where(x > 0.03, x, 5 + x), variables=("x", "y"))
    result = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=21)
    np.testing.assert_allclose(places(result)[..., 0], 0.03, atol=0.1 / 100)
