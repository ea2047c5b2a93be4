"""The length of the update."""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps


def _measure(steps: Steps) -> np.ndarray:
    return steps.update_norm


UPDATE_NORM = Instrument(
    name="update_norm",
    unit="position",
    description="Length of the update: how far this step went.",
    measure=_measure,
)
