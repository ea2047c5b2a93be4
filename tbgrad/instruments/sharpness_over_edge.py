"""The sharpness that the optimizer sees, over its edge of stability.

Source: Cohen et al. (2021), arXiv:2103.00065; Cohen et al. (2022), arXiv:2207.14484; see `edges`.
"""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.edges import edge, preconditioner
from tbgrad.instruments.eigenvalues import largest_eigenvalues
from tbgrad.instruments.instrument import Instrument, Steps


def _measure(steps: Steps) -> np.ndarray:
    nothing = np.full_like(steps.value, np.nan)
    if steps.rate is None:
        return nothing
    rate = np.asarray(steps.rate, np.float64)
    limit = edge(steps.optimizer, steps.settings, rate[:, None] if rate.ndim == 1 else rate)
    if np.isnan(limit).all():
        return nothing
    sharpness = steps.largest_eigenvalue if steps.optimizer == "sgd" else _preconditioned(steps)
    if sharpness is None:
        return nothing
    with np.errstate(all="ignore"):
        return (sharpness / limit).astype(steps.dtype)


def _preconditioned(steps: Steps) -> np.ndarray | None:
    divisor = preconditioner(steps.optimizer, steps.settings, steps.step, steps.second_moment)
    if divisor is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / np.sqrt(divisor)
    flat = (-1, steps.function.dimensions)
    found = largest_eigenvalues(steps.function, steps.position.reshape(flat), scale.reshape(flat))
    return found.reshape(steps.value.shape)


SHARPNESS_OVER_EDGE = Instrument(
    name="sharpness_over_edge",
    unit="",
    description="Largest eigenvalue of the Hessian as this optimizer sees it, over the edge of stability that its "
    "settings allow. Above 1, the steps on a quadratic swing ever wider. Left out for optimizers of which no edge is "
    "known; known are those of sgd, rmsprop, adam, adamw, nadam and adagrad.",
    measure=_measure,
    needs_second_derivatives=True,
    needs_second_moment=True,
)
