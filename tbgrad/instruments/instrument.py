"""What an instrument is: a name, a unit, a sentence, and a measurement of one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class Step(NamedTuple):
    """One step of a descent, before and after the update; tensors, with a leading axis of starts.

    Attributes:
      position: `[starts, d]`, and `next_position` after the update.
      value: `[starts]`, and `next_value`.
      gradient: `[starts, d]`, and `next_gradient`.
    """

    position: Any
    value: Any
    gradient: Any
    next_position: Any
    next_value: Any
    next_gradient: Any


@dataclass(frozen=True)
class Instrument:
    """Something measured at each step.

    Attributes:
      name: also the last part of its tag.
      unit: in words; empty for a pure number.
      description: one line that says what it tells.
      measure: `Step` to a tensor `[starts]`.
      of_update: whether it measures the update that leaves a row. If not, it measures the row itself, and the last
        row has a reading too.
    """

    name: str
    unit: str
    description: str
    measure: Callable[[Step], Any]
    of_update: bool = True
