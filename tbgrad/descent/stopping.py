"""When a start stops: small rules that combine by `|` (any of them) and `&` (all of them at once).

A rule carries what it remembers as tensors in the compiled loop. Each start stops on its own, and never moves again.
A new rule is one class here, and one line in `RULES`.
"""

from __future__ import annotations

import functools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from tbgrad.descent.watching import SMALL_GRADIENT
from tbgrad.errors import OptionError, RangeError, nearest


class Row(NamedTuple):
    """Where the starts are: position `[n, d]`, value `[n]`, gradient `[n, d]`; tensors."""

    position: tf.Tensor
    value: tf.Tensor
    gradient: tf.Tensor


State = tuple
Found = tuple[tf.Tensor, State]


class StoppingRule(ABC):
    """When a start stops; equal rules are the same program, and `str` says it in words.

    A rule with numbers of its own is a frozen dataclass, or two of them are equal only where they are the same object.
    """

    @abstractmethod
    def bootstrap(self, row: Row) -> Found:
        """Whether each start stops before its first update, bool `[n]`, and what the rule remembers."""

    @abstractmethod
    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """Whether each start stops after an update, bool `[n]`, and what the rule remembers now."""

    @property
    def converges(self) -> bool:
        """Whether all that it stops has converged."""
        return False

    def __or__(self, other: StoppingRule) -> AnyOf:
        return AnyOf((self, other))

    def __and__(self, other: StoppingRule) -> AllOf:
        return AllOf((self, other))


@dataclass(frozen=True)
class GradientNorm(StoppingRule):
    """The largest partial derivative is at most `tolerance` × max(1, what it was at the start).

    By default the tolerance is that of the verdict `converged`.
    """

    tolerance: float | None = None

    def __str__(self) -> str:
        return "gradient" if self.tolerance is None else f"gradient {self.tolerance:g}"

    @property
    def converges(self) -> bool:
        """Where it asks for no less than a verdict does."""
        return self.tolerance is None or self.tolerance <= min(SMALL_GRADIENT.values())

    def bootstrap(self, row: Row) -> Found:
        """As every rule\'s."""
        steepest = tf.reduce_max(tf.abs(row.gradient), axis=-1)
        # A start whose gradient is not finite has no scale.
        scale = tf.where(tf.math.is_finite(steepest), tf.maximum(steepest, 1), 1)
        tolerance = SMALL_GRADIENT[steepest.dtype.name] if self.tolerance is None else self.tolerance
        limit = tf.cast(tolerance, steepest.dtype) * scale
        return steepest <= limit, (limit,)

    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """As every rule\'s."""
        (limit,) = state
        return tf.reduce_max(tf.abs(after.gradient), axis=-1) <= limit, state


@dataclass(frozen=True)
class Value(StoppingRule):
    """The value is at most this."""

    at_most: float

    def __str__(self) -> str:
        return f"value {self.at_most:g}"

    def bootstrap(self, row: Row) -> Found:
        """As every rule\'s."""
        return row.value <= tf.cast(self.at_most, row.value.dtype), ()

    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """As every rule\'s."""
        return after.value <= tf.cast(self.at_most, after.value.dtype), ()


@dataclass(frozen=True)
class UpdateNorm(StoppingRule):
    """An update is at most `tolerance` long, in units of position."""

    tolerance: float

    def __str__(self) -> str:
        return f"update {self.tolerance:g}"

    def bootstrap(self, row: Row) -> Found:
        """As every rule\'s."""
        return tf.zeros_like(row.value, tf.bool), ()

    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """As every rule\'s."""
        length = tf.norm(after.position - before.position, axis=-1)
        return length <= tf.cast(self.tolerance, length.dtype), ()


@dataclass(frozen=True)
class Plateau(StoppingRule):
    """For `patience` updates the value fell nowhere below the lowest so far by more than `least` of its size."""

    patience: int
    least: float = 0.0

    def __str__(self) -> str:
        return f"plateau {self.patience}"

    def bootstrap(self, row: Row) -> Found:
        """As every rule\'s."""
        return tf.zeros_like(row.value, tf.bool), (row.value, tf.zeros_like(row.value, tf.int32))

    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """As every rule\'s."""
        lowest, waited = state
        least = tf.cast(self.least, lowest.dtype)
        # Whatever is a number is lower than a start without a value.
        better = (after.value < lowest - least * tf.abs(lowest)) | (
            tf.math.is_nan(lowest) & ~tf.math.is_nan(after.value)
        )
        waited = tf.where(better, 0, waited + 1)
        return waited >= self.patience, (tf.where(better, after.value, lowest), waited)


@dataclass(frozen=True)
class _Combined(StoppingRule):
    rules: tuple[StoppingRule, ...]

    def __str__(self) -> str:
        return self._word.join(f"({rule})" if isinstance(rule, _Combined) else str(rule) for rule in self.rules)

    def bootstrap(self, row: Row) -> Found:
        """As every rule\'s."""
        return self._combine([rule.bootstrap(row) for rule in self.rules])

    def one_step(self, before: Row, after: Row, state: State) -> Found:
        """As every rule\'s."""
        parts = zip(self.rules, state, strict=True)
        return self._combine([rule.one_step(before, after, part) for rule, part in parts])

    def _combine(self, found: list[Found]) -> Found:
        stops, states = zip(*found, strict=True)
        return self._choose(tf.stack(stops), axis=0), states


class AnyOf(_Combined):
    """Stops where any of its rules does."""

    _choose, _word = staticmethod(tf.reduce_any), " or "


class AllOf(_Combined):
    """Stops where all of its rules do at once."""

    _choose, _word = staticmethod(tf.reduce_all), " and "


def any_of(rules: Sequence[StoppingRule]) -> StoppingRule | None:
    """One rule that stops where any of these does; None for none."""
    return functools.reduce(operator.or_, rules) if rules else None


_MOST_PATIENCE = 2**31 - 1
RULES = {"gradient": GradientNorm, "value": Value, "update": UpdateNorm, "plateau": Plateau}


def rule(name: str, number: Any) -> StoppingRule:
    """A rule by its name and its one number, as on the command line: `gradient=1e-6`, `plateau=100`.

    Raises:
      OptionError: no rule has this name.
      RangeError: the number is out of its range.
    """
    if name not in RULES:
        raise OptionError(f"no stopping rule '{name}'.{nearest(name, RULES)} The rules are {', '.join(RULES)}.")
    if name == "plateau":
        if not 1 <= number <= _MOST_PATIENCE or number != int(number):
            raise RangeError(
                f"plateau is {number}; expected a whole number, at least 1 and at most {_MOST_PATIENCE:,}."
            )
        return Plateau(int(number))
    if not math.isfinite(number) or (name != "value" and number < 0):
        expected = "finite number" if name == "value" else "number that is not negative"
        raise RangeError(f"{name} is {number}; expected a {expected}.")
    return RULES[name](float(number))
