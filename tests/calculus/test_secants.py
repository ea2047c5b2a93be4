"""Secants: exact values of the function, h halved, on the side where there is something, as far as rounding allows."""

import math

import mpmath
import numpy as np
import pytest
from oracles import mp_value

from tbgrad.calculus.sweeps import sweep
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function


def secants(text, low, high, at, **more):
    f = catalogue().get(text) or Function.of_formula(text)
    (tangent,) = sweep(f, (f.variables[0], low, high), tangents=[at], **more).tangents
    return tangent, tangent.secants


def test_h_is_halved_ten_times_from_a_round_number():
    _, chords = secants("fading_wave", 0, 2 * math.pi, 4.1)
    np.testing.assert_allclose([c.h for c in chords], 2.0 / 2.0 ** np.arange(10), rtol=1e-12)


@pytest.mark.parametrize(
    ("length", "first"), [(1, 0.2), (3, 1), (6, 2), (12, 2), (15, 5), (29, 5), (30, 10), (1e-5, 2e-6), (6e20, 2e20)]
)
def test_the_first_is_about_a_third_of_the_line(length, first):
    _, chords = secants("x**2", 0, length, 0)
    assert chords[0].h == pytest.approx(first, rel=1e-12) and len(chords) == 10
    assert length / 6 <= first <= length / 3 * (1 + 1e-12)


def test_values_and_slopes_against_mpmath():
    formula, (tangent, chords) = "cos(x)*sin(x)/sqrt(x)", secants("fading_wave", 0, 2 * math.pi, 4.1)
    for chord in chords:
        with mpmath.workdps(40):
            value = mp_value(formula, x=mpmath.mpf(4.1) + mpmath.mpf(chord.h))
            slope = (value - mp_value(formula, x=4.1)) / mpmath.mpf(chord.h)
        assert chord.value == pytest.approx(float(value), rel=1e-14)
        assert chord.slope == pytest.approx(float(slope), rel=1e-11)
    gaps = [abs(chord.slope - tangent.slope) for chord in chords]
    # The difference goes to zero with h: half of it for half of h, at last.
    assert gaps[-1] / gaps[-2] == pytest.approx(0.5, abs=0.01) and gaps[-1] < 0.002


@pytest.mark.parametrize(("at", "sign"), [(0, 1), (4, 1), (4.5, -1), (6, -1)])
def test_on_the_other_side_where_the_line_ends(at, sign):
    _, chords = secants("x**2", 0, 6, at)
    assert len(chords) == 10 and all(np.sign(c.h) == sign and 0 <= at + c.h <= 6 for c in chords)
    assert all(c.slope == pytest.approx(2 * at + c.h, abs=1e-9) for c in chords)


def test_on_the_other_side_where_the_function_is_undefined():
    _, chords = secants("sqrt(-x)", -2, 3, 0)
    assert len(chords) == 10 and all(c.h < 0 for c in chords)
    tangent, chords = secants("log(x)", -3, 1, 0.01)
    assert len(chords) == 9 and all(c.h > 0 for c in chords) and tangent.slope == pytest.approx(100)


def test_where_there_is_no_derivative_secants_say_why():
    tangent, chords = secants("sqrt(x)", -1, 1, 0)
    assert math.isinf(tangent.slope)
    assert [c.slope for c in chords] == pytest.approx([1 / math.sqrt(c.h) for c in chords])
    assert [c.slope for c in secants("abs(x)", -1, 1, 0)[1]] == [1.0] * 10
    assert secants("log(x)", -3, 1, -1)[1] == ()


def test_rounding_ends_them():
    assert len(secants("2*x + 1", 0, 1, 0.5)[1]) == 10
    assert len(secants("0*x + 2", 0, 1, 0.5)[1]) == 10
    assert secants("1e14 + x**2", 0, 1, 0.5)[1] == ()
    few = secants("1e11 + x**2", 0, 1, 0.5)[1]
    assert 0 < len(few) < 10 and all(c.slope == pytest.approx(1 + c.h, rel=2e-3) for c in few)
    # Where the floats are far apart, h is what they really are apart.
    (chord,) = secants("x**2", 1e6, 1e6 + 1e-6, 1e6, points=3)[1]
    assert chord.slope == pytest.approx(2e6, rel=1e-3)


def test_float32():
    _, chords = secants("fading_wave", 0, 2 * math.pi, 4.1, dtype="float32")
    x = np.float32(4.1)
    for chord in chords:
        assert float(np.float32(float(x) + chord.h)) == pytest.approx(float(x) + chord.h, rel=1e-7)
    assert chords[-1].slope == pytest.approx(-0.197538, abs=1e-4)


def test_on_a_line_between_two_points():
    f = catalogue()["sphere"]
    (tangent,) = sweep(f, start=(0, 0), end=(3, 4), tangents=[2.5]).tangents
    assert [c.slope for c in tangent.secants] == pytest.approx([5 + c.h for c in tangent.secants])


@pytest.mark.parametrize(
    ("text", "low", "high", "at"), [("log(x)", 0.01, 100, 0.01), ("sin(1000*x)", 0, 10, 0), ("exp(-x/0.0001)", 0, 1, 0)]
)
def test_a_smooth_curve_that_turns_within_the_last_h_has_no_kink(text, low, high, at):
    tangent, chords = secants(text, low, high, at)
    assert abs(chords[-1].slope - tangent.slope) > 0.5 * abs(tangent.slope) and tangent.is_approached
    assert abs(tangent.nearest.h) < 1e-5 and tangent.nearest.slope == pytest.approx(tangent.slope, rel=1e-2)


@pytest.mark.parametrize("text", ["abs(x)", "abs(x) + x**2", "1000 + abs(x)", "where(x > 0, 1 + x, x)"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_kinks_and_jumps_stay_what_they_are_however_near_a_secant_is(text, dtype):
    tangent, chords = secants(text, -1, 1, 0, dtype=dtype)
    assert not chords or not tangent.is_approached
