"""Stationary points along a line: against roots by mpmath and by hand, and none where there are none."""

import math

import mpmath
import numpy as np
import pytest
from oracles import Exact

from tbgrad.calculus.stationary import MOST
from tbgrad.calculus.sweeps import sweep
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function

CATALOGUE = catalogue()
PI = math.pi


def along(text, low, high, points=201, **more):
    f = CATALOGUE.get(text) or Function.of_formula(text)
    return sweep(f, (f.variables[0], low, high), points=points, **more)


def swept(name, **more):
    """Along the first variable; one function is undefined where the other variable is 0."""
    return sweep(CATALOGUE[name], fix={"y": 1} if name == "tilted_waves" else None, **more)


def found(result):
    return [(p.coordinate, p.kind) for p in result.stationary]


def kinds(result):
    return " ".join(p.kind[:3] for p in result.stationary)


def polynomial_roots(*coefficients):
    roots = np.roots(coefficients)
    return sorted(roots[np.abs(roots.imag) < 1e-12].real)


KNOWN = [
    ("x**2", -1, 1, [0], "min"),
    ("-x**2", -1, 1.3, [0], "max"),
    ("x**3", -1, 1, [0], "inf"),
    ("x**3", -1, 1.3, [0], "inf"),
    ("x**4", -1, 1.3, [0], "min"),
    ("x**5", -1, 1.3, [0], "inf"),
    ("x**20", -1, 1.3, [0], "min"),
    ("x - sin(x)", -1, 7, [0, 2 * PI], "inf inf"),
    ("(x - 1)**2*(x + 1)**3", -2, 2, [-1, 0.2, 1], "inf max min"),
    ("x**2 - 2*x + 1", -1, 1.7, [1], "min"),
    ("sin(x)", 0, 6, [PI / 2, 3 * PI / 2], "max min"),
    ("sin(x)", 1e6, 1e6 + 10, [(k + 0.5) * PI for k in (318310, 318311, 318312)], "max min max"),
    # What lies at an end belongs to it, whether or not a float hits it.
    ("cos(x)", 0, 2 * PI, [0, PI, 2 * PI], "max min max"),
    ("x**2", 0, 1, [0], "min"),
    ("-x**2", -1, 0, [0], "max"),
    ("x**3", 0, 1, [0], "inf"),
    ("x**4", 0, 1, [0], "min"),
    ("x**1.5", 0, 1, [0], "min"),
    ("abs(x)**1.5", -1, 1.3, [0], "min"),
    ("tan(x)**2", -5, 5, [-PI, 0, PI], "min min min"),
    ("exp(-x**2)", -10, 10, [0], "max"),
    ("exp(-x**2)", -10, 11, [0], "max"),
    ("x*exp(-x)", -1, 30, [1], "max"),
    # By the derivatives of the polynomials along x, where the other variable is 0.
    ("six_hump_camel", -2, 2, polynomial_roots(2, 0, -8.4, 0, 8, 0), "min max min max min"),
    ("styblinski_tang", -5, 5, polynomial_roots(2, 0, -16, 2.5), "min max min"),
    ("himmelblau", -5, 5, polynomial_roots(4, 0, -42, -14), "min max min"),
    ("rosenbrock", -2, 2, polynomial_roots(400, 0, 2, -2), "min"),
]


@pytest.mark.parametrize(("text", "low", "high", "roots", "names"), KNOWN)
@pytest.mark.parametrize("points", [201, 64])
def test_known_roots(text, low, high, roots, names, points):
    result = along(text, low, high, points)
    assert kinds(result) == names
    width = high - low
    for point, root in zip(result.stationary, roots, strict=True):
        # Where the slope only touches zero, rounding makes it zero around the root, too.
        exact = 1e-10 if point.kind == "inflection" else 1e-14
        assert point.coordinate == pytest.approx(root, rel=1e-13, abs=exact * width)
        assert low <= point.coordinate <= high


def test_values_are_the_functions_own():
    for point in along("cos(x)", 0, 2 * PI).stationary:
        assert point.value == pytest.approx(math.cos(point.coordinate), abs=1e-15)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_catalogue_against_mpmath(name):
    """Each of some points has a root of the exact slope beside it, and the exact values about it are as its kind."""
    f, result = CATALOGUE[name], swept(name)
    exact, variable = Exact(f), f.variables.index(result.axis)
    width = result.coordinate[-1] - result.coordinate[0]
    fixed = result.position[0].tolist()

    def value(x):
        return exact._value(*(x if i == variable else mpmath.mpf(fixed[i]) for i in range(f.dimensions)))

    for point in result.stationary[:: max(1, len(result.stationary) // 3)]:
        with mpmath.workdps(40):
            at, step = mpmath.mpf(point.coordinate), mpmath.mpf(width) * mpmath.mpf("1e-9")
            before, here, after = (mpmath.diff(value, at + k * step, h=mpmath.mpf("1e-20")) for k in (-1, 0, 1))
            assert abs(here) <= max(abs(before), abs(after))
            rises = [value(at + k * 1000 * step) > value(at) for k in (-1, 1)]
        expected = {"minimum": [True, True], "maximum": [False, False]}
        assert rises == expected[point.kind] if point.kind in expected else rises[0] != rises[1]


# Two oscillate faster than these samples.
@pytest.mark.parametrize("name", sorted({*CATALOGUE} - {"schaffer_2", "schaffer_4"}))
def test_no_minimum_of_the_catalogue_is_missed(name):
    """A value below its neighbours on a dense grid has a stationary point beside it, or a kink."""
    result, dense = swept(name, points=1001), swept(name, points=20_001)
    v, x = dense.value, dense.coordinate
    spacing = x[1] - x[0]
    places = np.array([p.coordinate for p in result.stationary] or [np.inf])
    for sign, kind in ((1, "minimum"), (-1, "maximum")):
        w = sign * v
        lowest = 1 + np.flatnonzero((w[1:-1] < w[:-2]) & (w[1:-1] < w[2:]))
        for i in lowest[:: max(1, len(lowest) // 50)]:
            nearest = int(np.argmin(np.abs(places - x[i])))
            if abs(places[nearest] - x[i]) <= spacing:
                assert result.stationary[nearest].kind == kind
            else:
                # At a kink the slopes on both sides are about those farther away.
                assert min(abs(dense.slope[[i - 2, i + 2]])) > 0.2 * max(abs(dense.slope[[i - 4, i + 4]]))


NONE = [
    ("x + 2", -1, 1),
    ("exp(x)", -5, 5),
    ("abs(x)", -1, 1),
    ("abs(x)", -1, 1.3),
    ("abs(x - 0.3)", -1, 1),
    ("abs(x) + 1000*x**2", -1, 1.3),
    ("abs(x) + 1e5*x**2", -1, 1.3),
    ("maximum(-x, 0.001*x)", -1, 1.3),
    ("1/x", -1, 1),
    ("1/x**2", -1, 1),
    ("1/x**2", -1, 1.3),
    ("tan(x)", -5, 5),
    ("log(x)", 0, 3),
    ("sqrt(x)", -1, 1),
    ("sqrt(abs(x))", -1, 1.3),
    ("floor(x)", -3, 3),
    ("floor(x) + x**2", -3, 3),
    ("where(x < 0, x**2 - 1, 5 + x**2)", -1, 1),
    ("where(x < 0, x**2 - 1, 5 + x**2)", -1, 1.3),
    # Plateaus: a flat stretch is no point, and neither is rounding on one.
    ("relu(x)", -1, 1),
    ("relu(x)**2", -1, 1),
    ("maximum(x**2 - 1, 0)", -2, 2),
    ("0*x + 2", -1, 1),
    ("sin(x)**2 + cos(x)**2", -3, 3),
    ("(x + 1)**2 - x**2 - 2*x", -3, 3),
    ("sigmoid(x) + sigmoid(-x)", -30, 30),
    ("(x + 1)**3 - x**3 - 3*x**2 - 3*x + where(x < 0, -x, 0)", -1, 3),
    ("log(exp(x)) - x + where(x < 0, -x, 0)", -3, 3),
    ("exp(-1/x**2)", -1, 1),
    ("x**2", -1e-300, 1e-300),
]


@pytest.mark.parametrize(("text", "low", "high"), NONE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_none_where_there_are_none(text, low, high, dtype):
    if dtype == "float32" and high < 1e-30:
        return
    assert found(along(text, low, high, dtype=dtype)) == []


def test_a_narrow_flat_bottom_is_one_point():
    ((x, kind),) = found(along("maximum(x**2 - 1e-6, 0)", -2, 2, 200))
    assert abs(x) <= 1e-3 and kind == "minimum"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("1e300*x**2", -1e-100, 2e-100), ("x**2", -1e30, 2e30), ("1e-300*x**2", -1, 1.3), ("1e10 + x**2", -1, 1.5),
     ("1e14 + x**2", -1, 1.5), ("(1e10 + x**2) - 1e10", -1, 1.5), ("1e290*x**2", -1e5, 2e5)],
)  # fmt: skip
def test_any_scale(text, low, high):
    ((x, kind),) = found(along(text, low, high))
    assert abs(x) <= 1e-12 * high and kind == "minimum"


@pytest.mark.parametrize("points", [201, 3000, 100_000])
def test_float32(points):
    result = along("cos(x)", 0, 2 * PI, points, dtype="float32")
    assert kinds(result) == "max min max"
    assert [p.coordinate for p in result.stationary] == pytest.approx([0, PI, 2 * PI], abs=1e-6)
    assert all(p.coordinate == float(np.float32(p.coordinate)) for p in result.stationary)


def test_at_the_edge_of_what_is_defined():
    assert found(along("x**1.5", -1, 1)) == [(0.0, "minimum")]
    assert found(along("-x**2.5", -1, 1)) == [(0.0, "maximum")]


def test_few_points():
    assert found(along("sin(x)", 0, 6, 1)) == []
    assert kinds(along("sin(x)", 0, 6, 2)) == "max min"
    assert kinds(along("sin(x)", 0, 6, 3)) == "max min"
    assert found(along("x**3", -1, 1, 2)) == [(0.0, "inflection")]
    assert found(along("x**2", -1, 1, 2)) == [(0.0, "minimum")]


def test_two_that_lie_between_two_samples():
    """The slope dips below zero only between the samples: they show it coming near."""
    result = along("x**3/3 - 1e-5*x", -1, 1.03, 200)
    root = math.sqrt(1e-5)
    assert [x for x, _ in found(result)] == pytest.approx([-root, root], rel=1e-12)
    assert kinds(result) == "max min"


def test_on_a_line_between_two_points():
    f = CATALOGUE["rosenbrock"]
    result = sweep(f, start=(-1.2, 1), end=(1, 1))
    # At (x, 1): the derivative by x is 400 x³ - 398 x - 2.
    roots = np.array(polynomial_roots(400, 0, -398, -2)) + 1.2
    assert [x for x, _ in found(result)] == pytest.approx(roots, abs=1e-12)
    assert kinds(result) == "min max min"
    assert result.stationary[2].coordinate == pytest.approx(2.2) and result.stationary[2].value == pytest.approx(0)


def test_a_python_function_that_takes_one_point_at_a_time():
    import tensorflow as tf

    def f(x):
        return tf.reduce_sum(tf.sin(x) ** 2) if x.shape.rank == 0 else tf.reduce_sum(x)

    result = sweep(Function(f, ("x",)), ("x", 0.5, 3), points=21)
    assert found(result) == [(pytest.approx(PI / 2), "maximum")]


def test_many_periods_are_bounded_and_counted():
    assert len(along("sin(x)", 0, 2000 * PI, 20_001).stationary) == 2000
    result = along("sin(x)", 0, 24_000 * PI, 240_001)
    assert len(result.stationary) == MOST == 10_000 and result.unsearched == 14_000
    assert result.stationary[-1].coordinate == pytest.approx(9999.5 * PI)
    assert along("cos(x)", 0, 6).unsearched == 0


def test_the_function_is_not_asked_beyond_the_ends():
    import tensorflow as tf

    def f(x):
        tf.debugging.assert_greater_equal(x, tf.zeros_like(x))
        tf.debugging.assert_less_equal(x, 2 * tf.ones_like(x))
        return x**2 * (x - 2) ** 2

    assert found(sweep(Function(f, ("x",)), ("x", 0, 2), points=64, tangents=[0, 1, 2])) == [
        (0.0, "minimum"),
        (pytest.approx(1.0), "maximum"),
        (2.0, "minimum"),
    ]
