"""Functions with one minimum and no detours: bowls, plates and a cone.

Where a formula's index starts at 0 and its source's at 1, `i + 1` stands for the source's i.
"""

from __future__ import annotations

from tbgrad.functions.families import any_dimension
from tbgrad.functions.function import Function, Minimum

_SURVEY = "Jamil & Yang (2013), A Literature Survey of Benchmark Functions for Global Optimisation Problems"
_LIBRARY = "Surjanovic & Bingham (2013), Virtual Library of Simulation Experiments"


def _sphere(n: int) -> Function:
    return Function.of_formula(
        "x**2 + y**2" if n == 2 else "sum(x[i]**2 for i in range(n))",
        n,
        name="sphere",
        domain=((-5.12, 5.12),) * n,
        start=((4.0, 3.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source="De Jong (1975), An Analysis of the Behavior of a Class of Genetic Adaptive Systems, function F1",
    )


SPHERE = any_dimension(_sphere)

ELLIPSE = Function.of_formula(
    "x, y, condition=10 -> x**2 + condition*y**2",
    name="ellipse",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    start=(5.0, 1.0),
    minima=(Minimum((0.0, 0.0), 0.0, positive="condition"),),
    source="Nocedal & Wright (2006), Numerical Optimization, section 3.3: a quadratic with this condition number",
)


def _rotated_hyper_ellipsoid(n: int) -> Function:
    return Function.of_formula(
        "sum(sum(x[j] for j in range(i + 1))**2 for i in range(n))",
        n,
        name="rotated_hyper_ellipsoid",
        domain=((-65.536, 65.536),) * n,
        start=((50.0, -20.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source="Schwefel (1981), Numerical Optimization of Computer Models, problem 1.2 (the double sum)",
        remark="Some collections square inside the inner sum, which is an ellipsoid along the axes, not a rotated one.",
    )


ROTATED_HYPER_ELLIPSOID = any_dimension(_rotated_hyper_ellipsoid)

BOOTH = Function.of_formula(
    "(x + 2*y - 7)**2 + (2*x + y - 5)**2",
    name="booth",
    domain=((-10.0, 10.0), (-10.0, 10.0)),
    start=(-5.0, -5.0),
    minima=(Minimum((1.0, 3.0), 0.0),),
    source=f"{_SURVEY}: Booth",
)

MATYAS = Function.of_formula(
    "0.26*(x**2 + y**2) - 0.48*x*y",
    name="matyas",
    domain=((-10.0, 10.0), (-10.0, 10.0)),
    start=(8.0, -3.0),
    minima=(Minimum((0.0, 0.0), 0.0),),
    source="Hedar (2005), Test Functions for Unconstrained Global Optimization: Matyas; Jamil & Yang (2013)",
    remark="A tilted ellipse: 25 times flatter along x = y than across it.",
)


def _sum_of_powers(n: int) -> Function:
    return Function.of_formula(
        "sum(abs(x[i])**(i + 2) for i in range(n))",
        n,
        name="sum_of_powers",
        domain=((-1.0, 1.0),) * n,
        start=((0.9, -0.7) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source=f"{_LIBRARY}: Sum of Different Powers",
        remark="Each coordinate is flatter than the one before: descents run along the first and creep along the last.",
    )


SUM_OF_POWERS = any_dimension(_sum_of_powers)


def _zakharov(n: int) -> Function:
    return Function.of_formula(
        "sum(x[i]**2 for i in range(n)) + sum(0.5*(i + 1)*x[i] for i in range(n))**2"
        " + sum(0.5*(i + 1)*x[i] for i in range(n))**4",
        n,
        name="zakharov",
        domain=((-5.0, 10.0),) * n,
        start=((4.0, -2.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source=f"{_SURVEY}: Zakharov",
    )


ZAKHAROV = any_dimension(_zakharov)


def _trid(n: int) -> Function:
    return Function.of_formula(
        "sum((x[i] - 1)**2 for i in range(n)) - sum(x[i]*x[i - 1] for i in range(1, n))",
        n,
        name="trid",
        domain=((-float(n**2), float(n**2)),) * n,
        start=(0.0,) * n,
        minima=(Minimum(tuple(float(i * (n + 1 - i)) for i in range(1, n + 1)), -n * (n + 4) * (n - 1) / 6),),
        source=f"{_LIBRARY}: Trid, Neumaier's third function",
        remark="A quadratic whose Hessian is tridiagonal, 2 on the diagonal and -1 beside it.",
    )


TRID = any_dimension(_trid, least=2)


def _brown(n: int) -> Function:
    return Function.of_formula(
        "sum((x[i]**2)**(x[i + 1]**2 + 1) + (x[i + 1]**2)**(x[i]**2 + 1) for i in range(n - 1))",
        n,
        name="brown",
        domain=((-1.0, 4.0),) * n,
        start=((2.0, 1.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source=f"{_SURVEY}: Brown",
        remark="The slope is 0 where a coordinate is, but the chain rule finds 0·log(0) there.",
    )


BROWN = any_dimension(_brown, least=2)


def _gaussian_well(n: int) -> Function:
    return Function.of_formula(
        "-exp(-0.5*sum(x[i]**2 for i in range(n)))",
        n,
        name="gaussian_well",
        domain=((-1.0, 1.0),) * n,
        start=((0.9, -0.8) * n)[:n],
        minima=(Minimum((0.0,) * n, -1.0),),
        source="Rahnamayan, Tizhoosh & Salama (2007), A Novel Population Initialization Method for Accelerating "
        "Evolutionary Algorithms: the exponential function",
        remark="Far outside the domain the gradient vanishes, and a descent stands still.",
    )


GAUSSIAN_WELL = any_dimension(_gaussian_well)

ACKLEY_2 = Function.of_formula(
    "-200*exp(-0.02*sqrt(x**2 + y**2))",
    name="ackley_2",
    domain=((-32.0, 32.0), (-32.0, 32.0)),
    start=(20.0, -12.0),
    minima=(Minimum((0.0, 0.0), -200.0, kink=True),),
    source="Ackley (1987), A Connectionist Machine for Genetic Hillclimbing; Jamil & Yang (2013): Ackley 2",
    kinks="Not differentiable at the origin, the tip of a cone.",
)

# Five cases (x, ±1) that no line separates: (-2, -), (-1, +), (0, -), (1, +), (2, +).
LOGISTIC_LOSS = Function.of_formula(
    "w, b -> log(1 + exp(-2*w + b)) + log(1 + exp(w - b)) + log(1 + exp(b)) + log(1 + exp(-w - b))"
    " + log(1 + exp(-2*w - b))",
    name="logistic_loss",
    domain=((-4.0, 6.0), (-4.0, 6.0)),
    start=(-2.0, 4.0),
    minima=(Minimum((1.0904255602981153, 0.6226900654337579), 2.4219668436858104),),
    source="Cox (1958), The Regression Analysis of Binary Sequences, J. R. Stat. Soc. B 20; the five cases are ours",
    remark="What a logistic regression with weight w and bias b minimizes; convex.",
)

FUNCTIONS = (
    SPHERE,
    ELLIPSE,
    ROTATED_HYPER_ELLIPSOID,
    BOOTH,
    MATYAS,
    SUM_OF_POWERS,
    ZAKHAROV,
    TRID,
    BROWN,
    GAUSSIAN_WELL,
    ACKLEY_2,
    LOGISTIC_LOSS,
)
