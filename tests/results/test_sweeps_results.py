"""What a sweep says of itself: level stretches, and tangents that secants go to."""

import dataclasses

import numpy as np
import pytest

from tbgrad.results import Secant, Subject, Sweep, Tangent

SUBJECT = Subject("f", "f", "", "", ("x",))


def sweep(value, slope, axis="x"):
    x = np.arange(float(len(value)))
    value, slope = np.array(value, dtype=float), np.array(slope, dtype=float)
    return Sweep(SUBJECT, axis, {}, x, x[:, None], value, slope[:, None], slope)


@pytest.mark.parametrize(
    ("value", "slope", "flat"),
    [
        ([1, 2, 3], [1, 1, 1], []),
        ([1, 1, 1], [0, 0, 0], [(0, 2)]),
        ([3, 1, 1, 1, 3], [-1, 0, 0, 0, 1], [(1, 3)]),
        # Two samples may lie on both sides of a point, and the steps of a staircase are stretches of their own.
        ([3, 1, 1, 3], [-1, 0, 0, 1], []),
        ([0, 0, 0, 1, 1, 1], [0] * 6, [(0, 2), (3, 5)]),
        ([0, 0, np.nan, 0, 0, 0], [0] * 6, [(3, 5)]),
        ([1], [0], []),
        # Rounding is not a rise; but what is small is not level.
        ([1, 1 + 2e-16, 1, 1 - 1e-16], [0, 1e-17, -1e-16, 0], [(0, 3)]),
        ([1e-20, 2e-20, 3e-20], [1e-20] * 3, []),
    ],
)
def test_level_stretches(value, slope, flat):
    assert sweep(value, slope).flat == flat


def test_units_name_the_coordinate():
    assert sweep([1, 2], [1, 1]).coordinate_name == "x" and sweep([1, 2], [1, 1], None).coordinate_name == "distance"


def test_a_point_of_very_many_variables_is_told_in_short():
    def line(d):
        x = np.zeros((2, d)) + np.arange(float(d))
        found = Sweep(SUBJECT, None, {}, np.arange(2.0), x, x[:, 0], x, x[:, 0])
        return found.axis_label, found.where

    assert line(3) == ("distance from (0, 1, 2)", "along the distance from (0, 1, 2) from 0 to 1")
    assert line(1000)[0] == "distance from (0, 1, 2, 3, 4, 5, …, 999)" and len(line(1000)[1]) < 70


def test_very_many_fixed_variables_are_told_in_short():
    found = dataclasses.replace(sweep([1, 2], [1, 1]), fixed={f"x{i}": float(i) for i in range(1, 1000)})
    assert found.fixed_words == "x1 = 1, x2 = 2, x3 = 3, x4 = 4, x5 = 5, x6 = 6, …, x999 = 999"
    assert found.where == f"along x from 0 to 1, {found.fixed_words}"
    assert sweep([1, 2], [1, 1]).where == "along x from 0 to 1"


def tangent(slope, *slopes):
    return Tangent(0.0, 0.0, slope, tuple(Secant(2.0**-i, 0.0, s) for i, s in enumerate(slopes)))


@pytest.mark.parametrize(
    ("approached", "slope", "slopes"),
    [
        (True, 2.0, [4.0, 3.0, 2.5, 2.25]),
        (True, 0.0, [1.0, 0.7, 0.5, 0.35]),
        (True, 3.0, [3.0, 3.0, 3.0]),
        (True, 0.0, [0.0, 0.0]),
        (True, 1.0, []),
        # There is nothing to go to.
        (True, np.inf, [1.0, 2.0, 4.0]),
        (False, 0.0, [1.0, 1.0, 1.0]),
        (False, 2.0, [4.0, 4.5, 5.0]),
    ],
)
def test_whether_secants_go_to_the_tangent(approached, slope, slopes):
    assert tangent(slope, *slopes).is_approached is approached
