import math

import autograd
import autograd.numpy
import mpmath
import numpy as np
import pytest
import tensorflow as tf
from operation_samples import sample
from oracles import mp_gradient, mp_value

from tbgrad.calculus.derivatives import evaluate
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.expressions import parse
from tbgrad.functions.floats import PYTHON
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import interpret, numpy_table, tensorflow_table
from tbgrad.functions.operations import OPERATIONS

NUMPY = numpy_table(np)
NUMBERS = [n for n, o in OPERATIONS.items() if not o.takes_conditions]
EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1 / 3, 2.0, -2.0, 3.0, -3.0, -8.0, 2.5, 710.0, -710.0, 1e200, -1e200]
EDGES += [1e308, 1e-308, 5e-324, -5e-324, math.inf, -math.inf, math.nan]


def same(a, b):
    """Equal to three units in the last place, as NaN and infinity are; hardly a float counts as zero."""
    return np.allclose(float(a), float(b), rtol=1e-15, atol=1e-305, equal_nan=True)


def test_every_table_has_every_operation():
    assert set(PYTHON) == set(OPERATIONS)
    vectors = {"sum", "prod", "gather", "numbers"}
    assert set(NUMPY) == set(tensorflow_table(tf.constant([1.0]))) == set(OPERATIONS) | vectors
    assert None not in NUMPY.values()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", NUMBERS)
def test_python_has_numpys_answers_at_the_edges(name):
    arity = OPERATIONS[name].arity
    pairs = [(a, b) for a in EDGES for b in EDGES] if arity == 2 else [(a,) for a in EDGES]
    different = [
        (arguments, PYTHON[name](*arguments), float(NUMPY[name](*map(np.float64, arguments))))
        for arguments in pairs
        if not same(PYTHON[name](*arguments), NUMPY[name](*map(np.float64, arguments)))
    ]
    assert different == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/0", math.inf),
        ("-1/0", -math.inf),
        ("0/0", math.nan),
        ("log(0)", -math.inf),
        ("log(-1)", math.nan),
        ("sqrt(-1)", math.nan),
        ("exp(1000)", math.inf),
        ("exp(-1000)", 0.0),
        ("sinh(1000)", math.inf),
        ("sinh(-1000)", -math.inf),
        ("cosh(-1000)", math.inf),
        ("0^-1", math.inf),
        ("0^0", 1.0),
        ("0^-0.5", math.inf),
        ("(-8)^(1/3)", math.nan),
        ("(-8)^3", -512.0),
        ("(-10)^309", -math.inf),
        ("(-10)^310", math.inf),
        ("10^-400", 0.0),
        ("asin(2)", math.nan),
        ("acos(-2)", math.nan),
        ("sin(1/0)", math.nan),
        ("atan(1/0)", math.pi / 2),
        ("tanh(1/0)", 1.0),
        ("sign(0)", 0.0),
        ("sign(-3)", -1.0),
        ("abs(-1/0)", math.inf),
        ("atan2(0, -1)", math.pi),
        ("atan2(0, 0)", 0.0),
        ("1e308*10", math.inf),
        ("1e308*10 - 1e308*10", math.nan),
    ],
)
def test_ieee_answers_without_exceptions(text, expected):
    assert same(interpret(parse(text).nodes, PYTHON, {})[-1], expected)


@pytest.mark.parametrize("infinity", [math.inf, -math.inf])
def test_signs_of_zeros_and_infinities(infinity):
    assert PYTHON["divide"](1.0, math.copysign(0.0, infinity)) == infinity
    assert PYTHON["power"](math.copysign(0.0, infinity), -3.0) == infinity
    assert PYTHON["power"](math.copysign(0.0, infinity), -2.0) == math.inf


@pytest.mark.parametrize("name", OPERATIONS)
def test_tensorflow_and_numpy_agree_with_mpmath(name):
    text, names, bounds = sample(name)
    f = Function.of_formula(f"{', '.join(names)} -> {text}")
    points = np.random.default_rng(5).uniform(*bounds, (200, len(names)))
    exact = [float(mp_value(text, **dict(zip(names, point, strict=True)))) for point in points]
    np.testing.assert_allclose(f(tf.constant(points)), exact, rtol=3e-14, atol=1e-15)
    np.testing.assert_allclose(f.numpy_value(points), exact, rtol=3e-14, atol=1e-15)


@pytest.mark.parametrize("name", OPERATIONS)
def test_tensorflows_gradient_agrees_with_mpmath(name):
    text, names, bounds = sample(name)
    f = Function.of_formula(f"{', '.join(names)} -> {text}")
    points = np.random.default_rng(6).uniform(*bounds, (50, len(names)))
    exact = [[float(x) for x in mp_gradient(text, names, point)] for point in points]
    np.testing.assert_allclose(evaluate(f, points).gradient, exact, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", OPERATIONS)
def test_single_precision_stays_single(name):
    text, names, bounds = sample(name)
    f = Function.of_formula(f"{', '.join(names)} -> {text} + 0.1*x")
    points = np.random.default_rng(7).uniform(*bounds, (50, len(names)))
    single = evaluate(f, points, dtype="float32")
    assert single.value.dtype == single.gradient.dtype == np.float32
    np.testing.assert_allclose(single.value, evaluate(f, points.astype(np.float32), dtype="float64").value, 2e-5, 2e-5)


def test_arrays_keep_their_dtype_and_numbers_their_digits():
    nodes = parse("x*(1/3) + pi*2").nodes
    single = interpret(nodes, NUMPY, {"x": np.float32([3.0])})
    assert single[-1].dtype == np.float32
    # What holds numbers alone is computed in float64, whatever it meets later.
    assert 1 / 3 in [v for v in single if type(v) is float]
    assert interpret(nodes, tensorflow_table(tf.constant([3.0])), {"x": tf.constant([3.0])})[-1].dtype == tf.float32


def test_every_node_has_its_value():
    assert interpret(parse("x*2 + x*y").nodes, PYTHON, {"x": 3.0, "y": 5.0}) == [3.0, 2.0, 6.0, 5.0, 15.0, 21.0]


def test_a_missing_value_is_not_guessed():
    with pytest.raises(KeyError):
        interpret(parse("x + y").nodes, PYTHON, {"x": 1.0})


PLAIN = {name: f for name, f in catalogue().items() if "[" not in f.formula.text}


@pytest.mark.parametrize("f", PLAIN.values(), ids=PLAIN)
def test_formulas_run_in_autograds_numpy(f):
    table = numpy_table(autograd.numpy)

    def value(point):
        return interpret(f.formula.nodes, table, dict(zip(f.variables, point, strict=True)) | f.parameters)[-1]

    point = np.array(f.start) + 0.0625
    expected = mp_gradient(f.formula.text.rpartition("->")[2].strip(), f.variables, point, **f.parameters)
    gradient = autograd.grad(value)(point)
    np.testing.assert_allclose(gradient, [float(g) for g in expected], rtol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 30])
@pytest.mark.parametrize("x", [-20.5, -21.25, -99.999, -1234.75])
def test_polygamma_of_negative_numbers(order, x):
    with mpmath.workdps(120):
        expected = float(mpmath.polygamma(order, mpmath.mpf(x)))
    assert PYTHON["polygamma"](float(order), x) == pytest.approx(expected, rel=1e-13)


def test_digamma_far_below_zero():
    """By reflection: the digamma function of 1 - x less π cot(πx)."""
    x = -200_000.25
    with mpmath.workdps(50):
        expected = float(mpmath.digamma(1 - mpmath.mpf(x)) - mpmath.pi * mpmath.cot(mpmath.pi * mpmath.mpf(x)))
    assert PYTHON["digamma"](x) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("formula", "slope"), [("erf(x)", 0.0), ("gelu(x)", 1.0)])
def test_erf_is_flat_as_far_as_the_floats_go(formula, slope):
    found = evaluate(Function.of_formula(formula), [[1e200], [40.0]])
    assert found.value.tolist() == ([1.0, 1.0] if formula == "erf(x)" else [1e200, 40.0])
    assert found.gradient.tolist() == [[slope], [slope]]
