"""What a traced value is computed from, and how much each intermediate result moves it.

The adjoint of a result v is ∂f/∂v. This module must not know what rounding is made of it.

Source: Griewank & Walther (2008), Evaluating Derivatives, section 3.2 (adjoints).
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tbgrad.calculus.dependence import SHAPE_ONLY
from tbgrad.calculus.derivatives import checked_value
from tbgrad.errors import TbgradError
from tbgrad.functions.function import Function

# These move numbers about and round nothing.
_MOVES = ("Placeholder", "Identity", "IdentityN", "Reshape", "Transpose", "ExpandDims", "Squeeze", "Fill", "ZerosLike")
_PARTS = ("Unpack", "Pack", "StridedSlice", "Slice", "GatherV2", "ConcatV2", "Split", "SplitV", "OnesLike")
_CHOICES = ("Neg", "Abs", "Select", "SelectV2", "Maximum", "Minimum")
_EXACT = frozenset((*_MOVES, *_PARTS, *_CHOICES))

_EPS = {tf.float64: 2.0**-52, tf.float32: 2.0**-23, tf.float16: 2.0**-10, tf.bfloat16: 2.0**-7}


def opened_value(f: Function, position: tf.Tensor) -> tf.Tensor:
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


def adjoints(tape: tf.GradientTape, value: tf.Tensor, results: Sequence[tf.Tensor]) -> Sequence[tf.Tensor | None]:
    """The derivative of a value by each result; nothing is known of any where a gradient raises an error."""
    try:
        return tape.gradient(value, results)
    except Exception:
        # A user's own gradient may raise anything.
        return [None] * len(results)


def plain_adjoints(value: tf.Tensor, results: Sequence[tf.Tensor]) -> Sequence[tf.Tensor | None]:
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


def leading_to(value: tf.Tensor) -> list[tf.Operation]:
    """The operations of the graph that a value depends on."""
    found, waiting = {}, [value.op]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [given.op for given in operation.inputs]
    return list(found.values())


def computed(operations: Sequence[tf.Operation], position: tf.Tensor, *, exact: bool = False) -> list[tf.Tensor]:
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


def size_in(result: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """How large a result is, in this dtype and in units of its epsilon: one of less precision counts for more."""
    return tf.abs(tf.cast(result, dtype)) * tf.constant(_EPS[result.dtype] / _EPS[dtype], dtype)


def _points_axis(numbers: tf.Tensor) -> int | None:
    """The axis of the points, the only one whose length is not known; in formulas of a vector it is the last."""
    axes = [i for i, length in enumerate(numbers.shape) if length is None] if numbers.shape.rank else []
    return axes[0] if len(axes) == 1 else None


def sizes_of_terms(adjoint: tf.Tensor) -> tf.Tensor:
    """The sizes of the terms that an adjoint is the sum of."""
    terms = adjoint.op.inputs if adjoint.op.type == "AddN" else [adjoint]
    return tf.add_n([tf.abs(term) for term in terms])


def influence(result: tf.Tensor, adjoint: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """How far the rounding of a result may move a value of this dtype, in units of its epsilon, for each point."""
    return by_point(size_in(result, dtype) * tf.abs(tf.cast(adjoint, dtype)))


def by_point(numbers: tf.Tensor) -> tf.Tensor:
    """Sums over all axes but that of the points."""
    together = _points_axis(numbers)
    return tf.reduce_sum(numbers, axis=[i for i in range(numbers.shape.rank) if i != together])


def finite(numbers: tf.Tensor) -> tf.Tensor:
    """The numbers, 0 for those that are none."""
    return tf.where(tf.math.is_finite(numbers), numbers, tf.zeros_like(numbers))
