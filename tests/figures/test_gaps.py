"""Where curves are broken: at poles, jumps and kinks of the derivative, and nowhere on smooth curves."""

import numpy as np
import pytest

from tbgrad.figures.gaps import slope_breaks, value_breaks, with_gaps

BROKEN = {
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, [0]),
    "1/x^2": (lambda x: 1 / x**2, lambda x: -2 / x**3, [0]),
    "1/x^3": (lambda x: x**-3, lambda x: -3 * x**-4, [0]),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2, [-np.pi / 2, np.pi / 2]),
    "floor": (np.floor, lambda x: 0 * x, [-2, -1, 0, 1, 2]),
    "jump uphill": (lambda x: x**2 + 5 * (x > 0.5), lambda x: 2 * x, [0.5]),
}
SMOOTH = {
    "sin": (np.sin, np.cos),
    "fast sin": (lambda x: np.sin(12 * x), lambda x: 12 * np.cos(12 * x)),
    "exp": (lambda x: np.exp(5 * x), lambda x: 5 * np.exp(5 * x)),
    "cubic": (lambda x: x**3, lambda x: 3 * x**2),
    "step without a jump": (lambda x: np.tanh(20 * x), lambda x: 20 / np.cosh(20 * x) ** 2),
    "peak": (lambda x: np.exp(-200 * x**2), lambda x: -400 * x * np.exp(-200 * x**2)),
    "constant": (lambda x: 0 * x + 3, lambda x: 0 * x),
}


def samples(points, shift=0.0):
    return np.linspace(-2.9 + shift, 2.9 + shift, points)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("points", [100, 201, 1000])
@pytest.mark.parametrize("shift", [0.003, 0.0111])
def test_poles_and_jumps(name, points, shift):
    value, slope, places = BROKEN[name]
    x = samples(points, shift)
    breaks = value_breaks(x, value(x), slope(x))
    expected = np.searchsorted(x, places) - 1
    assert np.flatnonzero(breaks).tolist() == sorted(i for i in expected if 0 <= i < points - 1)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("points", [150, 201, 1000])
def test_smooth_curves_are_whole(name, points):
    value, slope = SMOOTH[name]
    x = samples(points)
    assert not value_breaks(x, value(x), slope(x)).any()
    assert not slope_breaks(slope(x)).any()


def test_kinks_break_the_derivative_only():
    for value, slope in ((np.abs, np.sign), (lambda x: np.exp(-np.abs(x)), lambda x: -np.sign(x) * np.exp(-np.abs(x)))):
        x = samples(200)
        assert not value_breaks(x, value(x), slope(x)).any()
        assert np.flatnonzero(slope_breaks(slope(x))).tolist() == [99]


def test_too_few_samples_break_nothing():
    x = np.arange(20.0)
    assert not value_breaks(x, np.floor(x / 1.5), 0 * x).any()
    # A sample alone would not be seen as a line.
    spike = np.where(np.arange(40) == 20, 1.0, 0.0)
    assert not value_breaks(np.arange(40.0), spike, 0 * spike).any()
    for points in (1, 2, 3):
        x = np.linspace(0, 1, points)
        assert not value_breaks(x, x, 0 * x + 1).any() and not slope_breaks(x).any()


def test_what_is_not_finite_breaks_nothing_more():
    x = samples(101)
    with np.errstate(invalid="ignore", divide="ignore"):
        assert not value_breaks(x, np.sqrt(x), 0.5 / np.sqrt(x)).any()


def test_gaps_are_between_the_samples():
    x, y = with_gaps(np.array([0.0, 1, 2, 3]), np.array([1.0, 2, 3, 4]), np.array([False, True, False]))
    np.testing.assert_array_equal(x, [0, 1, 1.5, 2, 3])
    np.testing.assert_array_equal(y, [1, 2, np.nan, 3, 4])
