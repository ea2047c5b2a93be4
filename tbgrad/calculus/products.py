"""Products with first and second derivatives that never build the whole matrix.

Both go backwards only. For a function with one value that costs as much as going forwards does, and TensorFlow's
forward mode cannot pass through branches and loops that depend on tensors.

Source: Pearlmutter (1994), Fast Exact Multiplication by the Hessian; Griewank & Walther (2008), Evaluating
Derivatives, chapter 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import (
    as_points,
    compiled,
    differentiate_at,
    evaluate,
    run_program,
    settle,
    where_defined,
)
from tbgrad.errors import ShapeError
from tbgrad.functions.function import Function


def jvp(f: Function, points: Any, vectors: Any, *, dtype: str | None = None) -> np.ndarray:
    """The Jacobian-vector product: the derivative along a vector, ∇f(p)·v.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      vectors: array `[n, d]`, one for each point, or `[d]`, the same for all; of any length.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      Array `[n]`, in units of value (times what `vectors` are measured in); NaN where f or its gradient is undefined.

    Raises:
      ShapeError: `points` or `vectors` have another shape.
      FunctionCallError, NoGradientError: f cannot be differentiated.
    """
    points = as_points(f, points, dtype)
    vectors = _as_vectors(points, vectors)
    found = evaluate(f, points)
    with np.errstate(over="ignore", invalid="ignore"):
        along = np.sum(found.gradient * vectors, axis=-1)
    return np.where(np.isnan(found.value), found.value, along)


def hvp(f: Function, points: Any, vectors: Any, *, dtype: str | None = None) -> np.ndarray:
    """The Hessian-vector product ∇²f(p)·v, for as much as about two gradients, however many variables there are.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      vectors: array `[n, d]`, one for each point, or `[d]`, the same for all; of any length.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      Array `[n, d]`; NaN or infinite where f or a derivative is undefined. Zero, as `hessian` is, where the gradient
      does not depend on the variables by differentiable operations.

    Raises:
      ShapeError: `points` or `vectors` have another shape.
      FunctionCallError, NoGradientError: f cannot be differentiated.
    """
    points = as_points(f, points, dtype)
    vectors = _as_vectors(points, vectors)
    settle(f, points)

    def product(position: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(position)
            value, gradient = differentiate_at(f, position)
            along = tf.reduce_sum(gradient * vector, axis=-1)
        product = tf.convert_to_tensor(tape.gradient(along, position, unconnected_gradients="zero"))
        return where_defined(value[..., None], product)

    name = points.dtype.name
    program = f.program(
        ("hvp", name, pointwise.manner(f, name)),
        lambda: compiled(f, name, lambda *given: pointwise.apply(f, product, *given), inputs=2),
    )
    if not len(points):
        return np.zeros_like(points)
    return run_program(f, program, tf.constant(points), tf.constant(vectors)).numpy()


def _as_vectors(points: np.ndarray, vectors: Any) -> np.ndarray:
    try:
        array = np.asarray(vectors, points.dtype)
        if array.shape in (points.shape, points.shape[1:]):
            return np.array(np.broadcast_to(array, points.shape))
    except (ValueError, TypeError):
        pass
    given = getattr(vectors, "shape", None) or np.shape(np.asarray(vectors, object))
    raise ShapeError(f"vectors have shape {given}; expected {points.shape}, one for each point, or {points.shape[1:]}.")
