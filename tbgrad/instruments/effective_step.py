"""The length of the update, measured in gradients."""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps


def _measure(steps: Steps) -> np.ndarray:
    with np.errstate(all="ignore"):
        step = steps.update_norm / steps.gradient_norm
    step[steps.update_is_rounding | ~np.isfinite(step)] = np.nan
    return step


EFFECTIVE_STEP = Instrument(
    name="effective_step",
    unit="position² per value",
    description="Length of the update over length of the gradient: the learning rate with which plain gradient descent "
    "would go as far. Left out where the update is lost in rounding.",
    measure=_measure,
)
