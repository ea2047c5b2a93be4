"""Functions with several minima, where the start decides which one is found."""

from __future__ import annotations

from tbgrad.functions.function import Function, Minimum

# The three minima of Himmelblau's function beside (3, 2): roots of its gradient, computed to 30 digits.
HIMMELBLAU = Function.of_formula(
    "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
    name="himmelblau",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    start=(0.0, 0.0),
    minima=(
        Minimum((3.0, 2.0), 0.0),
        Minimum((-2.805118086952745, 3.131312518250573), 0.0),
        Minimum((-3.779310253377747, -3.283185991286170), 0.0),
        Minimum((3.584428340330492, -1.848126526964404), 0.0),
    ),
    source="Himmelblau (1972), Applied Nonlinear Programming",
)

RASTRIGIN = Function.of_formula(
    "20 + x**2 - 10*cos(2*pi*x) + y**2 - 10*cos(2*pi*y)",
    name="rastrigin",
    domain=((-5.12, 5.12), (-5.12, 5.12)),
    start=(2.4, -1.7),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source="Rastrigin (1974), Systems of Extremal Control; Hoffmeister & Bäck (1991), Genetic Algorithms and Evolution "
    "Strategies",
    remark="A grid of minima one apart; only the one at the origin is global.",
)

FUNCTIONS = (HIMMELBLAU, RASTRIGIN)
