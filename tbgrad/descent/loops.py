"""The compiled loop that follows an optimizer downhill.

One program runs all steps of all starts and records every step; it is kept with the function, so that a second
call with the same optimizer, shapes and dtype compiles nothing. This module must not know which optimizer it runs.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus.derivatives import as_points, compiled, differentiate, run_program, settle
from tbgrad.calculus.fusing import ready_for_xla
from tbgrad.descent.optimizers import GivenOptimizer, Optimizer, as_optimizer, import_keras
from tbgrad.descent.rates import automatic_rate
from tbgrad.descent.verdicts import judge
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.instruments import INSTRUMENTS
from tbgrad.instruments.instrument import Instrument, Step
from tbgrad.results import Descent, Reading

# Compiling, judging and logging take some times as much again.
MOST_GIBIBYTES = 2


def descend(
    f: Function,
    optimizer: Any,
    starts: Any,
    steps: int,
    *,
    instruments: Sequence[Instrument] = INSTRUMENTS,
    dtype: str | None = None,
    rate_rule: str | None = None,
) -> Descent:
    """Follows the optimizer downhill on f from many starts at once.

    One compiled loop; step 0 is the start itself. Starts do not influence one another.

    Args:
      f: `Function` of d variables.
      optimizer: `Optimizer`, the name of one (automatic learning rate), or a Keras optimizer. The learning rate is
        in units of position² per unit of value for plain gradient descent.
      starts: float array `[starts, d]`, in the units of f's variables.
      steps: int ≥ 1, updates to make.
      instruments: what to measure besides position, value and gradient.
      dtype: `float64` or `float32`; by default that of `starts` where it is one of them, else `float64`.
      rate_rule: how the learning rate was found, where the caller knows better.

    Returns:
      `Descent` with `position` `[steps + 1, starts, d]`, `value` and each reading `[steps + 1, starts]`, one verdict
      for each start. A reading's row t measures the update that leaves row t, so that its last row is NaN; readings
      of the row itself, such as the gradient's norm, have a last row.

    Raises:
      ShapeError: `starts` is not `[starts, d]`, or is empty.
      RangeError: `steps` is below 1, or the record would take more than 2 GiB.
      CoupledStartsError: the optimizer mixes starts (`clipnorm`, say) and cannot be run on them together.
      OptionError: Keras does not take the optimizer's settings, or `steps` is no whole number.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Nocedal & Wright (2006), Numerical Optimization, chapter 2.
    """
    optimizer = as_optimizer(optimizer)
    starts = as_points(f, starts, dtype)
    if not len(starts):
        raise ShapeError(f"there are no starts; expected at least one point of '{f.label}'.")
    if not isinstance(steps, numbers.Integral) or isinstance(steps, bool):
        raise OptionError(f"steps is {steps!r}; expected a whole number.")
    if steps < 1:
        raise RangeError(f"steps is {steps}; expected at least 1.")
    _check_memory(starts, steps, len(instruments))
    optimizer.check_starts(len(starts))
    settle(f, starts)
    optimizer, rule = resolve_rate(f, optimizer, starts)

    key = ("descend", optimizer.key(), starts.shape, starts.dtype.name, steps, tuple(instruments))
    program = f.program(key, lambda: _Program(f, optimizer, starts, steps, instruments))
    position, value, gradient, *readings = program(starts)
    rate = optimizer.learning_rate if isinstance(optimizer.learning_rate, float) else None
    return Descent(
        f.subject(),
        optimizer.name,
        optimizer.settings,
        rate,
        rate_rule or rule,
        position,
        value,
        gradient,
        {
            i.name: Reading(i.name, i.unit, i.description, reading, i.of_update)
            for i, reading in zip(instruments, readings, strict=True)
        },
        judge(f, rate, position, value, gradient),
    )


def resolve_rate(
    f: Function, optimizer: Optimizer | GivenOptimizer, starts: np.ndarray
) -> tuple[Optimizer | GivenOptimizer, str]:
    """Replaces the learning rate `auto` by a number; also says in words where the rate comes from."""
    if isinstance(optimizer, GivenOptimizer):
        return optimizer, "the given Keras optimizer's own, in float32"
    if isinstance(optimizer.learning_rate, float):
        return optimizer, "as given"
    if optimizer.learning_rate != "auto":
        return optimizer, f"the schedule {type(optimizer.learning_rate).__name__}"
    rate, rule = automatic_rate(f, optimizer.name, starts)
    return optimizer.with_rate(rate), rule


def _check_memory(starts: np.ndarray, steps: int, instruments: int) -> None:
    numbers_a_row = starts.size * 2 + len(starts) * (1 + instruments)
    gibibytes = (steps + 1) * numbers_a_row * starts.itemsize / 2**30
    if gibibytes > MOST_GIBIBYTES:
        raise RangeError(
            f"{steps:,} steps of {len(starts):,} start{'s' * (len(starts) > 1)}, all recorded, take "
            f"{gibibytes:,.1f} GiB; at most {MOST_GIBIBYTES} are recorded. Take fewer steps or starts."
        )


class _Program:
    """One compiled descent: an optimizer with its variable, and the loop around them."""

    def __init__(
        self,
        f: Function,
        optimizer: Optimizer | GivenOptimizer,
        starts: np.ndarray,
        steps: int,
        instruments: Sequence[Instrument],
    ):
        keras = import_keras()
        self._function, self._steps, self._instruments = f, steps, instruments
        self._shape, self._dtype = starts.shape, starts.dtype.name
        # One start is a vector: optimizers that look at a variable's shape see what the mathematics means.
        variable_shape = starts.shape if len(starts) > 1 else starts.shape[1:]
        self._optimizer = optimizer.make(self._dtype)
        # Some optimizers begin with a copy of the variable: a probe tells which part of their state that is.
        probe = np.random.default_rng(0).normal(size=variable_shape).astype(self._dtype)
        self._variable = keras.Variable(probe, dtype=self._dtype)
        self._optimizer.build([self._variable])
        state = [(v, v.numpy()) for v in self._optimizer.variables]
        self._copies = [v for v, value in state if np.array_equal(value, probe)]
        self._initial = [(v, value) for v, value in state if not np.array_equal(value, probe)]
        self._differentiate = _differentiated(f, self._dtype)
        self._compiled = self._compile(jit_compile=True)

    def _compile(self, jit_compile: bool) -> Any:
        signature = [tf.TensorSpec(self._shape, self._dtype)]
        program = tf.function(self._run, input_signature=signature, autograph=False, jit_compile=jit_compile)
        return program.get_concrete_function()

    def __call__(self, starts: np.ndarray) -> list[np.ndarray]:
        starts = tf.constant(starts)
        try:
            return [tensor.numpy() for tensor in self._compiled(starts)]
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            # XLA does not have every operation that a user's function may use; the plain runtime does.
            self._compiled = self._compile(jit_compile=False)
            return [tensor.numpy() for tensor in run_program(self._function, self._compiled, starts)]

    def _run(self, start: tf.Tensor) -> list[tf.Tensor]:
        for variable, initial in self._initial:
            variable.assign(initial)
        for variable in [self._variable, *self._copies]:
            variable.assign(tf.reshape(start, self._variable.shape))
        value, gradient = self._differentiate(start)
        shapes = [self._shape, self._shape[:1], self._shape, *[self._shape[:1]] * len(self._instruments)]
        records = [tf.TensorArray(self._dtype, self._steps + 1, element_shape=shape) for shape in shapes]
        step, now, records = tf.while_loop(
            lambda step, now, records: step < self._steps,
            self._step,
            (tf.constant(0), (start, value, gradient), records),
        )
        last = Step(*now, *now)
        nothing = tf.fill(self._shape[:1], tf.constant(np.nan, self._dtype))
        readings = [nothing if i.of_update else i.measure(last) for i in self._instruments]
        return [r.write(step, row).stack() for r, row in zip(records, [*now, *readings], strict=True)]

    def _step(self, step: tf.Tensor, now: tuple, records: list) -> tuple:
        _, _, gradient = now
        self._optimizer.apply([tf.reshape(gradient, self._variable.shape)], [self._variable])
        position = tf.reshape(tf.convert_to_tensor(self._variable.value), self._shape)
        following = (position, *self._differentiate(position))
        measured = Step(*now, *following)
        row = [*now, *(i.measure(measured) for i in self._instruments)]
        records = [r.write(step, entry) for r, entry in zip(records, row, strict=True)]
        return step + 1, following, records


def _differentiated(f: Function, dtype: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """Value and gradient as everywhere else, for use under XLA."""
    if f.formula is None:
        return lambda position: differentiate(f, position)
    return ready_for_xla(compiled(f, dtype, lambda position: differentiate(f, position)), dtype, sines=False)
