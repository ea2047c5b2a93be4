"""One pass of a network with given weights over its data, to its loss.

Nothing of the model is assigned to: its variables stand for what they are in Keras's stateless scope, where each has
the value that is given, and what layers would assign is let go.

This module must not import TensorFlow or Keras before it is called.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tbgrad.errors import FunctionCallError, OptionError
from tbgrad.functions.averages import mean_over_batches
from tbgrad.functions.samples import Samples


class Pass:
    """What computes a model's loss from a position `[d]`, for use inside a compiled program.

    Args:
      model: a Keras model that is built.
      variables: its trainable variables.
      samples: the data.
      loss: what `compile` takes, or None for the model's own.
      batch: samples at once.
      batch_statistics: whether BatchNormalization takes those of the batch.
      regularization: whether penalties on weights count.

    Raises:
      OptionError: there is no loss, or Keras does not take it.
    """

    def __init__(
        self,
        model: Any,
        variables: Sequence[Any],
        samples: Samples,
        loss: Any,
        batch: int,
        batch_statistics: bool,
        regularization: bool,
    ):
        import keras
        import tensorflow as tf

        self._model, self._variables, self._samples = model, variables, samples
        self._batch, self._regularization = batch, regularization
        self._sizes = [int(np.prod(v.shape)) for v in variables]
        trainable = {id(v) for v in variables}
        # Copies: the model may be trained further, and this stays one function.
        self._held = [(v, tf.constant(v.numpy())) for v in model.variables if id(v) not in trainable]
        layers = model._flatten_layers()
        norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]
        self._norms = norms if batch_statistics else []
        self._loss = loss
        # The model may be compiled anew, too.
        self._own_loss = loss is None and type(model).compute_loss is not keras.Model.compute_loss
        self._compiled_loss = None if self._own_loss else _compiled_loss(keras, model, loss)
        self._dtype = "float64" if any(v.dtype == "float64" for v in variables) else "float32"
        if self._compiled_loss is not None and self._dtype == "float64":
            self._compiled_loss = _in_double(self._compiled_loss)
        if self._compiled_loss is not None and samples.y is None:
            raise OptionError(f"the loss of '{model.name}' compares with targets, and there are none; expected y.")
        self.switched = [
            *(["dropout off"] if any(_has_dropout(layer) for layer in layers) else []),
            *([f"batch norm with {'the batch' if batch_statistics else 'stored'} statistics"] if norms else []),
            *(["without penalties"] if not regularization and any(v.regularizer for v in variables) else []),
        ]

    def __call__(self, position: Any) -> Any:
        """The loss, a number of the position's dtype."""
        import tensorflow as tf

        inner = tf.cast(position, self._dtype)
        count = self._samples.count
        if self._batch >= count:
            value = self._of_samples(0, count, inner)
        else:
            value = mean_over_batches(self._of_samples, count, self._batch, inner)
        return tf.cast(value, position.dtype)

    def is_outdated(self) -> bool:
        """Whether the model's loss is another one now: other weights are frozen, or hold something else."""
        if [id(v) for v in self._model.trainable_weights] != [id(v) for v in self._variables]:
            return True
        of_batch = {id(v) for norm in self._norms for v in norm.non_trainable_variables}
        others = [(v, tensor) for v, tensor in self._held if id(v) not in of_batch]
        return any(_is_float(tensor) and (v.numpy() != tensor.numpy()).any() for v, tensor in others)

    def fingerprint(self) -> str:
        """A hash of what makes this loss this function: architecture, data, frozen values and settings."""
        digest = hashlib.sha256(self._samples.digest.encode())
        for part in (_architecture(self._model), [(v.path, tuple(v.shape), v.dtype) for v in self._variables]):
            digest.update(repr(part).encode())
        for variable, held in self._held:
            if _is_float(held):
                digest.update(variable.path.encode() + held.numpy().tobytes())
        settings = [_spelled(self._loss), self._batch, bool(self._norms), self._regularization]
        settings.append(_spelled(getattr(self._model, "loss", None)) if self._loss is None else None)
        digest.update(repr(settings).encode())
        return digest.hexdigest()[:16]

    def _of_samples(self, first: Any, count: int, position: Any) -> Any:
        """The loss of some samples, a number of the position's dtype."""
        import keras
        import tensorflow as tf

        parts = tf.split(position, self._sizes) if len(self._sizes) > 1 else [position]
        given = [
            (v, tf.cast(tf.reshape(part, v.shape), v.dtype)) for v, part in zip(self._variables, parts, strict=True)
        ]
        model, (x, y, weight) = self._model, self._samples.part(first, count)
        before = len(model.variables)
        scope = keras.StatelessScope([*given, *self._held], collect_losses=True, initialize_variables=True)
        with _opened_functions(), _in_training(self._norms), scope:
            predicted = model(x, training=False) if model._call_has_training_arg else model(x)
            value = self._compute_loss(x, y, predicted, weight)
            if not self._regularization:
                for variable, tensor in given:
                    if variable.regularizer is not None:
                        value -= tf.cast(variable.regularizer(tensor), value.dtype)
        if len(model.variables) != before:
            raise FunctionCallError(
                f"'{model.name}' has made variables while it was called: a layer was not built. Call the model once, "
                "model(x[:1]), and make its loss anew."
            )
        return tf.cast(value, position.dtype)

    def _compute_loss(self, x: Any, y: Any, predicted: Any, weight: Any) -> Any:
        import keras

        if self._own_loss:
            # By this, as Keras does, also those that were written before `training` was an argument are called right.
            return self._model._compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight, training=False)
        values = [] if self._compiled_loss is None else [self._compiled_loss(y, predicted, weight)]
        return keras.ops.sum([*values, *(keras.ops.sum(added) for added in self._model.losses)])


def _is_float(tensor: Any) -> bool:
    """Whether it may be a weight: seeds play no part, as what draws from them is off."""
    return bool(tensor.dtype.is_floating)


def _compiled_loss(keras: Any, model: Any, loss: Any) -> Any:
    """What computes the loss of targets, predictions and weights; None where layers alone add losses.

    Raises:
      OptionError: there is no loss, or Keras does not take it.
    """
    if loss is not None:
        # A model without layers: for several outputs Keras's own classes of a loss are not public.
        made = keras.Model(name="loss")
        made.output_names = getattr(model, "output_names", None)
        try:
            if isinstance(loss, str):
                # Keras would look for it when it is first computed.
                keras.losses.get(loss)
            made.compile(loss=loss)
        except (ValueError, TypeError) as error:
            raise OptionError(f"Keras does not take the loss {loss!r}: {error}") from None
        return made._compile_loss
    if getattr(model, "_compile_loss", None) is None and not _adds_losses(model):
        why = "was compiled without a loss" if model.compiled else "is not compiled"
        raise OptionError(
            f"'{model.name}' {why}; expected loss='mse', say, here, or model.compile(loss=...), or a model with a "
            "compute_loss of its own."
        )
    return getattr(model, "_compile_loss", None)


def _in_double(compiled_loss: Any) -> Any:
    """A copy of what puts a compiled loss together, which would else round it to Keras's usual precision."""
    made = object.__new__(type(compiled_loss))
    made.__dict__ |= compiled_loss.__dict__
    made.__dict__["_dtype"] = "float64"
    return made


def _adds_losses(model: Any) -> bool:
    """Whether a layer of a user's own class does, or one has a penalty on what comes out of it."""
    layers = model._flatten_layers()
    regularized = any(getattr(layer, "activity_regularizer", None) is not None for layer in layers)
    return regularized or any("add_loss" in inspect.getsource(type(layer)) for layer in layers if _own(layer))


def _own(layer: Any) -> bool:
    """Whether a layer's class is a user's, with a source that can be read."""
    try:
        return not type(layer).__module__.startswith("keras.") and bool(inspect.getsource(type(layer)))
    except (OSError, TypeError):
        return False


def _has_dropout(layer: Any) -> bool:
    names = ("rate", "dropout", "recurrent_dropout")
    return "Dropout" in type(layer).__name__ or any(
        isinstance(getattr(layer, name, None), float) and getattr(layer, name) > 0 for name in names[1:]
    )


@contextlib.contextmanager
def _opened_functions() -> Iterator[None]:
    """Has functions that the user compiled opened: one that was traced before would compute with the old weights."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def _in_training(norms: Sequence[Any]) -> Iterator[None]:
    """Has these layers called as in training, while a program is traced, and no others."""

    def trained(layer: Any) -> Any:
        call = layer.call
        return lambda inputs, training=None, mask=None: call(inputs, training=True, mask=mask)

    # Beside Keras's own bookkeeping of attributes, which would take note of it. Others may have put one there, too.
    replaced = [(layer.__dict__, layer.__dict__.get("call"), trained(layer)) for layer in norms]
    for attributes, _, call in replaced:
        attributes["call"] = call
    try:
        yield
    finally:
        for attributes, before, _ in replaced:
            if before is None:
                del attributes["call"]
            else:
                attributes["call"] = before


def _architecture(model: Any) -> Any:
    """What the model is made of: its description where it has one, and its own code where it has some."""
    code = [type(layer).__qualname__ for layer in model._flatten_layers()]
    with contextlib.suppress(Exception):
        # Models of a user's own classes need not have a description.
        code.append(model.to_json())
    for kind in {type(layer) for layer in model._flatten_layers() if not type(layer).__module__.startswith("keras.")}:
        with contextlib.suppress(OSError, TypeError):
            code.append(inspect.getsource(kind))
    return sorted(code)


def _spelled(loss: Any) -> str:
    """A loss as it can be told from another one: its name, its settings, its code."""
    if loss is None or isinstance(loss, str):
        return repr(loss)
    if isinstance(loss, dict):
        return repr({str(key): _spelled(part) for key, part in loss.items()})
    if isinstance(loss, list | tuple):
        return repr([_spelled(part) for part in loss])
    said = [getattr(loss, "__qualname__", type(loss).__qualname__)]
    with contextlib.suppress(Exception):
        said.append(repr(loss.get_config()))
    with contextlib.suppress(OSError, TypeError):
        said.append(inspect.getsource(loss if inspect.isroutine(loss) else type(loss)))
    return repr(said)
