"""One visual language: what a colour, a line and a size of letters mean, in every picture.

Values have viridis, lengths of gradients magma and numbers of steps cividis, all perceptually uniform (Smith & van der
Walt 2015; Nuñez et al. 2018); derivatives with a sign have a diverging map of ColorBrewer, white at zero. Lines of
different meaning differ in dashes or brightness too, so that they are told apart in grey; their hues are those that the
colour-blind tell apart (Okabe & Ito 2008; Tol 2021, Colour Schemes, SRON technical note).

Artists get their style when they are made: Matplotlib's global settings are neither read for it nor changed.
"""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap

# Dashboards show pictures at less than half of their pixels: a small page makes letters that can be read there.
SIZE, DPI = (4.8, 3.8), 160
HEADING, TEXT, LEGEND, SMALL = 10.5, 9.5, 8.5, 7.5
SMALL_PRINT = "0.35"

VALUE_MAP, MAGNITUDE_MAP, SIGNED_MAP, COUNT_MAP = "viridis", "magma", "RdBu_r", "cividis"
# The tutorial's contours in three dimensions.
HEIGHT_LINES_MAP = "binary"
UNDEFINED = "0.75"

# Curves and what touches them.
VALUE = {"color": "#0072B2", "linestyle": "-", "linewidth": 1.6}
SLOPE = {"color": "#E69F00", "linestyle": "--", "linewidth": 1.5}
SECOND = {"color": "#009E73", "linestyle": "-.", "linewidth": 1.3}
TANGENT = "#CC3311"
SECANT = {"color": "black", "linestyle": "-", "linewidth": 1.1}
HIDDEN_TANGENT = {"color": TANGENT, "linestyle": (0, (3, 2)), "linewidth": 0.8, "zorder": 100}
GUIDE = "0.45"

MINIMUM = {"color": "gold", "markeredgecolor": "black", "linestyle": "none"}
# White on black is seen on any colour of a contour, and on white.
MARK = {"color": "white", "markeredgecolor": "black", "linestyle": "none"}

# Racers, by number: told apart by hue, by brightness, by dashes and by marker, since their ways cover each other.
RACERS = (
    {"color": "#CC3377", "linestyle": "-", "marker": "s"},
    {"color": "#EE7733", "linestyle": (0, (5, 1.5)), "marker": "^"},
    {"color": "#000000", "linestyle": (0, (1.2, 1.2)), "marker": "D"},
    {"color": "#33AAAA", "linestyle": (0, (6, 1.5, 1.5, 1.5)), "marker": "v"},
    {"color": "#004488", "linestyle": (0, (3, 1)), "marker": "P"},
    {"color": "#772200", "linestyle": (0, (6, 1.5, 1.5, 1.5)), "marker": "X"},
    {"color": "#8888FF", "linestyle": (0, (3, 1)), "marker": "<"},
    {"color": "#115544", "linestyle": "-", "marker": ">"},
    {"color": "#99CC44", "linestyle": (0, (5, 1.5)), "marker": "p"},
    {"color": "#777777", "linestyle": (0, (1.2, 1.2)), "marker": "h"},
)

_MUTED = 0.5
_LIGHTEST_STEP, _DARKEST_STEP = 0.78, 0.08


def muted(name: str) -> Colormap:
    """A colour map mixed with white, for what lies under a path."""
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    return ListedColormap(1 - (1 - colours) * [_MUTED, _MUTED, _MUTED, 0], f"{name}, muted")


def step_map() -> Colormap:
    """The colours of a descent's steps: orange at first, nearly black at last, as even to the eye as inferno is."""
    inferno = matplotlib.colormaps["inferno"]
    return ListedColormap(inferno(np.linspace(_LIGHTEST_STEP, _DARKEST_STEP, 256)), "steps")


def dress(axes: Axes) -> None:
    """Gives axes the style of the house; legends and texts are given theirs where they are made."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TEXT)
    for axis in (axes.xaxis, axes.yaxis, *([axes.zaxis] if hasattr(axes, "zaxis") else [])):
        axis.set_tick_params(labelsize=TEXT)
        axis.label.set_size(TEXT)
        axis.offsetText.set_size(TEXT)
