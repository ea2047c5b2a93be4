"""A function on a line or a plane through its space, which is a function of fewer variables again.

So a sweep or a surface of a thousand variables, or of a network's weights, is an ordinary sweep or surface.
This module must not import TensorFlow before the function is called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tbgrad.errors import OptionError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.results import Plane

_NAMES = ("along", "across")
_SPANNED = {1: "line", 2: "plane"}


def restrict(f: Function, origin: Any | Plane, directions: Any = None, names: Sequence[str] | None = None) -> Function:
    """Makes the function of t that is f at origin + t[0]·directions[0] + t[1]·directions[1] + ...

    It is differentiated as any other function is: its partial derivatives are those of f along the directions.
    Coordinates are in units of position where the directions have length one. That f has no gradient by one of its own
    variables is told by evaluating f itself.

    Args:
      f: `Function` of d variables.
      origin: d finite numbers, the point where all of t is zero; in the units of f's variables. Or a `Plane`, which
        has an origin, directions and names, and a caption for the pictures.
      directions: array `[k, d]`, linearly independent; one for a line, two for a plane. They keep their lengths.
      names: of the variables of the result, at least k; by default those of the plane, or `along` and `across`.

    Returns:
      `Function` of k variables. It has no formula, and neither domain nor minima: ranges must be said. Its name in
      runs tells one line or plane from another. The arrays are copied.

    Raises:
      OptionError: f is no `Function`; or there are directions beside those of a `Plane`.
      ShapeError: `origin` is not `[d]`, or `directions` not `[k, d]` with 1 ≤ k ≤ d; they are not finite or not
        independent; or there are too few names.

    Example:
      >>> f = tbgrad.resolve("rosenbrock", dimensions=10)
      >>> line = tbgrad.restrict(f, [0.0] * 10, [[1.0] * 10])
      >>> tbgrad.sweep(line, over=("along", -1.0, 2.0))

    Source: Goodfellow, Vinyals & Saxe (2015), Qualitatively Characterizing Neural Network Optimization Problems,
      arXiv:1412.6544 (lines); Li et al. (2018), Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913
      (planes).
    """
    if not isinstance(f, Function):
        raise OptionError(f"expected a Function, got {f!r}; tbgrad.resolve makes one.")
    caption = f.caption
    if isinstance(origin, Plane):
        if directions is not None:
            raise OptionError("a Plane has directions of its own; expected restrict(f, plane).")
        plane, origin, directions = origin, origin.origin, origin.directions
        names = plane.names if names is None else names
        caption = "; ".join(filter(None, [plane.caption, f.caption]))
    names = _NAMES if names is None else names
    through, spanned = _checked(f, origin, directions)
    k = len(spanned)
    if isinstance(names, str) or len(names) < k:
        raise ShapeError(f"names is {names!r}; expected a list of {k}, one for each direction.")
    # f's own request too: with other parameters it is another function.
    content = np.concatenate([through[None], spanned]).tobytes() + repr(f.request()).encode()
    unique = hashlib.sha256(content).hexdigest()[:16]
    kind = _SPANNED.get(k, "subspace")
    held: dict[str, list[Any]] = {}

    def call(coordinates: Any) -> Any:
        import tensorflow as tf

        dtype = coordinates.dtype
        if f.takes_one_point and dtype.name not in held:
            # Outside of graphs, which would hold millions of numbers as text of a program, and once for all of them.
            with tf.init_scope():
                held[dtype.name] = [tf.constant(part, dtype) for part in (through, *spanned)]
        position, *directions = held.get(dtype.name) or (tf.constant(part, dtype) for part in (through, *spanned))
        # Sums of products, where a matrix product would round one point otherwise than many.
        for coordinate, direction in zip(tf.unstack(coordinates, axis=-1), directions, strict=True):
            position += coordinate[..., None] * direction
        return f(position)

    return Function(
        call,
        tuple(names[:k]),
        name=f"{f.name}_{kind}_{unique[:8]}",
        label=f"{f.label} on a {kind}",
        source=f.source,
        kinks=f.kinks,
        remark=f.remark,
        fingerprint="_".join(filter(None, [f.fingerprint, unique])),
        takes_vector=True,
        breadth=max(f.dimensions, f.breadth),
        takes_one_point=f.takes_one_point,
        precision=f.precision,
        caption=caption,
    )


def _checked(f: Function, origin: Any, directions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Copies of an origin `[d]` and directions `[k, d]`, float64."""
    d = f.dimensions
    try:
        through, spanned = np.array(origin, dtype=np.float64), np.array(directions, dtype=np.float64)
    except (ValueError, TypeError):
        raise ShapeError(f"expected an origin of {d} numbers and directions (k, {d}) for '{f.label}'.") from None
    if through.shape != (d,):
        raise ShapeError(f"the origin has shape {through.shape}; expected ({d},) for '{f.label}'.")
    if spanned.ndim != 2 or spanned.shape[1] != d or not 1 <= len(spanned) <= d:
        hint = " For one direction write [[...]]." if spanned.ndim == 1 else ""
        raise ShapeError(
            f"directions have shape {spanned.shape}; expected (k, {d}) with k from 1 to {d} for '{f.label}'.{hint}"
        )
    lengths = np.abs(spanned).max(axis=1)
    if not np.isfinite(through).all() or not np.isfinite(lengths).all():
        raise ShapeError("the origin or a direction is not finite; expected finite numbers.")
    if not lengths.all() or np.linalg.matrix_rank(spanned / lengths[:, None]) < len(spanned):
        what = "is zero" if len(spanned) == 1 else "are linearly dependent, or one is zero"
        raise ShapeError(f"the directions span less than they should: {what}. Expected independent directions.")
    return through, spanned
