"""The vocabulary of formulas: each operation with its derivatives, written as formulas themselves.

The derivatives are for the pass by hand, which is independent of TensorFlow's. `u`, `v` and `w` stand for the
operation's arguments. Where a derivative is a matter of choice, as of `maximum` at a tie, it is the one that
TensorFlow takes. This module must not know any library that computes.

Source: Abramowitz & Stegun (1964), Handbook of Mathematical Functions, chapters 3, 4, 6 and 7; Hendrycks & Gimpel
(2016), Gaussian Error Linear Units; Klambauer et al. (2017), Self-Normalizing Neural Networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@dataclass(frozen=True)
class Operation:
    """One operation of a formula.

    Attributes:
      derivatives: the partial derivative with respect to each argument, a formula in `u`, `v` and `w`; None where
        there is none, as by a condition.
      infix: how it stands between (or before) its arguments; empty for functions written `name(...)`.
      precedence: of the infix, as in Python; functions bind tightest.
      analytic: whether it is, with complex arguments, an analytic function that NumPy computes.
      is_condition: whether it is true or false rather than a number.
      takes_conditions: for each argument whether it must be a condition; none where all are numbers.
      keeps_zero: whether a gradient of zero that comes back to it stays zero where its own derivative is infinite or
        undefined, as at √0; other operations make NaN of it.
    """

    derivatives: tuple[str | None, ...]
    infix: str = ""
    precedence: int = 9
    analytic: bool = True
    is_condition: bool = False
    takes_conditions: tuple[bool, ...] = ()
    keeps_zero: bool = False

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.derivatives)


def _real(*derivatives: str | None, **more) -> Operation:
    """An operation without a complex counterpart."""
    return Operation(derivatives, analytic=False, **more)


def _comparison(infix: str) -> Operation:
    return _real(None, None, infix=infix, precedence=0, is_condition=True)


def _logic(infix: str, precedence: int, arity: int) -> Operation:
    takes = (True,) * arity
    return _real(*[None] * arity, infix=infix, precedence=precedence, is_condition=True, takes_conditions=takes)


OPERATIONS: dict[str, Operation] = {
    "add": Operation(("1", "1"), " + ", 1),
    "subtract": Operation(("1", "-1"), " - ", 1),
    "multiply": Operation(("v", "u"), "*", 2),
    "divide": Operation(("1/v", "-u/v**2"), "/", 2),
    "floordiv": _real("0", "0", infix=" // ", precedence=2),
    "mod": _real("1", "-floor(u/v)", infix=" % ", precedence=2),
    "negative": Operation(("-1",), "-", 3),
    "power": Operation(("v*u**(v - 1)", "where(u == 0, 0, u**v*log(u))"), "**", 4),
    "square": Operation(("2*u",)),
    "sqrt": Operation(("1/(2*sqrt(u))",), keeps_zero=True),
    "rsqrt": Operation(("-rsqrt(u)/(2*u)",), keeps_zero=True),
    "cbrt": _real("1/(3*cbrt(u)**2)"),
    "exp": Operation(("exp(u)",)),
    "expm1": Operation(("exp(u)",)),
    "log": Operation(("1/u",)),
    "log1p": Operation(("1/(1 + u)",)),
    "log2": Operation(("1/(u*log(2))",)),
    "log10": Operation(("1/(u*log(10))",)),
    "abs": _real("sign(u)"),
    "sign": _real("0"),
    "floor": _real("0"),
    "ceil": _real("0"),
    "round": _real("0"),
    "maximum": _real("where(u >= v, 1, 0)", "where(u >= v, 0, 1)"),
    "minimum": _real("where(u <= v, 1, 0)", "where(u <= v, 0, 1)"),
    "where": _real(None, "where(u, 1, 0)", "where(u, 0, 1)", takes_conditions=(True, False, False)),
    "less": _comparison(" < "),
    "less_equal": _comparison(" <= "),
    "greater": _comparison(" > "),
    "greater_equal": _comparison(" >= "),
    "equal": _comparison(" == "),
    "not_equal": _comparison(" != "),
    "logical_not": _logic("not ", -1, 1),
    "logical_and": _logic(" and ", -2, 2),
    "logical_or": _logic(" or ", -3, 2),
    "sin": Operation(("cos(u)",)),
    "cos": Operation(("-sin(u)",)),
    "tan": Operation(("1/cos(u)**2",)),
    "asin": Operation(("1/sqrt(1 - u**2)",)),
    "acos": Operation(("-1/sqrt(1 - u**2)",)),
    "atan": Operation(("1/(1 + u**2)",)),
    "atan2": _real("v/(u**2 + v**2)", "-u/(u**2 + v**2)"),
    "sinh": Operation(("cosh(u)",)),
    "cosh": Operation(("sinh(u)",)),
    "tanh": Operation(("1/cosh(u)**2",)),
    "asinh": Operation(("1/sqrt(1 + u**2)",)),
    "acosh": Operation(("1/(sqrt(u - 1)*sqrt(u + 1))",)),
    "atanh": Operation(("1/(1 - u**2)",)),
    "erf": _real("2*exp(-u**2)/sqrt(pi)"),
    "erfc": _real("-2*exp(-u**2)/sqrt(pi)"),
    "lgamma": _real("digamma(u)"),
    "digamma": _real("polygamma(1, u)"),
    "polygamma": _real(None, "polygamma(u + 1, v)"),
    "sigmoid": Operation(("sigmoid(u)*sigmoid(-u)",)),
    "log_sigmoid": _real("sigmoid(-u)"),
    "softplus": _real("sigmoid(u)"),
    "softsign": _real("1/(1 + abs(u))**2"),
    "relu": _real("where(u > 0, 1, 0)"),
    "elu": _real("where(u > 0, 1, exp(u))"),
    "selu": _real(f"{SELU_SCALE}*where(u >= 0, 1, {SELU_ALPHA}*exp(u))"),
    "gelu": _real("erfc(-u/sqrt(2))/2 + u*exp(-u**2/2)/sqrt(2*pi)"),
    "silu": Operation(("sigmoid(u)*(1 + u*sigmoid(-u))",)),
}

FUNCTIONS = {name: operation for name, operation in OPERATIONS.items() if not operation.infix}

# What else people call them.
ALIASES = {
    "ln": "log",
    "max": "maximum",
    "min": "minimum",
    "pow": "power",
    "mod": "mod",
    "ceiling": "ceil",
    "fabs": "abs",
    "loggamma": "lgamma",
    "swish": "silu",
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
}

# Where a value has two names, formulas are written with the later one.
CONSTANTS = {"π": math.pi, "pi": math.pi, "e": math.e, "tau": math.tau}
