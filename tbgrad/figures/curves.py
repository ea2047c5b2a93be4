"""The picture of a sweep: f, its derivatives, tangents and stationary points, over the real axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, drawable, set_title, title
from tbgrad.figures.labels import Label, add_labels
from tbgrad.figures.panels import curve_limits, draw_panels, grouped, sweep_curves
from tbgrad.figures.steps import add_step_bar
from tbgrad.figures.style import LEGEND, MARK, TANGENT
from tbgrad.figures.trails import beside_curve, draw_trail, trail_words
from tbgrad.figures.units import in_units
from tbgrad.results import Stationary, Sweep, Tangent

# Of the sweep's width, to each side of where a tangent touches.
_REACH = 0.18
# Of the picture's height: a point that differs less from those beside it is not seen to be one.
_SEEN = 0.01
_MOST_MARKED = 40
_MARKERS = {"minimum": "v", "maximum": "^", "inflection": "D"}


def curve_figure(sweep: Sweep) -> Figure:
    """Draws f, its derivatives along the line, tangents with their slopes, where the slope is zero, and the path.

    Curves of one size share an axis; one that would be flattened there has an axis of its own below.
    """
    drawn, units = in_units(sweep)
    groups = grouped(sweep_curves(drawn, units), _MOST_MARKED, len(sweep.stationary))
    figure, panels = draw_panels(drawn, groups, units)
    top, trail = panels[0], drawn.trail
    if trail is not None:
        at, last = beside_curve(drawn), int(trail.step[-1])
        (low, high), (lowest, highest) = top.get_ylim(), curve_limits(at[:, 1])
        if np.isfinite(at).any():
            top.set_ylim(min(low, lowest), max(high, highest))
        is_drawn = draw_trail(top, trail, at, last)
    marked = marked_points(drawn, top.get_ylim())
    _draw_stationary(top, marked)
    touching = [(t, as_drawn) for t, as_drawn in zip(sweep.tangents, drawn.tangents, strict=True) if is_seen(as_drawn)]
    for _, as_drawn in touching:
        _draw_tangent(top, drawn, as_drawn)
    said = [*sweep_title(sweep), *_said(sweep, drawn, len(marked))]
    if trail is None:
        set_title(top, *said)
    else:
        set_title(top, *said, trail_words(trail, at), width=0.97, side="page")
        if is_drawn:
            add_step_bar(figure, panels, last)
    add_legend(figure, [curve.label for curves in groups for curve in curves])
    labels = [Label(_slope_words(t, len(touching)), tangent_ends(drawn, as_drawn)) for t, as_drawn in touching]
    add_labels(figure, top, labels, color=TANGENT, fontsize=LEGEND)
    return figure


def sweep_title(sweep: Sweep) -> tuple[str, str, str]:
    """The function, what is fixed, and how it is shown."""
    return title(sweep.subject), sweep.fixed_words, sweep.subject.caption


def tangent_ends(sweep: Sweep, tangent: Tangent) -> np.ndarray:
    """Points `[5, 2]` of a tangent as it is drawn, the outer ones first."""
    width = float(sweep.coordinate[-1] - sweep.coordinate[0]) or 2.0
    along = np.array([-1, 1, -0.5, 0.5, 0]) * _REACH * width
    return np.stack([tangent.coordinate + along, tangent.value + tangent.slope * along], axis=1)


def is_seen(tangent: Tangent) -> bool:
    """Whether it has a value and a slope."""
    return bool(np.isfinite(drawable([tangent.value, tangent.slope])).all())


def _draw_tangent(axes: Axes, sweep: Sweep, tangent: Tangent) -> None:
    axes.plot(*tangent_ends(sweep, tangent)[:2].T, color=TANGENT, label="tangent")
    axes.plot(tangent.coordinate, tangent.value, "o", color=TANGENT, zorder=4)


def _slope_words(tangent: Tangent, tangents: int) -> str:
    return f"slope {tangent.slope:.6g}" if tangents == 1 else f"at {tangent.coordinate:g}: slope {tangent.slope:.4g}"


def marked_points(sweep: Sweep, limits: tuple[float, float]) -> list[Stationary]:
    """The stationary points that a picture marks whose values lie between these limits.

    In a tail that is all but flat none can be seen; of very many the lowest minimum and the highest maximum are enough.
    """
    if not sweep.stationary:
        return []
    finite = sweep.value[np.isfinite(sweep.value)]
    values = np.array([finite[0], *(p.value for p in sweep.stationary), finite[-1]], dtype=np.float64)
    change = np.abs(np.diff(values))
    seen = np.maximum(change[:-1], change[1:]) >= _SEEN * (limits[1] - limits[0])
    seen &= (values[1:-1] >= limits[0]) & (values[1:-1] <= limits[1])
    points = [p for p, is_one in zip(sweep.stationary, seen, strict=True) if is_one]
    if len(points) <= _MOST_MARKED:
        return points
    minima, maxima = ([p for p in points if p.kind == kind] for kind in ("minimum", "maximum"))
    extremes = min(minima, key=_value, default=None), max(maxima, key=_value, default=None)
    return [p for p in extremes if p is not None]


def _value(point: Stationary) -> float:
    return point.value


def _draw_stationary(axes: Axes, points: Sequence[Stationary]) -> None:
    for kind, marker in _MARKERS.items():
        places = np.array([(p.coordinate, p.value) for p in points if p.kind == kind]).reshape(-1, 2).T
        if places.size:
            axes.plot(*places, marker, markersize=6, label=kind, zorder=3, clip_on=False, **MARK)


def _said(sweep: Sweep, drawn: Sweep, marked: int) -> list[str]:
    """What the picture leaves out, and what of it is not what it seems."""
    said = []
    for tangent, as_drawn in zip(sweep.tangents, drawn.tangents, strict=True):
        if not is_seen(as_drawn):
            why = "no derivative" if np.isfinite(tangent.value) else "no value"
            said.append(f"no tangent at {tangent.coordinate:g}: f has {why} there")
        elif not tangent.is_approached:
            said.append(f"at {tangent.coordinate:g} secants do not go to the tangent: a kink or a jump")
    count = len(sweep.stationary) + sweep.unsearched
    if marked < count:
        which = (
            "the lowest and the highest" if count > _MOST_MARKED and marked == 2 else f"{marked:,}" if marked else "not"
        )
        said.append(f"{count:,} {'point' if count == 1 else 'points'} with slope 0, {which} marked")
    return ["; ".join(said)] if said else []
