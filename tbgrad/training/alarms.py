"""The watch for what is NaN or infinite, at every step of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.tensors import has_not_finite, is_finite, values, variable, when

# Gradients of at most so many numbers are looked at together: each alone would take longer to begin than to look at.
_SMALL = 2**12


class Inspection:
    """Looks whether gradients are finite; which of the small ones are not is found out only where it is asked.

    Args:
      gradients: tensors, `tf.IndexedSlices` or None.

    Attributes:
      any: bool tensor, whether an element of any gradient is NaN or infinite.
    """

    def __init__(self, gradients: Sequence[Any]):
        self._count, small = len(gradients), {}
        self._alone: dict[int, tf.Tensor] = {}
        for place, gradient in enumerate(gradients):
            if isinstance(gradient, tf.Tensor) and (gradient.shape.num_elements() or _SMALL + 1) <= _SMALL:
                small.setdefault(gradient.dtype, {})[place] = tf.reshape(gradient, [-1])
            elif gradient is not None:
                self._alone[place] = is_finite(values(gradient))
        # Copies, by which the gradients themselves are not held.
        self._joined = [(parts, tf.concat(list(parts.values()), axis=0)) for parts in small.values()]
        self.any = ~tf.reduce_all([*self._alone.values(), *(is_finite(joined) for _, joined in self._joined)])

    def each(self) -> tf.Tensor:
        """Of each gradient whether an element is NaN or infinite, `[count]`; of None it is False."""
        finite = dict(self._alone)
        for parts, joined in self._joined:
            sizes = [part.shape[0] for part in parts.values()]
            finite |= zip(parts, map(is_finite, tf.split(joined, sizes)), strict=True)
        return ~tf.stack([finite.get(place, tf.constant(True)) for place in range(self._count)])


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
        inspection: Inspection,
        step: tf.Tensor,
        loss: tf.Variable | None,
        batch: Sequence[tf.Tensor],
        on_fault: Callable[[], None],
    ) -> None:
        """Looks at a step.

        Args:
          inspection: of the step's gradients.
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
            flags = tf.concat([of_batch[None], inspection.each(), tf.stack(weights)], axis=0)
            noted = self.fault.assign(tf.concat([told[None], tf.cast(flags, self._dtype)], axis=0))
            flagged = self._status.scatter_update(tf.IndexedSlices(step[None], [1]))
            # It may read both, from outside the program.
            with tf.control_dependencies([noted, flagged]):
                on_fault()

        when((self._status[1] < 0) & (inspection.any | loss_is_bad), note)
