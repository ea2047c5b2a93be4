"""What an optimizer makes of gradients before it moves: it scales, gathers and clips them.

All of it is computed anew, from the gradients as they come. Where the optimizer's own results were read, TensorFlow
would no longer merge the operations behind them, which rounds the update another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tbgrad.training.tensors import dense, length


@dataclass(frozen=True)
class Update:
    """How gradients become those of an update.

    Attributes:
      scale: by which the loss was multiplied, or None.
      gathered: for each gradient what was gathered of the batches before, or None where each batch makes an update.
      batches: how many batches make an update.
      is_made: whether this batch makes one: True, or a bool tensor.
      clip: (`clipnorm`, `clipvalue` or `global_clipnorm`, the limit), or None.
    """

    scale: float | None = None
    gathered: Sequence[Any] | None = None
    batches: int = 1
    is_made: Any = True
    clip: tuple[str, float] | None = None

    def applied(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """The gradients of the update, before clipping: themselves where nothing is done to them."""
        if self.scale is None and self.gathered is None:
            return gradients
        share = 1 / self.batches
        made = []
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                gradient = dense(gradient) * (share if self.scale is None else share / self.scale)
                gradient = gradient if self.gathered is None else gradient + share * self.gathered[i]
            made.append(gradient)
        return made

    def clipped_norms(self, parts: Sequence[Any]) -> list[Any]:
        """The lengths after clipping of gradients array × factor; NaN where nothing clips.

        Args:
          parts: (array, factor, norm, largest |element|) for each weight, or None.

        Source: Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural Networks,
          arXiv:1211.5063.
        """
        given = [part for part in parts if part is not None]
        total = tf.sqrt(tf.add_n([tf.square(norm) for _, _, norm, _ in given]))
        return [None if part is None else self._clipped(part, total) for part in parts]

    def _clipped(self, part: tuple, total: tf.Tensor) -> tf.Tensor:
        array, factor, norm, _ = part
        if self.clip is None:
            return tf.constant(float("nan"), norm.dtype)
        kind, limit = self.clip[0], tf.constant(self.clip[1], norm.dtype)
        if kind == "clipnorm":
            return tf.minimum(norm, limit)
        if kind == "global_clipnorm":
            return norm * limit / tf.maximum(total, limit)
        return length(tf.minimum(factor * tf.abs(array), limit))


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
    clips = ((name, getattr(optimizer, name)) for name in ("clipnorm", "global_clipnorm", "clipvalue"))
    clip = next(((name, float(limit)) for name, limit in clips if limit), None)
    return Update(optimizer.loss_scale_factor, gathered, steps, is_made, clip)
