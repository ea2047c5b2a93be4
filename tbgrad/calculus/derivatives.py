"""Value and gradient of a Function, compiled once for each function and dtype.

This module must not know formulas: a Function is called, whatever it is made of. How it is called for many points is
`pointwise`'s choice, and what a missing gradient means is told by `tapes`.

Source: Griewank & Walther (2008), Evaluating Derivatives, chapters 3 and 5.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.failures import failed, of_vector_hint
from tbgrad.calculus.kernels import Kernel
from tbgrad.calculus.pointwise import Manner
from tbgrad.calculus.single_points import PointKernel
from tbgrad.calculus.tapes import partial_derivatives
from tbgrad.errors import FunctionCallError, OptionError, RangeError, ShapeError, TbgradError
from tbgrad.functions.function import Function
from tbgrad.results import Evaluation

DTYPES = ("float64", "float32")
# So many points, evenly spaced, are enough to see how a function is to be called.
_SETTLING = 64


def evaluate(f: Function, points: Any, *, dtype: str | None = None) -> Evaluation:
    """Computes value and gradient at points.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      `Evaluation` with position `[n, d]`, value `[n]` and gradient `[n, d]`. Where f is undefined, they are NaN or
      infinite, as TensorFlow computes them. Its position is `points` itself, where that is an array of this dtype.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      FunctionCallError: f raised an error, or gives another shape than it should.
      NoGradientError: f's value does not depend on its variables by differentiable operations.
    """
    position = as_points(f, points, dtype)
    value, gradient = value_and_gradient(f, position.dtype.name)(position)
    return Evaluation(f.subject(), position, value, gradient)


def as_points(f: Function, points: Any, dtype: str | None = None) -> np.ndarray:
    """Returns points as an array `[n, d]` of a floating dtype: themselves, where they are one.

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
    return array.astype(dtype, copy=False)


def check_function(f: Any) -> None:
    """Raises OptionError for what is no `Function`."""
    if not isinstance(f, Function):
        raise OptionError(f"expected a Function, got {f!r}; tbgrad.resolve({f!r}) makes one.")


def value_and_gradient(f: Function, dtype: str) -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
    """The compiled kernel: positions `[n, d]` to value `[n]` and gradient `[n, d]`, both of this dtype.

    A function that mixes points is called for each point alone; see `pointwise`.
    """

    def kernel(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        position = np.asarray(position, dtype)
        if not len(position):
            return np.zeros(0, dtype), np.zeros((0, f.dimensions), dtype)
        program = functools.partial(_program, f, dtype, True)
        value, gradient = program(pointwise.settle(f, position, program))(position)
        if len(value) != len(position):
            raise _wrong_shape(f, tuple(value.shape), (len(position),))
        return value, gradient

    return kernel


def value_only(f: Function, dtype: str) -> Callable[[Any], np.ndarray]:
    """The compiled kernel without gradients: positions `[n, d]` to value `[n]` of this dtype.

    How f is called for many points is found out by gradients at a few of them, where that is not known.
    """

    def kernel(position: np.ndarray) -> np.ndarray:
        position = np.asarray(position, dtype)
        if not len(position):
            return np.zeros(0, dtype)
        how = pointwise.settle(f, position, functools.partial(_program, f, dtype, True))
        (value,) = _program(f, dtype, False, how)(position)
        if len(value) != len(position):
            raise _wrong_shape(f, tuple(value.shape), (len(position),))
        return value

    return kernel


def _program(f: Function, dtype: str, gradients: bool, manner: Manner) -> Callable[[Any], tuple[np.ndarray, ...]]:
    """The program of value and gradient, or of the value alone, that calls f in this manner."""

    def value(position: tf.Tensor) -> tf.Tensor:
        return value_at(f, [position] if f.takes_vector else tf.unstack(position, axis=-1))

    def values(position: tf.Tensor) -> tuple[tf.Tensor]:
        return (pointwise.apply(f, value, position),)

    def make() -> Kernel | PointKernel:
        if f.takes_one_point:
            of_point = (lambda position: differentiate_at(f, position)) if gradients else lambda p: (value(p),)
            return PointKernel(of_point, f.dimensions, dtype, max(f.dimensions, f.breadth), f.precision)
        traced = compiled(f, dtype, (lambda position: differentiate(f, position)) if gradients else values)
        return Kernel(traced, elementary=f.formula is not None, breadth=f.breadth)

    made = f.program(("value_and_gradient" if gradients else "value", dtype, manner), make)
    return lambda position: run_program(f, made, position)


def settle(f: Function, points: np.ndarray) -> None:
    """Finds out how a Python function is to be called for many points, before a program of it is compiled.

    Raises:
      FunctionCallError, NoGradientError: f cannot be differentiated.
    """
    if f.formula is None and not f.takes_one_point:
        value_and_gradient(f, points.dtype.name)(points[:: 1 + len(points) // _SETTLING])


def run_program(f: Function, program: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a compiled program of tensors, or what calls one; what f raises inside becomes a FunctionCallError."""
    try:
        if not hasattr(program, "inference_fn"):
            return program(*arguments)
        found = call_flat(program, arguments)
        return found[0] if isinstance(program.structured_outputs, tf.Tensor) else tuple(found)
    except tf.errors.OpError as error:
        raise failed(f, error, getattr(program, "graph", None)) from error


def call_flat(program: Any, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Calls a `ConcreteFunction` with all its tensors in order, which must be of its shapes and dtypes.

    Matching arguments to names, as its own call does, takes three times as long as a small program.
    """
    return program.inference_fn.call_flat(*tensors, *program.captured_inputs)


def compiled(f: Function, dtype: str, program: Callable[..., Any], inputs: int = 1) -> Any:
    """A program that takes so many arrays `[n, d]` of this dtype."""
    signature = [tf.TensorSpec([None, f.dimensions], dtype)] * inputs
    return tf.function(program, input_signature=signature, autograph=False).get_concrete_function()


def differentiate(f: Function, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Value `[n]` and gradient `[n, d]` at a tensor `[n, d]`, for use inside a compiled program.

    Where it is compiled for more than one point, `settle` must have seen some of them.
    """
    value, gradient = pointwise.apply(f, lambda position: differentiate_at(f, position), position)
    pointwise.check_decisions(f, value, position)
    return value, gradient


def differentiate_at(f: Function, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Value `[...]` and gradient `[..., d]` at a tensor `[..., d]`, by one call of f with just that."""
    inputs = [position] if f.takes_vector else tf.unstack(position, axis=-1)
    with tf.GradientTape() as tape:
        # By each variable's own tensor: a path that is broken for one of them would be a zero among the others.
        tape.watch(inputs)
        value = value_at(f, inputs)
    partials = partial_derivatives(f, value, inputs, tape)
    return value, partials[0] if f.takes_vector else tf.stack(partials, axis=-1)


def value_at(f: Function, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
    """Value `[...]` by one call of f with a tensor for each variable, or with its vector alone."""
    shape = inputs[0].shape[:-1] if f.takes_vector else inputs[0].shape
    return checked_value(f, lambda: f.call(*inputs, **f.parameters), inputs[0].dtype, shape)


def where_defined(value: tf.Tensor, derivative: tf.Tensor) -> tf.Tensor:
    """A derivative, NaN where the value is: that of log(x) has numbers also where log(x) has none."""
    return tf.where(tf.math.is_nan(value), value, derivative)


def checked_value(f: Function, compute: Callable[[], Any], dtype: tf.DType, shape: tf.TensorShape) -> tf.Tensor:
    """F's value as it computes it inside a compiled program, held against the dtype and shape that it should have."""
    try:
        returned = compute()
        value = None if returned is None else tf.convert_to_tensor(returned, dtype_hint=dtype)
    except TbgradError:
        raise
    except (Exception, SystemExit) as error:
        raise failed(f, error) from error
    if value is None:
        raise FunctionCallError(f"'{f.label}' returns nothing; expected one value for each point.")
    if value.dtype != dtype:
        kind = value.dtype.name
        compute_in_it = f" Compute in it, by dtype='{kind}' or --dtype {kind}, or cast the variables."
        raise FunctionCallError(
            f"'{f.label}' gives {kind} where it was given {dtype.name}; expected the same."
            f"{compute_in_it if kind in DTYPES else ''}"
        )
    if f.takes_vector and value.shape.rank == shape.rank + 1 and value.shape[-1] == 1:
        # A column, as a matrix product or a layer of a network gives it.
        value = tf.squeeze(value, -1)
    if not value.shape.is_compatible_with(shape):
        raise _wrong_shape(f, tuple(value.shape), tuple(shape))
    return value


def _wrong_shape(f: Function, got: tuple, expected: tuple) -> FunctionCallError:
    hint = "" if f.takes_vector or f.dimensions > 1 else f" {of_vector_hint(f)}"
    return FunctionCallError(
        f"'{f.label}' gives shape {got} for arguments of shape {expected}; expected one value for each point.{hint}"
    )
