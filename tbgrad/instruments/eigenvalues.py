"""The largest eigenvalue of the Hessian at many points, of a few variables or of many.

This module must not import TensorFlow before it computes something.
"""

from __future__ import annotations

import numpy as np

from tbgrad.functions.function import Function

# Above so many variables, the whole matrix costs more than some dozens of products with it.
MOST_VARIABLES_OF_A_MATRIX = 64
# Matrices of so many entries are held at once: 32 MiB in float64.
_ENTRIES_AT_ONCE = 2**22


def largest_eigenvalues(f: Function, points: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
    """Computes the largest (not the largest in size) eigenvalue of the Hessian H at each point.

    Args:
      f: `Function` of d variables.
      points: float array `[n, d]`, in the units of f's variables; H is computed in its dtype.
      scale: `[n, d]`, to take S·H·S with the diagonal matrix S instead, or None.

    Returns:
      Float64 array `[n]`; NaN where point, scale or Hessian are not finite.

    Raises:
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Golub & Van Loan (2013), Matrix Computations, chapters 8 and 10.
    """
    largest = np.full(len(points), np.nan)
    finite = np.isfinite(points).all(axis=-1)
    if scale is not None:
        finite &= np.isfinite(scale).all(axis=-1)
    compute = _by_matrices if f.dimensions <= MOST_VARIABLES_OF_A_MATRIX else _by_products
    if finite.any():
        largest[finite] = compute(f, points[finite], None if scale is None else scale[finite])
    return largest


def _by_matrices(f: Function, points: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    from tbgrad.calculus.hessians import hessian

    at_once = max(1, _ENTRIES_AT_ONCE // f.dimensions**2)
    largest = np.full(len(points), np.nan)
    for i in range(0, len(points), at_once):
        matrices = hessian(f, points[i : i + at_once]).astype(np.float64, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            matrices = matrices / 2 + np.swapaxes(matrices, 1, 2) / 2
            if scale is not None:
                part = scale[i : i + at_once]
                matrices = part[:, :, None] * matrices * part[:, None, :]
        finite = np.isfinite(matrices).all(axis=(1, 2))
        largest[i : i + at_once][finite] = np.linalg.eigvalsh(matrices[finite])[:, -1]
    return largest


def _by_products(f: Function, points: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    from tbgrad.calculus.lanczos import extreme_eigenvalues

    _, largest = extreme_eigenvalues(f, points, scale=scale)
    return largest
