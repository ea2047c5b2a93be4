"""What the catalogue says of places without a gradient, at 50 digits: the slopes from both sides, along each axis."""

import mpmath
import pytest
from oracles import DIGITS, mp_value
from searching import body, named

from tbgrad.functions.catalogue import catalogue

CATALOGUE = catalogue()
AT_KINKS = [
    ("ripple", 0, 0),
    ("absolute_value", 0),
    ("ackley_2", 0, 0),
    ("ackley", 0, 0),
    ("salomon", 0, 0),
    ("bukin_6", -6, 0.36),
    ("bukin_6", -10, 2),
    ("eggholder", 100, -97),
    ("eggholder", 100, 53),
    ("cross_in_tray", "pi", 1),
    ("cross_in_tray", 1, "-2*pi"),
    ("cross_in_tray", "100*pi*cos(1)", "100*pi*sin(1)"),
    ("holder_table", "pi", 1),
    ("holder_table", 1, "pi/2"),
    ("holder_table", "pi*cos(1)", "pi*sin(1)"),
    ("helical_valley", 0, -1, 1),
    ("helical_valley", 0, 0, 2.5),
]
# Where one could think that there is a kink: abs, sqrt or a power of zero.
SMOOTH = [
    ("schaffer_4", 1, 1),
    ("schaffer_4", 2, -2),
    ("schwefel", 0, 5),
    ("sum_of_powers", 0, 0),
    ("brown", 0, 2),
    ("drop_wave", 0, 0),
    ("eggholder", 0, -47),
    ("cross_in_tray", "pi", "pi"),
    ("holder_table", "pi", "pi/2"),
    ("helical_valley", 0, 1, 1),
]


def slopes(name, position):
    """(left, right) along each axis, by one-sided differences."""
    f = CATALOGUE[name]
    with mpmath.workdps(DIGITS):
        h = mpmath.mpf(10) ** -20
        point = [mp_value(str(x)) for x in position]

        def at(i, step):
            return mp_value(body(f), **named(f, [x + step if j == i else x for j, x in enumerate(point)]))

        here = at(0, 0)
        return [((here - at(i, -h)) / h, (at(i, h) - here) / h) for i in range(len(point))]


@pytest.mark.parametrize(("name", "position"), [(name, position) for name, *position in AT_KINKS], ids=str)
def test_at_a_kink_the_slopes_differ(name, position):
    assert CATALOGUE[name].kinks
    assert any(abs(left - right) > 1e-7 for left, right in slopes(name, position))


@pytest.mark.parametrize(("name", "position"), [(name, position) for name, *position in SMOOTH], ids=str)
def test_where_no_kink_is_stated_the_slopes_agree(name, position):
    assert all(abs(left - right) < 1e-8 * max(1, abs(left)) for left, right in slopes(name, position))


def test_every_stated_kink_is_looked_at():
    assert {f.name for f in CATALOGUE.values() if f.kinks} == {name for name, *_ in AT_KINKS}
