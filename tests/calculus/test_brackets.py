"""Roots in many brackets at once, against mpmath's, and how many calls they take."""

import mpmath
import numpy as np
import pytest

from tbgrad.calculus import brackets

SMOOTH = {
    "sin": (np.sin, mpmath.sin, [(3, 3.3), (6, 6.5), (-3.5, -3), (-0.1, 0.2)]),
    "cubic": (lambda x: x**3 - 2, lambda x: x**3 - 2, [(0, 2), (1, 1.5), (-1, 3)]),
    "exponential": (lambda x: np.exp(-x) - x, lambda x: mpmath.exp(-x) - x, [(0, 1), (0.5, 10)]),
    "steep": (lambda x: np.tanh(50 * (x - 0.3)), lambda x: mpmath.tanh(50 * (x - mpmath.mpf(0.3))), [(0, 1)]),
    "huge": (lambda x: 1e300 * (x - 1 / 3), lambda x: x - mpmath.mpf(1 / 3), [(0, 1)]),
    "tiny": (lambda x: 1e-290 * (x - 1 / 3), lambda x: x - mpmath.mpf(1 / 3), [(0, 1)]),
}


class Counted:
    def __init__(self, function):
        self.function, self.calls, self.asked = function, 0, 0

    def __call__(self, x):
        self.calls, self.asked = self.calls + 1, self.asked + len(x)
        with np.errstate(all="ignore"):
            return self.function(x)


@pytest.mark.parametrize("name", SMOOTH)
def test_roots_against_mpmath(name):
    function, exact, ends = SMOOTH[name]
    low, high = np.array(ends, dtype=float).T
    counted = Counted(function)
    found = brackets.roots(counted, low, high)
    for x, a, b in zip(found, low, high, strict=True):
        root = float(mpmath.findroot(exact, (a, b), solver="anderson", tol=1e-30, maxsteps=200))
        assert x == pytest.approx(root, rel=4e-16, abs=1e-15) and a <= x <= b
    assert counted.calls <= 25


def test_from_both_ends_alike():
    forwards = brackets.roots(np.cos, np.array([1.0]), np.array([2.0]))
    backwards = brackets.roots(np.cos, np.array([2.0]), np.array([1.0]))
    assert forwards == pytest.approx(np.pi / 2, rel=1e-15) and backwards == pytest.approx(np.pi / 2, rel=1e-15)


@pytest.mark.parametrize("jump", [lambda x: np.sign(x - 0.3), lambda x: 1 / (x - 0.3), lambda x: (x - 0.3) ** -3])
def test_jumps_and_poles_are_bracketed_to_the_last_float(jump):
    counted = Counted(jump)
    (found,) = brackets.roots(counted, np.array([0.0]), np.array([1.0]))
    assert found == pytest.approx(0.3, rel=1e-15) and counted.calls <= 66


def test_what_has_no_number_ends_its_bracket_only():
    def function(x):
        return np.where(np.abs(x - 0.5) < 0.3, np.nan, x - 5.5)

    found = brackets.roots(function, np.array([0.0, 5.0]), np.array([6.0, 6.0]))
    assert found[1] == 5.5


def test_many_brackets_share_their_calls():
    k = np.arange(1, 1001)
    counted = Counted(np.sin)
    found = brackets.roots(counted, k * np.pi - 1, k * np.pi + 1.3)
    np.testing.assert_allclose(found, k * np.pi, rtol=4e-16)
    assert counted.calls <= 15 and counted.asked <= 12_000


def test_the_least_of_what_touches_zero():
    roots = np.array([0.3, 1 / 3, 0.0])
    low, high = np.array([0.0, 0.2, -1.0]), np.array([1.0, 0.9, 0.7])
    counted = Counted(lambda x: 3 * (x - np.repeat(roots, 17)) ** 2)
    found = brackets.least(counted, low, high)
    np.testing.assert_allclose(found, roots, atol=brackets.LEAST_EXACT)
    assert counted.calls == 13


def test_the_least_passes_over_what_has_no_number():
    def function(x):
        return np.where(x < 0.1, np.nan, x + 1)

    assert brackets.least(function, np.array([0.0]), np.array([1.0])) == pytest.approx(0.1)
