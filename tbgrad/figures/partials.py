"""The partial derivatives of a descent as a strip: one row for each variable, its sign as colour, over the steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure

from tbgrad.figures import style
from tbgrad.figures.canvas import add_bar, descent_caption, drawable, new_figure, set_title, title
from tbgrad.results import Descent

# All of so many variables have a row; of more, so many have.
_ALL, _LARGEST = 40, 20
_MOST_LABELS, _MOST_LETTERS = 20, 12
_MOST_COLUMNS = 300
# More steps than these are on a logarithmic axis.
_FEW_STEPS = 30
# Half of the derivatives are smaller than this share of the largest: on a linear scale they would have no colour.
_CROWDED = 0.05
_MOST_DECADES = 6
_NEARLY_WHITE = 0.05


def partials_figure(descent: Descent) -> Figure | None:
    """Draws the strip of the start that ends best; None without gradients."""
    if descent.gradient is None:
        return None
    rows = _columns(descent.last_row)
    gradient = drawable(descent.gradient[rows, descent.best_start])
    shown = shown_variables(gradient)
    value = np.ma.masked_invalid(gradient[:, shown].T)
    figure, axes = new_figure()
    norm, label = _scale(value.compressed())
    axes.set_facecolor(style.UNDEFINED)
    # A column is as wide as the steps from its row to the next.
    steps = descent.best_step[rows]
    edges = np.append(steps, steps[-1] + max(1, round(0.02 * steps[-1])))
    mesh = axes.pcolormesh(edges, np.arange(len(shown) + 1) - 0.5, value, cmap=style.SIGNED_MAP, norm=norm)
    _strike_negative(axes, edges, value, norm)
    logarithmic = steps[-1] > _FEW_STEPS
    if logarithmic:
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)
        axes.set_xticks([0, *(10**k for k in range(len(str(steps[-1]))))])
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:,.0f}")
    axes.set(xlim=(0, edges[-1]), xlabel=f"step{' (logarithmic)' if logarithmic else ''}", ylabel="variable")
    _name_rows(axes, [descent.subject.variables[i] for i in shown])
    _add_signed_bar(figure, axes, ScalarMappable(norm, mesh.cmap), label)
    said = "partial derivatives: red is positive; blue, with a line, negative"
    if len(shown) < gradient.shape[1]:
        said += f"; the {len(shown)} of {gradient.shape[1]:,} that are largest at some step"
    set_title(axes, title(descent.subject), descent_caption(descent), said, width=0.97, side="page")
    return figure


def shown_variables(gradient: np.ndarray) -> np.ndarray:
    """The variables with a row: all of a few, of many those whose partial derivative is largest at some step.

    Args:
      gradient: `[rows, d]`, NaN where there is none.

    Returns:
      Indices, ascending.
    """
    if gradient.shape[1] <= _ALL:
        return np.arange(gradient.shape[1])
    largest = np.where(np.isfinite(gradient), np.abs(gradient), 0.0).max(axis=0)
    return np.sort(np.argsort(-largest, kind="stable")[:_LARGEST])


def _columns(last: int) -> np.ndarray:
    """The first rows, and then ever fewer, as they are seen on a logarithmic axis."""
    if last < _MOST_COLUMNS:
        return np.arange(last + 1)
    return np.unique(np.append(0, np.geomspace(1, last, _MOST_COLUMNS - 1).round())).astype(np.int64)


def _scale(value: np.ndarray) -> tuple[Normalize, str]:
    """Derivatives to colours, white at zero, and how they are spaced in words."""
    sizes = np.abs(value[value != 0])
    largest = float(sizes.max()) if sizes.size else 1.0
    if not sizes.size or np.median(sizes) >= _CROWDED * largest:
        return Normalize(-largest, largest), "partial derivative"
    top = np.log10(largest)
    smallest = max(np.log10(np.quantile(sizes, 0.1)), top - _MOST_DECADES)
    linear = 10.0 ** np.floor(smallest)
    return SymLogNorm(
        linear, linscale=0.5, vmin=-largest, vmax=largest
    ), f"partial derivative, logarithmic beyond ±{linear:g}"


def _strike_negative(axes: Axes, edges: np.ndarray, value: np.ndarray, norm: Normalize) -> None:
    """Draws a line through what is negative and not nearly white, so that the sign is seen in grey too."""
    negative = np.pad(value.filled(0) < -getattr(norm, "linthresh", _NEARLY_WHITE * norm.vmax), ((0, 0), (1, 1)))
    row, first = np.nonzero(negative[:, 1:] & ~negative[:, :-1])
    _, last = np.nonzero(negative[:, :-1] & ~negative[:, 1:])
    ends = np.stack([edges[first], edges[last]], axis=1)
    lines = np.stack([ends, np.repeat(row[:, None], 2, axis=1)], axis=2)
    axes.add_collection(LineCollection(lines, colors="black", linewidths=0.5, alpha=0.6), autolim=False)


def _add_signed_bar(figure: Figure, axes: Axes, colours: ScalarMappable, label: str) -> None:
    bar = add_bar(figure, axes, colours, label)
    if not isinstance(colours.norm, SymLogNorm):
        return
    low, high = np.log10(colours.norm.linthresh), np.log10(colours.norm.vmax)
    # Within the linear part and next to it there is room for the zero alone.
    every = -(-int(np.floor(high) - low) // 4)
    decades = 10.0 ** np.arange(np.floor(high), low + 0.5, -every)
    ticks = np.concatenate([-decades, [0], decades[::-1]])
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()


def _name_rows(axes: Axes, names: list[str]) -> None:
    """Names the rows, the first on top; of many every second or third."""
    told = range(0, len(names), -(-len(names) // _MOST_LABELS))
    short = [n if len(n) <= _MOST_LETTERS else f"{n[: _MOST_LETTERS - 1]}…" for n in names]
    axes.set_yticks([*told], labels=[short[i] for i in told])
    axes.tick_params(axis="y", labelsize=style.TEXT if len(told) <= 10 else style.SMALL, length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
