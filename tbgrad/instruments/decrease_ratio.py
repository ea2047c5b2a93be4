"""How much of the drop that the gradient foretold was had; NaN where the drop is lost in rounding.

Source: the ratio of actual to predicted reduction, with the linear model; Nocedal & Wright (2006), Numerical
Optimization, equation 4.4.
"""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps, dot

# Below so many units in the last place of the value, a drop is mostly rounding error and its ratio means nothing.
_ROUNDING = 64


def _measure(steps: Steps) -> np.ndarray:
    foretold = -dot(steps.gradient, steps.update)
    with np.errstate(all="ignore"):
        unit = np.finfo(steps.dtype).eps * np.maximum(np.abs(steps.value), np.abs(steps.next_value))
        ratio = (steps.value - steps.next_value) / foretold
        ratio[np.abs(foretold) <= _ROUNDING * unit] = np.nan
    return ratio


DECREASE_RATIO = Instrument(
    name="decrease_ratio",
    unit="",
    description="Actual drop of the value over the drop that the gradient foretold for this update. "
    "1: just as foretold; between 0 and 1: less, the slope flattened on the way; below 0: the step went uphill, "
    "or against the gradient. Left out where the drop is lost in rounding.",
    measure=_measure,
)
