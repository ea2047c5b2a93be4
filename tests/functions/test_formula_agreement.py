"""Random formulas mean the same to every interpreter as to Python's own grammar and mpmath."""

import math
import re

import mpmath
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import mp_value

from tbgrad.functions.expressions import parse
from tbgrad.functions.floats import PYTHON
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import interpret, numpy_table
from tbgrad.functions.notation import infix

UNARY = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "abs", "sign"]


@st.composite
def formula_texts(draw, depth=4):
    """Formulas as people write them: parentheses come where they are drawn, so that precedence matters."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(["x", "y", "x", "y", "2", "0.5", "3", "1.25", "pi", "e"]))
    left, right = draw(formula_texts(depth - 1)), draw(formula_texts(depth - 1))
    kind = draw(st.integers(0, 9))
    if kind <= 4:
        text = f"{left}{draw(st.sampled_from([' + ', ' - ', '*', '/', '-', ' / ']))}{right}"
    elif kind == 5:
        text = f"{left}{draw(st.sampled_from(['^', '**']))}{right}"
    elif kind == 6:
        text = f"-{left}"
    elif kind == 7:
        return f"atan2({left}, {right})"
    else:
        return f"{draw(st.sampled_from(UNARY))}({left})"
    return f"({text})" if draw(st.booleans()) else text


def evaluated(text, names, values):
    code = text.replace("^", "**")
    return eval(code, {"__builtins__": {}}, names | values)


PLAIN = {name: getattr(math, name) for name in [*UNARY[:-2], "atan2", "pi", "e"]} | {
    "abs": abs,
    "sign": lambda u: math.copysign(1.0, u) if u else 0.0,
}
ROUGH = {name: getattr(mpmath, name) for name in [*UNARY[:-2], "sign", "atan2", "pi", "e"]} | {"abs": mpmath.fabs}
DIGITS = 11


def exact_and_allowance(text, x, y):
    """The value at 50 digits, and how far a float64 may be from it; rejects what floats cannot compute.

    A float64 has 4 to 5 digits more than the rough evaluations at 10 to 12 digits. What these lose by cancellation or
    by a steep function, a float64 loses to a ten thousandth; it is allowed a hundredth.
    """
    # Numbers become names, so that 1/3 is a third to mpmath, and no integer tower grows without bound.
    numbers = {}
    named = re.sub(r"\b\d[\d.]*", lambda m: numbers.setdefault(m[0], f"number{len(numbers)}"), text)
    values = {name: float(number) for number, name in numbers.items()} | {"x": x, "y": y}
    try:
        plain = evaluated(named, PLAIN, values)
        exact = mp_value(named, **values)
        rough = []
        for digits in (DIGITS - 1, DIGITS, DIGITS + 1):
            with mpmath.workdps(digits):
                rough.append(evaluated(named, ROUGH, {name: mpmath.mpf(v) for name, v in values.items()}))
    except (ArithmeticError, ValueError, TypeError):
        assume(False)
    assume(not isinstance(plain, complex) and math.isfinite(plain))
    assume(1e-100 < abs(exact) < 1e100 or exact == 0)
    lost = max(abs(r - exact) for r in rough)
    assume(lost <= 1e-6 * abs(exact))
    return float(exact), float(1e-13 * abs(exact) + lost / 100)


POINTS = st.floats(0.25, 4.0, width=32)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(formula_texts(), POINTS, POINTS)
def test_random_formulas_agree_with_mpmath(text, x, y):
    exact, allowance = exact_and_allowance(text, x, y)
    nodes = parse(text).nodes
    by_python = interpret(nodes, PYTHON, {"x": x, "y": y})[-1]
    by_numpy = interpret(nodes, numpy_table(np), {"x": np.array([x, x]), "y": np.array([y, y])})[-1]
    f = Function.of_formula(f"x, y -> {text}")
    by_tensorflow = f(tf.constant([[x, y]], tf.float64)).numpy()
    assert by_python == pytest.approx(exact, abs=allowance)
    np.testing.assert_allclose(by_numpy, exact, rtol=0, atol=allowance)
    np.testing.assert_allclose(by_tensorflow, [exact], rtol=0, atol=allowance)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(formula_texts())
def test_written_formulas_parse_back_to_the_same_nodes(text):
    formula = parse(text)
    written = infix(formula.nodes)[-1]
    assert parse(written).nodes == formula.nodes
    assert infix(parse(written).nodes)[-1] == written
