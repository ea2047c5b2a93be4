"""Samples along a line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular, in_short, sample_rows, sampled
from tbgrad.results.trails import Trail

# The last secant's slope is so much nearer than the farthest one's; or as near as rounding allows.
_APPROACHED, _ROUNDED = 0.5, 1e-2
# So many steps between samples, in each of which the value changes by at most so many roundings, are a level stretch.
_LEVEL, _ROUNDINGS = 2, 4


@dataclass(frozen=True)
class Secant:
    """The line through a curve's points at x and at x + h, where x is a tangent's coordinate.

    Attributes:
      h: positive, or negative where the other side is undefined, or beyond the sweep.
      value: of the function at x + h.
      slope: of the chord, (f(x + h) - f(x)) / h.
    """

    h: float
    value: float
    slope: float


@dataclass(frozen=True)
class Tangent:
    """The tangent of a sweep: touches the curve at (coordinate, value) with this slope.

    Attributes:
      coordinate: where it touches.
      value: of the function there.
      slope: the derivative there, along the line.
      secants: through the same point, with h halved each time, all on one side; none where there is no value.
      nearest: one more, whose h is as small as rounding allows, or None where that of the last is.
    """

    coordinate: float
    value: float
    slope: float
    secants: tuple[Secant, ...] = ()
    nearest: Secant | None = None

    @property
    def is_approached(self) -> bool:
        """Whether the secants' slopes go to its own; at a kink they do not, though TensorFlow has a slope there."""
        known = [*self.secants, *([self.nearest] if self.nearest else [])]
        away = [abs(secant.slope - self.slope) for secant in known]
        if not away or not math.isfinite(self.slope):
            return True
        return away[-1] <= max(_APPROACHED * max(away), _ROUNDED * abs(self.slope))


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


@dataclass(frozen=True, eq=False, repr=False)
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
      stationary: where the slope is zero from the first to the last point, in order.
      unsearched: how many more places there are where the slope may be zero, too many to be looked into.
      trail: a path to be shown beside it, or None.
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
    unsearched: int = 0
    trail: Trail | None = None

    @property
    def axis_label(self) -> str:
        """What the coordinate is, for an axis."""
        if self.axis is not None:
            return self.axis
        return f"distance from ({in_short([f'{x:g}' for x in self.position[0]])})"

    @property
    def fixed_words(self) -> str:
        """What is fixed: `y = 1, z = 0`; empty where nothing is."""
        return in_short([f"{name} = {value:g}" for name, value in self.fixed.items()])

    @property
    def coordinate_name(self) -> str:
        """For units: value per this."""
        return self.axis or "distance"

    @property
    def flat(self) -> list[tuple[float, float]]:
        """From where to where the curve is level: at least three samples, rises and slopes no larger than roundings."""
        x, value = self.coordinate.astype(np.float64), self.value.astype(np.float64)
        rounding = _ROUNDINGS * float(np.finfo(self.value.dtype).eps) * np.abs(value)
        with np.errstate(invalid="ignore", over="ignore"):
            way, rise = np.diff(x), np.abs(np.diff(value))
            level = np.abs(self.slope) * np.append(way, way[-1:]) <= rounding
            joined = level[:-1] & level[1:] & (rise <= rounding[1:])
        edges = np.diff(np.concatenate([[False], joined, [False]]).astype(int))
        first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        return [(float(x[i]), float(x[j])) for i, j in zip(first, last, strict=True) if j - i >= _LEVEL]

    @property
    def where(self) -> str:
        """The line in words: `along x from 0 to 6, y = 1`."""
        fixed = f", {self.fixed_words}" if self.fixed else ""
        axis = self.axis or f"the {self.axis_label}"
        return f"along {axis} from {from_to(self.coordinate)}{fixed}"

    def _caption(self) -> str:
        return f"{self.subject.equation} {self.where}, {sampled(len(self.value))}"

    def _rows(self):
        lead = {"distance": self.coordinate} if self.axis is None else {}
        return sample_rows(self.subject, lead, self.position, self.value, self.gradient)


def from_to(coordinate: np.ndarray) -> str:
    """The first and the last of an increasing coordinate, in as many digits as tell them apart: `0 to 6`."""
    low, high = float(coordinate[0]), float(coordinate[-1])
    digits = next((d for d in range(6, 17) if low == high or f"{low:.{d}g}" != f"{high:.{d}g}"), 17)
    return f"{low:.{digits}g} to {high:.{digits}g}"
