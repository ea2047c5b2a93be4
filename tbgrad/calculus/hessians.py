"""The matrix of second derivatives of a Function.

Source: Griewank & Walther (2008), Evaluating Derivatives, chapter 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import as_points, compiled, differentiate_at, run_program, settle, where_defined
from tbgrad.errors import RangeError
from tbgrad.functions.function import Function

# Up to so many variables the rows of a Hessian are computed without a loop.
_UNROLLED = 8
# Hessians of so many entries are computed at once; more points follow one another.
_ENTRIES_AT_ONCE = 2**20
_MOST_GIBIBYTES = 2


def hessian(f: Function, points: Any, *, dtype: str | None = None) -> np.ndarray:
    """The matrix of second derivatives at each point, for a small number of variables.

    Its cost and memory grow with d² for each point; for many variables `products.hvp` gives a row at a time. A second
    derivative is zero where the gradient does not depend on the variable by differentiable operations: the slope of a
    piecewise linear function is constant.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      Array `[n, d, d]`, in units of value per unit of two variables; NaN or infinite where f or its gradient is
      undefined.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      RangeError: the result would take more than 2 GiB.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Griewank & Walther (2008), Evaluating Derivatives, chapter 5 (reverse over reverse).
    """
    points = as_points(f, points, dtype)
    gibibytes = len(points) * f.dimensions**2 * points.itemsize / 2**30
    if gibibytes > _MOST_GIBIBYTES:
        raise RangeError(
            f"the Hessians of {f.dimensions} variables at {len(points):,} points take {gibibytes:,.1f} GiB; at most "
            f"{_MOST_GIBIBYTES} are computed. Take fewer points, or tbgrad.hvp."
        )
    settle(f, points)

    def second(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            value, gradient = differentiate_at(f, position)
            partials = tf.unstack(gradient, axis=-1) if f.dimensions <= _UNROLLED else []
        if partials:
            rows = [tape.gradient(p, position, unconnected_gradients="zero") for p in partials]
            return where_defined(value[..., None, None], tf.stack(rows, axis=-2))
        # For many variables a loop over the rows is built much faster than it is unrolled.
        jacobian = tape.batch_jacobian if position.shape.rank == 2 else tape.jacobian
        rows = jacobian(gradient, position, experimental_use_pfor=False)
        if rows is None:
            rows = position[..., :, None] * tf.zeros_like(position)[..., None, :]
        return where_defined(value[..., None, None], rows)

    program = f.program(
        ("hessian", points.dtype.name, pointwise.manner(f, points.dtype.name)),
        lambda: compiled(f, points.dtype.name, lambda position: pointwise.apply(f, second, position)),
    )
    at_once = max(1, _ENTRIES_AT_ONCE // f.dimensions**2)
    parts = [run_program(f, program, tf.constant(points[i : i + at_once])) for i in range(0, len(points), at_once)]
    return np.concatenate(parts) if parts else np.zeros((0, f.dimensions, f.dimensions), points.dtype)
