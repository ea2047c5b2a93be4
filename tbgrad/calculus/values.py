"""The values of a Function at many points without its gradient, for when only a picture of them is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import as_points, compiled, run_program, settle, value_at
from tbgrad.calculus.kernels import CHUNK
from tbgrad.functions.function import Function


def values(f: Function, points: Any, *, dtype: str | None = None) -> np.ndarray:
    """Computes values at points, for a third of the price of value and gradient where f is a network's loss.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      Array `[n]`; NaN or infinite where f is undefined.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      FunctionCallError: f raised an error, or gives another shape than it should.
      NoGradientError: f is a Python function whose gradient is broken: how it takes many points stays open then.
    """
    points = as_points(f, points, dtype)
    name = points.dtype.name
    settle(f, points)

    def value(position: tf.Tensor) -> tf.Tensor:
        return value_at(f, [position] if f.takes_vector else tf.unstack(position, axis=-1))

    program = f.program(
        ("values", name, pointwise.manner(f, name)),
        lambda: compiled(f, name, lambda position: pointwise.apply(f, value, position)),
    )
    at_once = max(1, CHUNK // max(f.dimensions, f.breadth))
    parts = (points[i : i + at_once] for i in range(0, len(points), at_once))
    found = [run_program(f, program, tf.constant(part)).numpy() for part in parts]
    return np.concatenate(found) if found else np.zeros(0, points.dtype)
