"""Pictures that move: the secant that becomes the tangent, and the tangent that moves along the curve."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from tbgrad.figures.canvas import add_legend, drawable, set_title
from tbgrad.figures.curves import is_seen, sweep_title, tangent_ends
from tbgrad.figures.panels import draw_panels, sweep_curves
from tbgrad.figures.paths import PathFigure
from tbgrad.figures.style import GUIDE, SECANT, TANGENT, TEXT
from tbgrad.figures.units import in_units
from tbgrad.results import Sweep, Tangent

# Points between title and axes, for a line about what moves.
_TOLD_ROOM = 17
_FAINT = 0.45
_GUIDE = {"color": GUIDE, "linestyle": ":", "linewidth": 1.2}


def tangent_rows(sweep: Sweep, most: int) -> np.ndarray:
    """Indices `[k]` of samples with value and slope, evenly spaced among these, the first and the last one included."""
    defined = np.flatnonzero(np.isfinite(sweep.value) & np.isfinite(sweep.slope))
    return defined[np.unique(np.linspace(0, len(defined) - 1, min(most, len(defined))).round().astype(int))]


def tangent_figure(sweep: Sweep) -> PathFigure:
    """The curve with its tangent above, the derivative below: its height is the tangent's slope.

    It moves to any sample of the sweep that has value and slope.
    """
    drawn, units = in_units(sweep)
    curves = sweep_curves(drawn, units)[:2]
    figure, (top, bottom) = draw_panels(drawn, [[curve] for curve in curves], units)
    bottom.set_ylim(*(extreme(0, end) for extreme, end in zip((min, max), bottom.get_ylim(), strict=True)))
    (line,) = top.plot([], [], color=TANGENT, label="tangent", zorder=3)
    (touch,) = top.plot([], [], "o", color=TANGENT, zorder=4)
    (height,) = bottom.plot([], [], color=TANGENT, linewidth=2.2, zorder=3, label="slope as height")
    (end,) = bottom.plot([], [], "o", color=TANGENT, zorder=4)
    guides = [axes.axvline(0, **_GUIDE) for axes in (top, bottom)]
    told = _told(top)
    set_title(top, *sweep_title(sweep), room=_TOLD_ROOM)

    def move(row: int) -> None:
        x, value, slope = (float(a[row]) for a in (drawn.coordinate, drawn.value, drawn.slope))
        tangent = Tangent(x, *drawable(np.array([value, slope])).tolist())
        line.set_data(*tangent_ends(drawn, tangent)[:2].T)
        touch.set_data([x], [tangent.value])
        height.set_data([x, x], [0, tangent.slope])
        end.set_data([x], [tangent.slope])
        for guide in guides:
            guide.set_xdata([x, x])
        told.set_text(f"at {sweep.coordinate[row]:.4g}: value {sweep.value[row]:.4g}, slope {sweep.slope[row]:.4g}")

    rows = tangent_rows(sweep, 3)
    move(int(rows[len(rows) // 2]) if len(rows) else 0)
    add_legend(figure, [curve.label for curve in curves])
    return PathFigure(figure, (*guides, line, touch, height, end, told), move)


def secant_figure(sweep: Sweep, tangent: Tangent) -> PathFigure:
    """The curve, a tangent, and the line through x and x + h with the triangle of its slope.

    It moves to any of the tangent's secants, by number.
    """
    drawn, units = in_units(sweep)
    number = sweep.tangents.index(tangent)
    as_drawn = drawn.tangents[number]
    figure, (axes,) = draw_panels(drawn, [sweep_curves(drawn, units)[:1]], units)
    if is_seen(as_drawn):
        axes.axline((as_drawn.coordinate, as_drawn.value), slope=as_drawn.slope, color=TANGENT, alpha=_FAINT,
                    label="tangent")  # fmt: skip
    axes.plot(as_drawn.coordinate, as_drawn.value, "o", color=TANGENT, zorder=4)
    (triangle,) = axes.plot([], [], zorder=3, **_GUIDE)
    (line,) = axes.plot([], [], label="secant", zorder=3, **SECANT)
    (other,) = axes.plot([], [], "o", color=SECANT["color"], zorder=4)
    told = _told(axes)
    set_title(axes, *sweep_title(sweep), room=_TOLD_ROOM)
    ends = np.array(axes.get_xlim())
    limit = f"tangent {tangent.slope:.4g}" if is_seen(as_drawn) else "no tangent"

    def move(row: int) -> None:
        chord, x, y = as_drawn.secants[row], as_drawn.coordinate, as_drawn.value
        line.set_data(ends, y + chord.slope * (ends - x))
        other.set_data([x + chord.h], [chord.value])
        triangle.set_data([x, x + chord.h, x + chord.h], [y, y, chord.value])
        secant = tangent.secants[row]
        told.set_text(f"h = {secant.h:.4g}, slope: secant {secant.slope:.4g}, {limit}")

    move(0)
    add_legend(figure)
    return PathFigure(figure, (triangle, line, other, told), move)


def _told(axes: Axes) -> Annotation:
    """Above the axes, in the middle of the page, whatever it says."""
    where = ("figure fraction", "axes fraction")
    return axes.annotate(
        "", (0.5, 1), (0, 3), where, "offset points", ha="center", va="bottom", fontsize=TEXT, in_layout=False
    )
