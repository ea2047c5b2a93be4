"""Samples along a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular, sample_rows


@dataclass(frozen=True)
class Secant:
    """The line through a curve's points at x and at x + h, where x is a tangent's coordinate.

    Attributes:
      h: positive, or negative where the curve is not defined on the other side.
      value: of the function at x + h.
    """

    h: float
    value: float


@dataclass(frozen=True)
class Tangent:
    """The tangent of a sweep: touches the curve at (coordinate, value) with this slope.

    Attributes:
      coordinate: where it touches.
      value: of the function there.
      slope: the derivative there, along the line.
      secants: through the same point, with h ever smaller.
    """

    coordinate: float
    value: float
    slope: float
    secants: tuple[Secant, ...] = ()


@dataclass(frozen=True)
class Stationary:
    """A point of a curve where the slope is zero.

    Attributes:
      coordinate: where it is.
      value: of the function there.
      kind: `minimum`, `maximum` or `inflection`, of the curve.
    """

    coordinate: float
    value: float
    kind: str


@dataclass(frozen=True, eq=False)
class Sweep(Tabular):
    """Value and gradient along a line.

    Attributes:
      subject: the function.
      axis: the swept variable's name, or None on a line between two points.
      fixed: values of the other variables, by name.
      coordinate: `[n]`, the swept variable, or the distance from the line's first point.
      position: `[n, d]`.
      value: `[n]`.
      gradient: `[n, d]`.
      slope: `[n]`, the derivative along the line.
      tangents: at the points asked for.
      second: `[n]`, the second derivative along the line, or None where it was not asked for.
      stationary: where the slope is zero between the first and the last point, in order.
    """

    subject: Subject
    axis: str | None
    fixed: Mapping[str, float]
    coordinate: np.ndarray
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    slope: np.ndarray
    tangents: tuple[Tangent, ...] = ()
    second: np.ndarray | None = None
    stationary: tuple[Stationary, ...] = ()

    @property
    def axis_label(self) -> str:
        """What the coordinate is, for an axis."""
        if self.axis is not None:
            return self.axis
        first = ", ".join(f"{x:g}" for x in self.position[0])
        return f"distance from ({first})"

    @property
    def where(self) -> str:
        """The line in words: `along x from 0 to 6, y = 1`."""
        fixed = "".join(f", {name} = {value:g}" for name, value in self.fixed.items())
        axis = self.axis or f"the {self.axis_label}"
        return f"along {axis} from {self.coordinate[0]:g} to {self.coordinate[-1]:g}{fixed}"

    def _rows(self):
        lead = {"distance": self.coordinate} if self.axis is None else {}
        return sample_rows(self.subject, lead, self.position, self.value, self.gradient)
