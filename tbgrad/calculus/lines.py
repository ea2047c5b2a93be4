"""A function along a line: positions, values, slopes and second derivatives at coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.derivatives import as_points, value_and_gradient
from tbgrad.calculus.products import second_along
from tbgrad.functions.function import Function


@dataclass(frozen=True, eq=False)
class Line:
    """A function of d variables as one of the coordinate along a line.

    Attributes:
      f: the `Function`.
      axis: the index of the swept variable, or None on a line between two points.
      low: the least coordinate.
      high: the greatest.
      first: `[d]`, the position at `low`.
      last: `[d]`, the position at `high`.
      dtype: `float64` or `float32`.
    """

    f: Function
    axis: int | None
    low: float
    high: float
    first: np.ndarray
    last: np.ndarray
    dtype: str

    @property
    def direction(self) -> np.ndarray:
        """`[d]`, by how much the position moves when the coordinate grows by 1."""
        return (self.last - self.first) / (self.high - self.low)

    def samples(self, points: int) -> tuple[np.ndarray, np.ndarray]:
        """So many coordinates `[n]`, evenly spaced, float64, and their positions `[n, d]`, with both ends exact."""
        coordinate = np.linspace(self.low, self.high, points)
        return coordinate, self._on_axis(np.linspace(self.first, self.last, points), coordinate)

    def position(self, coordinate: np.ndarray) -> np.ndarray:
        """`[n, d]`, at coordinates `[n]`."""
        along = self.first + (coordinate - self.low)[:, None] * self.direction
        return self._on_axis(along, coordinate)

    def value_and_slope(self, coordinate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value and derivative along the line, `[n]` each, at coordinates `[n]`."""
        value, gradient = value_and_gradient(self.f, self.dtype)(self.position(coordinate))
        return value, self.slope(value, gradient)

    def slope(self, value: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The derivative along the line `[n]`, of values `[n]` and gradients `[n, d]`; NaN where the value is."""
        # Only the swept direction's derivatives count: another one may be undefined there without harm.
        swept = self.direction != 0
        with np.errstate(over="ignore", invalid="ignore"):
            slope = (gradient[:, swept] * self.direction[swept].astype(self.dtype)).sum(axis=-1)
            return np.where(np.isnan(value), value, slope)

    def second(self, position: np.ndarray) -> np.ndarray:
        """The second derivative along the line, `[n]`, at positions `[n, d]`."""
        return second_along(self.f, position, self.direction)

    def spacing(self, coordinate: np.ndarray) -> np.ndarray:
        """`[n]`, what the coordinate must change by before the position does, in this dtype."""
        swept = self.position(coordinate)[:, self.direction != 0]
        return np.spacing(np.abs(swept)).max(axis=-1, initial=0.0).astype(np.float64)

    def _on_axis(self, along: np.ndarray, coordinate: np.ndarray) -> np.ndarray:
        if self.axis is not None:
            along[:, self.axis] = coordinate
        return as_points(self.f, along, self.dtype)
