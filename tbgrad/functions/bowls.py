"""Functions with one minimum and no detours."""

from __future__ import annotations

from tbgrad.functions.function import Function, Minimum

SPHERE = Function.of_formula(
    "x**2 + y**2",
    name="sphere",
    domain=((-5.12, 5.12), (-5.12, 5.12)),
    start=(4.0, 3.0),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source="De Jong (1975), An Analysis of the Behavior of a Class of Genetic Adaptive Systems, function F1",
)

ELLIPSE = Function.of_formula(
    "x, y, condition=10 -> x**2 + condition*y**2",
    name="ellipse",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    start=(5.0, 1.0),
    minima=(Minimum((0.0, 0.0), 0.0, positive="condition"),),
    source="Nocedal & Wright (2006), Numerical Optimization, section 3.3: a quadratic with this condition number",
)

FUNCTIONS = (SPHERE, ELLIPSE)
