"""Runs a program of value and gradient, or of values alone, for any number of points: in chunks, in flat memory.

Several cores share the chunks. A chunk's temporaries stay in the processor's cache, and what is held beyond the
results does not grow with the number of points. After many points the program is compiled by XLA, which makes one pass
over memory of all its operations, but takes a tenth of a second and more to do so. This module must not know what is
differentiated, nor how.

Source: Lam, Rothberg & Wolf (1991), The Cache Performance and Optimizations of Blocked Algorithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus.fusing import ready_for_xla
from tbgrad.calculus.threads import share_out

# Coordinates in a chunk, 1 or 2 MiB. Larger ones leave the cache, smaller ones pay for more calls.
CHUNK = 2**18
# After so many coordinates XLA's compilation is worth its time.
FUSED_AFTER = 2**22
# XLA's are less exact than TensorFlow's own: 3e-12 near the zeros of log Γ.
_INEXACT = {"Lgamma"}
# Where TensorFlow's memory starts; it may end the process where it is given other memory.
_ALIGNMENT = 64


class Kernel:
    """A traced program, ready for any number of points.

    Args:
      program: a `ConcreteFunction` from positions `[n, d]` to a tuple of tensors, value `[n]` first and then perhaps
        the gradient `[n, d]`, for any n. Each point's results must depend on that point alone.
      elementary: whether it holds only TensorFlow's mathematics, as a formula does, so that XLA may compile it and
        several threads may call it at once. Other programs may hold Python code, assertions or state.
      breadth: into how many numbers the program turns each point, if they are more than d.
    """

    def __init__(self, program: Any, *, elementary: bool, breadth: int = 0):
        self._program, self._elementary, self._breadth = program, elementary, breadth
        self._dtype = program.inputs[0].dtype.name
        self._fused: Any = None
        self._tried, self._seen = False, 0
        self._count = len(program.outputs)

    @property
    def graph(self) -> Any:
        """The program's graph."""
        return self._program.graph

    def __call__(self, position: np.ndarray) -> tuple[np.ndarray, ...]:
        """The program's results at positions `[n, d]`, of its dtype; the arrays are the caller's.

        The results do not depend on the number of points, but for roundings: XLA's operations round differently, and
        near the end of a chunk others are used than within.

        Raises:
          tf.errors.OpError: the program failed, or gives another number of values than it was given points.
        """
        count, dimensions = position.shape
        size = max(1, CHUNK // max(1, dimensions, self._breadth))
        if count <= size:
            return tuple(found.numpy() for found in self._program(tf.constant(position, self._dtype)))
        self._seen += position.size
        if self._elementary and self._seen > FUSED_AFTER and not self._tried:
            self._fused, self._tried = self._compiled(position[:size]), True
        results = tuple(np.empty((count, *found.shape[1:]), self._dtype) for found in self._program.outputs)
        todo = iter(range(0, count, size))
        if self._elementary:
            share_out(lambda todo: self._work(todo, size, position, *results), todo)
        else:
            self._work(todo, size, position, *results)
        return results

    def _work(self, todo: Iterator[int], size: int, position: np.ndarray, *results: np.ndarray) -> None:
        """One thread's part: whichever chunk is next.

        All chunks have one size, or XLA would compile anew; the last one begins within the one before it.
        """
        given, tensor = _shared_memory((size, position.shape[1]), self._dtype)
        for first in todo:
            start = min(first, len(position) - size)
            np.copyto(given, position[start : start + size], casting="unsafe")
            for result, found in zip(results, self._outputs(tensor), strict=True):
                result[first : first + size] = np.asarray(found)[first - start :]

    def _outputs(self, tensor: tf.Tensor) -> tuple[tf.Tensor, ...]:
        if self._fused is not None:
            found = self._fused(tensor)
            if not any(np.asarray(far).any() for far in found[self._count :]):
                return found[: self._count]
        value, *more = self._program(tensor)
        if len(value) != len(tensor):
            raise tf.errors.InvalidArgumentError(None, None, f"{len(value)} values for {len(tensor)} points.")
        return value, *more

    def _compiled(self, chunk: np.ndarray) -> Any:
        """The program compiled by XLA for this many points, or None where XLA cannot or should not."""
        if self._program.captured_inputs or {o.type for o in self._program.graph.get_operations()} & _INEXACT:
            return None
        fused = tf.function(
            ready_for_xla(self._program, self._dtype),
            input_signature=[tf.TensorSpec(chunk.shape, self._dtype)],
            autograph=False,
            jit_compile=True,
        ).get_concrete_function()
        try:
            fused(tf.constant(chunk, self._dtype))
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            # An operation that XLA does not know.
            return None
        return fused


def _shared_memory(shape: tuple[int, int], dtype: str) -> tuple[np.ndarray, tf.Tensor]:
    """An array and a tensor of the same memory: what is written into the one is read from the other."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    array = memory[first : first + size].view(dtype).reshape(shape)
    return array, tf.experimental.dlpack.from_dlpack(array.__dlpack__())
