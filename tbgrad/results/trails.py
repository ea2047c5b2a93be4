"""A path through the space of many variables, as it is seen on a line or a plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# But for rounding all of a path's variance.
_WHOLE = 1 - 1e-9


@dataclass(frozen=True, eq=False)
class Trail:
    """Where a path passes a line or a plane, and the function's values on the path itself.

    A path that is off the plane has other values than the plane at its feet.

    Attributes:
      at: float64 `[n, k]`, the path's feet, in the coordinates of the line, k = 1, or the plane, k = 2.
      value: `[n]`, of the function on the path; NaN where it was not computed.
      step: int64 `[n]`, the updates made before each.
      explained: the share of the path's variance that the line or the plane holds; None where it does not move.
      off: `[n]`, how far the path is from its feet, in units of position.
    """

    at: np.ndarray
    value: np.ndarray
    step: np.ndarray
    explained: float | None
    off: np.ndarray

    @property
    def words(self) -> str:
        """What the line or the plane does not show of the path, in words."""
        if self.explained is None:
            return "a path that does not move"
        return held_words(self.explained, f"a {('line', 'plane')[self.at.shape[1] - 1]}")


def held_words(share: float, on: str = "a plane", *, nearby: bool = False) -> str:
    """How much of a path's variance a line or a plane holds, in words.

    Args:
      share: of the variance.
      on: what holds it.
      nearby: whether only that part of the path is meant which is near the picture.
    """
    if share > _WHOLE:
        return f"on {on} that holds {'the path where it is near' if nearby else 'the whole path'}"
    held = "more than 99.9" if share > 0.999 else f"{100 * share:.3g}"
    of = "its variance nearby" if nearby else "the path's variance"
    return f"projected on {on} that holds {held} % of {of}; the path's own values may differ"
