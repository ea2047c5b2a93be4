"""Programs of nested tensors that are compiled when they are first called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.calculus.derivatives import call_flat, run_program
from tbgrad.functions.function import Function


class Compiled:
    """A function of nested tensors, compiled by XLA when it is first called, and called without much ado.

    Args:
      f: the `Function` that it computes, for errors.
      call: what to compile.
      arguments: nested `TensorSpec`s.
      lock: held while it is traced.
      xla: whether XLA is to compile it.
    """

    def __init__(self, f: Function, call: Callable[..., Any], arguments: tuple, lock: threading.Lock, xla: bool):
        self._function, self._call, self._arguments, self._lock, self._xla = f, call, arguments, lock, xla
        self._program: Any = None

    @property
    def outputs(self) -> Any:
        """The nested tensors that it gives, as they are named in its graph."""
        return self._compiled().structured_outputs

    def __call__(self, flat: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """All tensors of the arguments in order, to all of the outputs."""
        program = self._compiled()
        if not self._xla:
            return list(run_program(self._function, lambda: call_flat(program, flat)))
        try:
            return call_flat(program, flat)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            # XLA does not have every operation that a user's function may use; the plain runtime does.
            with self._lock:
                program = self._program = self._traced(jit_compile=False)
            return list(run_program(self._function, lambda: call_flat(program, flat)))

    def _compiled(self) -> Any:
        if self._program is not None:
            return self._program
        # Threads that come together wait for the one that compiles.
        with self._lock:
            self._program = self._program or self._traced(jit_compile=self._xla)
        return self._program

    def _traced(self, jit_compile: bool) -> Any:
        traced = tf.function(self._call, input_signature=self._arguments, autograph=False, jit_compile=jit_compile)
        return traced.get_concrete_function()
