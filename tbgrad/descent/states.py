"""What goes on from step to step of a descent: in a program as nested tensors, between two calls as a flat list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tbgrad.descent.adapter import State
from tbgrad.descent.stopping import Row


class Tile(NamedTuple):
    """Some starts on their way, in a program: all that the next step needs; tensors.

    Attributes:
      row: position `[n, d]`, value `[n]` and gradient `[n, d]`.
      step: int32, updates so far.
      active: bool `[n]`, which starts have not stopped.
      steps_made: int32 `[n]`, updates before they stopped.
      state: the optimizer's.
      rule: the stopping rule's state.
    """

    row: Row
    step: tf.Tensor
    active: tf.Tensor
    steps_made: tf.Tensor
    state: State
    rule: tuple


@dataclass(frozen=True)
class Running:
    """The same between two calls, as the flat list of tensors that a program takes and gives."""

    tensors: list[tf.Tensor]

    @property
    def row(self) -> list[np.ndarray]:
        """Position, value and gradient."""
        return [np.asarray(tensor) for tensor in self.tensors[:3]]

    @property
    def step(self) -> int:
        """Updates so far."""
        return int(self.tensors[3])

    @property
    def active(self) -> np.ndarray:
        """Which starts have not stopped."""
        return np.asarray(self.tensors[4])

    @property
    def steps_made(self) -> np.ndarray:
        """Updates before they stopped."""
        return np.asarray(self.tensors[5]).astype(np.int64)

    def state(self, k: int) -> np.ndarray:
        """A part of the optimizer's state."""
        return np.asarray(self.tensors[6 + k])

    def going_on(self) -> Running:
        """The same as if no start had stopped."""
        return Running([*self.tensors[:4], tf.ones_like(self.tensors[4]), *self.tensors[5:]])


class Inputs(NamedTuple):
    """The numbers that a program is given.

    Attributes:
      rate: `[]` or `[n]`, the learning rate.
      hyperparameters: `[n]` each, those that are given for each start.
      noise: `[]`, the standard deviation of the noise on each partial derivative.
      keys: int64 `[n]`, of each start's noise.
    """

    rate: tf.Tensor
    hyperparameters: tuple[tf.Tensor, ...]
    noise: tf.Tensor
    keys: tf.Tensor

    @property
    def flat(self) -> tuple[tf.Tensor, ...]:
        """All of them in order."""
        return self.rate, *self.hyperparameters, self.noise, self.keys
