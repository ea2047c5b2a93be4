"""Sums and products over any number of variables: as vectors, written out by hand, and by Python's own eval."""

import time

import numpy as np
import pytest
from oracles import Exact

from tbgrad.calculus.backward import backward
from tbgrad.calculus.derivatives import evaluate
from tbgrad.errors import FormulaError, ShapeError
from tbgrad.functions.expressions import parse
from tbgrad.functions.function import Function
from tbgrad.functions.notation import infix
from tbgrad.functions.typesetting import mathtext

FORMULAS = [
    ("sum(x[i]**2 for i in range(n))", 3),
    ("x, a=10 -> a*n + sum(x[i]**2 - a*cos(2*pi*x[i]) for i in range(n))", 4),
    ("sum(100*(x[i + 1] - x[i]**2)**2 + (1 - x[i])**2 for i in range(n - 1))", 5),
    ("sum((x[i] + 10*x[i + 1])**2 + x[i + 3]/x[i + 2] for i in range(0, n, 4))", 8),
    ("sum(x[n - 1 - i]*i for i in range(n))", 4),
    ("sum(x[i]*x[i - 1] for i in range(n - 1, 0, -1))", 4),
    ("1 + sum(x[i]**2 for i in range(n))/4000 - prod(cos(x[i]/sqrt(i + 1)) for i in range(n))", 4),
    # An inner range that depends on the outer index, and one that does not.
    ("sum(sum(x[j] for j in range(i + 1))**2 for i in range(n))", 4),
    ("sum(sum((j + 0.5)*(x[j]**(i + 1) - 1) for j in range(n))**2 for i in range(n))", 3),
    ("sum(x[i]*x[j]/(1 + i + j) for i in range(n) for j in range(n))", 3),
    ("sum(x[i + j]*x[j] for i in range(2) for j in range(n - 1))", 4),
    ("sum(sum(x[(i + j) % n] for j in range(n))*x[i]**2 for i in range(n))", 3),
    ("sum(prod(x[j] + k for k in range(3)) for j in range(n))*sum(i for i in range(n))", 3),
    # What does not depend on the index, no terms at all, and one term.
    ("sum(x[0]*x[1] for i in range(3)) + prod(x[0] for i in range(3)) + sum(5 for i in range(n))", 2),
    ("x[0] + sum(x[i] for i in range(0)) + prod(x[i] for i in range(2, 2)) + sum(x[i] for i in range(1))", 1),
    ("sum(where(i < 2, x[i]**2, maximum(x[i], i)) for i in range(n))", 4),
    ("sum(i*x[i]**(n - i) for i in range(n)) + x[n // 2]*n", 5),
    ("sum(sum(x[i] for i in range(n))*x[0] for k in range(n))", 3),
    ("x, terms=4 -> sum(sin((2*k + 1)*x[0])/(2*k + 1) for k in range(terms))", 1),
    ("x[2]*x[0]**2 - x[1]", 3),
    # Known conditions beside the same numbers, products beyond int64, and inner sums that are empty for all.
    ("sum(where(i == 1, x[i], 2*x[i]) for i in range(n))", 2),
    ("sum(where(i > 1, x[i - 1], 0) + exp(i - 1)*x[i - 1] for i in range(1, n + 1))", 2),
    ("sum(x[0]**k/prod(j for j in range(1, k + 1)) for k in range(26)) + x[0]*prod(j for j in range(1, 26))/1e25", 1),
    ("sum(x[0]**2 + sum(x[i]*x[j] for j in range(n - 2)) for i in range(n))", 2),
    ("x[0] + sum(sum(x[i]*x[j] for j in range(n - 2)) for i in range(n))", 2),
    ("x[0]*prod(x[0] + prod(x[i]*x[j] for j in range(n - 2)) for i in range(n))", 2),
]
CASES = pytest.mark.parametrize(("text", "dimensions"), FORMULAS, ids=[text for text, _ in FORMULAS])


@CASES
def test_value_and_gradient_against_mpmath(text, dimensions):
    f = Function.of_formula(text, dimensions)
    points = np.random.default_rng(2).uniform(0.5, 2.5, (5, dimensions))
    exact, found = Exact(f), evaluate(f, points)
    by_numpy = f.numpy_value(points)
    for i, point in enumerate(points):
        value, gradient = exact.value(point), exact.gradient(point)
        by_hand = backward(f, point)
        np.testing.assert_allclose([found.value[i], by_numpy[i], by_hand.value], value, rtol=1e-13)
        for partials in (found.gradient[i], by_hand.gradient):
            np.testing.assert_allclose(partials, gradient, rtol=1e-11, atol=1e-12 * np.abs(gradient).max())
    single = evaluate(f, points.astype(np.float32))
    assert single.gradient.dtype == np.float32
    np.testing.assert_allclose(single.gradient, found.gradient, rtol=1e-3, atol=1e-3 * np.abs(found.gradient).max())


@CASES
def test_complex_steps_differentiate_what_is_analytic(text, dimensions):
    f = Function.of_formula(text, dimensions)
    point = np.random.default_rng(3).uniform(0.5, 2.5, dimensions)
    if not f.analytic:
        assert "where" in text
        return
    steps = point + 1e-25j * np.eye(dimensions)
    gradient = Exact(f).gradient(point)
    np.testing.assert_allclose(f.numpy_value(steps).imag / 1e-25, gradient, 1e-11, 1e-12 * np.abs(gradient).max())


@CASES
def test_written_text_parses_back_to_the_same_nodes(text, dimensions):
    head, arrow, _ = text.rpartition("->")
    formula = parse(text)
    assert parse(head + arrow + infix(formula.nodes)[-1]).nodes == formula.nodes


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("sum(x[i]**2 for i in range(n))", r"\sum_{i=0}^{n - 1} {x_{i}}^{2}"),
        ("prod(x[i + 1] for i in range(n - 1))", r"\prod_{i=0}^{n - 2} x_{i + 1}"),
        ("sum(x[i] - 1 for i in range(1, n + 1))", r"\sum_{i=1}^{n} (x_{i} - 1)"),
        ("sum(x[i] for i in range(0, 8, 4))", r"\sum_{i=0,\,4,\,\ldots}^{7} x_{i}"),
        ("sum(x[i] for i in range(10, n, 15))", r"\sum_{i=10,\,25,\,\ldots}^{n - 1} x_{i}"),
        ("sum(x[i] for i in range(n - 10, n, 2))", r"\sum_{i=n - 10,\,n - 8,\,\ldots}^{n - 1} x_{i}"),
        ("sum(x[i] for i in range(n - 1, 0, -1))", r"\sum_{i=n - 1,\,n - 2,\,\ldots}^{1} x_{i}"),
    ],
)
def test_mathtext(text, tex):
    assert mathtext(parse(text).nodes) == tex


def test_the_number_of_variables():
    assert Function.of_formula("sum(x[i]**2 for i in range(n))").variables == ("x0", "x1")
    assert Function.of_formula("q[4]**2").variables == ("q0", "q1", "q2", "q3", "q4")
    assert Function.of_formula("x[0]", 3).dimensions == 3
    f = Function.of_formula("sum(x[i]**2 for i in range(n))").with_dimensions(7)
    assert (f.dimensions, f.name) == (7, Function.of_formula("sum(x[i]**2 for i in range(n))").name)
    with pytest.raises(ShapeError, match="has 3 variables; expected 2"):
        Function.of_formula("x[2]", 2)
    with pytest.raises(ShapeError, match=r"has 9000: x0, x1, .*, x9, …, x8999"):
        Function.of_formula("sum(x[i] for i in range(n))", 9000).check_point([1.0])
    with pytest.raises(ShapeError, match="expected 1 to 10,000"):
        Function.of_formula("sum(x[i] for i in range(n))", 10_001)


def test_an_earlier_sum_over_the_same_name_leaves_a_sum_a_vector():
    triangle = "sum(sum(x[j] for j in range(i + 1)) for i in range(3))"
    f = Function.of_formula(f"{triangle} + sum(x[i]**2 for i in range(n))", 10_000)
    assert evaluate(f, [np.ones(10_000)]).value.tolist() == [10_006.0]


TOO_MANY = [
    # 15,000 operations, 2**40 terms, and many steps of few operations.
    ("sum(sum(sum(x[0] + i + j + k for i in range(j)) for j in range(k)) for k in range(100))", 1, "2,000 operations;"),
    ("sum(" * 40 + "x[0]" + "".join(f"*x[1] for i{k} in range(2))" for k in range(40)), 2, "5,000 steps;"),
    ("sum(sum(0 for j in range(i*0)) + (x[0]**2 + x[0]**3 + x[0]**4) for i in range(1900))", 1, "5,000 steps;"),
]


@pytest.mark.parametrize(("text", "dimensions", "message"), TOO_MANY, ids=["nodes", "terms", "steps"])
def test_what_is_too_long_to_write_out_is_refused_at_once(text, dimensions, message):
    began = time.process_time()
    with pytest.raises(FormulaError, match=f"written out.* more than {message} take fewer"):
        Function.of_formula(text, dimensions).nodes_by_hand  # noqa: B018
    assert time.process_time() - began < 1.0


def test_as_many_operations_as_a_text_may_have_are_written_out():
    f = Function.of_formula("sum(sum(x[j] for j in range(i + 1)) for i in range(n))", 600)
    assert f.numpy_value(np.ones(600)) == 600 * 601 / 2


def test_parameters_may_say_how_many_terms():
    f = Function.of_formula("x, m=2 -> sum(x[0]**k for k in range(m))", 1)
    assert evaluate(f, [[3.0]]).value.tolist() == [4.0]
    assert evaluate(f.with_parameters(m=4), [[3.0]]).value.tolist() == [40.0]


def test_parameters_may_say_how_many_variables():
    text = "x, m=3 -> sum(x[i]**2 for i in range(m))"
    f = Function.of_formula(text)
    for m in (5, 2, 3):
        made = f.with_parameters(m=4).with_parameters(m=m)
        assert made.variables == Function.of_formula(text, parameters={"m": m}).variables
        assert made.dimensions == m and made.name == f.name
        assert evaluate(made, [np.arange(m)]).gradient.tolist() == [[2.0 * i for i in range(m)]]
    assert f.dimensions == 3
    with pytest.raises(FormulaError, match=r"expected a whole number here; got 2\.5"):
        f.with_parameters(m=2.5)


def test_a_number_of_variables_that_was_asked_for_stays():
    text = "x, m=3 -> sum(x[i]**2 for i in range(m))"
    assert Function.of_formula(text, 3).with_parameters(m=2).dimensions == 3
    assert Function.of_formula(text, start=(1.0, 2.0, 3.0)).with_parameters(m=2).dimensions == 3
    assert Function.of_formula("x, m=1 -> n*x[m]").with_parameters(m=0).dimensions == 2


@pytest.mark.parametrize("name", ["position", "self", "parameters", "columns"])
def test_a_parameter_may_bear_any_name(name):
    for text in (f"x, {name}=2 -> sum({name}*x[i]**2 for i in range(n))", f"x, y, {name}=2 -> {name}*(x**2 + y**2)"):
        f = Function.of_formula(text)
        found = evaluate(f, [[1.0, 2.0]])
        assert (found.value.tolist(), found.gradient.tolist()) == ([10.0], [[4.0, 8.0]])
        assert f.numpy_value([1.0, 2.0]) == 10.0
        assert list(backward(f, (1.0, 2.0)).gradient) == [4.0, 8.0]
        assert evaluate(f.with_parameters(**{name: 3.0}), [[1.0, 2.0]]).value.tolist() == [15.0]


def test_a_thousand_variables_are_computed_as_vectors_and_too_many_to_write_by_hand():
    f = Function.of_formula("sum((x[i + 1] - x[i]**2)**2 for i in range(n - 1))", 1000)
    point = np.linspace(-1, 1, 1000)
    off = point[1:] - point[:-1] ** 2
    found = evaluate(f, [point])
    np.testing.assert_allclose(found.value, [(off**2).sum()], rtol=1e-12)
    expected = np.append(-4 * point[:-1] * off, 0.0)
    expected[1:] += 2 * off
    np.testing.assert_allclose(found.gradient[0], expected, rtol=1e-12, atol=1e-14)
    with pytest.raises(FormulaError, match="by hand, the formula has more than 2,000 operations in 1000 variables"):
        backward(f, point)
