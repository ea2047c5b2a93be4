"""A descent over its steps, for results without a landscape."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tbgrad.figures.canvas import descent_caption, drawable, new_figure, set_title, title
from tbgrad.results import Descent


def history_figure(descent: Descent) -> Figure:
    """Draws the gap to the known minimum, or else the value, of every start over the steps."""
    figure, axes = new_figure()
    series = descent.value if descent.gap is None else descent.gap
    axes.plot(np.arange(len(series)), drawable(series), linewidth=0.9)
    if descent.gap is not None:
        axes.set_yscale("log")
    label = "value" if descent.gap is None else "value above the known minimum"
    axes.set(xlabel="step", ylabel=label)
    set_title(axes, title(descent.subject), descent_caption(descent))
    return figure
