"""Samples on a plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular, in_short, sample_rows, sampled
from tbgrad.results.trails import Trail

_MOST_NAMED = 3


@dataclass(frozen=True)
class TangentPlane:
    """The plane that touches a surface at a point.

    Attributes:
      point: (x, y) on the surface's axes.
      value: of the function there; NaN or infinite where it is undefined.
      slope: the derivatives by x and by y there.
    """

    point: tuple[float, float]
    value: float
    slope: tuple[float, float]

    @property
    def is_defined(self) -> bool:
        """Whether there is such a plane: value and slopes are finite."""
        return bool(np.isfinite([self.value, *self.slope]).all())


@dataclass(frozen=True, eq=False)
class Breaks:
    """Where a surface ends or jumps on the way between two neighbouring points of its grid.

    It goes on from the first point up to a share of the way, and from another share on to the second point.

    Attributes:
      along: int `[n]`, whether the second point is the next along x, 0, or along y, 1.
      row: int `[n]`, of the first point.
      column: int `[n]`, of the first point.
      share: `[n, 2]`, how far the surface goes on from either side.
      value: `[n, 2]`, of the function there; NaN on a side where it is undefined.
      slopes: `[n, 2, 2]`, the derivatives along the two axes there.
    """

    along: np.ndarray
    row: np.ndarray
    column: np.ndarray
    share: np.ndarray
    value: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
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
      gradient: `[rows, columns, d]`; NaN where it was not computed.
      tangents: planes at the points asked for.
      breaks: where it ends or jumps between points of the grid, or None where it does not.
      has_gradients: whether they were computed.
      trail: a path to be shown on it, or None.
      labels: what the axes are, in words, or None where their names say it.
    """

    subject: Subject
    axes: tuple[str, str]
    fixed: Mapping[str, float]
    x: np.ndarray
    y: np.ndarray
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    tangents: tuple[TangentPlane, ...] = ()
    breaks: Breaks | None = None
    has_gradients: bool = True
    trail: Trail | None = None
    labels: tuple[str, str] | None = None

    @property
    def columns(self) -> list[int]:
        """The indices of the two axes among the subject's variables."""
        return [self.subject.variables.index(name) for name in self.axes]

    @property
    def slopes(self) -> np.ndarray:
        """`[rows, columns, 2]`, the derivatives along the two axes."""
        return self.gradient[..., self.columns]

    @property
    def fixed_words(self) -> str:
        """What is fixed: `y = 1, z = 0`; empty where nothing is."""
        return in_short([f"{name} = {value:g}" for name, value in self.fixed.items()])

    @property
    def where(self) -> str:
        """The region in words: `x from 0 to 6, y from -6 to 6, z = 0`."""
        ranges = (f"{n} from {c[0]:g} to {c[-1]:g}" for n, c in zip(self.axes, (self.x, self.y), strict=True))
        return ", ".join([*ranges, *([self.fixed_words] if self.fixed else [])])

    @property
    def undefined(self) -> str:
        """Where on the grid the value is not finite, in words; empty where it is everywhere."""
        missing = ~np.isfinite(self.value)
        return f"undefined at {self._places(missing)}" if missing.any() else ""

    @property
    def kinks(self) -> str:
        """Where on the grid there is a value but no gradient, in words; empty where there is none such."""
        missing = self.has_gradients & np.isfinite(self.value) & ~np.isfinite(self.slopes).all(axis=-1)
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

    def _caption(self) -> str:
        return f"{self.subject.equation}, {self.where}, {sampled(self.value.size)}"

    def _rows(self):
        d = self.position.shape[-1]
        flat = self.position.reshape(-1, d), self.value.ravel(), self.gradient.reshape(-1, d)
        return sample_rows(self.subject, {}, *flat)
