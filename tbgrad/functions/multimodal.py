"""Polynomials and other smooth surfaces with several minima, where the start decides which one is found."""

from __future__ import annotations

import math

from tbgrad.functions.function import Function, Minimum

_SURVEY = "Jamil & Yang (2013), A Literature Survey of Benchmark Functions for Global Optimisation Problems"

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

SIX_HUMP_CAMEL = Function.of_formula(
    "(4 - 2.1*x**2 + x**4/3)*x**2 + x*y + (-4 + 4*y**2)*y**2",
    name="six_hump_camel",
    domain=((-3.0, 3.0), (-2.0, 2.0)),
    start=(2.0, 1.5),
    minima=(
        Minimum((0.08984201310031806, -0.7126564030207397), -1.0316284534898774),
        Minimum((-0.08984201310031806, 0.7126564030207397), -1.0316284534898774),
    ),
    source="Dixon & Szegö (1978), The Global Optimization Problem: an Introduction, Towards Global Optimisation 2",
    remark="Six minima, two of them global.",
)

THREE_HUMP_CAMEL = Function.of_formula(
    "2*x**2 - 1.05*x**4 + x**6/6 + x*y + y**2",
    name="three_hump_camel",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    start=(2.5, 1.5),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source=f"{_SURVEY}: Three-Hump Camel",
    remark="Three minima, the middle one global.",
)

GOLDSTEIN_PRICE = Function.of_formula(
    "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
    "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))",
    name="goldstein_price",
    domain=((-2.0, 2.0), (-2.0, 2.0)),
    start=(0.5, 0.5),
    minima=(Minimum((0.0, -1.0), 3.0),),
    source="Goldstein & Price (1971), On Descent from Local Minima, Math. Comput. 25",
    remark="Values from 3 to a million: a picture of its logarithm shows more.",
)

BRANIN = Function.of_formula(
    "(y - 5.1/(4*pi**2)*x**2 + 5/pi*x - 6)**2 + 10*(1 - 1/(8*pi))*cos(x) + 10",
    name="branin",
    domain=((-5.0, 10.0), (0.0, 15.0)),
    start=(2.0, 8.0),
    # The square vanishes where cos(x) is -1; what is left is 10/(8π).
    minima=(
        Minimum(("-pi", 12.275), "5/(4*pi)"),
        Minimum(("pi", 2.275), "5/(4*pi)"),
        Minimum(("3*pi", 2.475), "5/(4*pi)"),
    ),
    source="Branin (1972), Widely Convergent Method for Finding Multiple Solutions of Simultaneous Nonlinear "
    "Equations, IBM J. Res. Dev. 16; Dixon & Szegö (1978)",
    remark="Three minima of equal value; more of them lie outside the domain.",
)

MCCORMICK = Function.of_formula(
    "sin(x + y) + (x - y)**2 - 1.5*x + 2.5*y + 1",
    name="mccormick",
    domain=((-1.5, 4.0), (-3.0, 4.0)),
    start=(3.0, 3.0),
    minima=(Minimum(("1/2 - pi/3", "-1/2 - pi/3"), "-sqrt(3)/2 - pi/3", only_in_domain=True),),
    source=f"Lootsma (1972), Numerical Methods for Non-linear Optimization; {_SURVEY}: McCormick",
    remark="Unbounded below: each step of (-π, -π) has a minimum that is lower by π.",
)

BOHACHEVSKY = Function.of_formula(
    "x**2 + 2*y**2 - 0.3*cos(3*pi*x) - 0.4*cos(4*pi*y) + 0.7",
    name="bohachevsky",
    domain=((-100.0, 100.0), (-100.0, 100.0)),
    start=(0.9, -0.8),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source="Bohachevsky, Johnson & Stein (1986), Generalized Simulated Annealing for Function Optimization, "
    "Technometrics 28",
    remark="A bowl with small ripples, which show only near the origin.",
)

ADJIMAN = Function.of_formula(
    "cos(x)*sin(y) - x/(y**2 + 1)",
    name="adjiman",
    domain=((-1.0, 2.0), (-1.0, 1.0)),
    start=(0.0, 0.0),
    minima=(Minimum((2.0, 0.10578346945171691), -2.0218067833597870, only_in_domain=True),),
    source="Adjiman, Dallwig, Floudas & Neumaier (1998), A Global Optimization Method, αBB, for General "
    f"Twice-Differentiable Constrained NLPs, Comput. Chem. Eng. 22; {_SURVEY}: Adjiman",
    remark="The minimum lies on the edge x = 2, where the slope is not zero; unbounded below beyond it.",
)

DEKKERS_AARTS = Function.of_formula(
    "1e5*x**2 + y**2 - (x**2 + y**2)**2 + 1e-5*(x**2 + y**2)**4",
    name="dekkers_aarts",
    domain=((-20.0, 20.0), (-20.0, 20.0)),
    start=(5.0, 8.0),
    minima=(
        Minimum((0.0, 14.945112151891958), -24776.518342317690),
        Minimum((0.0, -14.945112151891958), -24776.518342317690),
    ),
    source="Dekkers & Aarts (1991), Global Optimization and Simulated Annealing, Math. Program. 50",
    remark="100,000 times steeper along x than along y.",
)

BIRD = Function.of_formula(
    "sin(x)*exp((1 - cos(y))**2) + cos(y)*exp((1 - sin(x))**2) + (x - y)**2",
    name="bird",
    domain=((-math.tau, math.tau), (-math.tau, math.tau)),
    start=(3.0, 1.0),
    # The function is unchanged by (x, y) → (x + 2π, y + 2π).
    minima=(
        Minimum((4.7010431302495530, 3.1529385037249301), -106.76453674926468),
        Minimum((-1.5821421769300335, -3.1302468034546564), -106.76453674926468),
    ),
    source="Mishra (2006), Some New Test Functions for Global Optimization and Performance of Repulsive Particle Swarm "
    "Method",
)

FUNCTIONS = (
    HIMMELBLAU,
    SIX_HUMP_CAMEL,
    THREE_HUMP_CAMEL,
    GOLDSTEIN_PRICE,
    BRANIN,
    MCCORMICK,
    BOHACHEVSKY,
    ADJIMAN,
    DEKKERS_AARTS,
    BIRD,
)
