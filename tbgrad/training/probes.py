"""What is measured inside the compiled training step, and the variables in which it waits to be read.

All of it is part of the step's own program: the gradients are those that the step has computed, and most steps pay
only for one sum of squares by each weight. Lengths are computed of gradients over their largest element, so that they
are right wherever the gradient itself is a float. This module must not know Keras's models, nor files.

Source: Blue (1978), A Portable Fortran Program to Find the Euclidean Norm of a Vector, ACM TOMS 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tbgrad.training.schedules import Schedule

# Columns by weight, in this order; after them stand a row's loss and learning rate, and the shares of dead units.
COLUMNS = (
    "norm",
    "clipped_norm",
    "largest",
    "zeros",
    "product",
    "norm_before",
    "largest_before",
    "update_norm",
    "weight_norm",
)
_MEASURED_BEFORE = 7


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
        # Rows that were ever measured, and the first step at which something was not finite.
        self.status = tf.Variable(tf.constant([0, -1], tf.int64), trainable=False)
        self.rows, self.steps = variable([capacity, columns], self.dtype), variable([capacity], tf.int64)
        # The row that waits for its update, its step, and -1 where none does.
        self._waiting = variable([_MEASURED_BEFORE * count + 2], self.dtype)
        self._pending = variable([], tf.int64, -1)
        self._before = [variable(w.shape, self.dtype) for w in self.weights]
        # The gradient of the step before over its largest element, with that element and its length.
        self._last = [variable(w.shape, self.dtype) for w in self.weights]
        self._last_sizes, self._last_step = variable([2, count], self.dtype, nan), variable([], tf.int64, -2)
        self.loss, self.rate = variable([], self.dtype, nan), variable([], self.dtype, nan)
        # Where the loss is never told, its NaN means nothing.
        self._has_loss = False
        self.dead = variable([rectified], self.dtype, nan)
        # Loss, whether the batch was finite, and of each weight whether gradient and weight were.
        self.fault = variable([2 + 2 * count], self.dtype, nan)
        self.histogram_step = variable([], tf.int64, -1)
        self.kept = [variable(w.shape, self.dtype) for w in self.weights] if histograms else []

    def before_update(
        self,
        step: Any,
        gradients: Sequence[Any],
        clipped: Sequence[Any] | None = None,
        batch: Sequence[tf.Tensor] = (),
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """Measures the gradients of a step, and keeps the weights to measure the update by.

        Args:
          step: integer tensor, the updates made before.
          gradients: one for each weight: a tensor, `tf.IndexedSlices`, or None.
          clipped: the same after clipping, or None where nothing clips.
          batch: floating tensors that the loss was computed from.
          on_fault: what else to do at the first step that is not finite.
        """
        step = tf.cast(step, tf.int64)
        self._watch(step, gradients, batch, on_fault)
        now, soon = self.schedule(step), self.schedule(step + 1)

        def described() -> None:
            parts = [None if g is None else _described(tf.cast(_dense(g), self.dtype)) for g in gradients]
            _when(now, lambda: self._measure(step, parts, clipped))
            _when(soon, lambda: self._keep_last(step, parts))

        _when(_either(now, soon), described)
        if self.histograms is not None:
            _when(self.histograms(step), lambda: self._keep(step, gradients))

    def after_update(self) -> None:
        """Measures the update of the row that waits for it, if one does, and makes the row ready to be read."""

        def finish() -> None:
            lengths = []
            for weight, before in zip(self.weights, self._before, strict=True):
                lengths.append([_length(tf.cast(weight, self.dtype) - before), _length(before.value())])
            updates = tf.reshape(tf.transpose(tf.convert_to_tensor(lengths)), [-1])
            measured, ends = self._waiting[:-2], self._waiting[-2:]
            row = tf.concat([measured, updates, ends, self.dead], axis=0)
            place = self.status[0] % self.capacity
            self.rows.scatter_update(tf.IndexedSlices(row[None], place[None]))
            self.steps.scatter_update(tf.IndexedSlices(self._pending[None], place[None]))
            self.status.assign_add(tf.constant([1, 0], tf.int64))
            self._pending.assign(-1)

        _when(self._pending >= 0, finish)

    def note_dead(self, which: int, output: tf.Tensor, step: Any, *, again: bool) -> None:
        """Notes the share of a rectified layer's units, its last axis, that give zero for the whole batch.

        Args:
          which: the layer's place among the rectified ones.
          output: `[batch, ..., units]`.
          step: integer tensor.
          again: whether the layer is called once more in this step: then a unit must be dead in all calls.
        """

        def note() -> None:
            alive = tf.reduce_any(output > 0, axis=list(range(output.shape.rank - 1)))
            share = 1 - tf.reduce_mean(tf.cast(alive, self.dtype))
            share = tf.minimum(share, self.dead[which]) if again else share
            self.dead.scatter_update(tf.IndexedSlices(share[None], [which]))

        _when(self.schedule(tf.cast(step, tf.int64)), note)

    def _watch(
        self, step: tf.Tensor, gradients: Sequence[Any], batch: Sequence[tf.Tensor], on_fault: Callable[[], None]
    ) -> None:
        given = [g for g in gradients if g is not None]
        squares = tf.add_n([tf.cast(tf.nn.l2_loss(_values(g)), self.dtype) for g in given])

        def look() -> None:
            # A sum of squares overflows long before its summands do.
            nothing = tf.zeros([], tf.bool)
            bad = [nothing if g is None else _has_not_finite(_values(g)) for g in gradients]
            loss_is_bad = tf.math.is_inf(self.loss) | (tf.math.is_nan(self.loss) & self._has_loss)

            def note() -> None:
                weights = [_has_not_finite(w.value()) for w in self.weights]
                of_batch = tf.reduce_any([_has_not_finite(x) for x in batch]) if batch else nothing
                flags = tf.cast(tf.stack([of_batch, *bad, *weights]), self.dtype)
                self.fault.assign(tf.concat([self.loss[None], flags], axis=0))
                self.status.assign(tf.stack([self.status[0], step]))
                on_fault()

            _when(tf.reduce_any(bad) | loss_is_bad, note)

        is_finite = tf.math.is_finite(squares)
        if self._has_loss:
            is_finite &= tf.math.is_finite(self.loss)
        _when(~is_finite & (self.status[1] < 0), look)

    def note_loss(self, loss: tf.Tensor) -> None:
        """Notes the batch's loss."""
        self._has_loss = True
        self.loss.assign(tf.cast(tf.reduce_mean(loss), self.dtype))

    def _measure(self, step: tf.Tensor, parts: Sequence[Any], clipped: Sequence[Any] | None) -> None:
        nan = tf.constant(float("nan"), self.dtype)
        columns = []
        follows = tf.equal(self._last_step, step - 1)
        for i, part in enumerate(parts):
            if part is None:
                columns.append([nan] * _MEASURED_BEFORE)
                continue
            scaled, largest, norm = part
            after = nan if clipped is None else _length(tf.cast(_dense(clipped[i]), self.dtype))
            zeros = tf.reduce_mean(tf.cast(tf.equal(scaled, 0), self.dtype))
            product = tf.where(follows, tf.reduce_sum(scaled * self._last[i]), nan)
            columns.append([norm, after, largest, zeros, product, self._last_sizes[1, i], self._last_sizes[0, i]])
        by_weight = tf.reshape(tf.transpose(tf.convert_to_tensor(columns)), [-1])
        self._waiting.assign(tf.concat([by_weight, tf.stack([self.loss, self.rate])], axis=0))
        for weight, before in zip(self.weights, self._before, strict=True):
            before.assign(tf.cast(weight, self.dtype))
        self._pending.assign(step)

    def _keep_last(self, step: tf.Tensor, parts: Sequence[Any]) -> None:
        nan = tf.constant(float("nan"), self.dtype)
        sizes = [(nan, nan) if part is None else part[1:] for part in parts]
        for last, part in zip(self._last, parts, strict=True):
            if part is not None:
                last.assign(part[0])
        self._last_sizes.assign(tf.transpose(tf.convert_to_tensor(sizes)))
        self._last_step.assign(step)

    def _keep(self, step: tf.Tensor, gradients: Sequence[Any]) -> None:
        for kept, gradient in zip(self.kept, gradients, strict=True):
            if gradient is not None:
                kept.assign(tf.cast(_dense(gradient), self.dtype))
        self.histogram_step.assign(step)


def _when(condition: Any, act: Callable[[], None]) -> None:
    """Does something, in the program, where the condition holds."""
    if condition is True:
        act()
        return

    def branch() -> tf.Tensor:
        act()
        return tf.zeros([], tf.bool)

    tf.cond(condition, branch, lambda: tf.zeros([], tf.bool))


def _either(one: Any, other: Any) -> Any:
    return True if one is True or other is True else one | other


def _dense(gradient: Any) -> tf.Tensor:
    """A gradient as a whole array; rows that occur twice in `tf.IndexedSlices` are added."""
    return tf.convert_to_tensor(gradient)


def _values(gradient: Any) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _has_not_finite(array: tf.Tensor) -> tf.Tensor:
    return ~tf.reduce_all(tf.math.is_finite(array))


def _described(array: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """An array over its largest |element|, that element, and the array's length."""
    largest = tf.reduce_max(tf.abs(array))
    scaled = tf.math.divide_no_nan(array, largest)
    return scaled, largest, largest * tf.sqrt(tf.reduce_sum(tf.square(scaled)))


def _length(array: tf.Tensor) -> tf.Tensor:
    return _described(array)[2]
