"""Which figure shows a result."""

from __future__ import annotations

from matplotlib.figure import Figure

from tbgrad.errors import OptionError
from tbgrad.figures.basins import minimum_figure
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.histories import history_figure
from tbgrad.figures.paths import path_figure
from tbgrad.figures.profiles import profile_figure
from tbgrad.figures.race_values import values_figure
from tbgrad.figures.races import race_figure
from tbgrad.figures.rates import rates_figure
from tbgrad.figures.surfaces import surface_figure
from tbgrad.figures.training import layers_figure
from tbgrad.figures.v_curves import v_figure
from tbgrad.results import Basins, Descent, GradientCheck, Profile, Race, RateSweep, Surface, Sweep, Training


def show(result: Sweep | Surface | Descent | GradientCheck | Basins | RateSweep | Race | Profile | Training) -> Figure:
    """Draws a result.

    Args:
      result: a `Sweep` is drawn as curve, a `Surface` as contours with its gradient, a `Descent` as path on its
        landscape, or as value over the steps where it has none, a `GradientCheck` as the V of its errors,
        `Basins` as the map of where each start ends, a `RateSweep` as steps over the rate, a `Race` as all paths on
        its landscape, or as values over the steps where it has none, a `Profile` as shares of problems solved, a
        `Training` as the gradient of each layer over the steps.

    Returns:
      A Matplotlib figure, which a notebook displays.

    Raises:
      OptionError: there is no figure for this result.
    """
    if isinstance(result, Sweep):
        return curve_figure(result)
    if isinstance(result, Surface):
        return surface_figure(result)
    if isinstance(result, Descent):
        path = path_figure(result)
        return history_figure(result) if path is None else path.figure
    if isinstance(result, GradientCheck):
        return v_figure(result)
    if isinstance(result, Basins):
        return minimum_figure(result)
    if isinstance(result, RateSweep):
        return rates_figure(result)
    if isinstance(result, Race):
        ways = race_figure(result)
        return values_figure(result) if ways is None else ways.figure
    if isinstance(result, Profile):
        return profile_figure(result)
    if isinstance(result, Training) and len(result.step):
        return layers_figure(result)
    raise OptionError(f"there is no figure for a {type(result).__name__}.")
