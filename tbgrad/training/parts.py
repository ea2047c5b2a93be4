"""Gradients with their lengths, which are right wherever the gradient itself is a float.

Where a sum of squares would leave the floats, or lose its small summands, all gradients are divided by their largest
elements first.

Source: Blue (1978), A Portable Fortran Program to Find the Euclidean Norm of a Vector, ACM TOMS 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.tensors import dense, largest, length, values

# Squares of numbers whose sum is between these are floats, and what is lost of it is below rounding.
_LEAST_SQUARES, _MOST_SQUARES = 1e-20, 1e30


def squares_of(gradients: Sequence[Any], dtype: tf.DType) -> list[Any]:
    """The sum of squares of each gradient's numbers."""
    return [None if g is None else 2 * tf.cast(tf.nn.l2_loss(values(g)), dtype) for g in gradients]


def parts_of(gradients: Sequence[Any], squares: Sequence[Any], dtype: tf.DType) -> list[Any]:
    """(array, factor, norm, largest |element|) of each gradient, which is array × factor; or None."""
    given = [(tf.cast(dense(g), dtype), s) for g, s in zip(gradients, squares, strict=True) if g is not None]
    arrays, sums = [array for array, _ in given], tf.stack([s for _, s in given])
    sizes = tf.stack([largest(array) for array in arrays])
    are_plain = tf.reduce_all((sizes == 0) | ((sums > _LEAST_SQUARES) & (sums < _MOST_SQUARES)))

    def plain() -> list[tf.Tensor]:
        # Rows of a sparse gradient may occur twice; only the whole array has its length.
        whole = [
            tf.sqrt(s) if array is g else length(array)
            for (array, s), g in zip(given, (g for g in gradients if g is not None), strict=True)
        ]
        return [*arrays, tf.ones_like(sums), tf.stack(whole)]

    def scaled() -> list[tf.Tensor]:
        parts = [tf.math.divide_no_nan(array, f) for array, f in zip(arrays, tf.unstack(sizes), strict=True)]
        return [*parts, sizes, sizes * tf.stack([length(part) for part in parts])]

    *found, factors, norms = tf.cond(are_plain, plain, scaled)
    parts = iter(zip(found, *map(tf.unstack, (factors, norms, sizes)), strict=True))
    return [None if g is None else next(parts) for g in gradients]
