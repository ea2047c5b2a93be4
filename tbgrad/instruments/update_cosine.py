"""The angle between the update and the way straight downhill."""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps, direction, dot


def _measure(steps: Steps) -> np.ndarray:
    downhill = -direction(steps.gradient, steps.gradient_norm)
    cosine = np.clip(dot(downhill, direction(steps.update, steps.update_norm)), -1, 1)
    cosine[steps.update_is_rounding] = np.nan
    return cosine


UPDATE_COSINE = Instrument(
    name="update_cosine",
    unit="",
    description="Cosine of the angle between the update and the negative gradient. 1: straight downhill; 0: along the "
    "slope; below 0: uphill, as momentum can carry it. Left out where the update is lost in rounding.",
    measure=_measure,
)
