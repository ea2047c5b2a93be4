import mpmath
import numpy as np
import pytest
from oracles import mp_gradient, mp_value

from tbgrad.functions.operations import CONSTANTS, FUNCTIONS, OPERATIONS

POINTS = 25
RANGES = {
    "sqrt": (0.1, 5.0),
    "log": (0.1, 5.0),
    "power": (0.1, 3.0),
    "divide": (0.3, 4.0),
    "asin": (-0.95, 0.95),
    "acos": (-0.95, 0.95),
    "tan": (-1.4, 1.4),
}


def written(name):
    operation = OPERATIONS[name]
    if not operation.infix:
        return f"{name}({', '.join('uv'[: operation.arity])})"
    return f"u{operation.infix}v" if operation.arity == 2 else f"{operation.infix}u"


@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_against_mpmath(name):
    operation = OPERATIONS[name]
    points = np.random.default_rng(3).uniform(*RANGES.get(name, (-3.0, 3.0)), (POINTS, operation.arity))
    for point in points:
        names = "uv"[: operation.arity]
        expected = mp_gradient(written(name), names, point)
        values = dict(zip(names, point, strict=True))
        for text, derivative in zip(operation.derivatives, expected, strict=True):
            assert mpmath.almosteq(mp_value(text, **values), derivative, 1e-25, 1e-25)


@pytest.mark.parametrize("name", [n for n, o in OPERATIONS.items() if o.infix and o.arity == 2])
def test_precedence_is_pythons(name):
    symbol = OPERATIONS[name].infix
    for other in OPERATIONS.values():
        if other.infix and other.arity == 2 and other.precedence > OPERATIONS[name].precedence:
            assert eval(f"7{symbol}3{other.infix}2") == eval(f"7{symbol}(3{other.infix}2)")
            assert eval(f"7{other.infix}3{symbol}2") == eval(f"(7{other.infix}3){symbol}2")


def test_the_functions_of_formulas():
    expected = "sqrt exp log abs sign sin cos tan asin acos atan atan2 sinh cosh tanh"
    assert set(FUNCTIONS) == set(expected.split())
    assert [name for name, operation in FUNCTIONS.items() if operation.arity == 2] == ["atan2"]


def test_constants_against_mpmath():
    assert {"pi": float(mpmath.pi), "e": float(mpmath.e), "tau": float(2 * mpmath.pi)} == CONSTANTS
