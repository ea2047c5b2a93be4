"""A descent over its steps, for results without a landscape."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tbgrad.figures.canvas import descent_caption, new_figure, title
from tbgrad.results import Descent

_LARGEST = 1e100


def history_figure(descent: Descent) -> Figure:
    """Draws the gap to the known minimum, or else the value, of every start over the steps."""
    with new_figure() as (figure, axes):
        series = descent.value if descent.gap is None else descent.gap
        # Matplotlib's own arithmetic overflows on values near the end of the floats.
        axes.plot(np.arange(len(series)), np.where(np.abs(series) < _LARGEST, series, np.nan), linewidth=0.9)
        if descent.gap is not None:
            axes.set_yscale("log")
        label = "value" if descent.gap is None else "value above the known minimum"
        axes.set(xlabel="step", ylabel=label, title=f"{title(descent.subject)}\n{descent_caption(descent)}")
        return figure
