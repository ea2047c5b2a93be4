"""The ends of a Hessian's spectrum in many variables, from products with vectors alone.

Lanczos' method with full reorthogonalization: without it, roundings bring copies of eigenvalues that were found
before. All but the products is computed in float64. This module must not know what the eigenvalues are wanted for.

Source: Lanczos (1950), An Iteration Method for the Solution of the Eigenvalue Problem of Linear Differential and
Integral Operators, J. Res. Nat. Bur. Standards 45; Golub & Van Loan (2013), Matrix Computations, chapter 10; Parlett
(1998), The Symmetric Eigenvalue Problem, section 6.9, for orthogonalizing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import as_points
from tbgrad.calculus.products import hvp
from tbgrad.errors import RangeError
from tbgrad.functions.function import Function

# Hessian-vector products for each point; the ends of most spectra take fewer.
PRODUCTS = 50
# Bases of so many numbers, 32 MiB, are held at once; more points follow one another.
_NUMBERS_AT_ONCE = 2**22
# An eigenvalue has converged when its residual is so small, relative to the largest, or ten roundings of a product.
_RESIDUAL = 1e-10
# A next vector shorter than so many roundings is none: the vectors so far span all that the first one reaches.
_LOST = 100
# The small matrices are diagonalized after so many products, and when there are half as many again.
_FIRST_LOOK, _NEXT_LOOK = 4, 1.5
# Of the first vector.
_SEED = 1950


def extreme_eigenvalues(
    f: Function,
    points: Any,
    *,
    products: int = PRODUCTS,
    scale: np.ndarray | None = None,
    dtype: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the smallest and the largest eigenvalue of the Hessian at each point, without the Hessian.

    Each is approached from within the spectrum: with too few products the smallest comes out too large, the largest
    too small. With `products` ≥ d they are exact but for roundings of about eps × the largest |eigenvalue|. A point's
    eigenvalues do not depend on the other points, but for roundings, and are the same each time.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      products: int ≥ 1, Hessian-vector products to take at each point at most; fewer where both have converged before.
        A point takes 8 × `products` × d bytes of memory, and many points no more than one or 32 MiB.
      scale: float64 array `[n, d]`, to take S·H·S with the diagonal matrix S of each point's row instead of the Hessian
        H; None for H.
      dtype: of the products, `float64` or `float32`; by default that of `points` where it is one of them, else
        `float64`.

    Returns:
      Two float64 arrays `[n]`, in units of value per position²; NaN where a product is not finite.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      RangeError: `products` is below 1.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Example:
      >>> extreme_eigenvalues(resolve("x**2 - 3*y**2"), [[1.0, 1.0]])
      (array([-6.]), array([2.]))

    Source: Golub & Van Loan (2013), Matrix Computations, sections 10.1 and 10.3.
    """
    points = as_points(f, points, dtype)
    most = _checked(products, f)
    found = np.full((2, len(points)), np.nan)
    eps = float(np.finfo(points.dtype).eps)

    def multiply(rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        if scale is None:
            return hvp(f, points[rows], vectors).astype(np.float64)
        return scale[rows] * hvp(f, points[rows], scale[rows] * vectors)

    def finish(rows: np.ndarray, small: np.ndarray, basis: np.ndarray) -> None:
        found[:, rows] = np.linalg.eigvalsh(small)[:, [0, -1]].T

    at_once = max(1, _NUMBERS_AT_ONCE // (most * f.dimensions))
    for begin in range(0, len(points), at_once):
        rows = np.arange(begin, min(begin + at_once, len(points)))
        # One vector for all points, so that none depends on where it stands among them.
        _iterate(multiply, rows, np.tile(_first(f.dimensions), (len(rows), 1)), most, eps, [0, -1], finish)
    return found[0], found[1]


def leading_eigenvectors(
    f: Function, points: Any, count: int = 1, *, products: int = PRODUCTS, dtype: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the largest eigenvalues of the Hessian at each point, with their eigenvectors, without the Hessian.

    One after the other, each across those before: so eigenvalues that are equal are found as often as they are there.

    Args:
      f: `Function` of d variables.
      points: array `[n, d]`, in the units of f's variables.
      count: how many, 1 ≤ `count` ≤ d; the largest, not the largest in size, come first.
      products: int ≥ 1, Hessian-vector products to take for each at most. Memory as in `extreme_eigenvalues`.
      dtype: of the products, `float64` or `float32`; by default that of `points` where it is one of them, else
        `float64`.

    Returns:
      Float64 eigenvalues `[n, count]`, in units of value per position², and eigenvectors `[n, count, d]`, of length one
      and perpendicular to each other, the largest element positive; NaN where a product is not finite.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      RangeError: `products` is below 1, or `count` is not from 1 to d.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Golub & Van Loan (2013), Matrix Computations, section 10.1; Parlett (1998), section 5.1, for deflation.
    """
    points = as_points(f, points, dtype)
    most = _checked(products, f)
    if not 1 <= count <= f.dimensions:
        raise RangeError(f"count is {count}; expected 1 to {f.dimensions} for '{f.label}'.")
    values = np.full((len(points), count), np.nan)
    vectors = np.full((len(points), count, f.dimensions), np.nan)
    eps = float(np.finfo(points.dtype).eps)
    for point in range(len(points)):
        for i in range(count):
            known = vectors[point : point + 1, :i]

            def multiply(rows: np.ndarray, given: np.ndarray, known: np.ndarray = known) -> np.ndarray:
                return _orthogonal(hvp(f, points[rows], given).astype(np.float64), known)

            def finish(
                rows: np.ndarray, small: np.ndarray, basis: np.ndarray, i: int = i, known: np.ndarray = known
            ) -> None:
                found, along = np.linalg.eigh(small)
                (vector,) = _orthogonal((along[0, :, -1] @ basis[0])[None], known)
                values[rows, i] = found[:, -1]
                vectors[rows, i] = vector / (np.linalg.norm(vector) * np.sign(vector[np.abs(vector).argmax()]))

            first = _orthogonal(_orthogonal(_first(f.dimensions, i)[None], known), known)
            if np.isfinite(first).all():
                first /= _lengths(first)[:, None]
                _iterate(multiply, np.array([point]), first, min(most, f.dimensions - i), eps, [-1], finish)
    return values, vectors


def _checked(products: int, f: Function) -> int:
    """How many products are taken at most; raises RangeError."""
    if products < 1:
        raise RangeError(f"products is {products}; expected at least 1.")
    return min(products, f.dimensions)


def _first(d: int, which: int = 0) -> np.ndarray:
    """The first vector `[d]`, of length 1; another one for each deflation, which finds what the one before missed."""
    first = np.random.default_rng(_SEED + which).normal(size=d)
    return first / np.linalg.norm(first)


def _iterate(
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rows: np.ndarray,
    first: np.ndarray,
    most: int,
    eps: float,
    ends: Sequence[int],
    finish: Callable[[np.ndarray, np.ndarray, np.ndarray], None],
) -> None:
    """Lanczos' method for n symmetric matrices at once, until ends of their spectra have converged.

    Args:
      multiply: takes which of them, int `[m]`, and a vector for each, `[m, d]`, and returns the products.
      rows: which of them, int `[n]`.
      first: a vector of length 1 for each, `[n, d]`.
      most: products to take, ≤ d.
      eps: the rounding of a product.
      ends: which eigenvalues, in ascending order, are to converge.
      finish: takes which of them have come to an end, their small matrices `[m, k, k]` and bases `[m, k, d]`; it is not
        called where a product is not finite.
    """
    scale, look = np.zeros(len(first)), _FIRST_LOOK
    basis = np.empty((len(first), most, first.shape[1]))
    small = np.zeros((len(first), most, most))
    basis[:, 0] = first
    for k in range(most):
        with np.errstate(over="ignore", invalid="ignore"):
            vector = multiply(rows, basis[:, k])
            small[:, k, k] = np.sum(basis[:, k] * vector, axis=-1)
            vector = _orthogonal(_orthogonal(vector, basis[:, : k + 1]), basis[:, : k + 1])
            length = _lengths(vector)
        defined = np.isfinite(small[:, k, k]) & np.isfinite(length)
        scale = np.maximum(scale, np.maximum(np.abs(small[:, k, k]), length))
        ended = ~defined | (length <= _LOST * eps * scale)
        if k + 1 == most:
            ended[:] = True
        elif k + 1 >= look:
            look = int(np.ceil(_NEXT_LOOK * (k + 1)))
            going = ~ended
            ended[going] = _converged(small[going, : k + 1, : k + 1], length[going], max(_RESIDUAL, 10 * eps), ends)
        if ended.any():
            last = ended & defined
            if last.any():
                finish(rows[last], small[last, : k + 1, : k + 1], basis[last, : k + 1])
            if ended.all():
                break
            rows, scale, basis, small = rows[~ended], scale[~ended], basis[~ended], small[~ended]
            vector, length = vector[~ended], length[~ended]
        basis[:, k + 1] = vector / length[:, None]
        small[:, k, k + 1] = small[:, k + 1, k] = length


def _orthogonal(vector: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Vectors `[n, d]` without their parts along those of a basis `[n, k, d]`."""
    along = basis @ vector[:, :, None]
    return vector - (along.transpose(0, 2, 1) @ basis)[:, 0]


def _lengths(vector: np.ndarray) -> np.ndarray:
    """The norms `[n]`, also where squares would leave the floats."""
    largest = np.abs(vector).max(axis=-1)
    divisor = np.where(largest > 0, largest, 1.0)
    return largest * np.linalg.norm(vector / divisor[:, None], axis=-1)


def _converged(small: np.ndarray, length: np.ndarray, residual: float, ends: Sequence[int]) -> np.ndarray:
    """Whether these eigenvalues of the small matrices are those of the large ones: the residual is known."""
    values, vectors = np.linalg.eigh(small)
    error = length * np.abs(vectors[:, -1, ends]).max(axis=-1)
    return error <= residual * np.abs(values[:, [0, -1]]).max(axis=-1)
