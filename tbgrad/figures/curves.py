"""The picture of a sweep: f, its derivative, and tangents, over the real axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, drawable, new_figure, set_title, title
from tbgrad.figures.style import SLOPE, TANGENT, VALUE
from tbgrad.results import Sweep, Tangent

# Beside a pole a few values would flatten everything else: the axis shows this share of the values, and a margin.
_SHOWN = (2, 98)
_FAR = 8.0


def curve_figure(sweep: Sweep) -> Figure:
    """Draws f, its derivative along the line, and the tangents in red with their slopes."""
    figure, axes = new_figure()
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot(sweep.coordinate, drawable(sweep.value), label="f", **VALUE)
    along = f"∂f/∂{sweep.axis}" if sweep.fixed else f"df/d{sweep.axis}"
    slope_label = "slope along the line" if sweep.axis is None else along
    axes.plot(sweep.coordinate, drawable(sweep.slope), label=slope_label, **SLOPE)
    axes.set_ylim(*curve_limits(sweep.value, sweep.slope))
    axes.set_xlim(sweep.coordinate[0], sweep.coordinate[-1] if len(sweep.coordinate) > 1 else None)
    for tangent in sweep.tangents:
        _draw_tangent(axes, sweep, tangent)
    draw_undefined(axes, sweep)
    axes.set(xlabel=sweep.axis_label, ylabel="value, and derivative")
    set_title(axes, *sweep_title(sweep))
    add_legend(figure)
    return figure


def sweep_title(sweep: Sweep) -> tuple[str, str]:
    """The function, and what is fixed."""
    return title(sweep.subject), ", ".join(f"{name} = {value:g}" for name, value in sweep.fixed.items())


def curve_limits(*curves: np.ndarray) -> tuple[float, float]:
    """The value axis: everything, but where a pole would flatten the rest."""
    values = drawable(np.concatenate(curves))
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = np.percentile(finite, _SHOWN)
    reach = max(high - low, 1e-12 * max(1.0, abs(high)))
    low = max(finite.min(), low - _FAR * reach) if finite.min() < low else low
    high = min(finite.max(), high + _FAR * reach) if finite.max() > high else high
    margin = 0.06 * max(high - low, 1e-6 * max(1.0, abs(high)))
    return low - margin, high + margin


def _draw_tangent(axes: Axes, sweep: Sweep, tangent: Tangent) -> None:
    if not np.isfinite(drawable([tangent.value, tangent.slope])).all():
        return
    width = float(sweep.coordinate[-1] - sweep.coordinate[0]) or 1.0
    reach = np.array([-0.18, 0.18]) * width
    label = f"tangent at {tangent.coordinate:g}: slope {tangent.slope:.6g}"
    x = tangent.coordinate + reach
    axes.plot(x, tangent.value + tangent.slope * reach, color=TANGENT, label=label)
    axes.plot(tangent.coordinate, tangent.value, "o", color=TANGENT)


def draw_undefined(axes: Axes, sweep: Sweep) -> None:
    """Marks the points without a value at the foot of the axes."""
    undefined = ~np.isfinite(sweep.value)
    if undefined.any():
        bottom = np.full(undefined.sum(), 0.03)
        axes.plot(sweep.coordinate[undefined], bottom, "x", color="black", transform=axes.get_xaxis_transform(),
                  clip_on=False, label="undefined")  # fmt: skip
