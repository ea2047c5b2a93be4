"""The shares of dead units, measured on the activations of rectified layers inside the training step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tbgrad.training.schedules import Schedule
from tbgrad.training.tensors import variable, when

# Samples that are looked at first.
_FEW = 4


class DeadUnits:
    """Holds for each rectified layer the share of its units, its last axis, that give zero for the whole batch.

    Args:
      layers: how many.
      schedule: at which steps they are looked at.
      dtype: of the shares.

    Attributes:
      shares: variable `[layers]`; NaN where a layer was not looked at yet.
    """

    def __init__(self, layers: int, schedule: Schedule, dtype: tf.DType):
        self.shares = variable([layers], dtype, float("nan"))
        self._schedule = schedule

    def note(self, which: int, output: tf.Tensor, step: Any, *, again: bool) -> None:
        """Looks at a layer's output.

        Args:
          which: the layer's place among the rectified ones.
          output: `[batch, ..., units]`.
          step: integer tensor.
          again: whether the layer is called once more in this step: then a unit must be dead in all calls.
        """

        def look() -> None:
            # Where every unit gives something in a few samples, the others need not be read.
            highest = _highest(output[:_FEW])
            highest = tf.cond(tf.reduce_all(highest > 0), lambda: highest, lambda: _highest(output))
            # Where the highest is below zero, the activation is not the last thing that the layer does.
            share = tf.reduce_mean(tf.cast(tf.equal(highest, 0), self.shares.dtype))
            share = tf.minimum(share, self.shares[which]) if again else share
            self.shares.scatter_update(tf.IndexedSlices(share[None], [which]))

        when(self._schedule(tf.cast(step, tf.int64)), look)


def _highest(output: tf.Tensor) -> tf.Tensor:
    """`[units]`, the highest of each unit of `[batch, ..., units]`, in two steps of which each goes along memory."""
    highest = tf.reduce_max(tf.reshape(output, [tf.shape(output)[0], -1]), axis=0)
    return tf.reduce_max(tf.reshape(highest, [-1, tf.shape(output)[-1]]), axis=0)
