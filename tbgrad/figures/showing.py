"""Which figure shows a result."""

from __future__ import annotations

from matplotlib.figure import Figure

from tbgrad.errors import OptionError
from tbgrad.figures.canvas import new_figure, title
from tbgrad.figures.contours import draw_contours, draw_minimum, path_figure
from tbgrad.figures.curves import curve_figure, descent_curve_figure
from tbgrad.figures.histories import history_figure
from tbgrad.results import Descent, Surface, Sweep


def show(result: Sweep | Surface | Descent) -> Figure:
    """Draws a result.

    Args:
      result: a `Sweep` is drawn as curve, a `Surface` as contours, a `Descent` as path on its landscape, or as value
        over the steps where it has none.

    Returns:
      A Matplotlib figure, which a notebook displays.

    Raises:
      OptionError: there is no figure for this result.
    """
    if isinstance(result, Sweep):
        return curve_figure(result)
    if isinstance(result, Surface):
        return _surface_figure(result)
    if isinstance(result, Descent):
        return descent_figure(result) or history_figure(result)
    raise OptionError(f"there is no figure for a {type(result).__name__}.")


def descent_figure(descent: Descent) -> Figure | None:
    """The path on the landscape, or None where there is no landscape."""
    if isinstance(descent.landscape, Surface):
        return path_figure(descent)
    return descent_curve_figure(descent) if isinstance(descent.landscape, Sweep) else None


def _surface_figure(surface: Surface) -> Figure:
    with new_figure() as (figure, axes):
        draw_contours(figure, axes, surface)
        axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]))
        for minimum in surface.subject.minima if not surface.fixed else ():
            columns = [surface.subject.variables.index(name) for name in surface.axes]
            draw_minimum(axes, minimum, columns, "known minimum")
        axes.set_title(title(surface.subject))
        return figure
