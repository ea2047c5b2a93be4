import math

import numpy as np
import pytest
from html_tables import cells
from oracles import mp_gradient, mp_value

from tbgrad.calculus.surfaces import surface
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function

CATALOGUE = catalogue()
RIPPLE = CATALOGUE["ripple"]


def test_value_at_row_and_column_belongs_to_y_and_x():
    found = surface(Function.of_formula("x + 100*y"), over=[("x", 0, 3), ("y", 10, 13)], points=4)
    np.testing.assert_array_equal(found.x, [0, 1, 2, 3])
    np.testing.assert_array_equal(found.y, [10, 11, 12, 13])
    for row in range(4):
        for column in range(4):
            assert found.value[row, column] == column + 100 * (10 + row)
            assert found.position[row, column].tolist() == [column, 10 + row]
    np.testing.assert_array_equal(found.gradient, np.broadcast_to([1, 100], (4, 4, 2)))


def test_the_first_range_goes_along_columns_whatever_its_variable():
    found = surface(Function.of_formula("x + 100*y"), over=[("y", 10, 13), ("x", 0, 3)], points=4)
    assert found.axes == ("y", "x")
    np.testing.assert_array_equal(found.x, [10, 11, 12, 13])
    np.testing.assert_array_equal(found.value, 100 * found.x[None, :] + found.y[:, None])
    np.testing.assert_array_equal(found.position[1, 2], [1, 12])
    np.testing.assert_array_equal(found.gradient, np.broadcast_to([1, 100], (4, 4, 2)))


def test_values_alone():
    found = surface(Function.of_formula("x + 100*y"), over=[("x", 0, 3), ("y", 10, 13)], points=4, gradients=False)
    np.testing.assert_array_equal(found.value, found.x[None, :] + 100 * found.y[:, None])
    assert np.isnan(found.gradient).all() and found.gradient.shape == (4, 4, 2)
    assert not found.has_gradients and found.breaks is None and found.kinks == ""
    with pytest.raises(OptionError, match="tangent plane needs the gradient"):
        surface(RIPPLE, tangents=[(1.0, 1.0)], gradients=False)


def test_the_domain_by_default():
    found = surface(RIPPLE)
    assert (found.axes, found.fixed) == (("x", "y"), {})
    np.testing.assert_array_equal(found.x, np.linspace(0, 6, 101))
    np.testing.assert_array_equal(found.y, np.linspace(-6, 6, 101))
    assert (found.value.shape, found.position.shape, found.gradient.shape) == ((101, 101), (101, 101, 2), (101, 101, 2))
    np.testing.assert_allclose(found.value, np.sin(np.hypot(found.x[None, :], found.y[:, None])), atol=2e-15)
    assert found.subject == RIPPLE.subject()


def test_value_and_gradient_against_mpmath():
    found = surface(CATALOGUE["tilted_waves"], over=[("x", -3, 2), ("y", 0.5, 4)], points=6)
    text = "cos(x)*sin(y) + x/y"
    for row, y in enumerate(found.y):
        for column, x in enumerate(found.x):
            assert found.value[row, column] == pytest.approx(float(mp_value(text, x=x, y=y)), rel=1e-13)
            expected = [float(g) for g in mp_gradient(text, "xy", [x, y])]
            np.testing.assert_allclose(found.gradient[row, column], expected, rtol=1e-12)


def test_a_plane_in_three_dimensions():
    f = Function.of_formula("x + 10*y + 100*z", domain=((0, 1), (2, 4), (-1, 1)))
    found = surface(f, points=2)
    assert (found.axes, found.fixed) == (("x", "y"), {"z": 0.0})
    np.testing.assert_array_equal(found.value, [[20, 21], [40, 41]])
    found = surface(f, fix={"x": 5}, points=2)
    assert (found.axes, found.fixed) == (("y", "z"), {"x": 5.0})
    np.testing.assert_array_equal(found.value, [[5 + 20 - 100, 5 + 40 - 100], [5 + 20 + 100, 5 + 40 + 100]])
    found = surface(f, over=[("z", 0, 1), ("x", 0, 1)], points=2)
    assert found.fixed == {"y": 3.0}
    np.testing.assert_array_equal(found.value, [[30, 130], [31, 131]])
    np.testing.assert_array_equal(found.position[1, 0], [1, 3, 0])


def test_a_range_that_is_missing_is_that_of_the_domain():
    found = surface(RIPPLE, over=[("y", 0, 1)], points=3)
    assert found.axes == ("x", "y")
    np.testing.assert_array_equal(found.x, [0, 3, 6])
    np.testing.assert_array_equal(found.y, [0, 0.5, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype):
    found = surface(RIPPLE, points=3, dtype=dtype)
    assert {a.dtype.name for a in (found.x, found.y, found.position, found.value, found.gradient)} == {dtype}


def test_where_it_is_undefined_the_rest_is_there():
    found = surface(CATALOGUE["tilted_waves"], points=3)
    np.testing.assert_array_equal(np.isfinite(found.value), [[True] * 3, [False] * 3, [True] * 3])
    kink = surface(RIPPLE, over=[("x", -1, 1), ("y", -1, 1)], points=3)
    assert kink.value[1, 1] == 0
    assert not np.isfinite(kink.gradient[1, 1]).any()
    assert np.isfinite(np.delete(kink.gradient.reshape(9, 2), 4, axis=0)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_tangent_planes_have_exact_numbers(dtype):
    text = "cos(x)*sin(y) + x/y"
    found = surface(CATALOGUE["tilted_waves"], points=3, tangents=[(2, 1), (-3.5, 0.25), (1, 0)], dtype=dtype)
    assert [plane.point for plane in found.tangents] == [(2, 1), (-3.5, 0.25), (1, 0)]
    eps = float(np.finfo(dtype).eps)
    for plane in found.tangents[:2]:
        x, y = plane.point
        assert plane.is_defined and plane.value == pytest.approx(float(mp_value(text, x=x, y=y)), rel=4 * eps)
        np.testing.assert_allclose(plane.slope, [float(g) for g in mp_gradient(text, "xy", [x, y])], rtol=8 * eps)
    assert not found.tangents[2].is_defined
    # The grid is what it is without them.
    np.testing.assert_array_equal(found.value, surface(CATALOGUE["tilted_waves"], points=3, dtype=dtype).value)


def test_tangent_planes_touch_at_points_of_the_two_axes_in_their_order():
    f = Function.of_formula("x + 10*y**2 + 100*z")
    found = surface(f, over=[("z", 0, 1), ("y", 0, 3)], fix={"x": 7}, points=2, tangents=[(0.5, 3.0)])
    (plane,) = found.tangents
    assert (plane.point, plane.value, plane.slope) == ((0.5, 3.0), 147.0, (100.0, 60.0))
    assert surface(RIPPLE, points=2).tangents == ()


def test_as_a_table():
    assert len(cells(surface(RIPPLE, points=3))) == 1 + 9


THREE = Function.of_formula("x*y*z", name="three")
REFUSED = [
    (CATALOGUE["fading_wave"], {}, ShapeError, "'fading_wave' has one variable; a surface needs two"),
    (RIPPLE, {"points": 1}, RangeError, "points is 1; expected at least 2"),
    (THREE, {"over": [("x", 0, 1)]}, RangeError, "say the ranges, for example --over y=-1:1 --fix z=1."),
    (RIPPLE, {"over": [("x", 0, 1), ("x", 0, 1)]}, OptionError, "got x, x."),
    (THREE, {"over": [("x", 0, 1), ("y", 0, 1), ("z", 0, 1)]}, OptionError, "got x, y, z."),
    (RIPPLE, {"over": [("x", 0, 1), ("z", 0, 1)]}, OptionError, "'ripple' has no variable 'z'; it has x, y."),
    (RIPPLE, {"over": [("x", 0, 1), ("y", 0, 1)], "fix": {"y": 1}}, OptionError, "'y' is both swept over and fixed"),
    (RIPPLE, {"fix": {"q": 1}}, OptionError, "no variable 'q'"),
    (RIPPLE, {"fix": {"x": 1}}, OptionError, "got y (x fixed)."),
    (RIPPLE, {"fix": {"x": 1, "y": 1}}, OptionError, "got none (x, y fixed)."),
    (RIPPLE, {"over": [("x", 0, 1), ("y", 1, 0)]}, RangeError, "the range y=1:0 is empty or upside down"),
    (RIPPLE, {"over": [("x", 0, math.inf), ("y", 0, 1)]}, RangeError, "the range x=0:inf is not finite"),
    (RIPPLE, {"tangents": [(7, 0)]}, RangeError, "x = 7, outside of 0:6: choose one within, or a wider range"),
    (RIPPLE, {"tangents": [(0, math.nan)]}, RangeError, "y = nan, outside of -6:6"),
    (
        RIPPLE,
        {"tangents": [(1, 2, 3)]},
        ShapeError,
        "two coordinates, x and y, which the surface spans; got 3 numbers.",
    ),
    (RIPPLE, {"dtype": "int64"}, RangeError, "dtype is int64"),
    (RIPPLE, {"over": [("x", 1e9, 1e9 + 1), ("y", 0, 1)], "dtype": "float32"}, RangeError, "float32 cannot tell 101"),
    (RIPPLE, {"over": [("x", 1, 1 + 1e-15), ("y", 0, 1)]}, RangeError, "float64 cannot tell 101 points of x=1:1.0000"),
    (THREE, {}, RangeError, "no known domain: say the ranges, for example --over x=-1:1 --over y=-1:1 --fix z=1."),
    (THREE, {"over": [("x", 0, 1), ("y", 0, 1)], "fix": {"z": math.nan}}, RangeError, "z is fixed at nan"),
]


@pytest.mark.parametrize(("f", "asked", "error", "message"), REFUSED, ids=[f"{f.name}-{a}" for f, a, _, _ in REFUSED])
def test_what_is_refused(f, asked, error, message):
    with pytest.raises(error) as caught:
        surface(f, **asked)
    assert message in str(caught.value)
