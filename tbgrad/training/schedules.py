"""At which steps something is measured."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

from tbgrad.errors import OptionError

# The beginning of a training tells most.
_EACH_BEFORE, _LATER = 100, 10


def is_count(number: Any) -> bool:
    """Whether something is a whole number ≥ 1, as 3 and 3.0 are."""
    is_real = isinstance(number, numbers.Real) and not isinstance(number, bool)
    return is_real and number >= 1 and number % 1 == 0


@dataclass(frozen=True)
class Schedule:
    """Every n-th step; by default every step up to the hundredth, then every tenth.

    Attributes:
      every: n ≥ 1, or None for the default.

    Raises:
      OptionError: `every` is no such number.
    """

    every: int | None = None

    def __post_init__(self):
        if self.every is not None and not is_count(self.every):
            raise OptionError(f"every is {self.every!r}; expected a whole number of steps, at least 1, or None.")

    def __call__(self, step: Any) -> Any:
        """Whether a step, an int or an integer tensor, is one of them; True itself where all are."""
        if self.every == 1:
            return True
        if self.every is None:
            return (step < _EACH_BEFORE) | (step % _LATER == 0)
        return step % self.every == 0
