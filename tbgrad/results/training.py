"""What was measured of a network's gradients while it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tbgrad.results.tabular import Tabular


@dataclass(frozen=True)
class Layer:
    """A layer of a network, or a group of weights of a custom loop.

    Attributes:
      name: its path below the model, `encoder/dense_1`; unique.
      kind: Keras's class, `Dense`; empty where it is not known.
      weights: the names of its trainable weights, `kernel`.
      sizes: how many numbers each of them holds.
      activation: the name of its activation, `relu`; empty where it has none or is not known.
      is_sparse: whether its gradient is zero by nature for what a batch does not hold, as an embedding's.
    """

    name: str
    kind: str = ""
    weights: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    activation: str = ""
    is_sparse: bool = False


@dataclass(frozen=True, eq=False)
class NotFinite:
    """The first step at which the loss or a gradient was NaN or infinite.

    Attributes:
      step: the updates made before.
      loss: of that step.
      gradients: bool `[W]`, which weights' gradients were not finite.
      weights: bool `[W]`, which weights were not finite before the update.
      batch: whether the batch itself held something that is not finite; None where that is not known.
    """

    step: int
    loss: float
    gradients: np.ndarray
    weights: np.ndarray
    batch: bool | None = None


@dataclass(frozen=True)
class Fault:
    """Something wrong that was found, told once.

    Attributes:
      kind: `not finite`, `diverging`, `exploding`, `vanishing`, `dead` or `no gradient`.
      layer: the name of the layer, or empty where it is about all of them.
      weight: the name of the weight, or empty.
      step: the first step at which it was so.
      sentence: what is wrong, one sentence with layer, step and numbers.
      cure: what to do, one sentence.
    """

    kind: str
    layer: str
    weight: str
    step: int
    sentence: str
    cure: str


@dataclass(frozen=True, eq=False, repr=False)
class Training(Tabular):
    """What was measured at steps of a training, by weight; layers and weights are in network order.

    All arrays are float64 but `step`, and NaN where there is nothing to measure. W counts the weights of all layers.

    Attributes:
      model: its name.
      optimizer: Keras's name in lower case, or empty.
      layers: in network order.
      step: int64 `[rows]`, the updates made before each recorded one; strictly increasing.
      loss: `[rows]`, of the batch.
      learning_rate: `[rows]`.
      norm: `[rows, W]`, length of the gradient by each weight, before clipping; infinite or NaN where the gradient is.
      clipped_norm: the same after clipping, or None where the optimizer does not clip.
      largest: `[rows, W]`, the largest |element| of the gradient.
      zeros: `[rows, W]`, the share of the gradient's elements that are exactly zero.
      product: `[rows, W]`, the scalar product of the gradient with that of the step before.
      norm_before: `[rows, W]`, the length of that gradient of the step before.
      update_norm: `[rows, W]`, the length of the update.
      weight_norm: `[rows, W]`, the length of the weight before the update.
      dead: `[rows, layers]`, the share of a rectified layer's units that give zero for the whole batch.
      without_gradient: (layer, weight, likely reason) of trainable weights that get no gradient at all.
      not_finite: the first step at which something was NaN or infinite, or None.
    """

    model: str
    optimizer: str
    layers: tuple[Layer, ...]
    step: np.ndarray
    loss: np.ndarray
    learning_rate: np.ndarray
    norm: np.ndarray
    clipped_norm: np.ndarray | None
    largest: np.ndarray
    zeros: np.ndarray
    product: np.ndarray
    norm_before: np.ndarray
    update_norm: np.ndarray
    weight_norm: np.ndarray
    dead: np.ndarray
    without_gradient: tuple[tuple[str, str, str], ...] = ()
    not_finite: NotFinite | None = None

    @cached_property
    def sizes(self) -> np.ndarray:
        """int64 `[W]`, how many numbers each weight holds."""
        return np.array([size for layer in self.layers for size in layer.sizes], np.int64)

    @cached_property
    def gradient_norm(self) -> np.ndarray:
        """`[rows, layers]`, the length of the gradient by all weights of each layer."""
        return self._lengths(self.norm)

    @cached_property
    def rms(self) -> np.ndarray:
        """`[rows, layers]`, root mean square of each layer's gradient elements; NaN for a layer without weights."""
        sizes = np.array([sum(layer.sizes) for layer in self.layers], np.float64)
        return self.gradient_norm / np.sqrt(np.where(sizes > 0, sizes, np.nan))
