"""The length of the gradient."""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps


def _measure(steps: Steps) -> np.ndarray:
    return steps.gradient_norm


GRADIENT_NORM = Instrument(
    name="gradient_norm",
    unit="value per position",
    description="Length of the gradient: how steep the function is here. It goes to 0 at a minimum.",
    measure=_measure,
    of_update=False,
)
