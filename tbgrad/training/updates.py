"""What an optimizer makes of gradients before it moves: it scales, gathers and clips them.

All of it is computed anew, from the gradients as they come. Where the optimizer's own results were read, TensorFlow
would no longer merge the operations behind them, which rounds the update another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tbgrad.training.magnitudes import lengths
from tbgrad.training.tensors import dense


@dataclass(frozen=True)
class Update:
    """How gradients become those of an update.

    Attributes:
      scale: by which the loss was multiplied, or None.
      gathered: for each gradient what was gathered of the batches before, or None where each batch makes an update.
      batches: how many batches make an update.
      is_made: whether this batch makes one: True, or a bool tensor.
    """

    scale: float | None = None
    gathered: Sequence[Any] | None = None
    batches: int = 1
    is_made: Any = True

    @property
    def is_plain(self) -> bool:
        """Whether the gradients are those of the update, as they come."""
        return self.scale is None and self.gathered is None

    def applied(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """The gradients of the update, before clipping."""
        if self.is_plain:
            return gradients
        share = 1 / self.batches
        made = []
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                gradient = dense(gradient) * (share if self.scale is None else share / self.scale)
                gradient = gradient if self.gathered is None else gradient + share * self.gathered[i]
            made.append(gradient)
        return made


@dataclass(frozen=True)
class Clip:
    """How an optimizer clips gradients.

    Source: Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural Networks, arXiv:1211.5063.

    Attributes:
      kind: `clipnorm`, `clipvalue` or `global_clipnorm`.
      limit: > 0.
    """

    kind: str
    limit: float

    def norms(self, arrays: Sequence[tf.Tensor], norms: tf.Tensor) -> tf.Tensor:
        """`[count]`, the lengths of arrays after clipping.

        Args:
          arrays: the gradients of an update.
          norms: `[count]`, their lengths.
        """
        limit = tf.constant(self.limit, norms.dtype)
        if self.kind == "clipnorm":
            return tf.minimum(norms, limit)
        if self.kind == "global_clipnorm":
            return norms * limit / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(norms))), limit)
        return lengths([tf.clip_by_value(array, -limit, limit) for array in arrays])


def clip_of(optimizer: Any) -> Clip | None:
    """How a Keras optimizer clips, or None."""
    clips = ((name, getattr(optimizer, name)) for name in ("clipnorm", "global_clipnorm", "clipvalue"))
    return next((Clip(name, float(limit)) for name, limit in clips if limit), None)


def update_of(optimizer: Any, gradients: Sequence[Any], weights: Sequence[Any]) -> Update:
    """What a Keras optimizer will make of the gradients of this call.

    Args:
      optimizer: the one that makes the updates; built.
      gradients: one for each weight, or None.
      weights: Keras's variables.
    """
    steps, gathered, is_made = optimizer.gradient_accumulation_steps or 1, None, True
    if steps > 1:
        sums, place = optimizer._accumulated_gradients, optimizer._get_variable_index
        pairs = zip(gradients, weights, strict=True)
        gathered = [None if gradient is None else sums[place(weight)].value for gradient, weight in pairs]
        is_made = tf.equal((tf.convert_to_tensor(optimizer._iterations) + 1) % steps, 0)
    return Update(optimizer.loss_scale_factor, gathered, steps, is_made)
