"""How a function curves at points: its Hessian with eigenvalues and eigenvectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import as_points
from tbgrad.calculus.hessians import hessian
from tbgrad.functions.function import Function
from tbgrad.results import Curvature


def curvature(f: Function, points: Any, *, dtype: str | None = None) -> Curvature:
    """Computes Hessian, eigenvalues and eigenvectors at points, for a small number of variables.

    The eigenvalues are computed in float64 from the symmetric part of the Hessian; they are right to about
    eps × the largest of them, whatever their own size.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.

    Returns:
      `Curvature`; NaN where the Hessian is not finite.

    Raises:
      As `hessian` does: its limits are these.

    Source: Golub & Van Loan (2013), Matrix Computations, chapter 8.
    """
    position = as_points(f, points, dtype)
    matrices = hessian(f, position)
    eigenvalues = np.full(position.shape, np.nan)
    eigenvectors = np.full(matrices.shape, np.nan)
    finite = np.isfinite(matrices).all(axis=(1, 2))
    symmetric = matrices[finite].astype(np.float64)
    symmetric = symmetric / 2 + np.swapaxes(symmetric, 1, 2) / 2
    eigenvalues[finite], eigenvectors[finite] = np.linalg.eigh(symmetric)
    with np.errstate(over="ignore"):
        found = eigenvalues.astype(position.dtype), eigenvectors.astype(position.dtype)
    return Curvature(f.subject(), position, matrices, *found)
