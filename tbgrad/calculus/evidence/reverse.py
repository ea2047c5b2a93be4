"""The reverse gradient at points, how much rounding moves it, and the values that it is held against.

Source: Griewank & Walther (2008), Evaluating Derivatives, section 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tbgrad.calculus.derivatives import compiled, value_and_gradient
from tbgrad.calculus.evidence.influences import opened_value
from tbgrad.calculus.evidence.rounding import Rounded, rounding_program
from tbgrad.calculus.pointwise import Manner, apply, manner
from tbgrad.calculus.tapes import what_breaks
from tbgrad.errors import FunctionCallError, NoGradientError
from tbgrad.functions.function import Function

_SAMPLES, _LAST_DIGITS = 8, 4


@dataclass(frozen=True)
class Reverse:
    """Value and reverse gradient at points, how much rounding moves the gradient, and why it is missing or ""."""

    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    wobble: np.ndarray
    missing: str = ""


def reverse_gradient(f: Function, position: np.ndarray) -> Reverse:
    """Value and reverse gradient at positions `[n, d]`, of their dtype; NaN and the reason where no path leads back."""
    try:
        kernel = value_and_gradient(f, position.dtype.name)
        value, gradient = (np.asarray(a) for a in kernel(position))
    except NoGradientError as error:
        value = rounding_program(f, position.dtype.name)(position).value
        nothing = np.full(position.shape, np.nan)
        return Reverse(position, value, nothing, np.zeros(position.shape), str(error))
    random = np.random.default_rng(0)
    low, high = np.full(gradient.shape, np.inf), np.full(gradient.shape, -np.inf)
    with np.errstate(all="ignore"):
        for _ in range(_SAMPLES):
            digits = random.integers(1, _LAST_DIGITS, size=position.shape, endpoint=True)
            digits = digits * random.choice((-1, 1), size=position.shape) * (position != 0)
            beside = (position + digits * np.spacing(np.abs(position))).astype(position.dtype)
            try:
                found = np.asarray(kernel(beside)[1], np.float64)
            except FunctionCallError:
                # A function may refuse what lies beside the points that were asked for.
                continue
            # Among neighbours, so that a gradient which is wrong at this very point is not excused by itself.
            low, high = np.fmin(low, found), np.fmax(high, found)
        wobble = high - low
        wobble = np.where(np.isfinite(wobble), wobble, 0.0)
    return Reverse(position, value, gradient, wobble)


def broken_path(f: Function, dtype: str) -> str:
    """An operation of a Python function that passes no gradient back, as users write it; "" where there is none."""
    if f.formula is not None:
        return ""
    found: list[str] = []

    def traced(position: tf.Tensor) -> tf.Tensor:
        value = opened_value(f, position)
        found.append(what_breaks(value, position))
        return value

    def look() -> str:
        compiled(f, dtype, lambda position: apply(f, traced, position))
        return found[-1]

    return f.program(("broken path", dtype, manner(f, dtype)), look)


def values_for_differences(f: Function, dtype: str, missing: str = "") -> Callable[[np.ndarray], Rounded]:
    """The values that differences are made of, from the kernel whose gradient is judged, unless that is missing."""
    program = rounding_program(f, dtype)
    if missing or manner(f, dtype) is not Manner.TOGETHER:
        return program
    kernel = value_and_gradient(f, dtype)

    def evaluate(position: np.ndarray) -> Rounded:
        rounded = program(position)
        return Rounded(np.asarray(kernel(position)[0], np.float64), rounded.bound, rounded.hidden)

    return evaluate
