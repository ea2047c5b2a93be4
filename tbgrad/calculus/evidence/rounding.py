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
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.dependence import BRANCHES, LOOPS, SHAPE_ONLY
from tbgrad.calculus.derivatives import checked_value, compiled, run_program
from tbgrad.calculus.pointwise import manner
from tbgrad.errors import TbgradError
from tbgrad.functions.function import Function

# These move numbers about and round nothing.
_MOVES = ("Placeholder", "Identity", "IdentityN", "Reshape", "Transpose", "ExpandDims", "Squeeze", "Fill", "ZerosLike")
_PARTS = ("Unpack", "Pack", "StridedSlice", "Slice", "GatherV2", "ConcatV2", "Split", "SplitV", "OnesLike")
_CHOICES = ("Neg", "Abs", "Select", "SelectV2", "Maximum", "Minimum")
_EXACT = frozenset((*_MOVES, *_PARTS, *_CHOICES))

# What happens inside of these is not seen.
_CLOSED = (*BRANCHES, *LOOPS, "PartitionedCall", "StatefulPartitionedCall", "PyFunc", "EagerPyFunc")

_GOLDEN = 0.6180339887498949
# Up to so many variables every partial derivative has a bound of its own.
_MOST_VARIABLES = 16
_EPS = {tf.float64: 2.0**-52, tf.float32: 2.0**-23, tf.float16: 2.0**-10, tf.bfloat16: 2.0**-7}


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
    """The program for this dtype, compiled once for each manner of calling f.

    Raises:
      FunctionCallError: f cannot be called in this dtype.
    """
    return f.program(("rounding", dtype, manner(f, dtype)), lambda: _build(f, dtype))


def _build(f: Function, dtype: str) -> RoundingProgram:
    kinds: set[str] = set()

    def bounded(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        value = _value(f, position)
        operations = _leading_to(value)
        kinds.update(o.type for o in operations)
        results = _computed(operations, position)
        bound, hidden = tf.zeros_like(value), tf.zeros_like(value)
        for result, adjoint in zip(results, _plain_adjoints(value, results), strict=True):
            size = _by_point(_size(result, value.dtype))
            if adjoint is None or result.op.type in _CLOSED:
                hidden = tf.maximum(hidden, _finite(size))
                continue
            moved = _by_point(_size(result, value.dtype) * tf.abs(tf.cast(adjoint, value.dtype)))
            bound += _finite(moved)
            hidden = tf.maximum(hidden, tf.where(tf.math.is_finite(moved), tf.zeros_like(size), _finite(size)))
        return value, bound, hidden

    traced = _traced(f, dtype, bounded)
    inner = [node.op for function in traced.graph.as_graph_def().library.function for node in function.node_def]

    def call(position: tf.Tensor) -> Any:
        return run_program(f, traced, position)

    return RoundingProgram(call, frozenset({*kinds, *inner}), dtype)


def gradient_rounding(f: Function, position: np.ndarray) -> np.ndarray:
    """A first-order bound of the rounding of the reverse gradient at positions, of their dtype: float64 `[n, d]`."""
    dtype = position.dtype.name
    build = _build_gradient_rounding if f.dimensions <= _MOST_VARIABLES else _build_adjoint_rounding
    program = f.program(("gradient_rounding", dtype, manner(f, dtype)), lambda: build(f, dtype))
    return np.finfo(dtype).eps * np.asarray(run_program(f, program, tf.constant(position)), np.float64)


def _build_gradient_rounding(f: Function, dtype: str) -> Callable:
    """Every partial derivative is taken for a value like any other, computed forward and back."""

    def bounded(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            with tf.GradientTape() as inner:
                inner.watch(position)
                value = _value(f, position)
            (gradient,) = _adjoints(inner, value, [position])
            if gradient is None:
                return tf.zeros_like(position)
            partials = tf.unstack(gradient, axis=-1)
        bounds = []
        for partial in partials:
            results = _computed(_leading_to(partial), position)
            bound = tf.abs(partial)
            for result, adjoint in zip(results, _adjoints(tape, partial, results), strict=True):
                if adjoint is not None:
                    bound += _finite(_by_point(_size(result, value.dtype) * tf.abs(tf.cast(adjoint, value.dtype))))
            bounds.append(_finite(bound))
        return tf.stack(bounds, axis=-1)

    return _traced(f, dtype, bounded)


def _build_adjoint_rounding(f: Function, dtype: str) -> Callable:
    """For many variables in one pass: of the way back alone, each adjoint with the sizes of the terms it sums."""

    def bounded(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            value = _value(f, position)
        results = [r for r in _computed(_leading_to(value), position, exact=True) if r.dtype == value.dtype]
        pairs = zip(results, _adjoints(tape, value, results), strict=True)
        pairs = [(result, _finite(_terms(adjoint))) for result, adjoint in pairs if adjoint is not None]
        # Weights that no two sums share, so that what cancels in the function does not cancel here.
        weighted = [(1.0 + i * _GOLDEN % 1.0) * terms for i, (_, terms) in enumerate(pairs)]
        moved = tape.gradient([result for result, _ in pairs], position, output_gradients=weighted)
        return tf.zeros_like(position) if moved is None else _finite(tf.abs(moved))

    return _traced(f, dtype, bounded)


def _traced(f: Function, dtype: str, compute: Callable[[tf.Tensor], Any]) -> Any:
    return compiled(f, dtype, lambda position: pointwise.apply(f, compute, position))


def _value(f: Function, position: tf.Tensor) -> tf.Tensor:
    """F's value, with the user's own compiled functions opened where they can be, so that their operations are seen."""

    def value() -> tf.Tensor:
        return checked_value(f, lambda: f(position), position.dtype, position.shape[:-1])

    if f.formula is not None:
        return value()
    before = tf.config.functions_run_eagerly()
    try:
        tf.config.run_functions_eagerly(True)
        return value()
    except TbgradError:
        # It may need to be compiled: a Python `if` on tensors, say.
        tf.config.run_functions_eagerly(before)
        return value()
    finally:
        tf.config.run_functions_eagerly(before)


def _adjoints(tape: tf.GradientTape, value: tf.Tensor, results: Sequence[tf.Tensor]) -> Sequence[tf.Tensor | None]:
    """The derivative of a value by each result; nothing is known of any where a gradient raises an error."""
    try:
        return tape.gradient(value, results)
    except Exception:
        # A user's own gradient may raise anything.
        return [None] * len(results)


def _plain_adjoints(value: tf.Tensor, results: Sequence[tf.Tensor]) -> Sequence[tf.Tensor | None]:
    """The derivative of a value by each result, also by those inside a custom gradient: as if it were none.

    It changes the graph of `value`, which must be used for nothing else.
    """
    for operation in value.graph.get_operations():
        if operation.type == "IdentityN" and "_gradient_op_type" in operation.node_def.attr:
            operation._clear_attr("_gradient_op_type")
    try:
        return tf.gradients(value, results)
    except LookupError:
        # An operation without a gradient.
        return [None] * len(results)


def _leading_to(value: tf.Tensor) -> list[tf.Operation]:
    """The operations of the graph that a value depends on."""
    found, waiting = {}, [value.op]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [given.op for given in operation.inputs]
    return list(found.values())


def _computed(operations: Sequence[tf.Operation], position: tf.Tensor, *, exact: bool = False) -> list[tf.Tensor]:
    """Results of theirs that depend on the position: what does not is rounded alike at all points.

    Those of operations that do not round are left out, unless asked for. Where all points are taken together, such a
    result has a row for each of them.
    """
    together = _points_axis(position) is not None
    reached, wanted = {position.ref()}, {operation.name for operation in operations}
    found = []
    for operation in position.graph.get_operations():
        reads = operation.name in wanted and operation.type not in SHAPE_ONLY
        if not reads or not any(x.ref() in reached for x in operation.inputs):
            continue
        reached |= {output.ref() for output in operation.outputs}
        if not exact and operation.type in _EXACT:
            continue
        of_points = [t for t in operation.outputs if t.dtype in _EPS and t.shape.rank is not None]
        found += [t for t in of_points if not together or _points_axis(t) is not None]
    return found


def _size(result: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """How large a result is, in this dtype and in units of its epsilon: one of less precision counts for more."""
    return tf.abs(tf.cast(result, dtype)) * tf.constant(_EPS[result.dtype] / _EPS[dtype], dtype)


def _points_axis(numbers: tf.Tensor) -> int | None:
    """The axis of the points, the only one whose length is not known; in formulas of a vector it is the last."""
    axes = [i for i, length in enumerate(numbers.shape) if length is None] if numbers.shape.rank else []
    return axes[0] if len(axes) == 1 else None


def _terms(adjoint: tf.Tensor) -> tf.Tensor:
    """The sizes of the terms that an adjoint is the sum of."""
    terms = adjoint.op.inputs if adjoint.op.type == "AddN" else [adjoint]
    return tf.add_n([tf.abs(term) for term in terms])


def _by_point(numbers: tf.Tensor) -> tf.Tensor:
    together = _points_axis(numbers)
    return tf.reduce_sum(numbers, axis=[i for i in range(numbers.shape.rank) if i != together])


def _finite(numbers: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(numbers), numbers, tf.zeros_like(numbers))
