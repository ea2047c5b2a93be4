"""The largest eigenvalue of the Hessian.

Source: Cohen et al. (2021), arXiv:2103.00065.
"""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps


def _measure(steps: Steps) -> np.ndarray:
    with np.errstate(over="ignore"):
        return steps.largest_eigenvalue.astype(steps.dtype)


SHARPNESS = Instrument(
    name="sharpness",
    unit="value per position²",
    description="Largest eigenvalue of the Hessian: how strongly the function bends here in the direction in which it "
    "bends upwards most. The larger it is, the smaller the learning rate must be.",
    measure=_measure,
    of_update=False,
    needs_second_derivatives=True,
)
