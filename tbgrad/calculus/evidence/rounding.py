"""How much rounding may have moved a value and its gradient: first-order bounds, from the graph that TensorFlow traces.

Every operation rounds its result v by at most eps |v|, which moves f by eps |v| |∂f/∂v|. What the registered gradients
do not reach, such as the inside of a custom gradient, is told apart: of that only the magnitude is known. On the way
back each adjoint ∂f/∂v is a sum, rounded by eps times the sum of its terms' sizes, which moves ∂f/∂x by that times
∂v/∂x.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, sections 3.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tbgrad.calculus.derivatives import checked_value, value_and_gradient
from tbgrad.calculus.pointwise import Manner, manner
from tbgrad.functions.function import Function

# These move numbers about and round nothing.
_MOVES = ("Placeholder", "Identity", "IdentityN", "Reshape", "Transpose", "ExpandDims", "Squeeze", "Fill", "ZerosLike")
_PARTS = ("Unpack", "Pack", "StridedSlice", "Slice", "GatherV2", "ConcatV2", "Split", "SplitV", "OnesLike")
_CHOICES = ("Neg", "Abs", "Select", "SelectV2", "Maximum", "Minimum")
_EXACT = frozenset((*_MOVES, *_PARTS, *_CHOICES))

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Rounded:
    """Values with what rounding may have done to them, each float64 `[n]`.

    Attributes:
      value: of f.
      bound: a first-order bound of the value's rounding error.
      hidden: eps times the largest number whose influence on the value is not known.
    """

    value: np.ndarray
    bound: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class RoundingProgram:
    """A compiled program from positions `[n, d]` to `Rounded`, with the kinds of operations that f is made of."""

    call: Callable
    kinds: frozenset[str]
    dtype: str

    def __call__(self, position: np.ndarray) -> Rounded:
        """Values with their bounds at positions."""
        eps = np.finfo(self.dtype).eps
        value, bound, hidden = (np.asarray(a, np.float64) for a in self.call(tf.constant(position, self.dtype)))
        with np.errstate(over="ignore", invalid="ignore"):
            # A number below the normal ones is rounded by the smallest of all.
            bound = eps * (bound + np.abs(value)) + 2.0 * float(np.finfo(self.dtype).smallest_subnormal)
            return Rounded(value, bound, eps * hidden)


def rounding_program(f: Function, dtype: str) -> RoundingProgram:
    """The program for this dtype, compiled once.

    Raises:
      FunctionCallError: f cannot be called in this dtype.
    """
    if manner(f, dtype) is Manner.TOGETHER:
        return f.program(("rounding", dtype), lambda: _build(f, dtype))
    kernel = value_and_gradient(f, dtype)

    def of_points_alone(position: tf.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # What happens inside the vectorized function is not seen: only that the value itself is rounded.
        value = np.asarray(kernel(position)[0])
        return value, np.zeros_like(value), np.abs(value)

    return RoundingProgram(of_points_alone, frozenset(), dtype)


def _build(f: Function, dtype: str) -> RoundingProgram:
    kinds: set[str] = set()

    def program(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(position)
            value = checked_value(f, lambda: f(position), position.dtype, position.shape[:-1])
        operations = _leading_to(value)
        kinds.update(o.type for o in operations)
        results = _computed([o for o in operations if o.type not in _EXACT], value.dtype)
        bound, hidden = tf.zeros_like(value), tf.zeros_like(value)
        for result, adjoint in zip(results, tape.gradient(value, results), strict=True):
            size = _by_point(tf.abs(result))
            if adjoint is None:
                # What is the same at all points is rounded alike at all.
                varies = tf.reduce_max(result) > tf.reduce_min(result)
                hidden = tf.maximum(hidden, tf.where(varies, _finite(size), tf.zeros_like(size)))
                continue
            moved = _by_point(tf.abs(result) * tf.abs(adjoint))
            bound += _finite(moved)
            hidden = tf.maximum(hidden, tf.where(tf.math.is_finite(moved), tf.zeros_like(size), _finite(size)))
        return value, bound, hidden

    signature = [tf.TensorSpec([None, f.dimensions], dtype)]
    compiled = tf.function(program, input_signature=signature, autograph=False).get_concrete_function()
    inner = [node.op for function in compiled.graph.as_graph_def().library.function for node in function.node_def]
    return RoundingProgram(compiled, frozenset({*kinds, *inner}), dtype)


def gradient_rounding(f: Function, position: np.ndarray) -> np.ndarray:
    """A first-order bound of the rounding of the reverse gradient at positions, of their dtype: float64 `[n, d]`."""
    dtype = position.dtype.name
    if manner(f, dtype) is not Manner.TOGETHER:
        return np.zeros(position.shape)
    program = f.program(("gradient_rounding", dtype), lambda: _build_gradient_rounding(f, dtype))
    return np.finfo(dtype).eps * np.asarray(program(tf.constant(position)), np.float64)


def _build_gradient_rounding(f: Function, dtype: str) -> Callable:
    def program(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            value = checked_value(f, lambda: f(position), position.dtype, position.shape[:-1])
        results = _computed(_leading_to(value), value.dtype)
        pairs = zip(results, tape.gradient(value, results), strict=True)
        pairs = [(result, _finite(_terms(adjoint))) for result, adjoint in pairs if adjoint is not None]
        # Weights that no two sums share, so that what cancels in the function does not cancel here.
        weighted = [(1.0 + i * _GOLDEN % 1.0) * terms for i, (_, terms) in enumerate(pairs)]
        moved = tape.gradient([result for result, _ in pairs], position, output_gradients=weighted)
        return tf.zeros_like(position) if moved is None else _finite(tf.abs(moved))

    signature = [tf.TensorSpec([None, f.dimensions], dtype)]
    return tf.function(program, input_signature=signature, autograph=False).get_concrete_function()


def _leading_to(value: tf.Tensor) -> list[tf.Operation]:
    """The operations of the graph that a value depends on."""
    found, waiting = {}, [value.op]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [given.op for given in operation.inputs]
    return list(found.values())


def _computed(operations: Sequence[tf.Operation], dtype: tf.DType) -> list[tf.Tensor]:
    """Results of this dtype that have a row for each point; what has none is the same at all points."""
    results = [t for o in operations for t in o.outputs]
    return [t for t in results if t.dtype == dtype and t.shape.rank and _points_axis(t) is not None]


def _points_axis(numbers: tf.Tensor) -> int | None:
    """The axis of the points, the only one whose length is not known; in formulas of a vector it is the last."""
    axes = [i for i, length in enumerate(numbers.shape) if length is None]
    return axes[0] if len(axes) == 1 else None


def _terms(adjoint: tf.Tensor) -> tf.Tensor:
    """The sizes of the terms that an adjoint is the sum of."""
    terms = adjoint.op.inputs if adjoint.op.type == "AddN" else [adjoint]
    return tf.add_n([tf.abs(term) for term in terms])


def _by_point(numbers: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(numbers, axis=[i for i in range(numbers.shape.rank) if i != _points_axis(numbers)])


def _finite(numbers: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(numbers), numbers, tf.zeros_like(numbers))
