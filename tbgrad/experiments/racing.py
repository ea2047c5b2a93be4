"""Lets several optimizers descend from one start, and finds the landscape on which all their paths are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus.derivatives import as_points
from tbgrad.descent.adapter import check_taken
from tbgrad.descent.loops import check_steps, descend, resolve_rate
from tbgrad.descent.optimizers import GivenOptimizer, Optimizer, as_optimizer
from tbgrad.descent.starts import choose_starts
from tbgrad.errors import OptionError
from tbgrad.experiments.race_landscapes import with_race_landscape
from tbgrad.functions.function import Function
from tbgrad.instruments.instrument import Instrument
from tbgrad.results import Descent, Race

FEWEST, MOST = 2, 10
STEPS = 2000
TARGET_GAP = 1e-6


@dataclass(frozen=True)
class Racer:
    """One that takes part: an optimizer with its rate resolved, and the rule that gave the rate, in words."""

    optimizer: Optimizer | GivenOptimizer
    rate_rule: str


def race(
    f: Function,
    optimizers: Sequence[Any],
    start: Sequence[float] | None = None,
    steps: int = STEPS,
    *,
    instruments: Sequence[Instrument] | Sequence[str] | str | None = None,
    dtype: str = "float64",
) -> Race:
    """Lets several optimizers descend on f from one start.

    Each racer goes as `descend` lets it go; all steps are recorded.

    Args:
      f: `Function` of d variables.
      optimizers: 2 to 10 of what `descend` takes: each an `Optimizer`, the name of one (automatic learning rate), or a
        Keras optimizer. No two do the same.
      start: d numbers; by default f's published start.
      steps: int ≥ 1, updates that each makes.
      instruments: as in `descend`.
      dtype: `float64` or `float32`.

    Returns:
      `Race`. Its target is 1e-6 above the known minimum, or above the lowest value that a racer reaches which does not
      diverge. Its landscape shows all paths of racers that do not diverge: a curve for one variable, a surface for two,
      for more the plane through the start and the end of the racer that comes first, and along the largest rest of all
      paths.

    Raises:
      OptionError: there are too few or too many optimizers, two of them do the same, or Keras does not take a setting.
      ShapeError: `start` is no point of f's space, or there is no published start.
      RangeError: `steps` is below 1, or too much would be recorded.

    Example:
      >>> f = tbgrad.resolve("rosenbrock")
      >>> tbgrad.show(tbgrad.race(f, ["sgd", tbgrad.Optimizer("adam", 0.05)], [-1.2, 1.0]))
    """
    check_steps(steps)
    starts = race_start(f, start, dtype)
    racers = line_up(f, optimizers, starts)
    descents = tuple(
        descend(f, racer.optimizer, starts, steps, instruments=instruments, rate_rule=racer.rate_rule)
        for racer in racers
    )
    run = Race(descents, *_target(descents))
    return with_race_landscape(f, run)


def race_start(f: Function, start: Sequence[float] | None, dtype: str) -> np.ndarray:
    """`[1, d]`: the start asked for, or f's published one."""
    return as_points(f, choose_starts(f, [] if start is None else [start]), dtype)


def line_up(f: Function, optimizers: Sequence[Any], starts: np.ndarray) -> tuple[Racer, ...]:
    """The racers, checked before any of them moves.

    Raises:
      OptionError: there are too few or too many, two of them do the same, one has a rate for each start, or Keras does
        not take a setting.
    """
    if isinstance(optimizers, str) or not isinstance(optimizers, Sequence):
        raise OptionError(f"expected a list of optimizers, such as ['sgd', 'adam']; got {optimizers!r}.")
    if not FEWEST <= len(optimizers) <= MOST:
        many = len(optimizers)
        raise OptionError(f"a race takes {FEWEST} to {MOST} racers, such as sgd and adam; got {many or 'none'}.")
    racers: dict[tuple, Racer] = {}
    for given in optimizers:
        optimizer = as_optimizer(given)
        if optimizer.arrays() or isinstance(optimizer.learning_rate, np.ndarray):
            raise OptionError(f"{optimizer.name} has a number for each start; a racer has one start.")
        check_taken(optimizer, starts.dtype.name)
        racer = Racer(*resolve_rate(f, optimizer, starts))
        if (same := _what_it_does(racer.optimizer)) in racers:
            rate = racer.optimizer.learning_rate
            at = f" with learning rate {naming.number(rate)}" if isinstance(rate, float) else ""
            raise OptionError(f"{racer.optimizer.name}{at} races twice; give one of them another rate or setting.")
        racers[same] = racer
    return tuple(racers.values())


def _what_it_does(optimizer: Optimizer | GivenOptimizer) -> tuple:
    """Equal for racers that would go the same way."""
    if isinstance(optimizer, GivenOptimizer):
        return optimizer.key()
    name, schedule, _ = optimizer.key()
    rate = optimizer.learning_rate if isinstance(optimizer.learning_rate, float) else schedule
    return name, rate, str(sorted(optimizer.changed().items()))


def _target(descents: Sequence[Descent]) -> tuple[float, str]:
    """The value that counts as arrived, and its rule."""
    known = descents[0].subject.minimum
    if known is not None:
        return known + TARGET_GAP, f"{TARGET_GAP:g} above the known minimum"
    rule = f"{TARGET_GAP:g} above the lowest value that any racer reaches"
    going = Race(tuple(descents), np.nan, "")
    values = going.value[:, ~going.failed]
    lowest = np.min(values, initial=np.inf, where=np.isfinite(values))
    return (float(lowest) + TARGET_GAP if np.isfinite(lowest) else float("nan")), rule
