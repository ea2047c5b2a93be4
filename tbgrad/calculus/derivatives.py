"""Value, gradient and Hessian of a Function, compiled once for each function and dtype.

This module must not know formulas: a Function is called, whatever it is made of.

Source: Griewank & Walther (2008), Evaluating Derivatives, chapters 3 and 5.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import tbgrad
from tbgrad.errors import FunctionCallError, NoGradientError, OptionError, RangeError, ShapeError, TbgradError
from tbgrad.functions.function import Function
from tbgrad.results import Evaluation

DTYPES = ("float64", "float32")
# Up to so many variables the rows of a Hessian are computed without a loop.
_UNROLLED = 8


def evaluate(f: Function, points: Any, *, dtype: str | None = None) -> Evaluation:
    """Computes value and gradient at points.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      `Evaluation` with position `[n, d]`, value `[n]` and gradient `[n, d]`. Where f is undefined, they are NaN or
      infinite, as TensorFlow computes them.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      FunctionCallError: f raised an error, or gives another shape than it should.
      NoGradientError: f's value does not depend on its variables by differentiable operations.
    """
    position = as_points(f, points, dtype)
    value, gradient = value_and_gradient(f, position.dtype.name)(position)
    return Evaluation(f.subject(), position, value.numpy(), gradient.numpy())


def as_points(f: Function, points: Any, dtype: str | None = None) -> np.ndarray:
    """Returns points as an array `[n, d]` of a floating dtype.

    Raises:
      ShapeError: it has another shape.
      RangeError: the dtype is neither `float64` nor `float32`.
    """
    check_function(f)
    try:
        array = np.asarray(points)
    except ValueError:
        raise ShapeError(f"the points have different lengths; expected (n, {f.dimensions}) for '{f.label}'.") from None
    dtype = dtype or (array.dtype.name if array.dtype.name in DTYPES else "float64")
    if dtype not in DTYPES:
        raise RangeError(f"dtype is {dtype}; expected float64 or float32.")
    if array.ndim != 2 or array.shape[1] != f.dimensions:
        raise ShapeError(
            f"points have shape {array.shape}; expected (n, {f.dimensions}) for '{f.label}'. "
            "For one point write [[...]]."
        )
    if array.dtype.kind not in "biuf":
        raise ShapeError(f"points hold {array.dtype.name}; expected numbers.")
    return array.astype(dtype)


def check_function(f: Any) -> None:
    """Raises OptionError for what is no `Function`."""
    if not isinstance(f, Function):
        raise OptionError(f"expected a Function, got {f!r}; tbgrad.resolve({f!r}) makes one.")


def value_and_gradient(f: Function, dtype: str) -> Callable[[Any], tuple[tf.Tensor, tf.Tensor]]:
    """The compiled kernel: positions `[n, d]` to value `[n]` and gradient `[n, d]`, both of this dtype."""

    program = f.program(
        ("value_and_gradient", dtype), lambda: _compile(f, dtype, lambda position: differentiate(f, position))
    )

    def kernel(position: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        value, gradient = run_program(f, program, tf.constant(position, dtype))
        if len(value) != len(position):
            raise _wrong_shape(f, tuple(value.shape), (len(position),))
        if f.formula is None and len(position) > 1:
            f.program(("pointwise", dtype), lambda: _check_pointwise(f, program, position))
        return value, gradient

    return kernel


def _check_pointwise(f: Function, program: Callable[..., Any], position: np.ndarray) -> bool:
    """Holds two points together against each alone: the gradient of a sum is each point's only if none is mixed in."""
    ends = tf.constant(position[[0, -1]])
    together = run_program(f, program, ends)
    alone = [run_program(f, program, ends[i : i + 1]) for i in range(2)]
    precision = 1e3 * np.finfo(position.dtype).eps
    for both, parts in zip(together, zip(*alone, strict=True), strict=True):
        if not np.allclose(both, np.concatenate(parts), rtol=precision, atol=precision, equal_nan=True):
            raise FunctionCallError(
                f"'{f.label}' gives another value for two points together than for each alone. It mixes points, as "
                "tf.reduce_mean or a matrix product does, or it is random; expected a function of one point at a time."
            )
    return True


def hessian(f: Function, points: np.ndarray) -> np.ndarray:
    """The matrix of second derivatives at each point: `[n, d]` to `[n, d, d]`, of the points' dtype."""

    def second(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            _, gradient = differentiate(f, position)
            partials = tf.unstack(gradient, axis=-1) if f.dimensions <= _UNROLLED else []
        if partials:
            rows = [tape.gradient(p, position, unconnected_gradients="zero") for p in partials]
            return tf.stack(rows, axis=-2)
        # For many variables a loop over the rows is built much faster than it is unrolled.
        rows = tape.batch_jacobian(gradient, position, experimental_use_pfor=False)
        return position[:, :, None] * tf.zeros_like(position)[:, None, :] if rows is None else rows

    dtype = points.dtype.name
    program = f.program(("hessian", dtype), lambda: _compile(f, dtype, second))
    return run_program(f, program, tf.constant(points)).numpy()


def run_program(f: Function, program: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a compiled program; what f raises inside becomes a FunctionCallError."""
    try:
        return program(*arguments)
    except tf.errors.OpError as error:
        raise FunctionCallError(_explained(f, error)) from error


def _compile(f: Function, dtype: str, program: Callable[[tf.Tensor], Any]) -> Any:
    signature = [tf.TensorSpec([None, f.dimensions], dtype)]
    return tf.function(program, input_signature=signature, autograph=False).get_concrete_function()


def differentiate(f: Function, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Value `[...]` and gradient `[..., d]` at a tensor `[..., d]`, for use inside a compiled program."""
    with tf.GradientTape() as tape:
        tape.watch(position)
        value = checked_value(f, lambda: f(position), position.dtype, position.shape[:-1])
    gradient = tape.gradient(value, position)
    if gradient is None:
        if f.formula is None:
            raise no_gradient(f)
        gradient = tf.zeros_like(position)
    return value, gradient


def checked_value(f: Function, compute: Callable[[], Any], dtype: tf.DType, shape: tf.TensorShape) -> tf.Tensor:
    """F's value as it computes it inside a compiled program, held against the dtype and shape that it should have."""
    try:
        value = tf.convert_to_tensor(compute(), dtype_hint=dtype)
    except TbgradError:
        raise
    except Exception as error:
        raise FunctionCallError(_explained(f, error)) from error
    if value.dtype != dtype:
        raise FunctionCallError(f"'{f.label}' gives {value.dtype.name} where it was given {dtype.name}.")
    if not value.shape.is_compatible_with(shape):
        raise _wrong_shape(f, tuple(value.shape), tuple(shape))
    return value


def no_gradient(f: Function) -> NoGradientError:
    """The error for a value that hangs on no variable."""
    return NoGradientError(
        f"'{f.label}' has no gradient: its value does not come from its variables by TensorFlow's "
        "differentiable operations. NumPy calls, rounding, casts to integers and Python's own "
        "float() break the path."
    )


def _wrong_shape(f: Function, got: tuple, expected: tuple) -> FunctionCallError:
    return FunctionCallError(
        f"'{f.label}' gives shape {got} for arguments of shape {expected}; expected one value for each point. "
        "Functions that mix points, as by tf.reduce_sum over all of them, are not pointwise."
    )


def _explained(f: Function, error: Exception) -> str:
    """The user's own last lines of a traceback under one sentence."""
    text = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    place = [f"  {frame.filename}, line {frame.lineno}: {frame.line}" for frame in frames[-1:]]
    return "\n".join(
        [f"'{f.label}' raised an error when it was called:", *place, f"  {type(error).__name__}: {text[0]}"]
    )


def _is_library(filename: str) -> bool:
    parts = Path(filename).parts
    return "site-packages" in parts or Path(filename).is_relative_to(Path(tbgrad.__file__).parent)
