"""A path whose colour says which step it is: orange at first, dark at last, logarithmic in the step.

Early steps are long and few, late ones short and many: on a linear scale nearly all that is seen of a path would have
the first colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure

from tbgrad.figures import style
from tbgrad.figures.canvas import add_bar

_WIDTH, _DOT = 1.7, 3.6
# White around it parts a path from what it lies on.
_CASING = 1.5
# Of longer paths no more than so many points are drawn.
_MOST_DRAWN = 6_000
_SHADES = 32


def some_colours() -> list[str]:
    """Colours of steps, the first and the last among them, so near to each other that between them none is missed."""
    return [to_hex(colour) for colour in style.step_map()(np.linspace(0, 1, _SHADES))]


def step_colours(last: int) -> ScalarMappable:
    """Steps from 1 to the last, as colours; a line's colour is that of the step at which it ends."""
    return ScalarMappable(LogNorm(1, max(2, last)), style.step_map())


def add_step_bar(figure: Figure, axes: Axes | Sequence[Axes], last: int) -> None:
    """Says which colour is which step, beside axes or several above each other; nothing where there is a single one."""
    if last < 2:
        return
    bar = add_bar(figure, axes, step_colours(last), "", pad=0.03)
    # Below the bar it takes less room than along it.
    bar.ax.set_xlabel("step", fontsize=style.TEXT, loc="left")
    ticks = _round_steps(last)
    bar.set_ticks(ticks, labels=[f"{tick:,}" for tick in ticks])
    bar.ax.minorticks_off()


def _round_steps(last: int) -> list[int]:
    """1, 10, 100, ..., or for few steps 1, 2, 5, 10, ..., and the last."""
    digits = (1, 2, 5) if last < 100 else (1,)
    ticks = [digit * 10**k for k in range(len(str(last))) for digit in digits if digit * 10**k <= last]
    return [tick for tick in ticks if tick == 1 or tick * 3 < last] + [last]


class Track:
    """A path on axes that can be drawn up to any of its rows.

    Args:
      axes: where.
      at: `[rows, 2]`, places on the axes; NaN where nothing is to be seen.
      step: int64 `[rows]`, the steps made before each row.
      last: the last step that has a colour.
      label: for the legend.
    """

    def __init__(self, axes: Axes, at: np.ndarray, step: np.ndarray, last: int, label: str = "path"):
        self._at, self._step, self._drawn = at, step, drawn_rows(len(at) - 1)
        colours = step_colours(last)
        (self._casing,) = axes.plot([], [], color="white", linewidth=_WIDTH + _CASING, solid_joinstyle="round")
        shared = {"cmap": colours.cmap, "norm": colours.norm}
        self._line = LineCollection([], linewidths=_WIDTH, capstyle="round", zorder=2.1, **shared)
        axes.add_collection(self._line, autolim=False)
        self._dots = axes.scatter([], [], c=[], s=_DOT**2, linewidths=0, zorder=2.2, **shared)
        for artist in self.artists:
            artist.set_gid("path")
        axes.plot([], [], ".-", color=colours.to_rgba(max(2, last) ** 0.5), linewidth=_WIDTH, label=label)

    @property
    def artists(self) -> Sequence[Artist]:
        """What moves."""
        return self._casing, self._line, self._dots

    def move(self, row: int) -> None:
        """Shows the path up to a row."""
        rows = np.append(self._drawn[self._drawn < row], row)
        points, step = self._at[rows], self._step[rows]
        self._casing.set_data(*points.T)
        self._line.set_segments(np.stack([points[:-1], points[1:]], axis=1))
        self._line.set_array(np.maximum(step[1:], 1))
        self._dots.set_offsets(points)
        self._dots.set_array(np.maximum(step, 1))


def drawn_rows(last: int) -> np.ndarray:
    """All rows, or of very many some thousands: the first ones, and then ever fewer, but never far apart."""
    if last < _MOST_DRAWN:
        return np.arange(last + 1)
    half = _MOST_DRAWN // 2
    spaced = np.concatenate([np.geomspace(1, last, half) - 1, np.linspace(0, last, half)])
    return np.unique(spaced.round().astype(int))
