"""Functions of any number of variables with many local minima.

Where a formula's index starts at 0 and its source's at 1, `i + 1` stands for the source's i.
"""

from __future__ import annotations

import math

from tbgrad.functions.families import any_dimension
from tbgrad.functions.function import Function, Minimum


def _rastrigin(n: int) -> Function:
    return Function.of_formula(
        "20 + x**2 - 10*cos(2*pi*x) + y**2 - 10*cos(2*pi*y)"
        if n == 2
        else "10*n + sum(x[i]**2 - 10*cos(2*pi*x[i]) for i in range(n))",
        n,
        name="rastrigin",
        domain=((-5.12, 5.12),) * n,
        start=((2.4, -1.7) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source="Rastrigin (1974), Systems of Extremal Control; Hoffmeister & Bäck (1991), Genetic Algorithms and "
        "Evolution Strategies",
        remark="A grid of minima one apart; only the one at the origin is global.",
    )


RASTRIGIN = any_dimension(_rastrigin)


def _ackley(n: int) -> Function:
    return Function.of_formula(
        "-20*exp(-0.2*sqrt(sum(x[i]**2 for i in range(n))/n)) - exp(sum(cos(2*pi*x[i]) for i in range(n))/n) + 20 + e",
        n,
        name="ackley",
        domain=((-32.768, 32.768),) * n,
        start=((12.3, -7.6) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0, kink=True),),
        source="Ackley (1987), A Connectionist Machine for Genetic Hillclimbing; Bäck (1996), Evolutionary Algorithms "
        "in Theory and Practice",
        kinks="Not differentiable at the origin, the tip of a cone.",
    )


ACKLEY = any_dimension(_ackley)


def _griewank(n: int) -> Function:
    return Function.of_formula(
        "1 + sum(x[i]**2 for i in range(n))/4000 - prod(cos(x[i]/sqrt(i + 1)) for i in range(n))",
        n,
        name="griewank",
        domain=((-600.0, 600.0),) * n,
        start=((35.0, -20.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source="Griewank (1981), Generalized Descent for Global Optimization, J. Optim. Theory Appl. 34",
        remark="A wide bowl with ripples of height 1; in many dimensions the ripples fade away from the axes.",
    )


GRIEWANK = any_dimension(_griewank)


def _levy(n: int) -> Function:
    # The source's w is 1 + (x - 1)/4 = (x + 3)/4.
    return Function.of_formula(
        "sin(pi*(x[0] + 3)/4)**2"
        " + sum(((x[i] - 1)/4)**2*(1 + 10*sin(pi*(x[i] + 3)/4 + 1)**2) for i in range(n - 1))"
        " + ((x[n - 1] - 1)/4)**2*(1 + sin(pi*(x[n - 1] + 3)/2)**2)",
        n,
        name="levy",
        domain=((-10.0, 10.0),) * n,
        start=((-6.0, 5.0) * n)[:n],
        minima=(Minimum((1.0,) * n, 0.0),),
        source="Levy & Montalvo (1985), The Tunneling Algorithm for the Global Minimization of Functions, SIAM J. Sci. "
        "Stat. Comput. 6; Surjanovic & Bingham (2013): Levy",
    )


LEVY = any_dimension(_levy)


def _schwefel(n: int) -> Function:
    # tan(u) = -u/2 for u = sqrt(x); computed to 50 digits.
    return Function.of_formula(
        "-sum(x[i]*sin(sqrt(abs(x[i]))) for i in range(n))",
        n,
        name="schwefel",
        domain=((-500.0, 500.0),) * n,
        start=((300.0, -200.0) * n)[:n],
        minima=(Minimum((420.96874635998203,) * n, -418.98288727243371 * n, only_in_domain=True),),
        source="Schwefel (1981), Numerical Optimization of Computer Models, problem 2.26",
        remark="Many write it with 418.9829 added for each variable, so that the minimum is near 0. Where a "
        "coordinate is 0 the chain rule finds 0·∞, which is taken for 0: it is the slope there.",
    )


SCHWEFEL = any_dimension(_schwefel)


def _styblinski_tang(n: int) -> Function:
    return Function.of_formula(
        "sum(x[i]**4 - 16*x[i]**2 + 5*x[i] for i in range(n))/2",
        n,
        name="styblinski_tang",
        domain=((-5.0, 5.0),) * n,
        start=((0.5, -0.5) * n)[:n],
        minima=(Minimum((-2.9035340277711771,) * n, -39.166165703771415 * n),),
        source="Styblinski & Tang (1990), Experiments in Nonconvex Optimization: Stochastic Approximation with "
        "Function Smoothing and Simulated Annealing, Neural Networks 3",
        remark="Two valleys in each variable; the one near 2.75 is only local.",
    )


STYBLINSKI_TANG = any_dimension(_styblinski_tang)

# Where each of the first ten terms has its least value in [0, π], and that value; computed to 50 digits.
_MICHALEWICZ = (
    (2.2029055201726093, -0.80130341009855253),
    (1.5707963267948966, -1.0),
    (1.2849915705529244, -0.95909126989600595),
    (1.9230584698663628, -0.93846241847208341),
    (1.7204697725658413, -0.98880108062150436),
    (1.5707963267948966, -1.0),
    (1.4544139713623790, -0.99322713535588160),
    (1.7560865209450264, -0.98287203627221060),
    (1.6557174168210291, -0.99639436492510296),
    (1.5707963267948966, -1.0),
)


def _michalewicz(n: int) -> Function:
    known = n <= len(_MICHALEWICZ)
    positions, values = zip(*_MICHALEWICZ[:n], strict=True)
    return Function.of_formula(
        "-sum(sin(x[i])*sin((i + 1)*x[i]**2/pi)**20 for i in range(n))",
        n,
        name="michalewicz",
        domain=((0.0, math.pi),) * n,
        start=((2.0, 1.7) * n)[:n],
        minima=(Minimum(positions, math.fsum(values), only_in_domain=True),) if known else (),
        source="Michalewicz (1992), Genetic Algorithms + Data Structures = Evolution Programs, with m = 10",
        remark="Narrow ravines between plains without slope. Its minimum is stated for up to ten variables.",
    )


MICHALEWICZ = any_dimension(_michalewicz)


def _salomon(n: int) -> Function:
    return Function.of_formula(
        "1 - cos(2*pi*sqrt(sum(x[i]**2 for i in range(n)))) + 0.1*sqrt(sum(x[i]**2 for i in range(n)))",
        n,
        name="salomon",
        domain=((-100.0, 100.0),) * n,
        start=((2.2, -1.4) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0, kink=True),),
        source="Salomon (1996), Re-evaluating Genetic Algorithm Performance under Coordinate Rotation of Benchmark "
        "Functions, BioSystems 39",
        kinks="Not differentiable at the origin, the tip of a cone.",
        remark="Rings of local minima, one for each whole radius.",
    )


SALOMON = any_dimension(_salomon)

FUNCTIONS = (RASTRIGIN, ACKLEY, GRIEWANK, LEVY, SCHWEFEL, STYBLINSKI_TANG, MICHALEWICZ, SALOMON)
