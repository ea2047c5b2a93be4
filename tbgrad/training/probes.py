"""What is measured inside the compiled training step, and the variables in which it waits to be read.

All of it is part of the step's own program: the gradients are those that the step has computed, and most steps pay
only for one sum of squares by each weight. This module must not know Keras's models, nor files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.parts import parts_of, squares_of
from tbgrad.training.schedules import Schedule
from tbgrad.training.tensors import both, dense, either, has_not_finite, length, values, when
from tbgrad.training.updates import Update

# Columns by weight, in this order; after them stand a row's loss and learning rate, and the shares of dead units.
COLUMNS = (
    "norm",
    "clipped_norm",
    "largest",
    "zeros",
    "product",
    "norm_before",
    "factor",
    "factor_before",
    "update_norm",
    "weight_norm",
)
_MEASURED_BEFORE = 8


class Probe:
    """Measures the gradients of some weights; its methods are called while a step is traced, or eagerly.

    It holds two copies of the weights' size, the gradient of the step before and the weights before the update, and a
    third one where histograms are asked for.

    Args:
      weights: the `tf.Variable`s, in network order.
      schedule: which steps are measured; the watch for what is not finite is at every step.
      histograms: at which steps the gradients are kept for histograms, or None.
      rectified: how many layers have units that can be dead.
      capacity: rows that wait to be read; of more, the oldest are lost.
    """

    def __init__(
        self,
        weights: Sequence[tf.Variable],
        schedule: Schedule,
        histograms: Schedule | None = None,
        rectified: int = 0,
        capacity: int = 256,
    ):
        self.weights, self.schedule, self.histograms, self.capacity = list(weights), schedule, histograms, capacity
        self.dtype = tf.float64 if any(w.dtype == tf.float64 for w in weights) else tf.float32
        count = len(self.weights)
        columns = len(COLUMNS) * count + 2 + rectified

        def variable(shape: Sequence[int], dtype: tf.DType, value: float = 0.0) -> tf.Variable:
            return tf.Variable(tf.fill(shape, tf.cast(value, dtype)), trainable=False)

        nan = float("nan")
        # Rows that were ever measured, the first step at which something was not finite, and the step of the gradients
        # that are kept for histograms; -1 where there is none.
        self.status = tf.Variable(tf.constant([0, -1, -1], tf.int64), trainable=False)
        self.rows, self.steps = variable([capacity, columns], self.dtype), variable([capacity], tf.int64)
        # The row that waits for its update, its step, and -1 where none does.
        self._waiting = variable([_MEASURED_BEFORE * count + 2], self.dtype)
        self._pending = variable([], tf.int64, -1)
        self._before = [variable(w.shape, self.dtype) for w in self.weights]
        # The gradient of the step before over a factor, with its length and that factor.
        self._last = [variable(w.shape, self.dtype) for w in self.weights]
        self._last_sizes, self._last_step = variable([2, count], self.dtype, nan), variable([], tf.int64, -2)
        self.loss = variable([], self.dtype, nan)
        # Whether the loss is told at all: where it is not, its NaN means nothing.
        self.has_loss = False
        self.dead = variable([rectified], self.dtype, nan)
        # Loss, whether the batch was finite, and of each weight whether gradient and weight were.
        self.fault = variable([2 + 2 * count], self.dtype, nan)
        self.kept = [variable(w.shape, self.dtype) for w in self.weights] if histograms else []

    def before_update(
        self,
        step: Any,
        gradients: Sequence[Any],
        *,
        update: Update | None = None,
        rate: Callable[[], Any] | None = None,
        batch: Sequence[tf.Tensor] = (),
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """Measures the gradients of a step, and keeps the weights to measure the update by.

        Args:
          step: integer tensor, the updates made before.
          gradients: one for each weight: a tensor, `tf.IndexedSlices`, or None.
          update: what the optimizer makes of them before it moves; by default nothing.
          rate: gives the learning rate, where it is known.
          batch: floating tensors that the loss was computed from.
          on_fault: what else to do at the first step that is not finite.
        """
        step, update = tf.cast(step, tf.int64), update or Update()
        squares = squares_of(gradients, self.dtype)
        is_finite = tf.math.is_finite(tf.add_n([each for each in squares if each is not None]))
        if self.has_loss:
            is_finite &= tf.math.is_finite(self.loss)
        self._watch(~is_finite, step, gradients, batch, on_fault)
        now, soon = self.schedule(step), self.schedule(step + 1)

        def described() -> None:
            applied = update.applied(gradients)
            of_applied = squares if applied is gradients else squares_of(applied, self.dtype)
            parts = parts_of(applied, of_applied, self.dtype)
            when(now, lambda: self._measure(step, parts, update, rate))
            when(soon, lambda: self._keep_last(step, parts))

        when(both(update.is_made, either(now, soon)), described)
        if self.histograms is not None:
            keeps = both(update.is_made, self.histograms(step))
            when(keeps, lambda: self._keep(step, update.applied(gradients)))

    def after_update(self) -> tf.Tensor:
        """Measures the update of the row that waits for it, and makes the row ready to be read.

        Returns:
          Bool tensor, whether there was one.
        """

        def finish() -> None:
            lengths = []
            for weight, before in zip(self.weights, self._before, strict=True):
                lengths.append([length(tf.cast(weight, self.dtype) - before), length(before)])
            updates = tf.reshape(tf.transpose(tf.convert_to_tensor(lengths)), [-1])
            measured, ends = self._waiting[:-2], self._waiting[-2:]
            row = tf.concat([measured, updates, ends, self.dead], axis=0)
            place = self.status[0] % self.capacity
            self.rows.scatter_update(tf.IndexedSlices(row[None], place[None]))
            self.steps.scatter_update(tf.IndexedSlices(self._pending[None], place[None]))
            self.status.assign_add(tf.constant([1, 0, 0], tf.int64))
            self._pending.assign(-1)

        return when(self._pending >= 0, finish)

    def note_dead(self, which: int, output: tf.Tensor, step: Any, *, again: bool) -> None:
        """Notes the share of a rectified layer's units, its last axis, that give zero for the whole batch.

        Args:
          which: the layer's place among the rectified ones.
          output: `[batch, ..., units]`.
          step: integer tensor.
          again: whether the layer is called once more in this step: then a unit must be dead in all calls.
        """

        def note() -> None:
            # In two steps, of which each goes along memory.
            highest = tf.reduce_max(tf.reshape(output, [tf.shape(output)[0], -1]), axis=0)
            highest = tf.reduce_max(tf.reshape(highest, [-1, tf.shape(output)[-1]]), axis=0)
            # Where the highest is below zero, the activation is not the last thing that the layer does.
            share = tf.reduce_mean(tf.cast(tf.equal(highest, 0), self.dtype))
            share = tf.minimum(share, self.dead[which]) if again else share
            self.dead.scatter_update(tf.IndexedSlices(share[None], [which]))

        when(self.schedule(tf.cast(step, tf.int64)), note)

    def before_scaled(
        self,
        step: Any,
        gradients: Sequence[Any],
        scale: Any,
        *,
        batch: Sequence[tf.Tensor] = (),
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """Watches a step that is left out where the gradients of a scaled loss are not finite.

        That they overflow is no fault while the scale can become smaller. It is one where the loss itself is not
        finite, or where the loss is not made larger any more.

        Args:
          step: as in `before_update`.
          gradients: of the scaled loss, one for each weight, or None.
          scale: by which the loss was multiplied.
          batch: as in `before_update`.
          on_fault: as there.
        """
        is_suspect = tf.cast(scale, self.dtype) <= 1
        if self.has_loss:
            is_suspect |= ~tf.math.is_finite(self.loss)
        self._watch(is_suspect, tf.cast(step, tf.int64), gradients, batch, on_fault)

    def _watch(
        self,
        is_suspect: tf.Tensor,
        step: tf.Tensor,
        gradients: Sequence[Any],
        batch: Sequence[tf.Tensor],
        on_fault: Callable[[], None],
    ) -> None:
        """Notes the first step at which loss or gradients are not finite; looks where it is suspected."""

        def look() -> None:
            # A sum of squares overflows long before its summands do.
            nothing = tf.zeros([], tf.bool)
            bad = [nothing if g is None else has_not_finite(values(g)) for g in gradients]
            loss_is_bad = tf.math.is_inf(self.loss) | (tf.math.is_nan(self.loss) & self.has_loss)

            def note() -> None:
                weights = [has_not_finite(w.value()) for w in self.weights]
                of_batch = tf.reduce_any([has_not_finite(x) for x in batch]) if batch else nothing
                flags = tf.cast(tf.stack([of_batch, *bad, *weights]), self.dtype)
                self.fault.assign(tf.concat([self.loss[None], flags], axis=0))
                self.status.scatter_update(tf.IndexedSlices(step[None], [1]))
                on_fault()

            when(tf.reduce_any(bad) | loss_is_bad, note)

        when(is_suspect & (self.status[1] < 0), look)

    def note_loss(self, loss: tf.Tensor) -> None:
        """Notes the batch's loss."""
        self.has_loss = True
        self.loss.assign(tf.cast(tf.reduce_mean(loss), self.dtype))

    def _measure(self, step: tf.Tensor, parts: Sequence[Any], update: Update, rate: Callable | None) -> None:
        nan = tf.constant(float("nan"), self.dtype)
        after = update.clipped_norms(parts)
        follows, columns = tf.equal(self._last_step, step - 1), []
        for i, part in enumerate(parts):
            if part is None:
                columns.append([nan] * _MEASURED_BEFORE)
                continue
            array, factor, norm, size = part
            zeros = tf.reduce_mean(tf.cast(tf.equal(array, 0), self.dtype))
            if array.shape.num_elements() == 0:
                zeros = tf.zeros_like(nan)
            product = tf.tensordot(tf.reshape(array, [-1]), tf.reshape(self._last[i], [-1]), 1)
            factor_before, norm_before = tf.unstack(self._last_sizes[:, i])
            row = [norm, after[i], size, zeros, tf.where(follows, product, nan)]
            columns.append([*row, norm_before, factor, factor_before])
        by_weight = tf.reshape(tf.transpose(tf.convert_to_tensor(columns)), [-1])
        told = nan if rate is None else tf.cast(rate(), self.dtype)
        self._waiting.assign(tf.concat([by_weight, tf.stack([self.loss, told])], axis=0))
        for weight, before in zip(self.weights, self._before, strict=True):
            before.assign(tf.cast(weight, self.dtype))
        self._pending.assign(step)

    def _keep_last(self, step: tf.Tensor, parts: Sequence[Any]) -> None:
        nan = tf.constant(float("nan"), self.dtype)
        sizes = [(nan, nan) if part is None else part[1:3] for part in parts]
        for last, part in zip(self._last, parts, strict=True):
            if part is not None:
                last.assign(part[0])
        self._last_sizes.assign(tf.transpose(tf.convert_to_tensor(sizes)))
        self._last_step.assign(step)

    def _keep(self, step: tf.Tensor, gradients: Sequence[Any]) -> None:
        for kept, gradient in zip(self.kept, gradients, strict=True):
            if gradient is not None:
                kept.assign(tf.cast(dense(gradient), self.dtype))
        self.status.scatter_update(tf.IndexedSlices(step[None], [2]))
