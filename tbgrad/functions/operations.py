"""The vocabulary of formulas: each operation with its derivatives, written as formulas themselves.

The derivatives are for the pass by hand, which is independent of TensorFlow's. `u` and `v` stand for the
operation's first and second argument. This module must not know any library that computes.

Source: Abramowitz & Stegun (1964), Handbook of Mathematical Functions, sections 3.3, 4.2 to 4.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One operation of a formula.

    Attributes:
      derivatives: the partial derivative with respect to each argument, a formula in `u` and `v`.
      infix: how it stands between (or before) its arguments; empty for functions written `name(...)`.
      precedence: of the infix, as in Python; functions bind tightest.
    """

    derivatives: tuple[str, ...]
    infix: str = ""
    precedence: int = 9

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.derivatives)


OPERATIONS: dict[str, Operation] = {
    "add": Operation(("1", "1"), " + ", 1),
    "subtract": Operation(("1", "-1"), " - ", 1),
    "multiply": Operation(("v", "u"), "*", 2),
    "divide": Operation(("1/v", "-u/v**2"), "/", 2),
    "negative": Operation(("-1",), "-", 3),
    "power": Operation(("v*u**(v - 1)", "u**v*log(u)"), "**", 4),
    "sqrt": Operation(("1/(2*sqrt(u))",)),
    "exp": Operation(("exp(u)",)),
    "log": Operation(("1/u",)),
    "abs": Operation(("sign(u)",)),
    "sign": Operation(("0",)),
    "sin": Operation(("cos(u)",)),
    "cos": Operation(("-sin(u)",)),
    "tan": Operation(("1/cos(u)**2",)),
    "asin": Operation(("1/sqrt(1 - u**2)",)),
    "acos": Operation(("-1/sqrt(1 - u**2)",)),
    "atan": Operation(("1/(1 + u**2)",)),
    "atan2": Operation(("v/(u**2 + v**2)", "-u/(u**2 + v**2)")),
    "sinh": Operation(("cosh(u)",)),
    "cosh": Operation(("sinh(u)",)),
    "tanh": Operation(("1/cosh(u)**2",)),
}

FUNCTIONS = {name: operation for name, operation in OPERATIONS.items() if not operation.infix}

CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
