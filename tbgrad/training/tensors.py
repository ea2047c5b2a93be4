"""What is asked of tensors again and again inside a training step."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def variable(shape: Sequence[int], dtype: tf.DType, value: float = 0.0) -> tf.Variable:
    """A variable in which something is kept, filled with a value."""
    return tf.Variable(tf.fill(shape, tf.cast(value, dtype)), trainable=False)


def when(condition: Any, act: Callable[[], None]) -> tf.Tensor:
    """Does something, in the program, where the condition holds; tells whether it does."""
    if condition is True:
        act()
        return tf.constant(True)

    def branch() -> tf.Tensor:
        act()
        return tf.constant(True)

    return tf.cond(condition, branch, lambda: tf.constant(False))


def either(*conditions: Any) -> Any:
    """Whether one of some conditions holds; True itself where one of them is that."""
    return True if any(each is True for each in conditions) else functools.reduce(operator.or_, conditions)


def both(one: Any, other: Any) -> Any:
    """Whether two conditions hold; True itself where both are that."""
    if one is True or other is True:
        return other if one is True else one
    return one & other


def dense(gradient: Any) -> tf.Tensor:
    """A gradient as a whole array; rows that occur twice in `tf.IndexedSlices` are added."""
    return tf.convert_to_tensor(gradient)


def values(gradient: Any) -> tf.Tensor:
    """The numbers that a gradient is made of."""
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def is_finite(array: tf.Tensor) -> tf.Tensor:
    """Whether no element is NaN or infinite."""
    return tf.reduce_all(tf.math.is_finite(array))


def has_not_finite(array: tf.Tensor) -> tf.Tensor:
    """Whether an element is NaN or infinite."""
    return ~is_finite(array)
