"""Functions whose minimum lies at the end of a narrow or flat valley."""

from __future__ import annotations

from tbgrad.functions.function import Function, Minimum

ROSENBROCK = Function.of_formula(
    "x, y, a=1, b=100 -> (a - x)**2 + b*(y - x**2)**2",
    name="rosenbrock",
    domain=((-2.048, 2.048), (-2.048, 2.048)),
    start=(-1.2, 1.0),
    minima=(Minimum(("a", "a**2"), 0.0, positive="b"),),
    source="Rosenbrock (1960), An Automatic Method for Finding the Greatest or Least Value of a Function, Comput. J. 3",
    remark="The valley along y = x² is curved and flat; reaching it is easy, following it is not.",
)

BEALE = Function.of_formula(
    "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
    name="beale",
    domain=((-4.5, 4.5), (-4.5, 4.5)),
    start=(1.0, 1.0),
    minima=(Minimum((3.0, 0.5), 0.0),),
    source="Beale (1958), On an Iterative Method for Finding a Local Minimum; Moré, Garbow & Hillstrom (1981), no. 5",
)

FUNCTIONS = (ROSENBROCK, BEALE)
