"""Functions that are made in any number of variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tbgrad.functions.computing import DIMENSIONS
from tbgrad.functions.expansion import MOST_DIMENSIONS

if TYPE_CHECKING:
    from tbgrad.functions.function import Function


@dataclass(frozen=True)
class Family:
    """How a function is made in another number of variables.

    Attributes:
      make: takes the number of variables and returns the `Function`.
      dimensions: the usual number.
      least: the smallest.
      multiple: of what it must be a multiple.
    """

    make: Callable[[int], Function]
    dimensions: int = DIMENSIONS
    least: int = 1
    multiple: int = 1

    def has(self, dimensions: int) -> bool:
        """Whether there is a function of so many variables."""
        return self.least <= dimensions <= MOST_DIMENSIONS and dimensions % self.multiple == 0

    @property
    def numbers(self) -> str:
        """For how many variables there is one, in words."""
        what = f"a multiple of {self.multiple}" if self.multiple > 1 else "a whole number"
        return f"{what} from {self.least} to {MOST_DIMENSIONS:,}"


def any_dimension(
    make: Callable[[int], Function], dimensions: int = DIMENSIONS, least: int = 1, multiple: int = 1
) -> Function:
    """The function in its usual number of variables, which can be made in others; arguments as in `Family`."""
    return dataclasses.replace(make(dimensions), family=Family(make, dimensions, least, multiple))
