"""The tutorial's three functions; the names are ours."""

from __future__ import annotations

import math

from tbgrad.functions.function import Function, Minimum

SOURCE = "tutorial on gradients by hand in NumPy, with autograd and with TensorFlow"

TILTED_WAVES = Function.of_formula(
    "cos(x)*sin(y) + x/y",
    name="tilted_waves",
    domain=((-6.0, 6.0), (-6.0, 6.0)),
    start=(2.0, 1.0),
    source=SOURCE,
    remark="Undefined on the line y = 0, and unbounded below beside it: no global minimum.",
)

RIPPLE = Function.of_formula(
    "sin(sqrt(x**2 + y**2))",
    name="ripple",
    domain=((0.0, 6.0), (-6.0, 6.0)),
    start=(1.0, 2.0),
    minima=(Minimum(("3*pi/2*cos(t)", "3*pi/2*sin(t)"), -1.0),),
    source=SOURCE,
    kinks="No gradient at the origin, a kink.",
    remark="The minimum is a ring of radius 3π/2; more rings lie beyond the domain.",
)

FADING_WAVE = Function.of_formula(
    "cos(x)*sin(x)/sqrt(x)",
    name="fading_wave",
    domain=((0.0, math.tau),),
    start=(4.1,),
    # The derivative is zero where tan(2x) = 4x; this root has the lowest value. Computed to 30 digits.
    minima=(Minimum((2.3021083886002883,), -0.3276131013757071),),
    source=SOURCE,
    remark="Undefined at x ≤ 0.",
)

FUNCTIONS = (TILTED_WAVES, RIPPLE, FADING_WAVE)
