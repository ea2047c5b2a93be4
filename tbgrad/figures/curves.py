"""The picture of a sweep: f, its derivative, and tangents, over the real axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tbgrad.figures.canvas import add_legend, descent_caption, drawable, new_figure, title
from tbgrad.results import Descent, Sweep, Tangent

VALUE, SLOPE, TANGENT = "tab:blue", "tab:orange", "red"

# Beside a pole a few values would flatten everything else: the axis shows this share of the values, and a margin.
_SHOWN = (2, 98)
_FAR = 8.0


def curve_figure(sweep: Sweep) -> Figure:
    """Draws f, its derivative along the line, and the tangents in red with their slopes."""
    with new_figure() as (figure, axes):
        axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axes.plot(sweep.coordinate, drawable(sweep.value), color=VALUE, label="f")
        along = f"∂f/∂{sweep.axis}" if sweep.fixed else f"df/d{sweep.axis}"
        slope_label = "slope along the line" if sweep.axis is None else along
        axes.plot(sweep.coordinate, drawable(sweep.slope), color=SLOPE, linestyle="--", label=slope_label)
        low, high = _limits(sweep)
        axes.set_ylim(low, high)
        axes.set_xlim(sweep.coordinate[0], sweep.coordinate[-1] if len(sweep.coordinate) > 1 else None)
        for tangent in sweep.tangents:
            _draw_tangent(axes, sweep, tangent)
        _mark_undefined(axes, sweep)
        axes.set(xlabel=sweep.axis_label, ylabel="value, and derivative", title=_title(sweep))
        add_legend(figure)
        return figure


def descent_curve_figure(descent: Descent) -> Figure:
    """Draws the path of a descent in one variable on the curve of its landscape."""
    sweep, start = descent.landscape, descent.best_start
    with new_figure() as (figure, axes):
        axes.plot(sweep.coordinate, drawable(sweep.value), color=VALUE, label="f")
        low, high = _limits(sweep, with_slope=False)
        axes.set_ylim(low, high)
        axes.set_xlim(sweep.coordinate[0], sweep.coordinate[-1])
        x, value = drawable(descent.position[:, start, 0]), drawable(descent.value[:, start])
        axes.plot(x, value, ".-", color=TANGENT, linewidth=0.8, markersize=4, label="path")
        axes.plot(x[:1], value[:1], "o", color="black", markersize=7, label="start")
        axes.plot(x[-1:], value[-1:], "X", color="black", markersize=8, label="end")
        for minimum in descent.subject.minima:
            points = np.array(minimum.points)[:, 0]
            axes.plot(points, [minimum.value] * len(points), "*", color="gold", markeredgecolor="black", markersize=13,
                      label="known minimum")  # fmt: skip
        _mark_undefined(axes, sweep)
        axes.set(xlabel=sweep.axis_label, ylabel="value", title=f"{_title(sweep)}\n{descent_caption(descent)}")
        add_legend(figure)
        return figure


def _title(sweep: Sweep) -> str:
    fixed = ", ".join(f"{name} = {value:g}" for name, value in sweep.fixed.items())
    return title(sweep.subject) + (f"\n{fixed}" if fixed else "")


def _limits(sweep: Sweep, *, with_slope: bool = True) -> tuple[float, float]:
    """The value axis: everything, but where a pole would flatten the rest."""
    curves = np.concatenate([sweep.value, sweep.slope] if with_slope else [sweep.value])
    finite = drawable(curves)[np.isfinite(drawable(curves))]
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


def _mark_undefined(axes: Axes, sweep: Sweep) -> None:
    undefined = ~np.isfinite(sweep.value)
    if undefined.any():
        bottom = np.full(undefined.sum(), 0.03)
        axes.plot(sweep.coordinate[undefined], bottom, "x", color="black", transform=axes.get_xaxis_transform(),
                  clip_on=False, label="undefined")  # fmt: skip
