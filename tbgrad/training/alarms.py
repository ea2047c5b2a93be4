"""The watch for what is NaN or infinite, at every step of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.tensors import has_not_finite, values, variable, when


class Alarm:
    """Notes the first step at which loss or gradients are not finite, and what of them.

    Args:
      weights: the `tf.Variable`s that are trained.
      status: int64 variable, of which [1] becomes that step, and is -1 before.
      dtype: of what is noted.

    Attributes:
      fault: `[2 + 2 count]`: the loss; of the batch, of each gradient and of each weight whether it was not finite.
    """

    def __init__(self, weights: Sequence[tf.Variable], status: tf.Variable, dtype: tf.DType):
        self._weights, self._status, self._dtype = weights, status, dtype
        self.fault = variable([2 + 2 * len(weights)], dtype, float("nan"))

    def watch(
        self,
        are_bad: Sequence[tf.Tensor],
        step: tf.Tensor,
        loss: tf.Variable | None,
        batch: Sequence[tf.Tensor],
        on_fault: Callable[[], None],
    ) -> None:
        """Looks at a step.

        Args:
          are_bad: of each gradient whether it is not finite.
          step: int64 tensor.
          loss: of the batch, or None where it is not told.
          batch: floating tensors that the loss was computed from.
          on_fault: what else to do at the first step that is not finite.
        """
        loss_is_bad = tf.constant(False) if loss is None else ~tf.math.is_finite(loss)

        def note() -> None:
            weights = [has_not_finite(w.value()) for w in self._weights]
            of_batch = tf.reduce_any([has_not_finite(x) for x in batch]) if batch else tf.constant(False)
            told = tf.constant(float("nan"), self._dtype) if loss is None else loss
            flags = tf.cast(tf.stack([of_batch, *are_bad, *weights]), self._dtype)
            noted = self.fault.assign(tf.concat([told[None], flags], axis=0))
            flagged = self._status.scatter_update(tf.IndexedSlices(step[None], [1]))
            # It may read both, from outside the program.
            with tf.control_dependencies([noted, flagged]):
                on_fault()

        when((self._status[1] < 0) & (tf.reduce_any(are_bad) | loss_is_bad), note)


def are_not_finite(gradients: Sequence[Any]) -> list[tf.Tensor]:
    """Of each gradient whether an element is NaN or infinite: of a tensor, of `tf.IndexedSlices`, or of None."""
    return [tf.constant(False) if g is None else has_not_finite(values(g)) for g in gradients]
