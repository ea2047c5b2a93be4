"""The one verb of this room: a result to the records that show it."""

from __future__ import annotations

import functools
from typing import Any

from tbgrad.errors import OptionError
from tbgrad.figures.canvas import Picture
from tbgrad.records import Images, Record


@functools.singledispatch
def summarize(result: Any) -> tuple[Record, ...]:
    """Turns a result into what TensorBoard is to show of it.

    Args:
      result: a `Sweep`, `Surface`, `Descent`, `Graph`, `GradientCheck`, `Backward`, `Basins`, `RateSweep`,
        `Race` or `Training`.

    Returns:
      Records to write into one run, the most important first.

    Raises:
      OptionError: there is no summary for this kind of result.
    """
    raise OptionError(f"there is no summary for a {type(result).__name__}.")


def in_unit(what: str, unit: str) -> str:
    """A tag's description: sentences on what is shown, and in which unit; empty for a pure number."""
    return f"{what} Unit: {unit}." if unit else f"{what} It is a pure number."


def picture(tag: str, step: int, drawn: Picture, description: str) -> Images:
    """A record of one picture."""
    return Images(tag, [step], [drawn.image], drawn.size, description=description)
