"""Surfaces with saddles: places without slope that are no minimum."""

from __future__ import annotations

from tbgrad.functions.function import Function, Minimum

HYPERBOLIC_PARABOLOID = Function.of_formula(
    "x**2 - y**2",
    name="hyperbolic_paraboloid",
    domain=((-2.0, 2.0), (-2.0, 2.0)),
    start=(1.5, 0.1),
    source="Hilbert & Cohn-Vossen (1952), Geometry and the Imagination, section 3",
    remark="A saddle at the origin, and unbounded below along y: no minimum. From y = 0 a descent ends on the saddle.",
)

MONKEY_SADDLE = Function.of_formula(
    "x**3 - 3*x*y**2",
    name="monkey_saddle",
    domain=((-2.0, 2.0), (-2.0, 2.0)),
    start=(1.5, 0.1),
    source="Hilbert & Cohn-Vossen (1952), Geometry and the Imagination, section 29",
    remark="Three ways down from the origin, where the Hessian is zero too; unbounded below: no minimum.",
)

PEAKS = Function.of_formula(
    "3*(1 - x)**2*exp(-x**2 - (y + 1)**2) - 10*(x/5 - x**3 - y**5)*exp(-x**2 - y**2) - exp(-(x + 1)**2 - y**2)/3",
    name="peaks",
    domain=((-3.0, 3.0), (-3.0, 3.0)),
    start=(0.0, -0.5),
    minima=(Minimum((0.2282789205563691, -1.6255349574999965), -6.551133332835837),),
    source="MathWorks, MATLAB: the example function peaks",
    remark="Three hills, three hollows and saddles between them; flat at the edges.",
)

FUNCTIONS = (HYPERBOLIC_PARABOLOID, MONKEY_SADDLE, PEAKS)
