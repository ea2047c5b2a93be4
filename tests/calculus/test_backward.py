import math
import re

import numpy as np
import pytest
from html_tables import cells
from operation_samples import sample
from oracles import mp_gradient, mp_value

from tbgrad.calculus.backward import backward
from tbgrad.calculus.derivatives import evaluate
from tbgrad.errors import NoFormulaError, ShapeError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function
from tbgrad.functions.operations import OPERATIONS

CATALOGUE = catalogue()


def by_hand(text, *point, **parameters):
    return backward(Function.of_formula(text, parameters=parameters), point)


@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_of_every_operation_against_mpmath(name):
    text, names, bounds = sample(name)
    for point in np.random.default_rng(7).uniform(*bounds, (50, len(names))):
        found = by_hand(f"{', '.join(names)} -> {text}", *point)
        expected = [float(d) for d in mp_gradient(text, names, point)]
        np.testing.assert_allclose(found.gradient, expected, rtol=3e-13, atol=1e-15)
        np.testing.assert_allclose(
            found.value, float(mp_value(text, **dict(zip(names, point, strict=True)))), 3e-13, 1e-15
        )


@pytest.mark.parametrize("exponent", ["2", "3", "0.5", "1.5", "-1", "-2", "1", "pi"])
def test_powers_with_a_number_as_exponent(exponent):
    for x in (0.3, 1.0, 2.7):
        text = f"x**{exponent}"
        expected = [float(g) for g in mp_gradient(text, "x", [x])]
        np.testing.assert_allclose(by_hand(text, x).gradient, expected, rtol=1e-14)


def test_the_square_of_a_negative_number_has_a_derivative():
    # The general rule would ask for the logarithm of a negative number.
    assert by_hand("x**2 + x**3", -2.0).gradient == (8.0,)
    assert by_hand("x, n=2 -> x**n", -2.0).gradient == (-4.0,)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("x*x", (3.0,)),
        ("x*x*x + x", (3.0,)),
        ("x/x", (3.0,)),
        ("x**x", (1.7,)),
        ("x - x", (3.0,)),
        ("sin(x*y)*cos(x*y) + (x*y)**2", (0.4, 1.1)),
        ("atan2(x, x*y)", (0.4, 1.1)),
        ("exp(exp(x)/y) - y", (0.4, 1.1)),
        ("-(-x)*(-y)", (0.4, 1.1)),
        ("abs(x) + sign(x)*x", (-0.4,)),
        ("2**x + pi**y", (0.4, 1.1)),
        ("log(sqrt(tanh(cosh(sinh(x)))))", (0.4,)),
    ],
)
def test_a_node_that_is_used_several_times_sums_its_uses(text, point):
    expected = [float(g) for g in mp_gradient(text, "xy"[: len(point)], point)]
    np.testing.assert_allclose(by_hand(text, *point).gradient, expected, rtol=1e-13, atol=1e-15)


def test_the_tutorials_pass_node_by_node():
    found = by_hand("cos(x)*sin(y) + x/y", 2, 1)
    nodes = {n.label: n for n in found.nodes}
    assert [(n.label, n.text) for n in found.nodes] == [
        ("x", "x"),
        ("v1", "cos(x)"),
        ("y", "y"),
        ("v2", "sin(y)"),
        ("v3", "v1*v2"),
        ("v4", "x/y"),
        ("v5", "v3 + v4"),
    ]
    assert nodes["v5"].full == "cos(x)*sin(y) + x/y"
    assert nodes["v3"].derivatives == (("v2", math.sin(1)), ("v1", math.cos(2)))
    assert nodes["v4"].derivatives == (("1/y", 1.0), ("-x/y**2", -2.0))
    assert (nodes["v5"].gradient, nodes["v3"].gradient, nodes["v4"].gradient) == (1.0, 1.0, 1.0)
    assert found.value == pytest.approx(math.cos(2) * math.sin(1) + 2, rel=1e-15)
    assert found.gradient == pytest.approx((-math.sin(2) * math.sin(1) + 1, math.cos(2) * math.cos(1) - 2), rel=1e-15)


def test_gradient_is_in_the_order_of_the_variables():
    assert by_hand("y, x -> x + 10*y", 1, 2).gradient == (10.0, 1.0)
    assert by_hand("x, unused, y -> x + 10*y", 1, 2, 3).gradient == (1.0, 0.0, 10.0)
    assert by_hand("x, y -> 3", 1, 2).gradient == (0.0, 0.0)
    assert by_hand("x", 7).gradient == (1.0,)


def test_parameters_are_held_fixed():
    found = by_hand("x, a=2, b=3 -> a*x**2 + b", 5, b=7)
    assert (found.value, found.gradient) == (57.0, (20.0,))
    assert [d for n in found.nodes for d in n.derivatives].count(None) == 3


def test_numbers_have_no_derivative():
    (_, _, power) = by_hand("x**2", 3).nodes
    assert power.derivatives == (("2*x", 6.0), None)


@pytest.mark.parametrize(
    ("text", "letter"),
    [("x*y + 1", "v"), ("v*y + 1", "v_"), ("v1*w2 + 1", "v_"), ("velocity*node + 1", "v"), ("v*v_*y + 1", "v__")],
)
def test_labels_never_collide_with_variables(text, letter):
    found = by_hand(text, *range(1, 1 + len(Function.of_formula(text).variables)))
    labels = [n.label for n in found.nodes]
    assert len(set(labels)) == len(labels)
    assert re.fullmatch(rf"{letter}\d", labels[-1])


@pytest.mark.parametrize(
    ("name", "point"),
    [("ripple", (0, 0)), ("fading_wave", (0,)), ("fading_wave", (-1,)), ("tilted_waves", (1, 0))],
)
def test_where_there_is_no_gradient(name, point):
    found = backward(CATALOGUE[name], point)
    compiled = evaluate(CATALOGUE[name], [point])
    assert not np.isfinite(found.gradient).all()
    np.testing.assert_array_equal(np.isfinite([found.value]), np.isfinite(compiled.value))
    np.testing.assert_array_equal(np.isfinite(found.gradient), np.isfinite(compiled.gradient[0]))


# The chain rule finds 0·∞ here; TensorFlow's roots take it for 0, and pass nothing back through a step.
ZERO_TIMES_INFINITY = [
    ("drop_wave", (0.0, 0.0), (0.0, 0.0)),
    ("schwefel", (0.0, 1.0), (0.0, -1.1116221377419663)),
    ("brown", (0.0, 0.0), (0.0, 0.0)),
    ("where(x <= 0, x, sqrt(x))", (0.0,), (1.0,)),
    ("where(x > 0, 3, sqrt(-x))", (0.8,), (0.0,)),
    ("0*rsqrt(x)", (0.0,), (0.0,)),
    ("x + 0*floor(sqrt(x))", (0.0,), (1.0,)),
    ("floor(1/x)", (0.0,), (0.0,)),
    ("0*log(x)", (0.0,), (math.nan,)),
    ("where(x >= 0, 3, 1/x)", (0.0,), (math.nan,)),
    ("acosh(x)", (-3.0,), (math.nan,)),
    ("selu(x)", (0.0,), (1.0507009873554805,)),
    ("gelu(x)", (-9.0,), (-9.138937373906639e-18,)),
]


@pytest.mark.parametrize(("name", "point", "expected"), ZERO_TIMES_INFINITY)
def test_zero_times_infinity_is_what_it_is_for_tensorflow(name, point, expected):
    f = CATALOGUE.get(name) or Function.of_formula(name)
    np.testing.assert_allclose(backward(f, point).gradient, expected, rtol=1e-12)
    np.testing.assert_allclose(evaluate(f, [point]).gradient[0], expected, rtol=1e-12)


@pytest.mark.parametrize("base", [-2.0, -0.5])
def test_a_power_of_a_negative_base_has_no_derivative_by_its_exponent(base):
    f = Function.of_formula("x**y")
    for found in (backward(f, (base, 3.0)).gradient, evaluate(f, [[base, 3.0]]).gradient[0]):
        np.testing.assert_allclose(found, [3 * base**2, math.nan], rtol=1e-15)
    # 0**y is 0 for all y > 0.
    for found in (backward(f, (0.0, 2.0)).gradient, evaluate(f, [[0.0, 2.0]]).gradient[0]):
        np.testing.assert_array_equal(found, [0.0, 0.0])


def test_overflow_is_infinite_and_no_exception():
    assert by_hand("exp(x)**2", 1000.0).gradient == (math.inf,)
    assert by_hand("tanh(x)", 1000.0).gradient == (0.0,)


def test_every_node_of_rosenbrock_against_mpmath():
    found = backward(CATALOGUE["rosenbrock"], (-1.2, 1.0))
    for node in found.nodes:
        assert node.value == pytest.approx(float(mp_value(node.full, x=-1.2, y=1.0)), rel=1e-14)


def test_what_has_no_formula_is_refused():
    with pytest.raises(NoFormulaError, match="'mine' is a Python function") as caught:
        backward(Function(lambda x: x, ("x",), name="mine"), [1.0])
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("point", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_point_of_another_dimension_is_refused(point):
    with pytest.raises(ShapeError, match="'ripple' has 2: x, y"):
        backward(CATALOGUE["ripple"], point)


def test_a_long_formula():
    variables = [f"x{i:03}" for i in range(300)]
    found = by_hand(" + ".join(f"{v}**2" for v in variables), *range(300))
    assert found.gradient == tuple(2.0 * i for i in range(300))


def test_as_a_table():
    assert len(cells(backward(CATALOGUE["ripple"], (2, 0)))) == 1 + 8


LONG = "(x + 1.25)*(y - 2.5) + sin(x*y)/cos(x)"
NESTED = [
    "1/(cos(x)*sin(y))",
    "exp(sin(x*y))/(x + y)",
    "x/(y/x)/(x*y)",
    "(x + y)**(x*y)",
    "-x*-y - (-x)**2*-(x - y)",
    "sqrt(x**2.5)*2.5/y - (x - (y - 3))/2.5",
    "atan2(-x, y/2.5) + 1e-5*x**-2",
    f"({LONG})/(1 + ({LONG}))",
]


@pytest.mark.parametrize("f", [*CATALOGUE.values(), *map(Function.of_formula, NESTED)], ids=lambda f: f.label)
def test_derivatives_written_give_the_number_beside_them(f):
    point = dict(zip(f.variables, (0.7, 1.3, 0.4, 1.1), strict=False))
    nodes = backward(f, list(point.values())).nodes
    labels = {node.label: mp_value(node.full, **point) for node in nodes if node.arguments}
    checked = 0
    for node in nodes:
        assert len(node.derivatives_written) == len(node.derivatives) == len(node.arguments)
        for formula, derivative in zip(node.derivatives_written, node.derivatives, strict=True):
            assert (formula is None) == (derivative is None)
            if formula is not None:
                expected = float(mp_value(formula, **point, **labels))
                assert derivative[1] == pytest.approx(expected, rel=1e-12, abs=1e-15), formula
                checked += 1
    assert checked >= f.dimensions


def test_derivatives_are_written_out_as_far_as_is_short():
    nodes = {n.full: n for n in by_hand("1/(cos(x)*sin(y)) + sin((x + 1.25)*(y - 2.5) + x)", 0.7, 1.3).nodes}
    assert nodes["1/(cos(x)*sin(y))"].derivatives_written == (None, "-1/(cos(x)*sin(y))**2")
    assert nodes["cos(x)*sin(y)"].derivatives_written == ("sin(y)", "cos(x)")
    long = nodes["(x + 1.25)*(y - 2.5) + x"]
    # 24 characters are shown, more are not.
    assert (len(long.full), long.shown) == (24, long.full)
    assert nodes["sin((x + 1.25)*(y - 2.5) + x)"].derivatives_written == (f"cos({long.full})",)
    assert nodes["sin((x + 1.25)*(y - 2.5) + x)"].shown == nodes["sin((x + 1.25)*(y - 2.5) + x)"].label


def test_a_long_argument_is_written_as_its_label():
    inner, outer = by_hand("sin((x + 1.25)*(y - 2.5) + x + y)", 0.7, 1.3).nodes[-2:]
    assert inner.shown == inner.label and re.fullmatch(r"v\d", inner.label)
    assert outer.derivatives_written == (f"cos({inner.label})",)


def test_the_texts_of_a_long_product_are_cut_off():
    name = "y" * 60
    f = Function.of_formula(f"prod({'*'.join([name] * 100)} + i for i in range(19))")
    nodes = backward(f, [1.0]).nodes
    assert max(len(node.full) for node in nodes) == 10_000
    assert all(node.shown == node.label for node in nodes if len(node.full) > 24)
    assert math.prod(1.0 + i for i in range(19)) == nodes[-1].value
