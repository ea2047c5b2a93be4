"""The angle between one gradient and the next."""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps, direction, dot, length


def _measure(steps: Steps) -> np.ndarray:
    here = direction(steps.gradient, steps.gradient_norm)
    there = direction(steps.next_gradient, length(steps.next_gradient))
    return np.clip(dot(here, there), -1, 1)


GRADIENT_COSINE = Instrument(
    name="gradient_cosine",
    unit="",
    description="Cosine of the angle between this gradient and the one after the update. "
    "1: the slope points straight on; -1: it turned around, the steps zigzag across a valley.",
    measure=_measure,
)
