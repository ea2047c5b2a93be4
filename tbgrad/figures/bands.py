"""Groups of runs over the steps: each a median in a band between its quartiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tbgrad.figures.canvas import LARGEST, drawable, new_figure, set_title
from tbgrad.figures.panels import curve_limits
from tbgrad.figures.standings import Standings
from tbgrad.figures.style import RACERS
from tbgrad.results import Band

_SHADE = 0.18
# Values that are positive and differ by more than this factor have a logarithmic axis.
_MANY_DECADES = 100
# Above and below what is drawn on it.
_ROOM = 1.5


def bands_figure(bands: Sequence[Band], heading: str, names: Sequence[str] = ()) -> Figure:
    """Draws at most ten bands of one tag, the first ones.

    Args:
      bands: at least one.
      heading: of the picture.
      names: of all bands in all pictures that are seen together: a name has one style in all of them.
    """
    figure, axes = new_figure()
    shown = bands[: len(RACERS)]
    names = [*dict.fromkeys([*names, *(band.name for band in shown)])]
    styles = [RACERS[names.index(band.name) % len(RACERS)] for band in shown]
    known = np.concatenate([drawable(series) for band in shown for series in (band.lower, band.median, band.upper)])
    known = known[np.isfinite(known) & (np.abs(known) < LARGEST)]
    if known.size and known.min() > 0 and known.max() > _MANY_DECADES * known.min():
        axes.set_yscale("log")
        axes.set_ylim(known.min() / _ROOM, known.max() * _ROOM)
    elif known.size:
        axes.set_ylim(*curve_limits(known))
    top = axes.get_ylim()[1]
    for band, racer in zip(shown, styles, strict=True):
        line = {name: racer[name] for name in ("color", "linestyle")}
        # A quartile that left the floats is beyond the picture, not absent.
        upper = np.where(np.isposinf(band.upper), top, drawable(band.upper))
        axes.fill_between(band.step, drawable(band.lower), upper, color=racer["color"], alpha=_SHADE, linewidth=0)
        every = max(1, len(band.step) // 8)
        marks = {"marker": racer["marker"], "markevery": every, "markersize": 4}
        axes.plot(band.step, drawable(band.median), linewidth=1.5, zorder=3, **line, **marks)
    axes.set(xlabel="step", ylabel=shown[0].tag)
    left = f"; the first {len(shown)} of {len(bands)} groups" if len(bands) > len(shown) else ""
    ends = [band.first_end for band in shown if band.first_end < band.step[-1]]
    still = f"; from step {min(ends):,} on some have ended and stand still" if ends else ""
    set_title(axes, heading, f"line: median; band: between the quartiles{still}{left}", width=0.95, side="page")
    standings = Standings(figure, [band.name for band in shown], styles=styles)
    for band, number in zip(shown, standings.numbers, strict=True):
        number.set_text(f"{band.count:,} series")
    return figure
