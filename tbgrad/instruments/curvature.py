"""How the function bends along the update.

Source: the Rayleigh quotient of the Hessian; Golub & Van Loan (2013), Matrix Computations, chapter 8.
"""

from __future__ import annotations

import numpy as np

from tbgrad.instruments.instrument import Instrument, Steps, direction, dot

# Products of so many numbers are computed at once.
_NUMBERS_AT_ONCE = 2**21


def _measure(steps: Steps) -> np.ndarray:
    from tbgrad.calculus.products import hvp

    along = direction(steps.update, steps.update_norm)
    usable = np.isfinite(along).all(axis=-1) & np.isfinite(steps.position).all(axis=-1)
    points, along = steps.position[usable], along[usable]
    at_once = max(1, _NUMBERS_AT_ONCE // steps.function.dimensions)
    quotients = [
        dot(part, hvp(steps.function, points[i : i + at_once], part)) / dot(part, part)
        for i in range(0, len(points), at_once)
        for part in [along[i : i + at_once]]
    ]
    curvature = np.full_like(steps.value, np.nan)
    if quotients:
        curvature[usable] = np.concatenate(quotients)
    return curvature


CURVATURE = Instrument(
    name="curvature",
    unit="value per position²",
    description="Second derivative of the function along the update, where it starts. Above 0: the function bends "
    "upwards, as in a valley; below 0: downwards, as on a ridge.",
    measure=_measure,
    needs_second_derivatives=True,
)
