import math

import numpy as np
import pytest
from html_tables import cells
from oracles import mp_gradient, mp_value

from tbgrad.calculus.sweeps import sweep
from tbgrad.errors import OptionError, RangeError, ShapeError, UndefinedError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function

CATALOGUE = catalogue()
RIPPLE, TILTED, FADING = (CATALOGUE[name] for name in ("ripple", "tilted_waves", "fading_wave"))


def test_along_the_first_variable_over_its_domain_by_default():
    found = sweep(RIPPLE)
    assert (found.axis, found.axis_label, found.fixed) == ("x", "x", {"y": 0.0})
    np.testing.assert_array_equal(found.coordinate, np.linspace(0, 6, 201))
    np.testing.assert_array_equal(found.position, np.stack([found.coordinate, np.zeros(201)], -1))
    np.testing.assert_allclose(found.value, np.sin(found.coordinate), atol=1e-15)
    np.testing.assert_allclose(found.slope[1:], np.cos(found.coordinate[1:]), atol=1e-15)
    assert (found.value.shape, found.gradient.shape, found.slope.shape) == ((201,), (201, 2), (201,))
    assert found.tangents == ()
    assert found.subject == RIPPLE.subject()


def test_the_first_variable_that_is_not_fixed():
    found = sweep(RIPPLE, fix={"x": 3}, points=5)
    assert (found.axis, found.fixed) == ("y", {"x": 3.0})
    np.testing.assert_array_equal(found.position, [[3, -6], [3, -3], [3, 0], [3, 3], [3, 6]])
    np.testing.assert_array_equal(found.slope, found.gradient[:, 1])


def test_a_range_that_is_asked_for():
    found = sweep(RIPPLE, over=("y", -1, 2), points=7)
    np.testing.assert_array_equal(found.coordinate, [-1, -0.5, 0, 0.5, 1, 1.5, 2])
    assert found.fixed == {"x": 0.0}


def test_the_others_are_fixed_at_zero_or_in_the_middle_of_their_domain():
    f = Function.of_formula("x + y + z + w", domain=((0, 1), (2, 4), (-3, -2), (-1, 3)))
    assert f.variables == ("w", "x", "y", "z")
    assert sweep(f, over=("w", 0, 1), points=2).fixed == {"x": 3.0, "y": -2.5, "z": 0.0}
    assert sweep(f, over=("w", 0, 1), fix={"y": 9}, points=2).fixed == {"x": 3.0, "y": 9.0, "z": 0.0}
    bare = Function.of_formula("x*y")
    assert sweep(bare, over=("x", 0, 1), points=2).fixed == {"y": 0.0}


def test_value_and_slope_against_mpmath():
    found = sweep(TILTED, over=("y", 0.5, 6), fix={"x": -2}, points=23)
    for y, value, slope in zip(found.coordinate, found.value, found.slope, strict=True):
        assert value == pytest.approx(float(mp_value("cos(x)*sin(y) + x/y", x=-2, y=y)), rel=1e-13)
        assert slope == pytest.approx(float(mp_gradient("cos(x)*sin(y) + x/y", "xy", [-2, y])[1]), rel=1e-13)


def test_a_line_between_two_points():
    found = sweep(TILTED, start=(1, 1), end=(4, 5), points=11)
    assert found.axis is None
    assert found.axis_label == "distance from (1, 1)"
    assert found.fixed == {}
    np.testing.assert_allclose(found.coordinate, np.linspace(0, 5, 11))
    np.testing.assert_array_equal(found.position[[0, -1]], [[1, 1], [4, 5]])
    np.testing.assert_allclose(found.position, np.linspace([1, 1], [4, 5], 11), rtol=1e-15)
    np.testing.assert_allclose(found.slope, found.gradient @ [0.6, 0.8], rtol=1e-13)
    for point, value, slope in zip(found.position, found.value, found.slope, strict=True):
        gx, gy = mp_gradient("cos(x)*sin(y) + x/y", "xy", point)
        assert value == pytest.approx(float(mp_value("cos(x)*sin(y) + x/y", x=point[0], y=point[1])), rel=1e-13)
        assert slope == pytest.approx(float(0.6 * gx + 0.8 * gy), rel=1e-13, abs=1e-14)


def test_a_line_backwards_has_the_opposite_slope():
    there, back = sweep(TILTED, start=(1, 1), end=(4, 5)), sweep(TILTED, start=(4, 5), end=(1, 1))
    np.testing.assert_allclose(back.slope[::-1], -there.slope, rtol=1e-12)
    np.testing.assert_allclose(back.coordinate, there.coordinate)


def test_the_tutorials_tangent():
    found = sweep(FADING, tangents=[4.1, 2, 0])
    tangent = found.tangents[0]
    assert tangent.coordinate == 4.1
    assert tangent.value == pytest.approx(0.232296853326313995, rel=5e-15)
    assert tangent.slope == pytest.approx(-0.195825531572645104, rel=5e-15)
    assert [t.coordinate for t in found.tangents] == [4.1, 2.0, 0.0]
    # At 0 it is 0/0: no value, so neither slope nor secants.
    assert math.isnan(found.tangents[2].value) and math.isnan(found.tangents[2].slope)
    assert found.tangents[2].secants == ()
    assert found.value.shape == (201,)
    assert found.coordinate[-1] == math.tau


def test_tangents_on_an_axis_of_several_variables_and_on_a_line():
    (tangent,) = sweep(TILTED, over=("y", 1, 6), fix={"x": 3}, tangents=[5.0]).tangents
    assert tangent.value == pytest.approx(math.cos(3) * math.sin(5) + 3 / 5, rel=1e-14)
    assert tangent.slope == pytest.approx(math.cos(3) * math.cos(5) - 3 / 25, rel=1e-14)
    (tangent,) = sweep(CATALOGUE["sphere"], start=(0, 0), end=(3, 4), tangents=[2.5]).tangents
    assert (tangent.coordinate, tangent.value, tangent.slope) == pytest.approx((2.5, 6.25, 5.0), rel=1e-14)


def test_the_first_point_of_the_tutorials_curve_is_undefined():
    found = sweep(FADING, points=100)
    assert found.coordinate[0] == 0
    assert math.isinf(found.value[0]) or math.isnan(found.value[0])
    assert not math.isfinite(found.slope[0])
    assert np.isfinite(found.value[1:]).all() and np.isfinite(found.slope[1:]).all()


def test_there_is_no_slope_where_there_is_no_value():
    found = sweep(Function.of_formula("log(x)"), over=("x", -1, 1), points=5, tangents=[-0.5, 0.5])
    # TensorFlow's derivative of log(x) is 1/x everywhere.
    assert np.isnan(found.value[:2]).all() and np.isnan(found.slope[:2]).all()
    np.testing.assert_array_equal(found.slope[3:], [2, 1])
    assert math.isnan(found.tangents[0].slope) and found.tangents[1].slope == 2


def test_another_variables_missing_derivative_does_not_matter():
    found = sweep(Function.of_formula("x**2 + sqrt(y)"), over=("x", 0, 2), points=5)
    np.testing.assert_array_equal(found.slope, 2 * found.coordinate)
    assert np.isinf(found.gradient[:, 1]).all()


def test_tangents_at_both_ends():
    found = sweep(FADING, over=("x", 0.5, 2), tangents=[0.5, 2])
    assert [t.coordinate for t in found.tangents] == [0.5, 2.0]
    for tangent, sample in zip(found.tangents, (0, -1), strict=True):
        assert (tangent.value, tangent.slope) == (found.value[sample], found.slope[sample])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("line", [{"over": ("x", 0.1, 6)}, {"start": (1, 1), "end": (2, 3)}])
def test_dtypes(dtype, line):
    found = sweep(RIPPLE, **line, points=9, dtype=dtype, tangents=[1.1], second=True)
    arrays = (found.coordinate, found.position, found.value, found.gradient, found.slope, found.second)
    assert {a.dtype.name for a in arrays} == {dtype}


def test_one_point_is_the_first():
    found = sweep(RIPPLE, over=("x", 2, 6), points=1)
    np.testing.assert_array_equal(found.position, [[2, 0]])
    assert sweep(RIPPLE, over=("x", 2, 6), points=2).coordinate.tolist() == [2, 6]


def test_parameters_are_swept_with_their_present_values():
    found = sweep(CATALOGUE["ellipse"].with_parameters(condition=3), over=("y", 0, 2), points=3)
    np.testing.assert_array_equal(found.value, [0, 3, 12])


def test_as_a_table_of_at_most_twenty_rows():
    heads, *rows = cells(sweep(RIPPLE))
    assert len(rows) == 20 and "∂/∂y" in heads
    assert "distance" in cells(sweep(RIPPLE, start=(1, 1), end=(2, 2), points=3))[0]


NAN, INF = math.nan, math.inf
REFUSED = [
    (TILTED, {"over": ("z", 0, 1)}, OptionError, "'tilted_waves' has no variable 'z'; it has x, y."),
    (TILTED, {"fix": {"q": 1}}, OptionError, "no variable 'q'"),
    (TILTED, {"over": ("x", 0, 1), "fix": {"q": 1}}, OptionError, "no variable 'q'"),
    (TILTED, {"over": ("x", 0, 1), "fix": {"x": 1}}, OptionError, "'x' is both swept over and fixed"),
    (TILTED, {"fix": {"x": 1, "y": 1}}, OptionError, "all variables are fixed"),
    (TILTED, {"start": (1, 1)}, OptionError, "a line needs both its ends"),
    (TILTED, {"end": (1, 1)}, OptionError, "a line needs both its ends"),
    (TILTED, {"start": (1, 1), "end": (2, 2), "over": ("x", 0, 1)}, OptionError, "and nothing else"),
    (TILTED, {"start": (1, 1), "end": (2, 2), "fix": {"x": 1}}, OptionError, "and nothing else"),
    (TILTED, {"start": (1, 1), "end": (1, 1)}, ShapeError, "two different points"),
    (TILTED, {"start": (1, 1), "end": (1, NAN)}, ShapeError, "finite coordinates"),
    (TILTED, {"start": (1, 1), "end": (INF, 1)}, ShapeError, "finite coordinates"),
    (TILTED, {"start": (1, 1), "end": (1, 1, 1)}, ShapeError, "has 3 coordinates"),
    (TILTED, {"start": (1,), "end": (1, 1)}, ShapeError, "has 1 coordinate;"),
    (TILTED, {"over": ("x", 1, 0)}, RangeError, "the range x=1:0 is empty or upside down; expected LOW < HIGH"),
    (TILTED, {"over": ("x", 1, 1)}, RangeError, "empty or upside down"),
    (TILTED, {"over": ("x", 0, INF)}, RangeError, "the range x=0:inf is not finite"),
    (TILTED, {"over": ("x", NAN, 1)}, RangeError, "not finite"),
    (TILTED, {"fix": {"y": NAN}}, RangeError, "y is fixed at nan"),
    (TILTED, {"fix": {"y": 1}, "tangents": [NAN]}, RangeError, "a tangent needs a finite coordinate"),
    (TILTED, {"fix": {"y": 1}, "points": 0}, RangeError, "points is 0; expected at least 1"),
    (TILTED, {"fix": {"y": 1}, "dtype": "float16"}, RangeError, "dtype is float16"),
    (
        FADING,
        {"tangents": [4.1, 7]},
        RangeError,
        "a tangent at 7 would not be seen: the sweep goes over x from 0 to 6.28",
    ),
    (FADING, {"over": ("x", 1, 2), "tangents": [-0.5]}, RangeError, "or sweep farther: --over x=-0.5:2."),
    (FADING, {"over": ("x", 1, 2), "tangents": [2.5]}, RangeError, "or sweep farther: --over x=1:2.5."),
    (
        TILTED,
        {"start": (1, 1), "end": (4, 5), "tangents": [5.1]},
        RangeError,
        "the distance from 0 to 5. Choose a coord",
    ),
    (Function.of_formula("x*y"), {}, RangeError, "no known domain: say the range, for example --over x=-1:1"),
    (TILTED, {}, UndefinedError, "tilted_waves is undefined at y = 0: fix y, for example --fix y=1"),
    (FADING, {"over": ("x", -2, -1)}, UndefinedError, "not defined anywhere on this range of x"),
    (TILTED, {"start": (1, 0), "end": (2, 0)}, UndefinedError, "not defined anywhere on this line"),
]


@pytest.mark.parametrize(("f", "asked", "error", "message"), REFUSED, ids=[f"{f.name}-{a}" for f, a, _, _ in REFUSED])
def test_what_is_refused(f, asked, error, message):
    with pytest.raises(error) as caught:
        sweep(f, **asked)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)
