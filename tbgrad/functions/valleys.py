"""Functions whose minimum lies at the end of a narrow, curved or flat valley."""

from __future__ import annotations

from tbgrad.functions.families import any_dimension
from tbgrad.functions.function import Function, Minimum

_MORE = "Moré, Garbow & Hillstrom (1981), Testing Unconstrained Optimization Software"


def _rosenbrock(n: int) -> Function:
    if n == 2:
        text = "x, y, a=1, b=100 -> (a - x)**2 + b*(y - x**2)**2"
        minimum = Minimum(("a", "a**2"), 0.0, positive="b")
        remark = "The valley along y = x² is curved and flat; reaching it is easy, following it is not."
    else:
        text = "x, a=1, b=100 -> sum((a - x[i])**2 + b*(x[i + 1] - x[i]**2)**2 for i in range(n - 1))"
        # All squares are zero together only where a = a².
        minimum = Minimum(("a",) * n, 0.0, positive="b*(1 - abs(sign(a*(a - 1))))")
        remark = "A chain of curved valleys; from four variables on a second, local minimum lies near (-1, 1, ..., 1)."
    return Function.of_formula(
        text,
        n,
        name="rosenbrock",
        domain=((-2.048, 2.048),) * n,
        start=((-1.2, 1.0) * n)[:n],
        minima=(minimum,),
        source="Rosenbrock (1960), An Automatic Method for Finding the Greatest or Least Value of a Function, "
        "Comput. J. 3",
        remark=remark,
    )


ROSENBROCK = any_dimension(_rosenbrock, least=2)

BEALE = Function.of_formula(
    "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
    name="beale",
    domain=((-4.5, 4.5), (-4.5, 4.5)),
    start=(1.0, 1.0),
    minima=(Minimum((3.0, 0.5), 0.0),),
    source=f"Beale (1958), On an Iterative Method for Finding a Local Minimum; {_MORE}, no. 5",
)


def _dixon_price(n: int) -> Function:
    position = [2.0 ** (0.5**i - 1.0) for i in range(n)]
    mirrored = [*position[:-1], -position[-1]]
    return Function.of_formula(
        "(x[0] - 1)**2 + sum((i + 1)*(2*x[i]**2 - x[i - 1])**2 for i in range(1, n))",
        n,
        name="dixon_price",
        domain=((-10.0, 10.0),) * n,
        start=((5.0, -3.0) * n)[:n],
        minima=tuple(Minimum(tuple(p), 0.0) for p in ([position, mirrored] if n > 1 else [position])),
        source="Dixon & Price (1989), The Truncated Newton Method for Sparse Unconstrained Optimisation Using "
        "Automatic Differentiation, J. Optim. Theory Appl. 60",
        remark="The last coordinate enters as its square alone, so that there are two minima. Collections list one.",
    )


DIXON_PRICE = any_dimension(_dixon_price)


def _powell(n: int) -> Function:
    return Function.of_formula(
        "sum((x[4*i] + 10*x[4*i + 1])**2 + 5*(x[4*i + 2] - x[4*i + 3])**2 + (x[4*i + 1] - 2*x[4*i + 2])**4"
        " + 10*(x[4*i] - x[4*i + 3])**4 for i in range(n//4))",
        n,
        name="powell",
        domain=((-4.0, 5.0),) * n,
        start=((3.0, -1.0, 0.0, 1.0) * n)[:n],
        minima=(Minimum((0.0,) * n, 0.0),),
        source="Powell (1962), An Iterative Method for Finding Stationary Values of a Function of Several Variables, "
        f"Comput. J. 5; {_MORE}, no. 22",
        remark="The Hessian is singular at the minimum: the last digits come slowly.",
    )


POWELL = any_dimension(_powell, dimensions=4, least=4, multiple=4)

WOOD = Function.of_formula(
    "x1, x2, x3, x4 -> 100*(x2 - x1**2)**2 + (1 - x1)**2 + 90*(x4 - x3**2)**2 + (1 - x3)**2"
    " + 10*(x2 + x4 - 2)**2 + 0.1*(x2 - x4)**2",
    name="wood",
    domain=((-10.0, 10.0),) * 4,
    start=(-3.0, -1.0, -3.0, -1.0),
    minima=(Minimum((1.0, 1.0, 1.0, 1.0), 0.0),),
    source=f"Colville (1968), A Comparative Study of Nonlinear Programming Codes; {_MORE}, no. 14",
    remark="Also called Colville's function. On the way from the start lies a saddle near (-1, 1, -1, 1).",
)

# The angle that the source defines by cases, atan(x2/x1) or half a turn more, is a quarter turn minus atan2(x1, x2).
HELICAL_VALLEY = Function.of_formula(
    "x1, x2, x3 -> 100*((x3 - 10*(1/4 - atan2(x1, x2)/(2*pi)))**2 + (sqrt(x1**2 + x2**2) - 1)**2) + x3**2",
    name="helical_valley",
    domain=((-10.0, 10.0),) * 3,
    start=(-1.0, 0.0, 0.0),
    minima=(Minimum((1.0, 0.0, 0.0), 0.0),),
    source=f"Fletcher & Powell (1963), A Rapidly Convergent Descent Method for Minimization; {_MORE}, no. 7",
    kinks="Not continuous on the half-plane x1 = 0, x2 ≤ 0, where the angle jumps by a full turn; not differentiable "
    "on the axis x1 = x2 = 0.",
)

FREUDENSTEIN_ROTH = Function.of_formula(
    "(-13 + x + ((5 - y)*y - 2)*y)**2 + (-29 + x + ((y + 1)*y - 14)*y)**2",
    name="freudenstein_roth",
    domain=((-10.0, 10.0), (-10.0, 10.0)),
    start=(0.5, -2.0),
    minima=(Minimum((5.0, 4.0), 0.0),),
    source=f"Freudenstein & Roth (1963), Numerical Solutions of Systems of Nonlinear Equations; {_MORE}, no. 2",
    remark="From the start a descent ends in a local minimum beyond the domain, 48.98 at (11.41, -0.897).",
)

BUKIN_6 = Function.of_formula(
    "100*sqrt(abs(y - x**2/100)) + abs(x + 10)/100",
    name="bukin_6",
    domain=((-15.0, -5.0), (-3.0, 3.0)),
    start=(-13.0, 1.0),
    minima=(Minimum((-10.0, 1.0), 0.0, kink=True),),
    source="Bukin (1997), New Minimization Strategy for Non-Smooth Functions; Surjanovic & Bingham (2013): Bukin N. 6",
    kinks="Not differentiable on the parabola y = x²/100, where the slope is infinite, and on the line x = -10.",
    remark="The bottom of the valley is a kink all along: no descent by gradients settles in it.",
)

FUNCTIONS = (ROSENBROCK, BEALE, DIXON_PRICE, POWELL, WOOD, HELICAL_VALLEY, FREUDENSTEIN_ROTH, BUKIN_6)
