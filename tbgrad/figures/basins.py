"""Which minimum each start reaches, and in how many steps: a pixel for each start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from tbgrad.figures.canvas import add_bar, drawable, new_figure, set_title, title
from tbgrad.figures.contours import draw_minimum
from tbgrad.figures.scales import surface_scale
from tbgrad.figures.style import COUNT_MAP, LEGEND
from tbgrad.results import Basins, Status, Surface

# Tol (2021), Colour Schemes, SRON technical note: muted, told apart by the colour-blind; the strongest first.
COLOURS = ("#88CCEE", "#CC6677", "#DDCC77", "#117733", "#332288", "#AA4499", "#44AA99", "#999933", "#882255")
NOT_CONVERGED, FAILED = "0.82", "0.3"
_MOST_ELONGATED = 2.5
_PALE = 0.55
# Of very many ends the small ones would hide the map: they have no marks, and the map no contour lines.
_MOST_MARKED, _FEW = 150, 30
_SMALL_SHARE = 0.02
# Above this ratio of slow to fast a linear scale shows the slow ones only.
_LOGARITHMIC = 8.0


def minimum_figure(basins: Basins) -> Figure:
    """Draws each start in the colour of where it ended, and marks the ends."""
    figure, axes = new_figure()
    _show(axes, basins, basin_colours(basins))
    if basins.landscape is not None and len(basins.ends) <= _FEW:
        _draw_contours(axes, basins.landscape)
    _draw_ends(axes, basins)
    set_title(
        axes,
        title(basins.subject),
        caption(basins),
        basins.subject.caption,
        "colour: where a descent from here ends",
        side="left",
    )
    _add_legend(axes, basins)
    return figure


def steps_figure(basins: Basins) -> Figure:
    """Draws each start in the colour of how many updates it took until the gradient was small."""
    made = np.ma.masked_where(~basins.converged, basins.steps_made.astype(np.float64))
    figure, axes = new_figure()
    axes.set_facecolor(NOT_CONVERGED)
    image = _show(axes, basins, made, cmap=COUNT_MAP, norm=steps_norm(made.compressed()))
    _draw_ends(axes, basins)
    if made.count():
        bar = add_bar(figure, axes, image, "updates until the gradient is small")
        if isinstance(image.norm, LogNorm):
            bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            bar.ax.yaxis.set_major_formatter(ScalarFormatter())
            bar.ax.yaxis.set_minor_formatter(NullFormatter())
    set_title(
        axes, title(basins.subject), caption(basins), basins.subject.caption, "colour: how fast a descent from here is"
    )
    handles = [*axes.get_legend_handles_labels()[0], *_outcome_patches(basins, told_apart=False)]
    if handles:
        figure.legend(handles=_once(handles), loc="outside lower center", ncols=3, frameon=False, fontsize=LEGEND)
    return figure


def colour_groups(basins: Basins) -> list[tuple[str, list[int]]]:
    """The ends that have a colour of their own, as (name, indices of ends), those of many starts first.

    Known minima come before others where colours are few; more of them than colours share one.
    """
    known = [i for i, end in enumerate(basins.ends) if end.known is not None]
    groups = [[i] for i in known] if len(known) <= len(COLOURS) else [known]
    others = [i for i, end in enumerate(basins.ends) if end.known is None]
    if len(basins.ends) > len(COLOURS):
        others = [i for i in others if basins.share(i) >= _SMALL_SHARE]
    groups = [*groups, *([i] for i in others)][: len(COLOURS)]
    return [
        (end_name(basins, group[0]) if len(group) == 1 else f"★ {len(group)} known minima", group)
        for group in sorted(groups)
    ]


def basin_colours(basins: Basins) -> np.ndarray:
    """uint8 `[rows, columns, 3]`: a colour for each of the ends that have their own, pale ones in turn for others."""
    # Index -1, what did not converge, is the last row.
    table = np.append(np.resize(_pale(COLOURS), (len(basins.ends), 3)), [to_rgb(NOT_CONVERGED)], axis=0)
    for colour, (_, ends) in zip(COLOURS, colour_groups(basins), strict=False):
        table[ends] = to_rgb(colour)
    colours = np.round(255 * table).astype(np.uint8)[basins.basin]
    colours[basins.failed] = np.round(255 * np.array(to_rgb(FAILED)))
    return colours


def _pale(colours: Sequence[str]) -> np.ndarray:
    return 1 - (1 - np.array([to_rgb(c) for c in colours])) * (1 - _PALE)


def steps_norm(made: np.ndarray) -> Normalize:
    """The scale of the steps: logarithmic where they span much; the slowest hundredth is not told apart."""
    if not made.size:
        return Normalize(0, 1)
    low, middle, high = np.quantile(made, [0.01, 0.5, 0.99])
    if high > _LOGARITHMIC * max(1.0, low) or high > _LOGARITHMIC / 2 * max(1.0, middle):
        return LogNorm(max(1.0, low), max(2.0, high), clip=True)
    return Normalize(low, max(high, low + 1))


def caption(basins: Basins) -> str:
    """The run's conditions in one line."""
    rate = "" if basins.learning_rate is None else f" {basins.learning_rate:.6g}"
    settings = "".join(f", {name} {value}" for name, value in basins.settings.items())
    fixed = "".join(f", {name} = {value:g}" for name, value in basins.fixed.items())
    return f"{basins.optimizer}{rate}{settings}: {len(basins.x)} × {len(basins.y)} starts{fixed}"


def _show(axes: Axes, basins: Basins, pixels: np.ndarray, **mapped):
    """One pixel a start."""
    extent = [*_edges(basins.x), *_edges(basins.y)]
    image = axes.imshow(pixels, origin="lower", extent=extent, interpolation="nearest", **mapped)
    width, height = extent[1] - extent[0], extent[3] - extent[2]
    axes.set_aspect("equal" if max(width, height) <= _MOST_ELONGATED * min(width, height) else "auto")
    axes.set(xlabel=basins.variables[0], ylabel=basins.variables[1], xlim=extent[:2], ylim=extent[2:])
    axes.locator_params(nbins=6, steps=[1, 2, 5, 10])
    return image


def _draw_contours(axes: Axes, surface: Surface) -> None:
    """Thin lines of the function, as many points of the grid between any two."""
    value = np.ma.masked_invalid(drawable(surface.value))
    axes.contour(surface.x, surface.y, value, levels=surface_scale(surface).levels[::2], colors="black",
                 linewidths=0.4, alpha=0.35)  # fmt: skip


def _edges(coordinate: np.ndarray) -> tuple[float, float]:
    """The outer edges of the pixels, whose middles are the starts."""
    half = (coordinate[-1] - coordinate[0]) / max(1, len(coordinate) - 1) / 2 or 0.5
    return float(coordinate[0] - half), float(coordinate[-1] + half)


def _draw_ends(axes: Axes, basins: Basins) -> None:
    """A gold star for each known minimum, and a small mark for every other end."""
    columns = [basins.subject.variables.index(name) for name in basins.variables]
    others = [end for end in basins.ends if end.known is None and end.is_point]
    size = 5 if len(others) <= _FEW else 2.5
    for saddle, mark, word in ((False, "o", "other minimum"), (True, "X", "saddle or maximum")):
        points = np.array([e.position for e in others if (e.point in ("saddle", "maximum")) == saddle])
        if 0 < len(points) <= _MOST_MARKED:
            axes.plot(*points[:, columns].T, mark, color="white", markeredgecolor="black", markersize=size,
                      markeredgewidth=0.7, linestyle="none", label=word)  # fmt: skip
    for minimum in basins.subject.minima if not basins.fixed else ():
        draw_minimum(axes, minimum, columns, "known minimum")


def _add_legend(axes: Axes, basins: Basins) -> None:
    """Beside the map, the most frequent end at the top; the marks below it."""
    groups, told = colour_groups(basins), 0
    handles = []
    for colour, (name, ends) in zip(COLOURS, groups, strict=False):
        count = sum(basins.ends[i].count for i in ends)
        handles.append(_patch(colour, f"{name}: {percent(count / basins.starts)}"))
        told += count
    if left := len(basins.ends) - sum(len(ends) for _, ends in groups):
        share = sum(end.count for end in basins.ends) - told
        word = "others" if groups else "ends"
        handles.append(_patch(_pale(COLOURS)[1], f"{left:,} {word}, pale: {percent(share / basins.starts)}"))
    handles += _outcome_patches(basins)
    handles += _once(axes.get_legend_handles_labels()[0])
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0, fontsize=8,
                handlelength=1.2, title="ends: share of starts", title_fontsize=8, alignment="left",
                labelspacing=0.45, frameon=False)  # fmt: skip


def end_name(basins: Basins, index: int) -> str:
    """An end in a few letters: its place, a star before that of a known minimum."""
    end = basins.ends[index]
    if end.known is not None:
        return "★ the known ring" if basins.subject.minima[end.known].is_curve else f"★ {end.place}"
    if not end.is_point:
        concentric = sum(e.place == end.place for e in basins.ends if not e.is_point) > 1
        return f"set where f = {end.value:.3g}" if concentric else f"set around {end.place}"
    return end.place if end.point == "minimum" else end.label


def _patch(colour, label: str) -> Patch:
    return Patch(facecolor=colour, edgecolor="0.3", linewidth=0.5, label=label)


def _outcome_patches(basins: Basins, told_apart: bool = True) -> list[Patch]:
    """Legend entries for what did not converge."""
    failed = int(basins.failed.sum())
    rest = basins.starts - failed - basins.counted(Status.CONVERGED)
    if not told_apart:
        rest, failed = rest + failed, 0
    entries = (rest, NOT_CONVERGED, "not converged"), (failed, FAILED, basins.failure)
    return [_patch(colour, f"{word}: {percent(count / basins.starts)}") for count, colour, word in entries if count]


def percent(share: float) -> str:
    """A share in as many digits as tell it from none and from all."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.0995 or 0.95 < share < 1 else f"{100 * share:.0f} %"


def _once(handles: list) -> list:
    """One legend entry for each label."""
    return list({handle.get_label(): handle for handle in reversed(handles)}.values())[::-1]
