"""Products with first and second derivatives that never build the whole matrix.

All go backwards only. For a function with one value that costs as much as going forwards does, and TensorFlow's
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
    value_at,
    where_defined,
)
from tbgrad.errors import ShapeError
from tbgrad.functions.function import Function

# Larger arrays leave the processor's cache.
_COORDINATES_AT_ONCE = 2**16


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


def second_along(f: Function, points: Any, direction: Any, *, dtype: str | None = None) -> np.ndarray:
    """The second derivative along a direction, v·∇²f(p)·v, exact, for about twice a gradient's price.

    f is differentiated twice by the number t in p + t·v: variables that do not move are not asked for their
    derivatives, which may be undefined; but for those of a function of one vector.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      direction: array `[d]`, the same for all points; of any length.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      Array `[n]`; NaN or infinite where f or a derivative is undefined. Zero where the slope does not depend on the
      variables by differentiable operations.

    Raises:
      ShapeError: `points` or `direction` have another shape.
      FunctionCallError, NoGradientError: f cannot be differentiated.
    """
    points = as_points(f, points, dtype)
    direction = _as_vectors(points[:1], direction) if len(points) else np.zeros((1, f.dimensions))
    settle(f, points)
    moves = tuple((direction[0] != 0).tolist())

    def second(position: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        t = tf.zeros_like(position[..., 0])
        with tf.GradientTape() as outer:
            outer.watch(t)
            with tf.GradientTape() as inner:
                inner.watch(t)
                value = value_at(f, _moved(f, position, vector, t, moves))
            slope = inner.gradient(value, t, unconnected_gradients="zero")
        found = outer.gradient(slope, t, unconnected_gradients="zero")
        return where_defined(value, where_defined(slope, tf.convert_to_tensor(found)))

    name = points.dtype.name
    program = f.program(
        ("second_along", name, pointwise.manner(f, name), moves),
        lambda: compiled(f, name, lambda *given: pointwise.apply(f, second, *given), inputs=2),
    )
    at_once = max(1, _COORDINATES_AT_ONCE // f.dimensions)
    parts = [points[i : i + at_once] for i in range(0, len(points), at_once)]
    found = [run_program(f, program, tf.constant(p), tf.constant(np.repeat(direction, len(p), 0))) for p in parts]
    return np.concatenate(found) if found else np.zeros(0, points.dtype)


def _moved(f: Function, position: tf.Tensor, vector: tf.Tensor, t: tf.Tensor, moves: tuple[bool, ...]) -> list:
    """What f is called with at position + t·vector; what does not move does not depend on t."""
    if f.takes_vector:
        return [position + t[..., None] * vector]
    pairs = zip(tf.unstack(position, axis=-1), tf.unstack(vector, axis=-1), moves, strict=True)
    return [x + t * v if moving else x for x, v, moving in pairs]


def _as_vectors(points: np.ndarray, vectors: Any) -> np.ndarray:
    try:
        array = np.asarray(vectors, points.dtype)
        if array.shape in (points.shape, points.shape[1:]):
            return np.array(np.broadcast_to(array, points.shape))
    except (ValueError, TypeError):
        pass
    given = getattr(vectors, "shape", None) or np.shape(np.asarray(vectors, object))
    raise ShapeError(f"vectors have shape {given}; expected {points.shape}, one for each point, or {points.shape[1:]}.")
