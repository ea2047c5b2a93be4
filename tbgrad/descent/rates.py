"""The learning rate that `auto` stands for."""

from __future__ import annotations

import numpy as np

from tbgrad.calculus.derivatives import value_and_gradient
from tbgrad.calculus.hessians import hessian
from tbgrad.calculus.lanczos import PRODUCTS, extreme_eigenvalues
from tbgrad.functions.function import Function

# Up to so many variables Hessians are computed whole; beyond, their largest eigenvalue by products alone.
WHOLE_UP_TO = 64
# Hessians of so many entries, 8 MiB, are held at once; further starts follow.
_ENTRIES_AT_ONCE = 2**20


def automatic_rate(f: Function, optimizer: str, starts: np.ndarray) -> tuple[float, str]:
    """Chooses a learning rate from the function at the starts.

    Args:
      f: `Function` of d variables.
      optimizer: Keras's name in lower case. For `sgd` the rate is 1 over the largest curvature, at which gradient
        descent on a quadratic of that curvature reaches the minimum in one step, but never so large that the first
        update exceeds a tenth of the smallest domain width. For every other optimizer, whose updates are about as
        long as the rate, it is a hundredth of that width.
      starts: `[starts, d]`; the rate is the smallest over all of them. Beyond 64 variables the curvature is Lanczos'
        from at most 50 Hessian-vector products at each, which may come out slightly too small.

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
    curvature = _largest_curvature(f, starts)
    if not (np.isfinite(curvature) and curvature > 0):
        return general[0], f"{general[1]}, because the Hessian at the start is zero or not finite"
    by_lanczos = f", from at most {PRODUCTS} products by Lanczos' method" if f.dimensions > WHOLE_UP_TO else ""
    rate, rule = 1.0 / curvature, f"1 / largest |eigenvalue| of the Hessian at the start{by_lanczos}"
    _, gradient = value_and_gradient(f, starts.dtype.name)(starts)
    with np.errstate(over="ignore"):
        steepest = float(np.linalg.norm(gradient, axis=-1).max())
    if not np.isfinite(steepest):
        return general[0], f"{general[1]}, because the gradient at the start is not finite"
    if rate * steepest > 0.1 * width:
        return 0.1 * width / steepest, f"the first update is a tenth of {of_what}"
    return rate, rule


def _largest_curvature(f: Function, starts: np.ndarray) -> float:
    """The largest |eigenvalue| of the Hessian over all starts; NaN if one of them has a Hessian that is not finite."""
    if f.dimensions > WHOLE_UP_TO:
        return float(np.abs(extreme_eigenvalues(f, starts, products=PRODUCTS)).max())
    largest, at_once = 0.0, _ENTRIES_AT_ONCE // f.dimensions**2
    for first in range(0, len(starts), at_once):
        matrices = hessian(f, starts[first : first + at_once]).astype(np.float64)
        if not np.isfinite(matrices).all():
            return float("nan")
        largest = _largest_eigenvalue(matrices, largest)
    return largest


def _largest_eigenvalue(matrices: np.ndarray, least: float) -> float:
    """The largest |eigenvalue| of many symmetric matrices `[n, d, d]`, if it is above `least`, else that.

    Only those are diagonalized that may have it: it is at least the length of any column, and at most the Frobenius
    norm and the largest sum of absolute values in a row.

    Source: Golub & Van Loan (2013), Matrix Computations, section 2.3.
    """
    scale = max(least, np.abs(matrices).max())
    if scale == 0:
        return 0.0
    sizes = np.abs(matrices) / scale
    columns = np.linalg.norm(sizes, axis=-2)
    bounds = np.minimum(np.linalg.norm(columns, axis=-1), sizes.sum(axis=-2).max(axis=-1))
    candidates = (bounds >= columns.max() * (1 - 1e-9)) & (bounds > least / scale * (1 + 1e-12))
    return float(np.abs(np.linalg.eigvalsh(matrices[candidates])).max(initial=least))
