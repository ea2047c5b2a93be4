"""Surfaces that sines and cosines fill with many minima, and one plain with a single hole."""

from __future__ import annotations

import itertools

from tbgrad.functions.families import any_dimension
from tbgrad.functions.function import Function, Minimum

_SURVEY = "Jamil & Yang (2013), A Literature Survey of Benchmark Functions for Global Optimisation Problems"
_MISHRA = (
    "Mishra (2006), Some New Test Functions for Global Optimization and Performance of Repulsive Particle Swarm Method"
)

EASOM = Function.of_formula(
    "-cos(x)*cos(y)*exp(-((x - pi)**2 + (y - pi)**2))",
    name="easom",
    domain=((-100.0, 100.0), (-100.0, 100.0)),
    start=(2.0, 2.5),
    minima=(Minimum(("pi", "pi"), -1.0),),
    source="Easom (1990), A Survey of Global Optimization Techniques, thesis, University of Louisville",
    remark="A plain with one narrow hole: almost everywhere the gradient is zero to the last digit.",
)

EGG_CRATE = Function.of_formula(
    "x**2 + y**2 + 25*(sin(x)**2 + sin(y)**2)",
    name="egg_crate",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    start=(4.0, -2.5),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source=f"{_SURVEY}: Egg Crate",
)

DROP_WAVE = Function.of_formula(
    "-(1 + cos(12*sqrt(x**2 + y**2)))/(0.5*(x**2 + y**2) + 2)",
    name="drop_wave",
    domain=((-5.12, 5.12), (-5.12, 5.12)),
    start=(1.0, 0.8),
    minima=(Minimum((0.0, 0.0), -1.0),),
    source="Molga & Smutnicki (2005), Test Functions for Optimization Needs; Surjanovic & Bingham (2013): Drop-Wave",
    remark="The chain rule finds 0·∞ at the origin, which is taken for 0: it is the slope there.",
)

SCHAFFER_2 = Function.of_formula(
    "0.5 + (sin(x**2 - y**2)**2 - 0.5)/(1 + 0.001*(x**2 + y**2))**2",
    name="schaffer_2",
    domain=((-100.0, 100.0), (-100.0, 100.0)),
    start=(2.0, 1.0),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source="Mishra (2007), Some New Test Functions, after Schaffer, Caruana, Eshelman & Das (1989): Schaffer N. 2",
    remark="Waves that crowd together away from the centre; there, rounding of their large argument leaves some twelve "
    "digits to the gradient.",
)

SCHAFFER_4 = Function.of_formula(
    "0.5 + (cos(sin(abs(x**2 - y**2)))**2 - 0.5)/(1 + 0.001*(x**2 + y**2))**2",
    name="schaffer_4",
    domain=((-100.0, 100.0), (-100.0, 100.0)),
    start=(2.0, 1.0),
    minima=tuple(
        Minimum(position, 0.29257863203598055)
        for x in (1.2531318314637332, -1.2531318314637332)
        for position in ((0.0, x), (x, 0.0))
    ),
    source="Mishra (2007), Some New Test Functions, after Schaffer, Caruana, Eshelman & Das (1989): Schaffer N. 4",
    remark="Four minima; most collections list one or two. abs makes no kink here, as the cosine is even. Away "
    "from the centre, rounding of the waves' large argument leaves some twelve digits to the gradient.",
)

EGGHOLDER = Function.of_formula(
    "-(y + 47)*sin(sqrt(abs(x/2 + y + 47))) - x*sin(sqrt(abs(x - (y + 47))))",
    name="eggholder",
    domain=((-512.0, 512.0), (-512.0, 512.0)),
    start=(200.0, 100.0),
    minima=(Minimum((512.0, 404.23180511375781), -959.64066272085080, only_in_domain=True),),
    source="Whitley, Mathias, Rana & Dzubera (1996), Evaluating Evolutionary Algorithms, Artif. Intell. 85",
    kinks="Not differentiable on the lines x/2 + y + 47 = 0 and x = y + 47 but at their crossing.",
    remark="The minimum lies on the edge x = 512, where the slope is not zero; lower values lie beyond it.",
)

CROSS_IN_TRAY = Function.of_formula(
    "-0.0001*(abs(sin(x)*sin(y)*exp(abs(100 - sqrt(x**2 + y**2)/pi))) + 1)**0.1",
    name="cross_in_tray",
    domain=((-10.0, 10.0), (-10.0, 10.0)),
    start=(2.0, 2.5),
    # On the diagonal 2·log(sin(x)) - sqrt(2)·x/π has no slope where tan(x) = sqrt(2)·π.
    minima=tuple(
        Minimum((f"{a}atan(pi*sqrt(2))", f"{b}atan(pi*sqrt(2))"), -2.0626118708227369, only_in_domain=True)
        for a, b in itertools.product(("", "-"), repeat=2)
    ),
    source=_MISHRA,
    kinks="Not differentiable where just one of x and y is a multiple of π, nor on the circle of radius 100π.",
    remark="Far outside, from radius 200π on, it falls without bound. In float32 exp(100) overflows.",
)

HOLDER_TABLE = Function.of_formula(
    "-abs(sin(x)*cos(y)*exp(abs(1 - sqrt(x**2 + y**2)/pi)))",
    name="holder_table",
    domain=((-10.0, 10.0), (-10.0, 10.0)),
    start=(4.5, 5.5),
    minima=tuple(
        Minimum((x, y), -19.208502567886732, only_in_domain=True)
        for x, y in itertools.product(
            (8.0550234757365634, -8.0550234757365634), (9.6645900192412729, -9.6645900192412729)
        )
    ),
    source=_MISHRA,
    kinks="Not differentiable where x is a multiple of π or y an odd multiple of π/2 but not both, nor on "
    "the circle of radius π.",
    remark="Lower values lie outside the domain: it falls without bound.",
)

TREFETHEN = Function.of_formula(
    "exp(sin(50*x)) + sin(60*exp(y)) + sin(70*sin(x)) + sin(sin(80*y)) - sin(10*(x + y)) + (x**2 + y**2)/4",
    name="trefethen",
    domain=((-1.0, 1.0), (-1.0, 1.0)),
    start=(0.1, 0.3),
    minima=(Minimum((-0.024403079694375172, 0.21061242715535577), -3.3068686474752373),),
    source="Trefethen (2002), A Hundred-dollar, Hundred-digit Challenge, SIAM News 35, problem 4; the domain is "
    "that of Bornemann, Laurie, Wagon & Waldvogel (2004), The SIAM 100-Digit Challenge, chapter 4",
    remark="The minimum is global in the whole plane.",
)

# One factor has its least value at the first three places, its greatest at the others, 2π apart; to 50 digits.
_LEAST = (-7.7083137354993474, -1.4251284283197610, 4.8580568788598255)
_GREATEST = (-7.0835064076515596, -0.80032110047197312, 5.4828642067076134)


def _shubert(n: int) -> Function:
    places = [(x,) for x in _LEAST] if n == 1 else []
    if n == 2:
        places = [p for x in _LEAST for y in _GREATEST for p in ((x, y), (y, x))]
    value = -12.870885497725685 if n == 1 else -186.73090883102398
    return Function.of_formula(
        "prod(sum(j*cos((j + 1)*x[i] + j) for j in range(1, 6)) for i in range(n))",
        n,
        name="shubert",
        domain=((-10.0, 10.0),) * n,
        start=((1.0, 0.3) * n)[:n],
        minima=tuple(Minimum(place, value) for place in places),
        source="Shubert (1972), A Sequential Method Seeking the Global Maximum of a Function, SIAM J. Numer. Anal. 9; "
        f"{_SURVEY}: Shubert",
        remark="Eighteen global minima in the plane, two close together in each period of 2π; they are stated for one "
        "and two variables.",
    )


SHUBERT = any_dimension(_shubert)

FUNCTIONS = (
    EASOM,
    EGG_CRATE,
    DROP_WAVE,
    SCHAFFER_2,
    SCHAFFER_4,
    EGGHOLDER,
    CROSS_IN_TRAY,
    HOLDER_TABLE,
    TREFETHEN,
    SHUBERT,
)
