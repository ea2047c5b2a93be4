"""What an instrument is: a name, a unit, a sentence, and a measurement of the recorded steps.

Instruments measure after the descent, in NumPy, on whole arrays. This module must not import TensorFlow: the names
of instruments are listed and completed without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tbgrad.functions.function import Function
from tbgrad.instruments.eigenvalues import largest_eigenvalues

# An update that moves the position by fewer units in its last place says little about where it was to go.
_ROUNDING = 16


@dataclass(frozen=True, eq=False)
class Steps:
    """Recorded rows of a descent, each with the row that its update led to.

    The arrays belong to the descent and are not to be written to. What several instruments need is computed once.

    Attributes:
      function: what is descended on.
      optimizer: Keras's name in lower case.
      settings: the optimizer's further keyword arguments, Keras's defaults included; arrays `[starts]` where they are
        given for each start.
      step: int64 `[rows]`, the updates made before each row.
      rate: `[rows]` or `[rows, starts]`, the learning rate of the update that leaves each row; None where nobody
        knows.
      position: `[rows, starts, d]`, and `next_position` after the update.
      value: `[rows, starts]`, and `next_value`.
      gradient: `[rows, starts, d]`, and `next_gradient`.
      second_moment: `[rows, starts, d]`, what the optimizer keeps of squared gradients (a running mean, uncorrected
        for its bias; Adagrad's sum) as the update that leaves the row uses it; None where it keeps nothing.
      whole: the steps of which these are all but the last, or None; what they have computed is not computed again.
    """

    function: Function
    optimizer: str
    settings: Mapping[str, Any]
    step: np.ndarray
    rate: np.ndarray | None
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    next_position: np.ndarray
    next_value: np.ndarray
    next_gradient: np.ndarray
    second_moment: np.ndarray | None = None
    whole: Steps | None = dataclasses.field(default=None, repr=False)

    @property
    def dtype(self) -> np.dtype:
        """That of the values, and of every reading."""
        return self.value.dtype

    @cached_property
    def update(self) -> np.ndarray:
        """`[rows, starts, d]`: from each row's position to the next."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.next_position - self.position

    @cached_property
    def update_norm(self) -> np.ndarray:
        """`[rows, starts]`: the update's length."""
        return length(self.update)

    @cached_property
    def gradient_norm(self) -> np.ndarray:
        """`[rows, starts]`: the gradient's length."""
        return length(self.gradient)

    @cached_property
    def update_is_rounding(self) -> np.ndarray:
        """`[rows, starts]`: whether the update is zero, or so small that rounding the position decides it."""
        return self.update_norm <= _ROUNDING * np.finfo(self.dtype).eps * length(self.next_position)

    @cached_property
    def largest_eigenvalue(self) -> np.ndarray:
        """Float64 `[rows, starts]`: of the Hessian at each row; NaN where it is not finite."""
        if self.whole is not None:
            return self.whole.largest_eigenvalue[: len(self.value)]
        found = largest_eigenvalues(self.function, self.position.reshape(-1, self.position.shape[-1]))
        return found.reshape(self.value.shape)


@dataclass(frozen=True)
class Instrument:
    """Something measured at each step.

    Attributes:
      name: also the last part of its tag.
      unit: in words; empty for a pure number.
      description: one or two sentences that say what it tells.
      measure: `Steps` to an array `[rows, starts]` of their dtype; NaN where there is nothing to measure.
      of_update: whether it measures the update that leaves a row. If not, it measures the row itself, and the last
        row has a reading too.
      needs_second_derivatives: whether it computes some, which costs more than the descent itself.
      needs_second_moment: whether it asks for what the optimizer keeps of squared gradients.
    """

    name: str
    unit: str
    description: str
    measure: Callable[[Steps], np.ndarray]
    of_update: bool = True
    needs_second_derivatives: bool = False
    needs_second_moment: bool = False


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Scalar products along the last axis, without an array of all products."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.einsum("...d,...d->...", first, second)


def length(vectors: np.ndarray) -> np.ndarray:
    """Euclidean lengths along the last axis, also where their squares leave the floats."""
    squares = dot(vectors, vectors)
    lengths = np.sqrt(squares)
    limits = np.finfo(vectors.dtype)
    lost = ~((squares > limits.tiny / limits.eps) & (squares <= limits.max))
    if lost.any():
        scale = np.abs(vectors[lost]).max(axis=-1)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scaled = vectors[lost] / scale[..., None]
            scaled = scale * np.sqrt(dot(scaled, scaled))
        lengths[lost] = np.where((scale == 0) | np.isinf(scale), scale, scaled)
    return lengths


def direction(vectors: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Vectors of length 1; NaN where a vector has none, or no direction."""
    lengths = np.where((lengths > 0) & np.isfinite(lengths), lengths, np.nan).astype(vectors.dtype, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        return vectors / lengths[..., None]
