"""Puts a probe into a Keras model's training step for the time of a fit, and takes it out again.

Nothing is computed twice: the optimizer is given its gradients as ever, and on the way they are looked at. Wrapped are,
on the objects alone, the model's `train_step` and `compute_loss`, its rectified layers' `call`, and the optimizer's
`apply`, `scale_loss` and `_clip_gradients`, in which gradients are what is to be clipped and weights not yet decayed.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tbgrad.errors import OptionError
from tbgrad.training.disconnected import likely_reason
from tbgrad.training.hooks import Hooks
from tbgrad.training.networks import Network, network
from tbgrad.training.probes import Probe
from tbgrad.training.schedules import Schedule

_ROWS = 256


class Attachment:
    """A probe in a model's training step.

    Args:
      model: a compiled Keras model; its weights may not exist yet.
      schedule: which steps are measured.
      histograms: at which steps the gradients are kept for histograms, or None.
      keep_batch: whether the batch of the first step that is not finite is kept.

    Raises:
      OptionError: the model has no optimizer of its own, or keeps its batch under XLA.
    """

    def __init__(self, model: Any, schedule: Schedule, histograms: Schedule | None = None, keep_batch: bool = False):
        if not isinstance(model.optimizer, keras.optimizers.Optimizer):
            raise OptionError(
                f"the model '{model.name}' is not compiled with an optimizer, so its gradients cannot be seen; "
                "call model.compile(optimizer=...), or tbgrad.GradientMonitor in a training step of your own."
            )
        if keep_batch and model.jit_compile:
            raise OptionError("XLA cannot keep a batch: save_batch=True needs model.compile(jit_compile=False).")
        self._model, self._schedule, self._histograms = weakref.ref(model), schedule, histograms
        self._keep_batch, self._capacity = keep_batch, max(_ROWS, 4 * int(model.steps_per_execution))
        self.probe: Probe | None = None
        self.network: Network | None = None
        self.batch: list[tf.Variable] = []
        # (index of the weight, likely reason) of those that get no gradient.
        self.without_gradient: dict[int, str] = {}
        self._hooks = Hooks()
        self._forget()
        self._attach(model)

    @property
    def optimizer(self) -> Any:
        """The optimizer that makes the updates: one that scales the loss holds it within."""
        outer = self._model().optimizer
        return getattr(outer, "inner_optimizer", outer)

    def detach(self) -> None:
        """Gives the model back as it was, with the training program that it had."""
        self._hooks.undo()
        model = self._model()
        if model is not None:
            model.train_function = self._train_function
        self._train_function = None
        self._forget()

    def _attach(self, model: Any) -> None:
        # What was compiled before is kept and comes back: it knows nothing of the probe.
        self._train_function = model.train_function
        hooks, outer, inner = self._hooks, model.optimizer, self.optimizer
        hooks.wrap(model, "train_step", self._train_step)
        hooks.wrap(model, "compute_loss", self._compute_loss)
        hooks.wrap(outer, "scale_loss", self._scale_loss)
        hooks.wrap(inner, "apply", self._apply)
        hooks.wrap(inner, "_clip_gradients", self._clip)
        model.make_train_function(force=True)

    def _forget(self) -> None:
        """Lets go of all tensors of a step."""
        self._inside, self._data, self._loss, self._called = False, (), None, set()
        self._applied, self._measures = (), False

    def _prepare(self) -> None:
        """Makes the probe, once the weights exist."""
        model = self._model()
        if self.probe is not None or not model.trainable_variables:
            return
        with tf.init_scope():
            self.network = network(model)
            weights = [weight.value for weight in self.network.weights]
            rectified = self.network.rectified
            self.probe = Probe(weights, self._schedule, self._histograms, len(rectified), self._capacity)
        for place, (_, layer) in enumerate(rectified):
            self._hooks.wrap(layer, "call", lambda *given, place=place, **more: self._call(place, *given, **more))

    def _train_step(self, original: Any, data: Any) -> Any:
        self._forget()
        self._inside, self._data = True, tf.nest.flatten(data, expand_composites=True)
        try:
            self._prepare()
            return original(data)
        finally:
            self._forget()

    def _compute_loss(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        loss = original(*args, **kwargs)
        if self._inside and loss is not None:
            self._note_loss(loss)
        return loss

    def _scale_loss(self, original: Any, loss: Any) -> Any:
        if self._inside and self._loss is None:
            self._note_loss(loss)
        return original(loss)

    def _note_loss(self, loss: Any) -> None:
        self._prepare()
        self._loss = loss
        if self.probe is not None:
            self.probe.note_loss(tf.stop_gradient(loss))

    def _call(self, place: int, original: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        if self._inside and isinstance(output, tf.Tensor) and output.shape.rank and output.shape.rank > 1:
            again = place in self._called
            self._called.add(place)
            self.probe.note_dead(place, tf.stop_gradient(output), self.optimizer.iterations, again=again)
        return output

    def _apply(self, original: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if not self._inside:
            return original(grads, trainable_variables)
        self._prepare()
        grads = list(grads)
        variables = self.optimizer._trainable_variables if trainable_variables is None else trainable_variables
        variables = list(variables)
        places = {id(weight): i for i, weight in enumerate(self.network.weights)}
        found = [(places.get(id(v)), g) for v, g in zip(variables, grads, strict=True)]
        for place, gradient in found:
            if place is not None and gradient is None and place not in self.without_gradient:
                self.without_gradient[place] = likely_reason(self._loss, self.network.weights[place].value)
        self._applied = [place for place, gradient in found if gradient is not None]
        self._measures = True
        done = original(grads, trainable_variables)
        self._measures = False
        self.probe.after_update()
        return done

    def _clip(self, original: Any, grads: Sequence[Any]) -> Any:
        clipped = original(grads)
        if self._measures and len(grads) == len(self._applied):
            optimizer = self.optimizer
            self.probe.rate.assign(tf.cast(optimizer.learning_rate, self.probe.dtype))
            clips = any((optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm))
            floats = [x for x in self._data if isinstance(x, tf.Tensor) and x.dtype.is_floating]
            self.probe.before_update(
                optimizer.iterations.value if hasattr(optimizer.iterations, "value") else optimizer.iterations,
                self._in_order(grads),
                self._in_order(clipped) if clips else None,
                floats,
                self._save_batch,
            )
        return clipped

    def _in_order(self, grads: Sequence[Any]) -> list[Any]:
        """Gradients in the network's order, None where a weight has none."""
        ordered: list[Any] = [None] * len(self.network.weights)
        for place, gradient in zip(self._applied, grads, strict=True):
            if place is not None:
                ordered[place] = gradient
        return ordered

    def _save_batch(self) -> None:
        if not self._keep_batch:
            return
        tensors = [x for x in self._data if isinstance(x, tf.Tensor)]
        if not self.batch:
            with tf.init_scope():
                for x in tensors:
                    start = tf.zeros([0] * x.shape.rank, x.dtype)
                    self.batch.append(tf.Variable(start, shape=tf.TensorShape(None), trainable=False))
        for held, x in zip(self.batch, tensors, strict=True):
            held.assign(x)
