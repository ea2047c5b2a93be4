"""The loss of a Keras model as a Function of its weights.

A position is all trainable weights in one vector. The model computes with them in Keras's stateless scope, so that its
own variables are neither read nor written: a landscape is drawn around a network that stands untouched.

This module must not import TensorFlow or Keras before a loss is made.

Source: Li et al. (2018), Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.errors import BackendError, OptionError, RangeError
from tbgrad.functions.function import Function
from tbgrad.functions.passes import Pass
from tbgrad.functions.samples import Samples
from tbgrad.functions.weights import Layout
from tbgrad.results.subjects import Numbered

BATCH_NORMS = ("stored", "batch")


@dataclass(frozen=True, eq=False)
class ModelLoss(Function):
    """The loss of a Keras model, a function of its d trainable weights.

    It holds the model, whose code it calls, and copies of the data and of all that is no coordinate: frozen weights and
    the statistics of BatchNormalization. So it stays the same function while the model is trained further.

    Attributes:
      layout: how the weights lie in a position.
      data: of what the loss is, in words: how many samples, in which batches, what is switched off.
      model: the Keras model.
    """

    layout: Layout = field(default=None, kw_only=True)
    data: str = field(default="", kw_only=True)
    model: Any = field(default=None, kw_only=True, repr=False)

    def weights(self, model: Any = None) -> np.ndarray:
        """The present weights `[d]` of its model, or of another one that is built alike; a copy.

        Raises:
          ShapeError: the other model's weights have other shapes.
        """
        return self.layout.flatten((self.model if model is None else model).trainable_weights)


def model_loss(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    loss: Any = None,
    batch_size: int | None = None,
    batch_norm: str = "stored",
    regularization: bool = True,
) -> ModelLoss:
    """Makes the Function of a model's weights that is its loss on data.

    The loss is the one that the model was compiled with, as `model.evaluate` reports it: by `model.compute_loss`, with
    what layers add by `add_loss`. Dropout and noise are off. Frozen weights are no coordinates. It is computed in the
    model's own precision, float32 as a rule, also where float64 is asked for.

    Args:
      model: a Keras model that is built; its weights are those at the origin of a landscape, see `ModelLoss.weights`.
      x: array, or a list or dict of arrays for several inputs, one row a sample.
      y: the targets, of the same form; None where the loss needs none.
      sample_weight: weights of the samples, as Keras takes them.
      loss: a loss's name, callable, or what else `compile` takes, instead of the compiled one; what layers add stays.
      batch_size: samples to compute at once, which bounds the memory; None for all. About 100 is also fastest on a
        processor, as what is between two layers stays in its cache. The loss is then the mean over
        batches, weighted by their sizes; for a loss that is no mean over samples, such as a sum, it depends on them,
        as that of `model.evaluate` does.
      batch_norm: whether BatchNormalization takes its `stored` statistics, as in inference, or those of the `batch`, as
        in training.
      regularization: whether penalties on weights count.

    Returns:
      `ModelLoss` of d variables x0, x1, ..., one for each trainable number. Position in units of weights, value in
      units of loss.

    Raises:
      OptionError: it is no Keras model, has no weights yet, or no loss; or the data are no arrays.
      ShapeError: the data have different numbers of samples.
      RangeError: `batch_size` is below 1.
      BackendError: Keras runs on another backend than TensorFlow.

    Example:
      >>> f = tbgrad.model_loss(model, x, y)
      >>> tbgrad.evaluate(f, [f.weights()]).gradient

    Source: Li et al. (2018), arXiv:1712.09913.
    """
    _check_model(model)
    if batch_norm not in BATCH_NORMS:
        raise OptionError(f"batch_norm is {batch_norm!r}; expected one of {', '.join(BATCH_NORMS)}.")
    if batch_size is not None and batch_size < 1:
        raise RangeError(f"batch_size is {batch_size}; expected at least 1.")
    variables = tuple(model.trainable_weights)
    widest = max((np.dtype(np.float64 if v.dtype == "float64" else np.float32) for v in variables), key=lambda t: t.num)
    layout = Layout(tuple(v.path for v in variables), tuple(tuple(v.shape) for v in variables), widest.name)
    samples = Samples.of(x, y, sample_weight, widest.name)
    batch = min(samples.count, batch_size or samples.count)
    call = Pass(model, variables, samples, loss, batch, batch_norm == "batch", regularization)
    words = f"{samples.words}{f' in batches of {batch:,}' if batch < samples.count else ''}"
    data = ", ".join([words, *call.switched])
    low = widest.name == "float32"
    return ModelLoss(
        call,
        Numbered("x", layout.dimensions),
        name=f"{naming.word(model.name)}_loss",
        label=f"loss of {model.name}",
        remark="It is computed in float32, the model's own precision." if low else "",
        fingerprint=call.fingerprint(),
        takes_vector=True,
        takes_one_point=True,
        breadth=layout.dimensions * samples.count,
        precision="float32" if low else "",
        caption=data,
        layout=layout,
        data=data,
        model=model,
    )


def _check_model(model: Any) -> None:
    try:
        import keras
    except ImportError as error:
        raise BackendError(f"Keras cannot be imported ({error}); a model's loss needs it.") from None
    if not isinstance(model, keras.Model):
        raise OptionError(f"expected a Keras model, got {model!r}.")
    if keras.config.backend() != "tensorflow":
        raise BackendError(
            f"Keras runs on {keras.config.backend()}; tbgrad needs TensorFlow: set KERAS_BACKEND=tensorflow."
        )
    if not model.built or not model.weights:
        raise OptionError(
            f"'{model.name}' has no weights yet. Call it once, model(x[:1]), or model.build(x.shape): that draws them. "
            "A loss draws none, as it is not to change the model."
        )
    if not model.trainable_weights:
        raise OptionError(f"all weights of '{model.name}' are frozen; expected some with trainable = True.")
