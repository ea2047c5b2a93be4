"""The operations of formulas on Python's floats, with the answers of IEEE 754 instead of exceptions.

They share no code with TensorFlow or NumPy, so that the pass by hand is independent of both.

Source: Abramowitz & Stegun (1964), Handbook of Mathematical Functions, 6.3.5 to 6.4.11 for the polygamma functions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from tbgrad.functions.operations import SELU_ALPHA, SELU_SCALE

# Where the asymptotic series of the polygamma functions, with so many terms, is exact in float64.
_FAR, _BERNOULLI = 20.0, (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
# Of the polygamma functions; formulas have one less, whose derivative this is.
HIGHEST_ORDER = 31


def _ieee(function: Callable[..., float], beyond: float = math.inf) -> Callable[..., float]:
    """Gives a function of `math` an infinity (or NaN) where it would raise."""

    def computed(*arguments: float) -> float:
        try:
            return function(*arguments)
        except OverflowError:
            return beyond
        except ValueError:
            return math.nan

    return computed


def _odd(function: Callable[[float], float]) -> Callable[[float], float]:
    """Gives an odd function that overflows the infinity of its argument's sign."""

    def computed(a: float) -> float:
        try:
            return function(a)
        except OverflowError:
            return math.copysign(math.inf, a)

    return computed


def _logarithm(function: Callable[[float], float], pole: float = 0.0) -> Callable[[float], float]:
    return lambda a: -math.inf if a == pole else _ieee(function)(a)


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _floordiv(a: float, b: float) -> float:
    return _rounded(math.floor)(_divide(a, b))


def _mod(a: float, b: float) -> float:
    return a % b if b != 0.0 and math.isfinite(a) else math.nan


def _power(a: float, b: float) -> float:
    odd = b % 2 == 1 if math.isfinite(b) else False
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        if a != 0.0:
            return math.nan
        return math.copysign(math.inf, a) if odd else math.inf


def _rounded(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda a: math.copysign(float(function(a)), a) if math.isfinite(a) else a


def _sign(a: float) -> float:
    return a if a == 0.0 or math.isnan(a) else math.copysign(1.0, a)


def _largest(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _least(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def _atanh(a: float) -> float:
    return math.copysign(math.inf, a) if abs(a) == 1.0 else _ieee(math.atanh)(a)


def _lgamma(a: float) -> float:
    return math.inf if a <= 0.0 and a % 1.0 == 0.0 else _ieee(math.lgamma)(a)


def polygamma(order: float, x: float) -> float:
    """The derivative of this order of the digamma function; order 0 is digamma itself.

    Args:
      order: a whole number from 0 to 31; NaN comes back for others.
      x: by the recurrence it is carried to where the asymptotic series holds.
    """
    if order not in range(HIGHEST_ORDER + 1) or math.isnan(x) or x == -math.inf:
        return math.nan
    if x <= 0.0 and x % 1.0 == 0.0:
        return math.inf if order % 2 else math.nan
    if x == math.inf:
        return 0.0 if order else math.inf
    m, sign = int(order), -1.0 if order % 2 == 0 else 1.0
    terms = []
    if x < -_FAR:
        # The recurrence, from x up to between 0 and 1, summed: a far negative x would take one step for each unit.
        y = x % 1.0
        # In this order what is alike cancels exactly, as at y = 1/2.
        return (polygamma(m, y) + sign * polygamma(m, 1.0 - y)) - sign * polygamma(m, 1.0 - x)
    # The series needs more room the higher the order.
    while x < _FAR + m:
        terms.append(_divide(1.0, _power(x, m + 1.0)))
        x += 1.0
    head = math.factorial(m) * math.fsum(terms)
    if m == 0:
        tail = [math.log(x), -0.5 / x, *(-b / (2 * k) * x ** -(2 * k) for k, b in enumerate(_BERNOULLI, 1))]
        return math.fsum([*tail, -head])
    tail = [math.factorial(m - 1) * x**-m, math.factorial(m) / 2 * x ** -(m + 1)]
    for k, b in enumerate(_BERNOULLI, 1):
        tail.append(b * (math.factorial(2 * k + m - 1) / math.factorial(2 * k)) * x ** -(2 * k + m))
    return sign * (math.fsum(tail) + head)


def _sigmoid(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a)) if a >= 0.0 else _divide(_exp(a), 1.0 + _exp(a))


def _softplus(a: float) -> float:
    return _largest(a, 0.0) + math.log1p(_exp(-abs(a)))


def _elu(a: float) -> float:
    return a if a > 0.0 else math.expm1(a)


_exp = _ieee(math.exp)

PYTHON: Mapping[str, Callable] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": _divide,
    "floordiv": _floordiv,
    "mod": _mod,
    "negative": operator.neg,
    "power": _power,
    "square": lambda a: a * a,
    "sqrt": _ieee(math.sqrt),
    "rsqrt": lambda a: _divide(1.0, _ieee(math.sqrt)(a)),
    "cbrt": math.cbrt,
    "exp": _exp,
    "expm1": _ieee(math.expm1),
    "log": _logarithm(math.log),
    "log1p": _logarithm(math.log1p, -1.0),
    "log2": _logarithm(math.log2),
    "log10": _logarithm(math.log10),
    "abs": math.fabs,
    "sign": _sign,
    "floor": _rounded(math.floor),
    "ceil": _rounded(math.ceil),
    "round": _rounded(round),
    "maximum": _largest,
    "minimum": _least,
    "where": lambda condition, a, b: a if condition else b,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "logical_not": operator.not_,
    "logical_and": lambda a, b: a and b,
    "logical_or": lambda a, b: a or b,
    **{name: _ieee(getattr(math, name)) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "tanh")},
    "sinh": _odd(math.sinh),
    "cosh": _ieee(math.cosh),
    "asinh": math.asinh,
    "acosh": _ieee(math.acosh),
    "atanh": _atanh,
    "erf": math.erf,
    "erfc": math.erfc,
    "lgamma": _lgamma,
    "digamma": lambda a: polygamma(0.0, a),
    "polygamma": polygamma,
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda a: -_softplus(-a),
    "softplus": _softplus,
    "softsign": lambda a: a / (1.0 + abs(a)),
    "relu": lambda a: _largest(a, 0.0),
    "elu": _elu,
    "selu": lambda a: SELU_SCALE * (a if a > 0.0 else SELU_ALPHA * math.expm1(a)),
    "gelu": lambda a: 0.5 * a * math.erfc(-a / math.sqrt(2.0)),
    "silu": lambda a: a * _sigmoid(a),
}
