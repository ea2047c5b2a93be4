"""Units for what is so large or so small that Matplotlib's own arithmetic fails: powers of ten, said on the axis."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from tbgrad.results import Sweep

# Matplotlib takes an axis of less than about 1e-287 for one without a length.
_SMALLEST, _LARGEST = 1e-250, 1e90
# Some samples beside a pole do not make a curve large.
_MOST = 95


@dataclass(frozen=True)
class Units:
    """What is drawn is the real number over the unit: a power of ten, 1 for all that is neither huge nor tiny."""

    coordinate: float = 1.0
    value: float = 1.0
    slope: float = 1.0
    second: float = 1.0


def in_units(sweep: Sweep) -> tuple[Sweep, Units]:
    """The sweep as it is drawn, and in which units; itself, where these are all 1."""
    x, y = _unit(sweep.coordinate), _unit(sweep.value)
    # A tangent is drawn among values over coordinates, so slopes are in units of both.
    units = Units(x, y, y / x, y / x / x)
    if units == Units():
        return sweep, units
    with np.errstate(over="ignore", invalid="ignore"):
        drawn = dataclasses.replace(
            sweep,
            coordinate=sweep.coordinate.astype(np.float64) / x,
            value=sweep.value.astype(np.float64) / y,
            slope=sweep.slope.astype(np.float64) / units.slope,
            second=None if sweep.second is None else sweep.second.astype(np.float64) / units.second,
            tangents=tuple(
                dataclasses.replace(
                    t,
                    coordinate=t.coordinate / x,
                    value=t.value / y,
                    slope=t.slope / units.slope,
                    secants=tuple(
                        dataclasses.replace(c, h=c.h / x, value=c.value / y, slope=c.slope / units.slope)
                        for c in t.secants
                    ),
                    nearest=None,
                )
                for t in sweep.tangents
            ),
            stationary=tuple(
                dataclasses.replace(p, coordinate=p.coordinate / x, value=p.value / y) for p in sweep.stationary
            ),
            trail=sweep.trail
            and dataclasses.replace(sweep.trail, at=sweep.trail.at / x, value=sweep.trail.value.astype(np.float64) / y),
        )
    return drawn, units


def with_unit(label: str, unit: float) -> str:
    """An axis's label with its unit."""
    return label if unit == 1 else f"{label}, in {unit:.0e}".replace("e+", "e")


def _unit(numbers: np.ndarray) -> float:
    size = np.abs(numbers[np.isfinite(numbers)].astype(np.float64))
    size = size[size > 0]
    most = float(np.percentile(size, _MOST)) if size.size else 1.0
    return 1.0 if _SMALLEST <= most <= _LARGEST else 10.0 ** round(math.log10(most))
