"""Lines and planes through the weights of a network, or the space of any Function, along directions worth looking at.

Source: Goodfellow, Vinyals & Saxe (2015), Qualitatively Characterizing Neural Network Optimization Problems,
arXiv:1412.6544; Li et al. (2018), Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913; Yao et al. (2020),
PyHessian: Neural Networks Through the Lens of the Hessian, arXiv:1912.07145, for planes along eigenvectors.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import check_function
from tbgrad.calculus.lanczos import PRODUCTS, leading_eigenvectors
from tbgrad.errors import OptionError, RangeError, ShapeError, UndefinedError
from tbgrad.functions.function import Function
from tbgrad.results import Plane

NORMALIZATIONS = ("filter", "layer", None)
_NAMES = ("first", "second")
# Numbers of a path that are worked on at once, 32 MiB.
_AT_ONCE = 2**22
# A direction shorter than this share of the longest is none: what is left of rounding.
_SHARE = 1e-7


def random_directions(
    f: Function, origin: Any, count: int = 2, normalization: str | None = "filter", seed: int = 0
) -> Plane:
    """Makes a line or a plane along random directions, of the size of what they are added to.

    Networks with ReLU or with normalization compute the same when their weights are scaled, so that a step of a fixed
    length is large for one and small for another. Each filter of a direction, the weights that lead to one output,
    therefore gets the length of that filter of the origin; Keras's filters are a weight's last axis. Biases and the
    weights of normalizations, which have one axis, are not moved.

    Args:
      f: a `ModelLoss`; or any `Function` of d variables with `normalization` "layer", all of whose variables are then
        one layer, or None.
      origin: d finite numbers, the point where the coordinates are zero.
      count: 1 for a line, 2 for a plane.
      normalization: whether each `filter`, or each `layer`'s weight as a whole, gets its length; or None for directions
        of length one in which all variables move.
      seed: of the draw.

    Returns:
      `Plane` with float64 directions `[count, d]`. Its coordinates count directions: at 1 each filter is added
      something of its own length.

    Raises:
      ShapeError: `origin` is not `[d]`.
      RangeError: `count` is neither 1 nor 2.
      OptionError: the normalization is unknown, or f has no layers.
      UndefinedError: the origin is zero where it would give lengths.

    Source: Li et al. (2018), arXiv:1712.09913, section 4.
    """
    through = _as_origin(f, origin)
    _check_count(count, f)
    if normalization not in NORMALIZATIONS:
        raise OptionError(f"normalization is {normalization!r}; expected filter, layer or None.")
    layout = getattr(f, "layout", None)
    if normalization == "filter" and layout is None:
        raise OptionError(f"'{f.label}' has no filters; expected a ModelLoss, or normalization='layer' or None.")
    directions = np.random.default_rng(seed).normal(size=(count, len(through)))
    for direction in directions:
        if normalization is None:
            direction /= np.linalg.norm(direction)
        elif layout is None:
            direction *= np.linalg.norm(through) / np.linalg.norm(direction)
        else:
            weights = zip(layout.unflatten(direction), layout.unflatten(through), strict=True)
            for part, weight in weights:
                _normalize(part, weight, normalization)
    if not np.abs(directions).max(axis=1).all():
        raise UndefinedError("all weights with filters are zero at the origin, which gives no direction a length.")
    said = {
        "filter": "each filter as long as the origin's, biases and norms not moved",
        "layer": "as long as the origin" if layout is None else "each layer as long as the origin's, biases not moved",
        None: "of length 1",
    }[normalization]
    which = "a random direction" if count == 1 else "random directions"
    axes = tuple(f"{name}: random direction" for name in _NAMES[:count])
    return Plane(through, directions, axes=axes, caption=f"{which} (seed {seed}), {said}")


def principal_directions(path: Any, count: int = 2) -> Plane:
    """Makes the line or the plane that holds most of a training's way, through its last point.

    They are the principal components of the differences to the last point, of length one: nothing is normalised by
    filters, which would bend the path.

    Args:
      path: float array `[n, d]`, the positions in order; n > `count`. It may be a file's, mapped into memory.
      count: 1 for a line, 2 for a plane.

    Returns:
      `Plane` whose origin is the path's last point, with float64 directions `[count, d]`, perpendicular to each other,
      and the shares of the path's variance that each of them explains. Its first point has no negative coordinate.

    Raises:
      ShapeError: the path is not `[n, d]`, or has too few points.
      RangeError: `count` is neither 1 nor 2.
      UndefinedError: it does not move, or not in so many directions; or it is not finite.

    Source: Li et al. (2018), arXiv:1712.09913, section 7.
    """
    path = path if isinstance(path, np.ndarray) else np.asarray(path)
    if path.ndim != 2 or path.dtype.kind not in "fiu":
        raise ShapeError(f"the path has shape {path.shape}; expected (n, d), one row for each position.")
    if count not in (1, 2):
        raise RangeError(f"count is {count}; expected 1 for a line or 2 for a plane.")
    if len(path) <= count or path.shape[1] < count:
        raise ShapeError(f"the path has shape {path.shape}; expected more than {count} positions, of {count} or more.")
    last = path[-1].astype(np.float64)
    # The smaller of the two matrices of products: n × n numbers, added up by columns, so that no copy is made.
    products = sum(part @ part.T for _, part in _differences(path, last))
    if not np.isfinite(products).all():
        raise UndefinedError("the path is not finite everywhere; expected finite weights.")
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    total = float(np.trace(products))
    if not total > 0:
        raise UndefinedError("the path does not move; expected positions that differ.")
    if values[-1] <= _SHARE**2 * total:
        raise UndefinedError(f"the path moves in fewer than {count} directions; expected count=1, or one that bends.")
    directions = np.empty((count, path.shape[1]))
    for columns, part in _differences(path, last):
        directions[:, columns] = vectors.T @ part
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions *= np.where(directions @ (path[0] - last) < 0, -1.0, 1.0)[:, None]
    # About the mean, as a variance is; the products are about the last point.
    variances = values * (1 - vectors.sum(axis=0) ** 2 / len(path))
    shares = tuple((variances / (total - products.sum() / len(path))).tolist())
    said = "the first principal direction" if count == 1 else "the two principal directions"
    return Plane(
        last,
        directions,
        explained=shares,
        axes=tuple(f"{name}: principal direction" for name in _NAMES[:count]),
        caption=f"{said} of the training's path, not normalised",
    )


def direction_towards(origin: Any, other: Any) -> Plane:
    """Makes the line through two positions: its coordinate is 0 at the first, 1 at the second.

    Args:
      origin: d finite numbers.
      other: d finite numbers.

    Returns:
      `Plane` with one direction, float64 `[1, d]`.

    Raises:
      ShapeError: they are not `[d]`, or the same, or not finite.

    Source: Goodfellow, Vinyals & Saxe (2015), arXiv:1412.6544.
    """
    first, second = np.array(origin, np.float64), np.array(other, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ShapeError(f"the positions have shapes {first.shape} and {second.shape}; expected (d,) twice.")
    if not (np.isfinite(first).all() and np.isfinite(second).all() and (first != second).any()):
        raise ShapeError("a line needs two different positions of finite numbers.")
    caption = "a straight line from one set of weights (0) to another (1), not normalised"
    return Plane(first, (second - first)[None], axes=("t: from 0 at the first to 1 at the other",), caption=caption)


def hessian_directions(
    f: Function, origin: Any, count: int = 2, *, products: int = PRODUCTS, dtype: str | None = None
) -> Plane:
    """Makes the line or the plane along which f bends most: the Hessian's eigenvectors of the largest eigenvalues.

    Args:
      f: `Function` of d ≥ `count` variables, twice differentiable.
      origin: d finite numbers.
      count: 1 for a line, 2 for a plane.
      products: Hessian-vector products to take at most.
      dtype: of the products; by default that of `origin` where it is a floating one, else `float64`.

    Returns:
      `Plane` with float64 directions `[count, d]` of length one, perpendicular to each other; the caption says the
      eigenvalues.

    Raises:
      ShapeError: `origin` is not `[d]`, or f has fewer variables.
      RangeError: `count` is neither 1 nor 2.
      UndefinedError: the Hessian is not finite there.
      FunctionCallError, NoGradientError: f cannot be differentiated.

    Source: Yao et al. (2020), arXiv:1912.07145; Golub & Van Loan (2013), Matrix Computations, section 10.1.
    """
    given = np.asarray(origin)
    through = _as_origin(f, origin)
    _check_count(count, f)
    point = given[None] if given.dtype.kind == "f" else through[None]
    values, directions = leading_eigenvectors(f, point, count, products=products, dtype=dtype)
    if not np.isfinite(directions).all():
        raise UndefinedError(f"the Hessian of '{f.label}' is not finite at the origin; expected another one.")
    said = " and ".join(f"{value:.3g}" for value in values[0])
    axes = tuple(f"{name}: Hessian eigenvector" for name in _NAMES[:count])
    many = "s" if count > 1 else ""
    caption = f"leading eigenvector{many} of the Hessian, of length 1: eigenvalue{many} {said}"
    return Plane(through, directions[0], axes=axes, caption=caption)


def _normalize(part: np.ndarray, weight: np.ndarray, normalization: str) -> None:
    """Gives each filter of a random direction, in place, the length of the weight's."""
    if weight.ndim < 2:
        part[...] = 0.0
        return
    axes = tuple(range(weight.ndim - 1)) if normalization == "filter" else None
    lengths = [np.sqrt(np.sum(np.square(a), axis=axes, keepdims=axes is not None)) for a in (weight, part)]
    part *= lengths[0] / np.where(lengths[1] > 0, lengths[1], 1.0)


def _differences(path: np.ndarray, last: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Of a path's positions to its last one, some columns at a time, float64."""
    width = max(1, _AT_ONCE // len(path))
    for first in range(0, path.shape[1], width):
        columns = slice(first, first + width)
        yield columns, path[:, columns].astype(np.float64) - last[columns]


def _as_origin(f: Function, origin: Any) -> np.ndarray:
    check_function(f)
    try:
        through = np.array(origin, np.float64)
    except (ValueError, TypeError):
        raise ShapeError(f"expected an origin of {f.dimensions} numbers for '{f.label}'.") from None
    if through.shape != (f.dimensions,):
        raise ShapeError(f"the origin has shape {through.shape}; expected ({f.dimensions},) for '{f.label}'.")
    if not np.isfinite(through).all():
        raise ShapeError("the origin is not finite; expected finite numbers.")
    return through


def _check_count(count: int, f: Function) -> None:
    if not isinstance(count, numbers.Integral) or count not in (1, 2):
        raise RangeError(f"count is {count!r}; expected 1 for a line or 2 for a plane.")
    if count > f.dimensions:
        raise ShapeError(f"'{f.label}' has one variable; expected count=1.")
