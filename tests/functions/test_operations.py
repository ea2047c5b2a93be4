import mpmath
import numpy as np
import pytest
from operation_samples import sample
from oracles import mp_gradient, mp_value

from tbgrad.functions.function import Function
from tbgrad.functions.operations import ALIASES, CONSTANTS, FUNCTIONS, OPERATIONS

POINTS = 25
NUMBERS = [n for n, o in OPERATIONS.items() if not o.is_condition and not o.takes_conditions]


@pytest.mark.parametrize("name", NUMBERS)
def test_derivatives_against_mpmath(name):
    operation = OPERATIONS[name]
    text, names, bounds = sample(name, "uv")
    derivatives = operation.derivatives[-len(names) :]
    for point in np.random.default_rng(3).uniform(*bounds, (POINTS, len(names))):
        values = dict(zip(names, point, strict=True))
        if name == "polygamma":
            values = {"u": 2, "v": point[0]}
        for derivative, expected in zip(derivatives, mp_gradient(text, names, point), strict=True):
            assert mpmath.almosteq(
                mp_value(derivative, **values), expected, *([1e-15] * 2 if name == "selu" else [1e-25] * 2)
            )


def test_a_choice_has_the_derivative_of_what_is_chosen():
    by_condition, by_first, by_second = OPERATIONS["where"].derivatives
    assert by_condition is None
    assert [mp_value(by_first, u=u, v=5, w=7) for u in (1, 0)] == [1, 0]
    assert [mp_value(by_second, u=u, v=5, w=7) for u in (1, 0)] == [0, 1]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_called_analytic_satisfies_the_equations_of_cauchy_and_riemann(name):
    if not OPERATIONS[name].analytic:
        return
    text, names, bounds = sample(name)
    f = Function.of_formula(text)
    assert f.analytic
    rng = np.random.default_rng(4)
    z = rng.uniform(*bounds, (50, len(names))) + 1e-3j * rng.uniform(-1, 1, (50, len(names)))
    step = 1e-6
    for i in range(len(names)):
        e = np.eye(len(names))[i]
        along_real = (f.numpy_value(z + step * e) - f.numpy_value(z - step * e)) / (2 * step)
        along_imaginary = (f.numpy_value(z + step * 1j * e) - f.numpy_value(z - step * 1j * e)) / (2j * step)
        np.testing.assert_allclose(along_real, along_imaginary, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", [n for n, o in OPERATIONS.items() if o.infix and o.arity == 2])
def test_precedence_is_pythons(name):
    symbol = OPERATIONS[name].infix
    for other in OPERATIONS.values():
        if other.infix and other.arity == 2 and other.precedence > OPERATIONS[name].precedence:
            assert eval(f"7{symbol}3{other.infix}2") == eval(f"7{symbol}(3{other.infix}2)")
            assert eval(f"7{other.infix}3{symbol}2") == eval(f"(7{other.infix}3){symbol}2")


def test_the_functions_of_formulas():
    expected = "sqrt exp log abs sign sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh log1p expm1"
    expected += " cbrt floor ceil round maximum minimum where erf erfc lgamma digamma polygamma sigmoid softplus"
    expected += " square rsqrt log2 log10 log_sigmoid softsign relu elu selu gelu silu"
    assert set(FUNCTIONS) == set(expected.split())
    assert set(ALIASES.values()) <= set(OPERATIONS)
    assert not set(ALIASES) & set(FUNCTIONS)


def test_constants_against_mpmath():
    pi = float(mpmath.pi)
    assert {"pi": pi, "π": pi, "e": float(mpmath.e), "tau": float(2 * mpmath.pi)} == CONSTANTS
