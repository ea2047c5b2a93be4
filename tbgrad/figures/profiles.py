"""A performance profile as a picture: the share of problems that each solver solves, over how much slower it may be."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from tbgrad.figures.canvas import new_figure, set_title
from tbgrad.figures.standings import Standings
from tbgrad.figures.style import GUIDE, RACERS
from tbgrad.results import Profile

# Where all solvers are equally fast, the axis goes this far.
_LEAST_FACTOR, _ROOM = 2.0, 1.15


def profile_figure(profile: Profile) -> Figure:
    """Draws at most ten solvers, those that are fastest most often."""
    figure, axes = new_figure()
    ratio = profile.ratio
    last = max(_LEAST_FACTOR, _ROOM * float(ratio[np.isfinite(ratio)].max(initial=1.0)))
    shown = profile.order[: len(RACERS)]
    for k, racer in zip(shown, RACERS, strict=False):
        jumps = np.sort(ratio[:, k][np.isfinite(ratio[:, k])])
        factors = np.concatenate([[1.0], jumps, [last]])
        shares = profile.share(factors)[:, k]
        line = {name: racer[name] for name in ("color", "linestyle")}
        axes.step(factors, shares, where="post", linewidth=1.6, zorder=3, clip_on=False, **line)
        # Where it begins a line may lie below others: a marker tells it.
        axes.plot([last], shares[-1:], marker=racer["marker"], color=racer["color"], clip_on=False, markersize=5)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:.3g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set(
        xlim=(1, last), ylim=(0, 1), xlabel="times the gradients of the fastest, at most", ylabel="problems solved"
    )
    if last / 1.0 < 2**0.5 * _LEAST_FACTOR:
        axes.set_xticks([1, math.sqrt(2), 2])
    axes.grid(axis="y", color=GUIDE, alpha=0.25, linewidth=0.6)
    more = len(profile.solvers) - len(shown)
    said = [f"{len(profile.problems)} problems; cost: {profile.unit}", profile.remark]
    said += [f"and {more} more solvers"] if more else []
    set_title(axes, "Performance profile", *said, width=0.95, side="page")
    standings = Standings(figure, [profile.solvers[k] for k in shown])
    for k, number in zip(shown, standings.numbers, strict=True):
        number.set_text(f"solves {profile.solved[k]:.0%}")
    return figure
