"""A race: all paths on one landscape, as far as a step."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tbgrad.figures.canvas import new_figure, set_title, title
from tbgrad.figures.contours import draw_contours, draw_minima
from tbgrad.figures.curves import sweep_title
from tbgrad.figures.gaps import draw_undefined
from tbgrad.figures.panels import sweep_curves
from tbgrad.figures.paths import PathFigure
from tbgrad.figures.standings import Standings
from tbgrad.figures.steps import drawn_rows
from tbgrad.figures.style import LEGEND, MARK, MINIMUM, RACERS, TEXT, UNDEFINED, VALUE
from tbgrad.figures.units import Units
from tbgrad.results import Race, Sweep

_WHOLE_PAGE, _BAR_LETTERS, _MILESTONES = 0.97, 24, 3
_HATCHED = {"color": "white", "markeredgecolor": UNDEFINED, "linestyle": "none"}
# A racer that will have diverged is said to have when its number is so many times that of the start.
_LOST = 1e6
# A path that is so many times as long as the picture's sides fills an area.
_TANGLED = 4.0
# In points: lines, their white edge, markers; between title and axes, for a line about the step.
_WIDEST, _NARROWEST, _EDGE, _NOW, _MILESTONE, _TOLD_ROOM = 3.0, 1.1, 1.6, 7.5, 3.5, 17


def race_figure(race: Race) -> PathFigure | None:
    """Draws all paths on the race's landscape; None where there is none.

    What moves has each racer's path up to a step, its position there, and its number in the standings. Beyond the
    landscape a path is cut off.
    """
    if race.landscape is None:
        return None
    figure, axes = new_figure()
    ways = _on_curve(figure, axes, race) if isinstance(race.landscape, Sweep) else _on_contours(figure, axes, race)
    return _moving(figure, axes, race, ways)


def race_caption(race: Race) -> str:
    """What the numbers are, in a line."""
    what = "value" if race.gap is None else "value above the known minimum"
    then = f"{race.target_rule}" if race.gap is None else f"{race.target - race.subject.minimum:.4g} above it"
    return f"numbers: {what}" + (f", or steps to {then}" if np.isfinite(race.target) else "")


def standing(race: Race, k: int, step: int, arrival: np.ndarray, series: np.ndarray) -> str:
    """What is said of a racer at a step: how many it took to arrive, or its value, or what became of it."""
    if step >= arrival[k]:
        return f"{arrival[k]:,.0f} step" + "s" * bool(arrival[k] != 1)
    if race.failed[k] and not abs(series[step, k]) < _LOST * max(1.0, abs(series[0, k])):
        return race.verdicts[k].status.words
    if not np.isfinite(series[step, k]):
        return "undefined"
    # Always three digits, so that they stand still.
    return f"{series[step, k]:#.3g}".removesuffix(".")


def race_colours(race: Race) -> list[str]:
    """The colours of the racers, which an animation is to keep."""
    return [style["color"] for style in RACERS[: len(race)]]


def _on_contours(figure: Figure, axes: Axes, race: Race) -> list[np.ndarray]:
    surface = race.landscape
    draw_contours(figure, axes, surface, muted=True)
    # Beside a low picture there is room for little.
    bar = figure.axes[-1]
    bar.set_ylabel(textwrap.fill(bar.get_ylabel().replace("\n", " "), _BAR_LETTERS), size=LEGEND)
    low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    # A number to be added to all ticks would be written over the line about the step.
    axes.ticklabel_format(useOffset=False)
    draw_minima(axes, surface)
    told = [race_caption(race)]
    if race.plane is not None:
        along, across = race.plane.axes
        axes.set(xlabel=along, ylabel=textwrap.fill(across, _BAR_LETTERS))
        where = f"a plane in {len(race.subject.variables):,} dimensions"
        told.append(f"{where} that shows {sum(race.plane.explained):.0%} of the paths' variance")
    set_title(axes, title(race.subject), *told, width=_WHOLE_PAGE, room=_TOLD_ROOM, side="page")
    return [_cut(race.on_landscape(d.position[:, 0]), low, high) for d in race.descents]


def _on_curve(figure: Figure, axes: Axes, race: Race) -> list[np.ndarray]:
    sweep = race.landscape
    curve = sweep_curves(sweep, Units())[0]
    axes.plot(curve.x, curve.y, label="f", **VALUE)
    axes.set(xlim=(sweep.coordinate[0], sweep.coordinate[-1]), ylim=curve.limits)
    for minimum in race.subject.minima:
        x = np.array(minimum.points)[:, 0]
        axes.plot(x, np.full(len(x), minimum.value), "*", markersize=13, label="known minimum", **MINIMUM)
    draw_undefined(axes, sweep)
    axes.set(xlabel=sweep.axis_label, ylabel="value")
    set_title(axes, *sweep_title(sweep), race_caption(race), width=_WHOLE_PAGE, room=_TOLD_ROOM, side="page")
    ways = [np.column_stack([d.position[:, 0, 0], d.value[:, 0]]) for d in race.descents]
    low, high = np.array([sweep.coordinate[0], curve.limits[0]]), np.array([sweep.coordinate[-1], curve.limits[1]])
    return [_cut(way, low, high) for way in ways]


def _moving(figure: Figure, axes: Axes, race: Race, ways: list[np.ndarray]) -> PathFigure:
    """Adds paths, milestones, positions, and above the axes which step that is."""
    edges, paths, marks, places = ([Line2D([], []) for _ in ways] for _ in range(4))
    below, widths = _covering(axes, ways)
    widths[race.failed] = _NARROWEST
    for k, style in enumerate(RACERS[: len(race)]):
        line = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": widths[k]}
        marker = {"color": style["color"], "marker": style["marker"], "linestyle": "none", "markeredgecolor": "white"}
        edges[k].set(color="white", linewidth=widths[k] + _EDGE)
        paths[k].set(**line)
        marks[k].set(**marker, markersize=_MILESTONE, markeredgewidth=0.4)
        places[k].set(**marker, markersize=_NOW, markeredgewidth=0.9)
    # All edges first: beside another's path an edge would look like a gap in it.
    moving = [group[k] for group in (edges, paths, marks, places) for k in below]
    for height, artist in enumerate(moving):
        artist.set_zorder(3 + height / len(moving))
        axes.add_line(artist)
    (start,) = axes.plot(*ways[0][:1].T, marker="o", markersize=6, label="start", **MARK)
    milestones = 10 ** np.arange(len(str(race.steps)))
    told = axes.annotate("", (0.5, 1), (0, 3), "axes fraction", "offset points", ha="center", va="bottom",
                         fontsize=TEXT, in_layout=False)  # fmt: skip
    small = [f"{n:,}" for n in milestones[:_MILESTONES]] + ["…"] * (len(milestones) > _MILESTONES)
    remark = f"small marks: steps {', '.join(small)}"
    standings = Standings(figure, race.names, _explained(axes, start), remark)
    drawn, arrival = drawn_rows(race.steps), race.steps_to_target
    series = race.value if race.gap is None else race.gap

    def move(step: int) -> None:
        so_far, passed = np.append(drawn[drawn < step], step), milestones[milestones <= step]
        for k, way in enumerate(ways):
            for artist in (edges[k], paths[k]):
                artist.set_data(*way[so_far].T)
            marks[k].set_data(*way[passed].T)
            places[k].set_data(*way[step : step + 1].T)
            standings.numbers[k].set_text(standing(race, k, step, arrival, series))
        told.set_text(f"step {step:,}")

    move(race.steps)
    return PathFigure(figure, (*moving, told, *standings.numbers), move)


def _covering(axes: Axes, ways: list[np.ndarray]) -> tuple[list[int], np.ndarray]:
    """The racers from the lowest to the uppermost, and the width of each one's line.

    The longest path lies lowest, as it would cover the others, and what is lower is wider, so that it is seen beside
    what covers it; but a path that is so long that it fills an area is thin.
    """
    sides = np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1)
    lengths = np.array([np.nansum(np.linalg.norm(np.diff(way / sides, axis=0), axis=1)) for way in ways])
    below = np.argsort(-lengths, kind="stable")
    widths = np.empty(len(ways))
    widths[below] = np.linspace(_WIDEST, _NARROWEST, len(ways))
    widths[lengths > _TANGLED] = _NARROWEST
    return below.tolist(), widths


def _explained(axes: Axes, start: Line2D) -> list[Line2D]:
    """What the legend has besides the racers and f, each once, if it is to be seen."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    found = {"start": start}
    for handle in axes.get_lines():
        x, y = (np.asarray(part, dtype=np.float64) for part in handle.get_data())
        seen = not x.size or ((x >= left) & (x <= right) & (y >= low) & (y <= high)).any()
        if seen and not handle.get_label().startswith("_") and handle.get_label() != "f":
            found.setdefault(handle.get_label(), handle)
    for stretch in axes.collections:
        if stretch.get_label() == "undefined":
            found.setdefault("undefined", Line2D([], [], label="undefined", marker="s", **_HATCHED))
    return [*found.values()]


def _cut(way: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A path `[rows, 2]` without what lies far outside the picture, as drawing that overflows Agg.

    Where it goes there from inside, it leads out of the picture first.
    """
    low, high = 2 * low - high, 2 * high - low
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        seen = (np.isfinite(way) & (way > low) & (way < high)).all(axis=-1)
        shown = np.where(seen[:, None], way, np.nan)
        leaving = np.flatnonzero(seen[:-1] & ~seen[1:] & np.isfinite(way[1:]).all(axis=-1))
        towards = way[leaving + 1] - way[leaving]
        # The share of the step that leads to the first of the sides ahead.
        shares = (np.where(towards > 0, high, low) - way[leaving]) / towards
        shown[leaving + 1] = way[leaving] + np.nanmin(np.abs(shares), axis=-1, initial=1.0)[:, None] * towards
    return shown
