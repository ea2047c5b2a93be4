"""Arrows on a path: straight downhill, and where the update really goes.

Their directions are what matters; all are as long, but for what points out of the picture's plane.
"""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.path import Path

from tbgrad.results import Descent

# An update that is so nearly downhill is not told apart from it.
_SAME_WAY = 0.95
MOST = 10
# In shares of the picture's side: the arrows along the path, and how far they are apart.
_LENGTH, _APART = 0.1, 0.13
# Those at the present position; where they agree, the update is seen upon the way downhill.
_PRESENT = (0.15, 0.11)
_WIDTH = 0.011
# A gradient that is so small beside the one at the start is zero: what is left of it has no direction to tell.
_ZERO = 1e-6
# An update by fewer units in a position's last place says nothing about its direction.
_ROUNDING = 16
# Filling and edge.
DOWNHILL, UPDATE = ("white", "black"), ("black", "white")
# As quiver draws them, for the legend.
_SHAPE = Path([(-1, -0.12), (0.25, -0.12), (0.25, -0.42), (1, 0), (0.25, 0.42), (0.25, 0.12), (-1, 0.12), (-1, -0.12)])


def directions(descent: Descent) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the start that ends best should go, and where it goes, at each row.

    Returns:
      The negative gradient and the update, each `[rows, d]` in float64 and of length one; NaN where there is no such
      direction: where the gradient is as good as zero or not finite, where the update is lost in rounding, or where the
      next step was not recorded. And bool `[rows]`, where the two differ enough to be seen.
    """
    best = descent.best_start
    position, gradient = (array[:, best].astype(np.float64) for array in (descent.position, descent.gradient))
    update = np.full_like(position, np.nan)
    with np.errstate(all="ignore"):
        update[:-1] = np.diff(position, axis=0)
        update[:-1][np.diff(descent.best_step) != 1] = np.nan
        least = _ROUNDING * np.finfo(descent.position.dtype).eps * np.linalg.norm(position, axis=1)
        update[np.linalg.norm(update, axis=1) <= least] = np.nan
        size = np.abs(gradient).max(axis=1)
        gradient[~(size > _ZERO * max(1.0, size[0]))] = np.nan
        downhill, update = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (-gradient, update))
        return downhill, update, (downhill * update).sum(axis=1) < _SAME_WAY


def seen(vectors: np.ndarray, sides: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
    """Vectors `[rows, 2]` on the axes, in shares of the picture's sides, made as long as `share` says."""
    with np.errstate(all="ignore"):
        shares = vectors / sides
        return shares / np.linalg.norm(shares, axis=1, keepdims=True) * np.reshape(share, (-1, 1))


class Arrows:
    """The two arrows at some rows of a path, and longer ones at the present row.

    Args:
      axes: where.
      at: `[rows, 2]`, each row's place on the axes; NaN where nothing is to be seen.
      downhill: `[rows, 2]`, the negative gradient's direction in shares of the picture's sides, of length one or, where
        it points out of the picture's plane, less; NaN for none.
      update: the same of the update.
      differs: bool `[rows]`, where the two are to be told apart.
      sides: `[2]`, the picture's sides in units of the axes.
      most: at how many rows beside the present one.
    """

    def __init__(self, axes: Axes, at: np.ndarray, downhill: np.ndarray, update: np.ndarray, differs: np.ndarray,
                 sides: np.ndarray, most: int = MOST):  # fmt: skip
        self._at, self._sides = at, sides
        visible = np.isfinite(at).all(axis=1)
        differs = differs & visible & np.isfinite(downhill + update).all(axis=1)
        self._rows = _spaced(at / sides, differs, most)
        self._directions = (downhill, update)
        self.artists: list[Artist] = []
        labels = ("downhill (−gradient)", "update") if differs.any() else ("downhill, and update",)
        labels = labels if (visible & np.isfinite(downhill).all(axis=1)).any() else ()
        for label, (fill, edge) in zip(labels, (DOWNHILL, UPDATE), strict=False):
            none = np.zeros(len(self._rows) + 1)
            self.artists.append(axes.quiver(none, none, none, none, angles="xy", scale_units="xy", scale=1, zorder=3,
                                            width=_WIDTH, units="height", headwidth=3.0, headlength=3.0,
                                            headaxislength=2.9, color=fill, edgecolor=edge, linewidth=0.6))  # fmt: skip
            axes.plot([], [], linestyle="none", marker=_SHAPE, markersize=17, markerfacecolor=fill, markeredgewidth=0.6,
                      markeredgecolor="black", label=label)  # fmt: skip

    def move(self, row: int) -> None:
        """Shows the arrows of the rows before this one, and those of this one."""
        rows = np.append(self._rows, row)
        before = np.where(self._rows < row, _LENGTH, np.nan)
        for artist, directions, present in zip(self.artists, self._directions, _PRESENT, strict=False):
            lengths = np.append(before, present)
            arrows = lengths[:, None] * self._sides * directions[rows]
            hidden = ~np.isfinite(arrows + self._at[rows]).all(axis=1)
            artist.set_offsets(np.where(hidden[:, None], 0, self._at[rows]))
            artist.set_UVC(*(np.ma.array(part, mask=hidden) for part in arrows.T))


def _spaced(places: np.ndarray, wanted: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the wanted rows, evenly spaced along the path as it is seen, and none upon another."""
    rows = np.flatnonzero(wanted)
    if not (rows.size and most):
        return np.zeros(0, np.int64)
    moves = np.linalg.norm(np.diff(places, axis=0), axis=1)
    way = np.concatenate([[0.0], np.nancumsum(moves)])[rows]
    chosen: list[int] = []
    for target in np.linspace(way[0], way[-1], most):
        row = rows[np.abs(way - target).argmin()]
        if all(np.linalg.norm(places[row] - places[other]) >= _APART for other in chosen):
            chosen.append(row)
    return np.array(sorted(chosen), dtype=np.int64)
