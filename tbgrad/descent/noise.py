"""Gaussian noise for each start, step and coordinate, whatever else runs beside it.

A counter is hashed rather than a stream drawn from: so a start's noise does not depend on how the starts are cut into
tiles, on what is recorded, or on the compiler.

Source: Steele, Lea & Flood (2014), Fast Splittable Pseudorandom Number Generators, OOPSLA (SplitMix64's finalizer);
Salmon et al. (2011), Parallel Random Numbers: As Easy as 1, 2, 3, SC11 (counters); Box & Muller (1958), A Note on the
Generation of Random Normal Deviates, Ann. Math. Statist. 29.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def start_keys(seed: int, first: int, starts: int) -> np.ndarray:
    """A key for each start: int64 `[starts]`, of those numbered from `first` on.

    Args:
      seed: of all of them, int ≥ 0.
      first: the number of the first start.
      starts: how many.
    """
    mixed = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    numbers = np.arange(first, first + starts, dtype=np.uint64)
    return (mixed + numbers * np.uint64(_GOLDEN)).view(np.int64)


def normal(keys: tf.Tensor, step: tf.Tensor, dimensions: int) -> tf.Tensor:
    """Standard normal numbers, float64 `[starts, d]`.

    Args:
      keys: int64 `[starts]`, of `start_keys`.
      step: int, the number of the update.
      dimensions: d.
    """
    key = _mixed(_mixed(tf.bitcast(keys, tf.uint64)) + tf.cast(step, tf.uint64))[:, None]
    counters = tf.constant(np.arange(2 * dimensions, dtype=np.uint64) * np.uint64(_GOLDEN))
    # 53 bits, in the middle of their interval: never zero.
    bits = tf.bitwise.right_shift(_mixed(key + counters), tf.constant(11, tf.uint64))
    uniform = (tf.cast(bits, tf.float64) + 0.5) * 2.0**-53
    radius, angle = uniform[:, :dimensions], uniform[:, dimensions:]
    return tf.sqrt(-2 * tf.math.log(radius)) * tf.cos(2 * math.pi * angle)


def _mixed(x: tf.Tensor) -> tf.Tensor:
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint64)))
        x = x * tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(31, tf.uint64)))
