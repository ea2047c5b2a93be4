"""Puts a probe into a Keras model's training step for the time of a fit, and takes it out again.

Nothing is computed twice: the optimizer is given its gradients as ever, and on the way they are looked at. Wrapped are,
on the objects alone, the model's `train_step` and `compute_loss`, its rectified layers' `call`, and the optimizer's
`apply` and `scale_loss`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tbgrad.errors import OptionError
from tbgrad.results import Layer
from tbgrad.training.disconnected import likely_reason
from tbgrad.training.hooks import Hooks, is_wrapped
from tbgrad.training.networks import Network, is_rectified, layers_of, network
from tbgrad.training.probes import Probe
from tbgrad.training.schedules import Schedule
from tbgrad.training.updates import clip_of, update_of

_ROWS = 256


class Attachment:
    """A probe in a model's training step.

    Args:
      model: a compiled Keras model; its weights may not exist yet.
      schedule: which steps are measured.
      histograms: at which steps the gradients are kept for histograms, or None.
      keep_batch: whether the batch of the first step that is not finite is kept.
      on_error: called where the training step raises, an interruption included; then nobody else is told.

    Raises:
      OptionError: the model has no optimizer of its own, or keeps its batch under XLA.
    """

    def __init__(
        self,
        model: Any,
        schedule: Schedule,
        histograms: Schedule | None = None,
        keep_batch: bool = False,
        on_error: Callable[[], None] = lambda: None,
    ):
        if not isinstance(model.optimizer, keras.optimizers.Optimizer):
            raise OptionError(
                f"the model '{model.name}' is not compiled with an optimizer, so its gradients cannot be seen; "
                "call model.compile(optimizer=...), or tbgrad.GradientMonitor in a training step of your own."
            )
        if keep_batch and model.jit_compile:
            raise OptionError("XLA cannot keep a batch: save_batch=True needs model.compile(jit_compile=False).")
        self._model, self._schedule, self._histograms = weakref.ref(model), schedule, histograms
        self._keep_batch, self._capacity = keep_batch, max(_ROWS, 4 * int(model.steps_per_execution))
        self._on_error = on_error
        self.probe: Probe | None = None
        self.network: Network | None = None
        self.batch: list[tf.Variable] = []
        # (index of the weight, likely reason) of those that get no gradient.
        self.without_gradient: dict[int, str] = {}
        self._hooks = Hooks()
        self._watched: set[int] = set()
        self._rectified: dict[int, int] = {}
        self._forget()
        self._attach(model)

    @property
    def optimizer(self) -> Any:
        """The optimizer that makes the updates: one that scales the loss holds it within."""
        outer = self._model().optimizer
        return getattr(outer, "inner_optimizer", outer)

    @property
    def layers(self) -> tuple[Layer, ...] | None:
        """Those that are trained, in network order; None while the weights do not exist."""
        model = self._model()
        return network(model).layers if all(layer.built for layer in layers_of(model)) else None

    @property
    def iterations(self) -> int:
        """How many updates the optimizer has made."""
        made = self.optimizer.iterations
        return 0 if made is None else int(made.numpy())

    @property
    def clips(self) -> bool:
        """Whether the optimizer clips gradients."""
        return any((self.optimizer.clipnorm, self.optimizer.clipvalue, self.optimizer.global_clipnorm))

    def detach(self) -> None:
        """Gives the model back as it was, with the training program that it had."""
        self._hooks.undo()
        model = self._model()
        if model is not None:
            model.train_function = self._train_function
        self._train_function = None
        self._forget()

    def _attach(self, model: Any) -> None:
        # What was compiled before is kept and comes back, if it knows nothing of a probe.
        self._train_function = None if is_wrapped(model, "train_step") else model.train_function
        hooks, outer, inner = self._hooks, model.optimizer, self.optimizer
        if type(model).train_step is keras.Model.train_step and all(layer.built for layer in layers_of(model)):
            # As Keras would in the first step, which is traced twice where it makes variables.
            self._build(outer, model.trainable_variables)
            self._prepare()
        hooks.wrap(model, "train_step", self._train_step)
        hooks.wrap(model, "compute_loss", self._compute_loss)
        hooks.wrap(outer, "scale_loss", self._scale_loss)
        hooks.wrap(inner, "apply", self._apply)
        if outer is not inner:
            hooks.wrap(outer, "apply", self._apply_scaled)
        model.make_train_function(force=True)
        hooks.wrap(model, "train_function", self._run)

    def _build(self, optimizer: Any, variables: Sequence[Any]) -> None:
        if not optimizer.built:
            with keras.name_scope(optimizer.name, caller=optimizer):
                optimizer.build(variables)

    def _run(self, original: Any, iterator: Any) -> Any:
        try:
            return original(iterator)
        except (StopIteration, tf.errors.OutOfRangeError):
            # The end of an epoch.
            raise
        except BaseException:
            self._on_error()
            raise

    def _forget(self) -> None:
        """Lets go of all tensors of a step."""
        self._inside, self._data, self._loss, self._called = False, (), None, set()
        # What rectified layers gave before there was a probe, or an optimizer that counts steps.
        self._early: list[tuple[int, tf.Tensor]] = []

    def _prepare(self) -> None:
        """Makes the probe; all weights must exist."""
        if self.probe is not None:
            return
        with tf.init_scope():
            self.network = network(self._model())
            weights = [weight.value for weight in self.network.weights]
            rectified = self.network.rectified
            clip = clip_of(self.optimizer)
            self.probe = Probe(weights, self._schedule, self._histograms, clip, len(rectified), self._capacity)
        self._rectified = {id(layer): place for place, (_, layer) in enumerate(rectified)}
        if self._loss is not None:
            self._note_loss(self._loss)

    def _watch_layers(self) -> None:
        """Wraps the rectified layers, those that were made since too."""
        for layer in layers_of(self._model()):
            if is_rectified(layer) and id(layer) not in self._watched:
                self._watched.add(id(layer))
                self._hooks.wrap(layer, "call", self._call, id(layer))

    def _train_step(self, original: Any, data: Any) -> Any:
        self._forget()
        self._inside, self._data = True, tf.nest.flatten(data, expand_composites=True)
        model = self._model()
        self._watch_layers()
        if all(layer.built for layer in layers_of(model)):
            self._prepare()
        try:
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
        self._loss = loss
        if self.probe is not None:
            self.probe.note_loss(tf.stop_gradient(loss))

    def _call(self, layer: int, original: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        if self._inside and isinstance(output, tf.Tensor) and (output.shape.rank or 0) > 1:
            if self.probe is None or not self.optimizer.built:
                self._early.append((layer, output))
            else:
                self._note_output(layer, output)
        return output

    def _note_output(self, layer: int, output: tf.Tensor) -> None:
        place = self._rectified.get(layer)
        # What was made in a loop, as in a recurrent layer, cannot be looked at outside of it.
        is_here = not tf.is_symbolic_tensor(output) or output.graph is tf.compat.v1.get_default_graph()
        if place is not None and is_here:
            step = tf.convert_to_tensor(self.optimizer.iterations)
            self.probe.dead_units.note(place, tf.stop_gradient(output), step, again=place in self._called)
            self._called.add(place)

    def _apply(self, original: Any, grads: Any, trainable_variables: Any = None) -> Any:
        grads = list(grads)
        # Without a gradient Keras has something to say.
        if not self._inside or all(gradient is None for gradient in grads):
            return original(grads, trainable_variables)
        self._prepare()
        optimizer = self.optimizer
        variables = list(optimizer._trainable_variables if trainable_variables is None else trainable_variables)
        # As it would do itself now.
        self._build(optimizer, variables)
        for layer, output in self._early:
            self._note_output(layer, output)
        gradients = self._placed(variables, grads)
        self.probe.before_update(
            tf.convert_to_tensor(optimizer.iterations),
            gradients,
            update=update_of(optimizer, gradients, self.network.weights),
            rate=lambda: optimizer.learning_rate,
            batch=self._floats(),
            on_fault=self._save_batch,
        )
        done = original(grads, trainable_variables)
        self.probe.after_update()
        return done

    def _apply_scaled(self, original: Any, grads: Any, trainable_variables: Any = None) -> Any:
        # Where these gradients are not finite, no update is made, and nobody else sees them.
        outer, grads = self._model().optimizer, list(grads)
        if self._inside and outer.built:
            self._prepare()
            variables = outer._trainable_variables if trainable_variables is None else list(trainable_variables)
            self.probe.before_scaled(
                tf.convert_to_tensor(self.optimizer.iterations),
                self._placed(variables, grads),
                tf.convert_to_tensor(outer.dynamic_scale),
                batch=self._floats(),
                on_fault=self._save_batch,
            )
            trainable_variables = variables if trainable_variables is not None else None
        return original(grads, trainable_variables)

    def _placed(self, variables: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
        """The gradients in the order of the network's weights; notes why some are None."""
        places = {id(weight): place for place, weight in enumerate(self.network.weights)}
        gradients: list[Any] = [None] * len(places)
        for variable, gradient in zip(variables, grads, strict=True):
            place = places.get(id(variable))
            if place is not None:
                gradients[place] = gradient
            if place is not None and gradient is None and place not in self.without_gradient:
                self.without_gradient[place] = likely_reason(self._loss, variable.value)
        return gradients

    def _floats(self) -> list[tf.Tensor]:
        return [x for x in self._data if isinstance(x, tf.Tensor) and x.dtype.is_floating]

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
