"""Follows an optimizer downhill from one start or a million, and measures on the way what explains the result."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import as_points, settle
from tbgrad.descent.adapter import check_settings
from tbgrad.descent.blocks import Program
from tbgrad.descent.measuring import measured
from tbgrad.descent.noise import start_keys
from tbgrad.descent.optimizers import GivenOptimizer, Optimizer, as_optimizer
from tbgrad.descent.rates import automatic_rate
from tbgrad.descent.recording import Recording, as_recording
from tbgrad.descent.remarks import remarks
from tbgrad.descent.states import Inputs
from tbgrad.descent.stopping import StoppingRule
from tbgrad.descent.tiles import Kept, Runner, Tiled
from tbgrad.descent.verdicts import judge
from tbgrad.descent.watching import marks
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.instruments import INSTRUMENTS, as_instruments
from tbgrad.instruments.instrument import Instrument
from tbgrad.results import Descent, Evaluation

# They are counted in 32 bits.
MOST_STEPS = 2**31 - 2


def descend(
    f: Function,
    optimizer: Any,
    starts: Any,
    steps: int,
    *,
    instruments: Sequence[Instrument] | Sequence[str] | str | None = None,
    stop: StoppingRule | None = None,
    record: Recording | str | int = "every",
    noise: float = 0.0,
    seed: int = 0,
    dtype: str | None = None,
    rate_rule: str | None = None,
    kinds: bool = True,
) -> Descent:
    """Follows the optimizer downhill on f from many starts at once.

    One compiled loop; step 0 is the start itself. Starts do not influence one another: start k among many goes as it
    goes alone, but for roundings, and for noise, which is its own for each start.

    Args:
      f: `Function` of d variables.
      optimizer: `Optimizer`, the name of one (automatic learning rate), or a Keras optimizer. The learning rate is
        in units of position² per unit of value for plain gradient descent.
      starts: float array `[starts, d]`, in the units of f's variables.
      steps: int ≥ 1, updates to make at most.
      instruments: what to measure besides position, value and gradient, or their names; by default all that need no
        second derivatives, and none where only values are recorded.
      stop: a stopping rule, or None to use all steps. What has stopped never changes again.
      record: which rows are kept; see `Recording`.
      noise: standard deviation of Gaussian noise that is added to each partial derivative which the optimizer gets, in
        their unit. What is recorded is the gradient without it.
      seed: of the noise; kept with the result, so that it may also be that of drawn starts.
      dtype: `float64` or `float32`; by default that of `starts` where it is one of them, else `float64`.
      rate_rule: how the learning rate was found, where the caller knows better.
      kinds: whether to look at the Hessian for the kind of point where a start converged.

    Returns:
      `Descent` with `position` `[rows, starts, d]`, `value` and each reading `[rows, starts]`, one verdict for each
      start. Rows after a start has stopped repeat its last row. A reading's row t measures the update that leaves row
      t, so that its last row is NaN; readings of the row itself, such as the gradient's norm, have a last row.

    Raises:
      ShapeError: `starts` is not `[starts, d]`, or is empty; or a setting given for each start has another length.
      RangeError: `steps` is below 1, `noise` is negative, or the record would take more than 2 GiB.
      OptionError: Keras does not take the optimizer's settings, or `steps` is no whole number.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Nocedal & Wright (2006), Numerical Optimization, chapter 2.
    """
    optimizer, recording = as_optimizer(optimizer), as_recording(record)
    if instruments is None:
        instruments = () if recording.values_only else INSTRUMENTS
    instruments = as_instruments(instruments)
    starts = as_points(f, starts, dtype)
    _check(f, optimizer, starts, steps, recording, instruments, noise, seed, stop)
    steps = int(steps)
    settle(f, starts)
    optimizer, rule = resolve_rate(f, optimizer, starts)

    asked = recording.steps(steps)
    # A reading of an update needs the row that it leads to.
    pairs = bool(instruments) and len(asked) <= steps
    kept_steps = np.union1d(asked, np.minimum(asked + 1, steps)) if pairs else asked
    moments = any(instrument.needs_second_moment for instrument in instruments)
    whole_rows = Kept.needs_whole_rows(kept_steps, recording.values_only)
    runner = _runner(f, optimizer, starts, steps, stop, noise, seed, moments, whole_rows)
    full = None if recording.values_only else starts.shape
    shapes = [full, starts.shape[:1], full, *[full] * runner.program.moments]
    kept = Kept.room(kept_steps, shapes, starts.dtype.name)
    way = runner.run(starts, kept)

    rows = np.searchsorted(kept_steps, asked) if pairs else slice(None)
    position, value, gradient = (_closed(part, rows) for part in kept.parts[:3])
    rate = optimizer.learning_rate if isinstance(optimizer.learning_rate, float | np.ndarray) else None
    subject = f.subject()
    return Descent(
        subject=subject,
        optimizer=optimizer.name,
        settings=optimizer.settings,
        learning_rate=rate,
        rate_rule=rate_rule or rule,
        remarks=remarks(f, optimizer, noise),
        noise=float(noise),
        stop=str(stop) if stop else "",
        step=asked,
        position=position,
        value=value,
        gradient=gradient,
        readings=measured(f, optimizer, kept, rows, way.steps_made, instruments),
        start=Evaluation(subject, way.start_position, way.start_value, way.start_gradient),
        end=Evaluation(subject, way.position, way.value, way.gradient),
        steps_made=way.steps_made,
        verdicts=judge(f, rate, way, rule=str(stop or ""), noisy=noise > 0, kinds=kinds),
        seed=int(seed),
    )


def resolve_rate(
    f: Function, optimizer: Optimizer | GivenOptimizer, starts: np.ndarray
) -> tuple[Optimizer | GivenOptimizer, str]:
    """Replaces the learning rate `auto` by a number; also says in words where the rate comes from."""
    if isinstance(optimizer, GivenOptimizer):
        return optimizer, "the given Keras optimizer's own, in float32"
    if isinstance(optimizer.learning_rate, float | np.ndarray):
        return optimizer, "as given"
    if optimizer.learning_rate != "auto":
        return optimizer, f"the schedule {type(optimizer.learning_rate).__name__}"
    rate, rule = automatic_rate(f, optimizer.name, starts)
    return optimizer.with_rate(rate), rule


def check_steps(steps: int) -> None:
    """Raises OptionError or RangeError for a number of updates that cannot be made."""
    if not isinstance(steps, numbers.Integral) or isinstance(steps, bool):
        raise OptionError(f"steps is {steps!r}; expected a whole number.")
    if not 1 <= steps <= MOST_STEPS:
        raise RangeError(f"steps is {steps}; expected at least 1, and at most {MOST_STEPS:,}.")


def _check(
    f: Function,
    optimizer: Optimizer | GivenOptimizer,
    starts: np.ndarray,
    steps: int,
    recording: Recording,
    instruments: Sequence[Instrument],
    noise: float,
    seed: int,
    stop: StoppingRule | None,
) -> None:
    if not len(starts):
        raise ShapeError(f"there are no starts; expected at least one point of '{f.label}'.")
    check_steps(steps)
    if not isinstance(noise, numbers.Real) or not (np.isfinite(noise) and noise >= 0):
        raise RangeError(f"the noise is {noise!r}; expected a standard deviation, finite and not negative.")
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise RangeError(f"the seed is {seed!r}; expected a whole number, not negative.")
    if recording.values_only and instruments:
        raise OptionError("instruments need positions and gradients, and only values are recorded.")
    if stop is not None and not isinstance(stop, StoppingRule):
        raise OptionError(f"stop is {stop!r}; expected a rule of tbgrad.descent.stopping, such as GradientNorm().")
    moments = any(instrument.needs_second_moment for instrument in instruments)
    recording.check_memory(steps, starts.shape, starts.itemsize, len(instruments), moments)
    check_settings(optimizer, starts.dtype.name)
    for name, array in _arrays(optimizer).items():
        if len(array) != len(starts):
            raise ShapeError(f"{name} has {len(array)} numbers for {len(starts)} starts; expected one for each.")


def _closed(part: np.ndarray | None, rows: slice | np.ndarray) -> np.ndarray | None:
    """Some rows, which nobody is to write to, whoever made the memory."""
    if part is None:
        return None
    part = part[rows]
    part.flags.writeable = False
    return part


def _arrays(optimizer: Optimizer | GivenOptimizer) -> dict[str, np.ndarray]:
    """What is given for each start, by name."""
    arrays = {name: optimizer.settings[name] for name in optimizer.arrays()}
    rate = optimizer.learning_rate
    return arrays | ({"learning_rate": rate} if isinstance(rate, np.ndarray) else {})


def _runner(
    f: Function,
    optimizer: Optimizer | GivenOptimizer,
    starts: np.ndarray,
    steps: int,
    stop: StoppingRule | None,
    noise: float,
    seed: int,
    moments: bool,
    whole_rows: bool,
) -> Runner:
    """What runs these starts, with a program that is kept."""
    dtype, tiled = starts.dtype.name, Tiled.of(len(starts), whole_rows)
    shape = (tiled.size, starts.shape[1])
    numbers_a_row = 1 + 2 * shape[1] * whole_rows
    rows = tiled.block_rows(numbers_a_row, starts.itemsize, steps)
    rate = optimizer.learning_rate
    of_each = isinstance(rate, np.ndarray)
    manner = pointwise.manner(f, dtype)
    key = ("descend", optimizer.key(), shape, dtype, rows, of_each, noise > 0, stop, moments, manner)
    program = f.program(
        key,
        lambda: Program(f, optimizer, shape, dtype, rows, shape[:1] if of_each else (), noise > 0, stop, moments),
    )
    arrays = [optimizer.settings[name] for name in optimizer.arrays()]
    number = 0.0 if not isinstance(rate, float) else rate
    nothing = np.zeros(tiled.size, np.int64)

    def inputs(first: int) -> Inputs:
        part = slice(first, first + tiled.size)
        return Inputs(
            tf.constant(rate[part] if of_each else number, dtype),
            tuple(tf.constant(array[part], dtype) for array in arrays),
            tf.constant(noise, dtype),
            tf.constant(start_keys(seed, first, tiled.size) if noise else nothing),
        )

    # A Python function may keep state or call Python, which two threads must not do at once.
    anywhere = stop is not None and not stop.converges
    return Runner(program, tiled, steps, whole_rows, marks(steps, anywhere), inputs, together=f.formula is not None)
