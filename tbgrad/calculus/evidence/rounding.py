"""How much rounding may have moved a value and its gradient: first-order bounds, from the graph that TensorFlow traces.

Every operation rounds its result v by at most eps |v|, which moves f by eps |v| |∂f/∂v|. What no gradient reaches, such
as the inside of a loop, is told apart: of that only the magnitude is known. A partial derivative is computed forward
and back, and every result on both ways moves it likewise. For many variables only the way back is reckoned with, on
which each adjoint ∂f/∂v is a sum, rounded by eps times its terms' sizes, which moves ∂f/∂x by that times ∂v/∂x.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, sections 3.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.dependence import BRANCHES, LOOPS
from tbgrad.calculus.derivatives import compiled, run_program
from tbgrad.calculus.evidence.influences import (
    adjoints,
    by_point,
    computed,
    finite,
    influence,
    leading_to,
    opened_value,
    plain_adjoints,
    size_in,
    sizes_of_terms,
)
from tbgrad.calculus.pointwise import manner
from tbgrad.functions.function import Function

# What happens inside of these is not seen.
_CLOSED = (*BRANCHES, *LOOPS, "PartitionedCall", "StatefulPartitionedCall", "PyFunc", "EagerPyFunc")

_GOLDEN = 0.6180339887498949
# Up to so many variables every partial derivative has a bound of its own.
_MOST_VARIABLES = 16


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
    """A compiled program from positions `[n, d]` to `Rounded`.

    Attributes:
      call: the program.
      kinds: of operations that f is made of.
      dtype: of the positions.
    """

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
        value = opened_value(f, position)
        operations = leading_to(value)
        kinds.update(o.type for o in operations)
        results = computed(operations, position)
        bound, hidden = tf.zeros_like(value), tf.zeros_like(value)
        for result, adjoint in zip(results, plain_adjoints(value, results), strict=True):
            size = by_point(size_in(result, value.dtype))
            if adjoint is None or result.op.type in _CLOSED:
                hidden = tf.maximum(hidden, finite(size))
                continue
            moved = influence(result, adjoint, value.dtype)
            bound += finite(moved)
            hidden = tf.maximum(hidden, tf.where(tf.math.is_finite(moved), tf.zeros_like(size), finite(size)))
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
                value = opened_value(f, position)
            (gradient,) = adjoints(inner, value, [position])
            if gradient is None:
                return tf.zeros_like(position)
            partials = tf.unstack(gradient, axis=-1)
        bounds = []
        for partial in partials:
            results = computed(leading_to(partial), position)
            bound = tf.abs(partial)
            for result, adjoint in zip(results, adjoints(tape, partial, results), strict=True):
                if adjoint is not None:
                    bound += finite(influence(result, adjoint, value.dtype))
            bounds.append(finite(bound))
        return tf.stack(bounds, axis=-1)

    return _traced(f, dtype, bounded)


def _build_adjoint_rounding(f: Function, dtype: str) -> Callable:
    """For many variables in one pass: of the way back alone, each adjoint with the sizes of the terms it sums."""

    def bounded(position: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(position)
            value = opened_value(f, position)
        results = [r for r in computed(leading_to(value), position, exact=True) if r.dtype == value.dtype]
        pairs = zip(results, adjoints(tape, value, results), strict=True)
        pairs = [(result, finite(sizes_of_terms(adjoint))) for result, adjoint in pairs if adjoint is not None]
        # Weights that no two sums share, so that what cancels in the function does not cancel here.
        weighted = [(1.0 + i * _GOLDEN % 1.0) * terms for i, (_, terms) in enumerate(pairs)]
        moved = tape.gradient([result for result, _ in pairs], position, output_gradients=weighted)
        return tf.zeros_like(position) if moved is None else finite(tf.abs(moved))

    return _traced(f, dtype, bounded)


def _traced(f: Function, dtype: str, compute: Callable[[tf.Tensor], Any]) -> Any:
    return compiled(f, dtype, lambda position: pointwise.apply(f, compute, position))
