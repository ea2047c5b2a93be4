"""Runs a program that takes one point, such as a network's loss, for any number of points, one after the other.

Each fills the processor by itself. After much work a program of values alone is compiled by XLA, which makes one pass
over memory of an activation, a normalization and an attention's softmax; but not one with convolutions, which XLA
computes more slowly than TensorFlow. This module must not know what is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.functions.averages import LOOP

# XLA's compilation takes seconds: so many points times the numbers that each is turned into are worth it.
FUSED_AFTER = 2**33
# XLA's are slower or less exact than TensorFlow's own, or it has none.
_UNSUITED = (
    "Conv",
    "DepthwiseConv",
    "MaxPool",
    "AvgPool",
    "Lgamma",
    "PyFunc",
    "EagerPyFunc",
    "While",
    "StatelessWhile",
)
_BATCHES = re.compile(rf"(^|/){LOOP}(_\d+)?$")
# Roundings by which XLA's results may differ.
_ROUNDINGS = 1e3


class PointKernel:
    """A program of one point, ready for any number of points.

    Args:
      compute: takes a position `[d]`, a tensor, and returns a tuple of tensors.
      dimensions: d.
      dtype: of the positions and of what is returned.
      work: into how many numbers a point is turned.
      precision: the dtype that it is computed in.
    """

    def __init__(self, compute: Callable[[Any], tuple], dimensions: int, dtype: str, work: int, precision: str):
        signature = [tf.TensorSpec([dimensions], dtype)]
        self._compute, self._dtype, self._work, self._precision = compute, dtype, work, precision
        self._signature = signature
        self._program = self._traced(jit_compile=False)
        self._fused: Any = None
        self._done, self._tried = 0, False

    @property
    def graph(self) -> Any:
        """The program's graph."""
        return self._program.graph

    def __call__(self, position: np.ndarray) -> tuple[np.ndarray, ...]:
        """The program's results at positions `[n, d]`, of its dtype, each with a leading axis `[n]`.

        Raises:
          tf.errors.OpError: the program failed.
        """
        results = tuple(np.empty((len(position), *found.shape), self._dtype) for found in self._program.outputs)
        for i, point in enumerate(position):
            tensor = tf.constant(point, self._dtype)
            self._done += self._work
            if self._done > FUSED_AFTER and not self._tried:
                self._fused, self._tried = self._compiled(tensor), True
            for result, found in zip(results, (self._fused or self._program)(tensor), strict=True):
                result[i] = found
        return results

    def _traced(self, jit_compile: bool) -> Any:
        program = tf.function(
            self._compute, input_signature=self._signature, autograph=False, jit_compile=jit_compile or None
        )
        return program.get_concrete_function()

    def _compiled(self, tensor: tf.Tensor) -> Any:
        """The program compiled by XLA, or None where XLA cannot or should not."""
        if len(self._program.outputs) > 1 or _holds_unsuited(self._program.graph):
            return None
        try:
            fused = self._traced(jit_compile=True)
            (found,), (expected,) = fused(tensor), self._program(tensor)
        except (tf.errors.OpError, ValueError, TypeError, NotImplementedError):
            # An operation that XLA does not know.
            return None
        tolerance = _ROUNDINGS * np.finfo(self._precision or self._dtype).eps
        return fused if np.allclose(found, expected, rtol=tolerance, atol=0.0, equal_nan=True) else None


def _holds_unsuited(graph: Any) -> bool:
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    # A loop over batches is as good as what is in it.
    return any(node.op.startswith(_UNSUITED) and not _BATCHES.search(node.name) for node in nodes)
