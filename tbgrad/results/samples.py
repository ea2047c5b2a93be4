"""Samples at points, along lines and on planes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular, sample_rows

_MOST_NAMED = 3


@dataclass(frozen=True, eq=False)
class Evaluation(Tabular):
    """Value and gradient at points: position `[n, d]`, value `[n]`, gradient `[n, d]`."""

    subject: Subject
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Bool `[n]`: value and whole gradient are finite."""
        return np.isfinite(self.value) & np.isfinite(self.gradient).all(axis=-1)

    def _rows(self):
        return sample_rows(self.subject, {}, self.position, self.value, self.gradient)


@dataclass(frozen=True)
class Tangent:
    """The tangent of a sweep: touches the curve at (coordinate, value) with this slope."""

    coordinate: float
    value: float
    slope: float


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


@dataclass(frozen=True, eq=False)
class Surface(Tabular):
    """Value and gradient on a plane along two variables.

    Attributes:
      subject: the function.
      axes: the names of the variable along columns and of the one along rows.
      fixed: values of the other variables, by name.
      x: `[columns]`, coordinates of the first axis.
      y: `[rows]`, coordinates of the second.
      position: `[rows, columns, d]`.
      value: `[rows, columns]`.
      gradient: `[rows, columns, d]`.
    """

    subject: Subject
    axes: tuple[str, str]
    fixed: Mapping[str, float]
    x: np.ndarray
    y: np.ndarray
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray

    @property
    def where(self) -> str:
        """The region in words: `x from 0 to 6, y from -6 to 6, z = 0`."""
        ranges = (f"{n} from {c[0]:g} to {c[-1]:g}" for n, c in zip(self.axes, (self.x, self.y), strict=True))
        return ", ".join([*ranges, *(f"{name} = {value:g}" for name, value in self.fixed.items())])

    @property
    def undefined(self) -> str:
        """Where on the grid the value is not finite, in words; empty where it is everywhere."""
        missing = ~np.isfinite(self.value)
        return f"undefined at {self._places(missing)}" if missing.any() else ""

    @property
    def kinks(self) -> str:
        """Where on the grid there is a value but no gradient, in words; empty where there is none such."""
        variables = [self.subject.variables.index(name) for name in self.axes]
        missing = np.isfinite(self.value) & ~np.isfinite(self.gradient[..., variables]).all(axis=-1)
        return f"no gradient at {self._places(missing)}" if missing.any() else ""

    def _places(self, missing: np.ndarray) -> str:
        """Some points of the grid in words: whole lines of it, a few points, or how many."""
        lines = []
        for name, coordinate, whole in zip(self.axes, (self.x, self.y), (missing.all(0), missing.all(1)), strict=True):
            lines += [f"{name} = {x:g}" for x in coordinate[whole]]
        along = missing.all(0)[None, :] | missing.all(1)[:, None]
        if 0 < len(lines) <= _MOST_NAMED and (along == missing).all():
            return " or ".join(lines)
        if missing.sum() <= _MOST_NAMED:
            return ", ".join(f"({self.x[column]:g}, {self.y[row]:g})" for row, column in np.argwhere(missing))
        return f"{missing.sum():,} of {missing.size:,} points"

    def _rows(self):
        d = self.position.shape[-1]
        flat = self.position.reshape(-1, d), self.value.ravel(), self.gradient.reshape(-1, d)
        return sample_rows(self.subject, {}, *flat)
