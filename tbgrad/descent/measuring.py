"""Reads the instruments, after the descent, from its recorded rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.descent.adapter import schedule_of
from tbgrad.descent.optimizers import GivenOptimizer, Optimizer
from tbgrad.descent.tiles import Kept
from tbgrad.functions.function import Function
from tbgrad.instruments.instrument import Instrument, Steps
from tbgrad.results import Reading


def measured(
    f: Function,
    optimizer: Optimizer | GivenOptimizer,
    kept: Kept,
    rows: slice | np.ndarray,
    steps_made: np.ndarray,
    instruments: Sequence[Instrument],
) -> dict[str, Reading]:
    """What each instrument reads.

    Args:
      f: the `Function`.
      optimizer: whose updates they are.
      kept: the recorded rows; behind each of those asked for comes the one that its update led to.
      rows: which of them are asked for, the last row among them.
      steps_made: int `[starts]`; no update leaves a row from there on.
      instruments: what to read.

    Returns:
      Readings `[rows, starts]` by name; NaN where there is nothing to measure.
    """
    if not instruments:
        return {}
    if isinstance(rows, slice):
        leaving: Any = slice(0, -1)
        reached: Any = slice(1, None)
    else:
        leaving, reached = rows[:-1], rows[:-1] + 1
    # Of a row itself nothing is asked that lies behind it.
    steps = _steps(f, optimizer, kept, rows, rows, None)
    updates = _steps(f, optimizer, kept, leaving, reached, steps)
    left = steps.step[:-1, None] < steps_made
    readings = {}
    for instrument in instruments:
        if instrument.of_update:
            reading = np.full_like(steps.value, np.nan)
            reading[:-1] = instrument.measure(updates)
            if not left.all():
                reading[:-1][~left] = np.nan
        else:
            reading = instrument.measure(steps)
        readings[instrument.name] = Reading(
            instrument.name, instrument.unit, instrument.description, reading, instrument.of_update
        )
    return readings


def _steps(
    f: Function, optimizer: Optimizer | GivenOptimizer, kept: Kept, rows: Any, following: Any, whole: Steps | None
) -> Steps:
    position, value, gradient, *moment = kept.parts
    step = kept.step[rows]
    rate = optimizer.learning_rate
    if whole is not None:
        rate = whole.rate if whole.rate is None else whole.rate[: len(step)]
    elif not isinstance(rate, float | np.ndarray):
        dtype = value.dtype.name
        schedule = f.program(("schedule", optimizer.key(), dtype), lambda: schedule_of(optimizer, dtype))
        rate = None if schedule is None else schedule(tf.constant(step)).numpy()
    elif isinstance(rate, np.ndarray):
        rate = np.broadcast_to(rate, (len(step), len(rate)))
    else:
        rate = np.full(len(step), rate)
    return Steps(
        function=f,
        optimizer=optimizer.name,
        settings=optimizer.all_settings(),
        step=step,
        rate=rate,
        position=position[rows],
        value=value[rows],
        gradient=gradient[rows],
        next_position=position[following],
        next_value=value[following],
        next_gradient=gradient[following],
        # The update that leaves a row uses what it has made of its gradient.
        second_moment=moment[0][following] if moment else None,
        whole=whole,
    )
