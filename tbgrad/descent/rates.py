"""The learning rate that `auto` stands for."""

from __future__ import annotations

import numpy as np

from tbgrad.calculus.derivatives import hessian, value_and_gradient
from tbgrad.functions.function import Function


def automatic_rate(f: Function, optimizer: str, starts: np.ndarray) -> tuple[float, str]:
    """Chooses a learning rate from the function at the starts.

    Args:
      f: `Function` of d variables.
      optimizer: Keras's name in lower case. For `sgd` the rate is 1 over the largest curvature, at which gradient
        descent on a quadratic of that curvature reaches the minimum in one step, but never so large that the first
        update exceeds a tenth of the smallest domain width. For every other optimizer, whose updates are about as
        long as the rate, it is a hundredth of that width.
      starts: `[starts, d]`.

    Returns:
      The rate, in units of position² per unit of value for `sgd` and of position for the others, and the rule that
      gave it, in words.

    Source: Nocedal & Wright (2006), Numerical Optimization, section 3.3.
    """
    if f.domain is not None:
        width, of_what = min(high - low for low, high in f.domain), "the smallest width of the domain"
    else:
        width, of_what = max(1.0, float(np.abs(starts).max())), "max(1, largest coordinate of the start)"
    general = 0.01 * width, f"0.01 × {of_what}"
    if optimizer != "sgd":
        return general
    curvature = _largest_eigenvalue(hessian(f, starts))
    if not (np.isfinite(curvature) and curvature > 0):
        return general[0], f"{general[1]}, because the Hessian at the start is zero or not finite"
    rate, rule = 1.0 / curvature, "1 / largest |eigenvalue| of the Hessian at the start"
    _, gradient = value_and_gradient(f, starts.dtype.name)(starts)
    with np.errstate(over="ignore"):
        steepest = float(np.linalg.norm(gradient, axis=-1).max())
    if not np.isfinite(steepest):
        return general[0], f"{general[1]}, because the gradient at the start is not finite"
    if rate * steepest > 0.1 * width:
        return 0.1 * width / steepest, f"the first update is a tenth of {of_what}"
    return rate, rule


def _largest_eigenvalue(matrices: np.ndarray) -> float:
    if not np.isfinite(matrices).all():
        return float("nan")
    return float(np.abs(np.linalg.eigvalsh(matrices.astype(np.float64))).max())
