"""A path on the pictures of a surface or a sweep: where it starts, how it goes on, step by step, and where it ends."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from tbgrad.figures.canvas import drawable
from tbgrad.figures.steps import Track
from tbgrad.figures.style import MARK
from tbgrad.results import Surface, Sweep, Trail

_CASING, _LINE = 3.4, 1.6
# Above what Matplotlib sorts by its distance: as a whole a path is neither before nor behind a surface.
_ON_TOP = 101
_COLOUR = "#CC3311"
# What is beyond the heights by less than this share of them is not told to be cut.
_HARDLY = 0.02
# A mark's size as a share of the picture's sides: a path that is shorter lies below it.
_MARK_SHARE = 0.03


def draw_trail(axes: Axes, trail: Trail, at: np.ndarray, last: int) -> bool:
    """Draws a path through places `[n, 2]` on flat axes whose limits are set, coloured by step, with start and end.

    Returns:
      Whether the way can be seen. A path that would lie below the mark at its end, as it does on a plane of random
      directions, is that mark alone.
    """
    sides = np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1)
    if len(at) > 1 and (np.abs(at - at[-1]) <= _MARK_SHARE * sides).all():
        axes.plot(*at[-1], marker="X", markersize=9, label="path: its start and end are here", zorder=3.5, **MARK)
        return False
    track = Track(axes, at, trail.step, last)
    track.move(len(at) - 1)
    for place, marker, size, label in ((at[0], "o", 8, "start"), (at[-1], "X", 9, "end")):
        if np.isfinite(place).all():
            axes.plot(*place, marker=marker, markersize=size, label=label, zorder=3.5, **MARK)
    return True


def on_surface(surface: Surface) -> np.ndarray:
    """Places `[n, 2]` of the path on the surface's axes; NaN outside the picture."""
    at = surface.trail.at.copy()
    low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
    at[~((at >= low) & (at <= high)).all(axis=1)] = np.nan
    return at


def beside_curve(sweep: Sweep) -> np.ndarray:
    """Places `[n, 2]` of the path as coordinate and value; NaN outside the picture."""
    at = np.column_stack([sweep.trail.at[:, 0], drawable(sweep.trail.value)])
    at[~((at[:, 0] >= sweep.coordinate[0]) & (at[:, 0] <= sweep.coordinate[-1]))] = np.nan
    return at


def draw_trail_in_space(axes: Axes, surface: Surface, low: float, high: float) -> None:
    """Draws the path at its own values, those beyond the heights' limits at the limit; before the surface."""
    own = drawable(surface.trail.value)
    reach = _HARDLY * (high - low)
    label = "path, at its own values" + ", cut" * bool(((own < low - reach) | (own > high + reach)).any())
    points = np.column_stack([on_surface(surface), own.clip(low, high)]).T
    axes.plot(*points, color="white", linewidth=_CASING, zorder=_ON_TOP)
    axes.plot(*points, color=_COLOUR, linewidth=_LINE, zorder=_ON_TOP + 1, label=label)
    for place, marker, size, label in ((points[:, 0], "o", 6, "start"), (points[:, -1], "X", 7, "end")):
        if np.isfinite(place).all():
            axes.plot(*place[:, None], marker=marker, markersize=size, label=label, zorder=_ON_TOP + 2, **MARK)


def trail_words(trail: Trail, at: np.ndarray) -> str:
    """What the picture does not show of a path whose places in it are these, in words."""
    outside = int((~np.isfinite(at).all(axis=1)).sum())
    left = f"{outside:,} of the path's {len(at):,} points are outside the picture" if outside else ""
    return "; ".join(filter(None, [trail.words, left]))
