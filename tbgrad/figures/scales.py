"""Values to colours: levels that show what there is to see, and words that say how they lie.

A few values that are far from all others would leave one colour to the rest. So levels are evenly spaced only where
the values are spread evenly enough; they are spaced by the logarithm of the height above the lowest where values crowd
there, as in a valley; and elsewhere, as beside a pole, equally many points of the grid lie between any two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import MaxNLocator

from tbgrad.figures import style
from tbgrad.figures.canvas import LARGEST, drawable
from tbgrad.results import Surface

_LEVELS, _FEW_VALUES = 24, 6
_MOST_TICKS = 9
# Of a bar: numbers nearer to each other than this share would overlap.
_APART = 0.04
# Nine tenths of the values take up at least this share of their range: they are spread evenly enough.
_EVEN = 0.25
# Half of the values lie in this share of the range: they crowd at its end. They do not crowd at the lowest if that is
# so many times farther from the fifth percentile than this is from the median.
_CROWDED = 0.15
_FAR_BELOW = 4.0
# Lower than this quantile of the heights a logarithm shows noise.
_LOWEST = 0.01
_MOST_DECADES = 8


@dataclass(frozen=True, eq=False)
class ValueScale:
    """Which colour is which value.

    Attributes:
      kind: `linear`, `logarithmic` or `quantile`.
      levels: float64 `[n]`, n ≥ 2, increasing: the colours' borders.
      base: what the levels of a logarithmic scale are above; 0 for others.
      is_known: whether the base is a known minimum, not the lowest on the grid.
      told: the values that the colour bar names, or None for some of the levels.
      quantity: what the values are, with their unit.
      colour_map: the name of Matplotlib's.
      is_open: whether there are values below the first level, and above the last.
    """

    kind: str
    levels: np.ndarray
    base: float = 0.0
    is_known: bool = False
    told: np.ndarray | None = None
    quantity: str = "value"
    colour_map: str = style.VALUE_MAP
    is_open: tuple[bool, bool] = (False, False)

    @property
    def label(self) -> str:
        """For the colour bar: what the numbers are, and how the colours are spaced."""
        if self.kind == "quantile":
            return f"{self.quantity} (colours by quantile)"
        if self.kind == "linear" or not self.base:
            return self.quantity if self.kind == "linear" else f"{self.quantity} (logarithmic)"
        below = "the minimum" if self.is_known else "the lowest here"
        return f"{self.quantity} above {below}, {self.base:.4g} (logarithmic)"

    def mappable(self, muted: bool = False) -> ScalarMappable:
        """Values to colours, the same share of the map for each of the levels."""
        colours = style.muted(self.colour_map) if muted else self.colour_map
        return ScalarMappable(BoundaryNorm(self.levels, 256), colours)

    def colours(self, values: np.ndarray) -> np.ndarray:
        """RGBA `[..., 4]` that go evenly from the colour in the middle between two levels to the next such."""
        shares = np.linspace(0, 1, len(self.levels) - 1) if len(self.levels) > 2 else [0.5]
        return matplotlib.colormaps[self.colour_map](np.interp(values, _middles(self.levels), shares))

    def ticks(self) -> tuple[np.ndarray, list[str]]:
        """At most nine of the levels, and their labels."""
        chosen = self.levels[self._round()] if self.told is None else self.told
        if self.kind == "logarithmic":
            labels = [_height(height) for height in chosen - self.base]
        else:
            chosen, labels = _told_apart(chosen)
        for is_open, end, sign in zip(self.is_open, self.levels[[0, -1]], "≤≥", strict=True):
            if is_open:
                labels = [f"{sign} {said}" if at == end else said for at, said in zip(chosen, labels, strict=True)]
        return chosen, labels

    def _round(self) -> np.ndarray:
        """Indices of the roundest levels, not too many of them."""
        count = len(self.levels)
        if self.kind == "quantile":
            return np.unique(np.linspace(0, count - 1, _MOST_TICKS).round().astype(int))
        if self.kind == "logarithmic":
            every = -(-count // _MOST_TICKS)
            return np.arange(count - 1, -1, -every)[::-1]
        # All levels are multiples of one step: of its own multiples, take one that is 1, 2 or 5 times a power of ten.
        step = np.median(np.diff(self.levels))
        multiple = np.round(self.levels / step)
        for every in (1, 2, 4, 5, 10, 20):
            told = np.flatnonzero(multiple % every == 0)
            if len(told) <= _MOST_TICKS and f"{every * step:.0e}"[0] in "125":
                break
        return told


def _middles(levels: np.ndarray) -> np.ndarray:
    return levels[:-1] / 2 + levels[1:] / 2


def surface_scale(surface: Surface) -> ValueScale:
    """The scale of a surface's values; above the known minimum where the surface spans all variables."""
    return value_scale(surface.value, None if surface.fixed else surface.subject.minimum)


def value_scale(value: np.ndarray, minimum: float | None = None) -> ValueScale:
    """Chooses the scale that shows these values.

    Args:
      value: any shape; what is not finite has no colour.
      minimum: of the function, if it is known.
    """
    finite = drawable(value)[np.isfinite(drawable(value))]
    if not finite.size:
        return ValueScale("linear", np.array([-0.5, 0.5]))
    lowest, low, middle, high, highest = np.quantile(finite, [0, 0.05, 0.5, 0.95, 1])
    quantiles = np.unique(np.quantile(finite, np.linspace(0, 1, _LEVELS)))
    if quantiles.size < _FEW_VALUES:
        return _plateaus(quantiles)
    crowded = _CROWDED * (highest - lowest)
    if max(-lowest, highest) >= LARGEST:
        return ValueScale("quantile", quantiles)
    if middle - lowest > crowded and highest - middle > crowded and high - low >= _EVEN * (highest - lowest):
        return ValueScale("linear", round_levels(float(lowest), float(highest)))
    if middle - lowest <= crowded and low - lowest <= _FAR_BELOW * (middle - low):
        base = float(lowest) if minimum is None or minimum > lowest else float(minimum)
        levels = height_levels(finite - base)
        if levels.size > _FEW_VALUES and (np.diff(base + levels) > 0).all():
            return ValueScale("logarithmic", base + levels, base, minimum is not None and base == minimum)
    return ValueScale("quantile", quantiles)


def _plateaus(values: np.ndarray) -> ValueScale:
    """Between so few values the steps are what there is to see; around a single one, a range that an axis can show."""
    if values.size > 1:
        apart = np.diff(values, prepend=-np.inf) > _APART * (values[-1] - values[0])
        return ValueScale("linear", np.unique(np.linspace(values[0], values[-1], _LEVELS)), told=values[apart])
    half = 0.5 * max(1.0, 1e-3 * abs(values[0]))
    return ValueScale("linear", np.array([values[0] - half, values[0] + half]))


def round_levels(lowest: float, highest: float, most: int = _LEVELS - 4) -> np.ndarray:
    """Multiples of a round number, just as many as hold all values."""
    levels = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(lowest, highest)
    first, last = np.searchsorted(levels, lowest, side="right") - 1, np.searchsorted(levels, highest)
    levels = np.unique(levels[max(0, first) : last + 1])
    # Where values differ by a few roundings, so do the multiples.
    levels = levels if levels.size > 1 else np.linspace(lowest, highest, 3)
    return np.unique([min(levels[0], lowest), *levels[1:-1], max(levels[-1], highest)])


def height_levels(height: np.ndarray) -> np.ndarray:
    """Zero, then 1, 2, 5, 10, ... times a power of ten, as far as the heights reach."""
    positive = height[height > 0]
    if not positive.size:
        return np.array([])
    top = int(np.ceil(np.log10(positive.max())))
    bottom = max(int(np.floor(np.log10(np.quantile(positive, _LOWEST)))), top - 4 * _MOST_DECADES)
    digits: Sequence[float] = (1, 2, 5) if top - bottom <= _MOST_DECADES else (1,)
    levels = np.array([digit * 10.0**k for k in range(bottom, top + 1) for digit in digits])
    beyond = int(np.searchsorted(levels, positive.max()))
    before = int(np.searchsorted(levels, np.quantile(positive, _LOWEST), side="right")) - 1
    return np.append(0.0, levels[max(0, before) : beyond + 1])


def _height(height: float) -> str:
    """1, 2 or 5 times a power of ten, without an exponent where that is short."""
    return f"{height:,.0f}" if 1 <= abs(height) < 1e6 else f"{height + 0.0:.3g}"


def _told_apart(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The values with three digits, or as many more as it takes to tell them apart."""
    for digits in range(3, 18):
        rounded = {float(f"{value:.{digits}g}"): value for value in values}
        if len(rounded) == len(values):
            break
    beyond = {LARGEST: f"> {LARGEST:g}", -LARGEST: f"< {-LARGEST:g}"}
    labels = [beyond.get(value, f"{value + 0.0:.{max(digits, 6)}g}") for value in rounded]
    return np.array([*rounded.values()]), labels
