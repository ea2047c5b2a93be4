"""Lengths and products of gradients, which are right wherever the gradients themselves are floats.

Where a sum of squares would leave the floats, or lose its small summands, all gradients are divided by their largest
elements first. All results are of several arrays at once, `[count]`.

Source: Blue (1978), A Portable Fortran Program to Find the Euclidean Norm of a Vector, ACM TOMS 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

# Squares of numbers whose sum is between these are floats, and what is lost of it is below rounding.
_LEAST_SQUARES, _MOST_SQUARES = 1e-20, 1e30
_ROWS = 64


def squares(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """The sums of squares."""
    return 2 * tf.stack([tf.nn.l2_loss(array) for array in arrays])


def lengths(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """The Euclidean norms, where the sums of squares are floats."""
    return tf.sqrt(squares(arrays))


def largest(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """The largest |elements|; zero where there is none."""
    highest = tf.stack([tf.reduce_max(array) for array in arrays])
    lowest = tf.stack([tf.reduce_min(array) for array in arrays])
    # Of nothing the highest is below the lowest.
    return tf.maximum(tf.maximum(highest, -lowest), 0)


def shares_of_zeros(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """Of the elements, between 0 and 1; zero where there is none."""
    sizes = tf.constant([max(array.shape.num_elements(), 1) for array in arrays], arrays[0].dtype)
    return tf.stack([tf.reduce_sum(tf.cast(tf.equal(array, 0), array.dtype)) for array in arrays]) / sizes


def magnitudes(arrays: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(factors, norms, largest |elements|): what arrays are to be divided by, and how long they are."""
    sizes, sums = largest(arrays), squares(arrays)
    are_plain = tf.reduce_all((sizes == 0) | ((sums > _LEAST_SQUARES) & (sums < _MOST_SQUARES)))
    factors, norms = tf.cond(
        are_plain,
        lambda: (tf.ones_like(sizes), tf.sqrt(sums)),
        lambda: (sizes, sizes * lengths(_divided(arrays, sizes))),
    )
    return factors, norms, sizes


def products(
    arrays: Sequence[tf.Tensor], factors: tf.Tensor, others: Sequence[tf.Tensor], other_factors: tf.Tensor
) -> tf.Tensor:
    """The dot products of arrays over their factors with others over theirs."""

    def dots(those: Sequence[tf.Tensor], these: Sequence[tf.Tensor]) -> tf.Tensor:
        pairs = zip(those, these, strict=True)
        return tf.stack([_dot(a, b) for a, b in pairs])

    return tf.cond(
        tf.reduce_all((factors == 1) & (other_factors == 1)),
        lambda: dots(arrays, others),
        lambda: dots(_divided(arrays, factors), _divided(others, other_factors)),
    )


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    # Row by row along memory, which is quicker; a sum of sums loses less than one of millions of summands.
    rows = [math.gcd(a.shape.num_elements(), _ROWS), 1, -1]
    return tf.reduce_sum(tf.matmul(tf.reshape(a, rows), tf.reshape(b, rows), transpose_b=True))


def _divided(arrays: Sequence[tf.Tensor], factors: tf.Tensor) -> list[tf.Tensor]:
    return [tf.math.divide_no_nan(array, f) for array, f in zip(arrays, tf.unstack(factors), strict=True)]
