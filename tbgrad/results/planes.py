"""A line or a plane through the space of many variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# So many numbers are projected at once: of a network's weights a copy of all positions would not fit into memory.
_NUMBERS_AT_ONCE = 2**22


@dataclass(frozen=True, eq=False)
class Plane:
    """A line or a plane on which a function of many variables is shown, or a path.

    Its coordinates count directions: the point (s, t) is origin + s·directions[0] + t·directions[1]. They are in units
    of position where the directions have length one.

    Attributes:
      origin: `[d]`, the point where all coordinates are zero.
      directions: `[k, d]`, k = 1 or 2, linearly independent; of any length, and at any angle.
      explained: of a path, the shares of its variance along each direction; where the directions are perpendicular,
        their sum is what the plane shows of it. None where it is of no path.
      axes: what each direction is, in words that begin with the coordinate's name: `along: from start to end`, or the
        name alone.
      through_end: whether the first direction leads from a path's start to its end.
      caption: what was chosen, and what was normalised, as a sentence without its full stop; or empty.
    """

    origin: np.ndarray
    directions: np.ndarray
    explained: tuple[float, ...] | None = None
    axes: tuple[str, ...] = ("along", "across")
    through_end: bool = False
    caption: str = ""

    def __post_init__(self):
        object.__setattr__(self, "axes", tuple(self.axes[: len(self.directions)]))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return tuple(axis.partition(":")[0] for axis in self.axes)

    def project(self, position: np.ndarray) -> np.ndarray:
        """The feet `[..., k]` of positions `[..., d]` on it; not finite where a position is not.

        Directions that are not perpendicular share what they have in common: it is the least-squares solution.
        """
        position = np.asarray(position)
        rows = position.reshape(-1, position.shape[-1])
        # Squares of tiny and of huge directions would leave the floats.
        sizes = np.abs(self.directions).max(axis=1).astype(np.float64)
        directions = self.directions / sizes[:, None]
        at_once = max(1, _NUMBERS_AT_ONCE // rows.shape[1])
        with np.errstate(over="ignore", invalid="ignore"):
            firsts = range(0, len(rows), at_once)
            parts = [np.subtract(rows[i : i + at_once], self.origin, dtype=np.float64) @ directions.T for i in firsts]
            along = np.concatenate(parts) if parts else np.zeros((0, len(sizes)))
            feet = np.linalg.solve(directions @ directions.T, along.T).T / sizes
        return feet.reshape(*position.shape[:-1], len(sizes))

    def at(self, coordinates: np.ndarray) -> np.ndarray:
        """The points `[..., d]` at coordinates `[..., k]`."""
        return self.origin + np.asarray(coordinates) @ self.directions

    def distance(self, position: np.ndarray) -> np.ndarray:
        """How far `[...]` positions `[..., d]` are off it."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.linalg.norm(position - self.at(self.project(position)), axis=-1)
