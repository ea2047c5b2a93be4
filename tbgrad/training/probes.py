"""What is measured inside the compiled training step, and the variables in which it waits to be read.

All of it is part of the step's own program: the gradients are those that the step has computed, and most steps pay
only for a look at whether each is finite. What is measured of them is computed from variables alone, which hold them:
so it is traced once, however often the step is. This module must not know Keras's models, nor files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.alarms import Alarm, Inspection
from tbgrad.training.dead_units import DeadUnits
from tbgrad.training.magnitudes import lengths, magnitudes, products, shares_of_zeros
from tbgrad.training.schedules import Schedule
from tbgrad.training.tensors import both, dense, either, variable, when
from tbgrad.training.updates import Clip, Update

# Columns by weight, in this order; after them stand a row's loss and learning rate, and the shares of dead units.
_OF_GRADIENTS = ("norm", "clipped_norm", "largest", "zeros", "product", "norm_before", "factor", "factor_before")
COLUMNS = (*_OF_GRADIENTS, "update_norm", "weight_norm")


class Probe:
    """Measures the gradients of some weights; its methods are called while a step is traced, or eagerly.

    It holds three copies of the weights' size: the gradients of a step and of the one before, and the weights before
    the update; and a fourth one where histograms are asked for.

    Args:
      weights: the `tf.Variable`s, in network order.
      schedule: which steps are measured; the watch for what is not finite is at every step.
      histograms: at which steps the gradients are kept for histograms, or None.
      clip: how the optimizer clips, or None.
      rectified: how many layers have units that can be dead.
      capacity: rows that wait to be read; of more, the oldest are lost.
    """

    def __init__(
        self,
        weights: Sequence[tf.Variable],
        schedule: Schedule,
        histograms: Schedule | None = None,
        clip: Clip | None = None,
        rectified: int = 0,
        capacity: int = 256,
    ):
        self.weights, self.schedule, self.histograms, self.capacity = list(weights), schedule, histograms, capacity
        self.dtype = tf.float64 if any(w.dtype == tf.float64 for w in weights) else tf.float32
        self._clip = clip
        count, columns = len(self.weights), len(COLUMNS) * len(self.weights) + 2 + rectified

        def like_weights() -> list[tf.Variable]:
            return [variable(w.shape, self.dtype) for w in self.weights]

        nan, whole = float("nan"), tf.int64
        # Rows that were ever measured, the first step at which something was not finite, and the step of the gradients
        # that are kept for histograms; -1 where there is none.
        self.status = tf.Variable(tf.constant([0, -1, -1], whole), trainable=False)
        self.rows, self.steps = variable([capacity, columns], self.dtype), variable([capacity], whole)
        # The step that waits for its update, -1 where none does; its gradients, and which of them there are.
        self._pending, self._held, self._given = variable([], whole, -1), like_weights(), variable([count], tf.bool)
        # What was measured of them, by column and weight; the weights before the update, and its learning rate.
        self._waiting = variable([len(_OF_GRADIENTS), count], self.dtype)
        self._before, self._rate = like_weights(), variable([], self.dtype, nan)
        # The gradients of the step before, their factors and lengths.
        self._last, self._last_sizes = like_weights(), variable([2, count], self.dtype, nan)
        self._last_step = variable([], whole, -2)
        self.loss = variable([], self.dtype, nan)
        # Whether the loss is told at all: where it is not, its NaN means nothing.
        self.has_loss = False
        self.dead_units = DeadUnits(rectified, schedule, self.dtype)
        self._alarm = Alarm(self.weights, self.status, self.dtype)
        self.fault = self._alarm.fault
        self.kept = like_weights() if histograms else []
        self._measure = tf.function(self._measured, autograph=False)
        self._finish = tf.function(self._finished, autograph=False)

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
        # As each comes, outside of all branches: a branch would hold them until all are there.
        inspection = Inspection(gradients)
        self._pending.assign(tf.where(update.is_made, step, tf.constant(-1, tf.int64)))
        when(both(update.is_made, self._is_due(step)), lambda: self._look_at(update.applied(gradients)))
        self._alarm.watch(inspection, step, self.loss if self.has_loss else None, batch, on_fault)

        def keep() -> None:
            for before, weight in zip(self._before, self.weights, strict=True):
                before.assign(tf.cast(weight, self.dtype))
            if rate is not None:
                self._rate.assign(tf.cast(rate(), self.dtype))

        when(both(update.is_made, self.schedule(step)), keep)

    def after_update(self) -> tf.Tensor:
        """Measures the update of the step that waits for it, and makes its row ready to be read.

        Returns:
          Bool tensor, whether there is a new row.
        """
        step = self._pending.read_value()
        is_new = when(both(step >= 0, self.schedule(step)), self._finish)
        self._pending.assign(-1)
        return is_new

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
        step, loss = tf.cast(step, tf.int64), self.loss if self.has_loss else None
        when(is_suspect, lambda: self._alarm.watch(Inspection(gradients), step, loss, batch, on_fault))

    def note_loss(self, loss: tf.Tensor) -> None:
        """Notes the batch's loss."""
        self.has_loss = True
        self.loss.assign(tf.cast(tf.reduce_mean(loss), self.dtype))

    def _is_due(self, step: tf.Tensor) -> Any:
        """Whether anything is to be measured of a step's gradients."""
        asked = [self.schedule(step), self.schedule(step + 1)]
        return either(*asked, *([] if self.histograms is None else [self.histograms(step)]))

    def _look_at(self, applied: Sequence[Any]) -> None:
        """Holds the gradients of an update, and measures them."""
        for held, gradient in zip(self._held, applied, strict=True):
            if gradient is not None:
                held.assign(tf.cast(dense(gradient), self.dtype))
        self._given.assign(tf.constant([gradient is not None for gradient in applied]))
        self._measure()

    def _measured(self) -> None:
        """Measures what is held."""
        step = self._pending.read_value()
        gradients = [held.read_value() for held in self._held]
        factors, norms, sizes = magnitudes(gradients)

        def wait() -> None:
            nan = tf.constant(float("nan"), self.dtype)
            clipped = tf.fill(norms.shape, nan) if self._clip is None else self._clip.norms(gradients, norms)
            zeros = shares_of_zeros(gradients)
            factors_before, norms_before = tf.unstack(self._last_sizes)
            product = products(gradients, factors, self._last, factors_before)
            product = tf.where(tf.equal(self._last_step, step - 1), product, nan)
            columns = tf.stack([norms, clipped, sizes, zeros, product, norms_before, factors, factors_before])
            self._waiting.assign(tf.where(self._given, columns, nan))

        def keep_last() -> None:
            for last, gradient in zip(self._last, gradients, strict=True):
                last.assign(gradient)
            self._last_sizes.assign(tf.stack([factors, norms]))
            self._last_step.assign(step)

        def keep_for_histograms() -> None:
            for kept, gradient in zip(self.kept, gradients, strict=True):
                kept.assign(gradient)
            self.status.scatter_update(tf.IndexedSlices(step[None], [2]))

        when(self.schedule(step), wait)
        when(self.schedule(step + 1), keep_last)
        if self.histograms is not None:
            when(self.histograms(step), keep_for_histograms)

    def _finished(self) -> None:
        """Measures the update, and writes the row."""
        weight_norms = lengths(self._before)
        # In place, once they were read.
        with tf.control_dependencies([weight_norms]):
            for before, weight in zip(self._before, self.weights, strict=True):
                before.assign_sub(tf.cast(weight, self.dtype))
        of_gradients, ends = tf.reshape(self._waiting, [-1]), tf.stack([self.loss, self._rate])
        row = tf.concat([of_gradients, lengths(self._before), weight_norms, ends, self.dead_units.shares], axis=0)
        place = self.status[0] % self.capacity
        self.rows.scatter_update(tf.IndexedSlices(row[None], place[None]))
        self.steps.scatter_update(tf.IndexedSlices(self._pending[None], place[None]))
        self.status.assign_add(tf.constant([1, 0, 0], tf.int64))
