"""What was measured of a network's gradients while it was trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np

from tbgrad.errors import ShapeError
from tbgrad.results.readings import Grouping, Readings
from tbgrad.results.rules import Rules
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
      loss: of that step; None where it was not told.
      gradients: bool `[W]`, which weights' gradients were not finite.
      weights: bool `[W]`, which weights were not finite before the update.
      batch: whether the batch itself held something that is not finite; None where that is not known.
    """

    step: int
    loss: float | None
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
      shared: the names of further layers of which the same is true.
    """

    kind: str
    layer: str
    weight: str
    step: int
    sentence: str
    cure: str
    shared: tuple[str, ...] = ()

    def concerns(self, layer: str) -> bool:
        """Whether it is about a layer, by its name, or about all of them."""
        return not self.layer or layer == self.layer or layer in self.shared


# The worst first.
KINDS = ("not finite", "diverging", "no gradient", "exploding", "vanishing", "dead")


def worst_first(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """In the order in which they are told: by kind, of one kind the earliest first."""
    return tuple(sorted(faults, key=lambda fault: (KINDS.index(fault.kind), fault.step)))


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
      faults: what is wrong, the worst first; what a watch found.
      rules: by which it was watched.
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

    faults: tuple[Fault, ...] = ()
    rules: Rules = field(default_factory=Rules)

    @cached_property
    def sizes(self) -> np.ndarray:
        """int64 `[W]`, how many numbers each weight holds."""
        return np.array([size for layer in self.layers for size in layer.sizes], np.int64)

    @property
    def layer_sizes(self) -> np.ndarray:
        """`[layers]`, how many numbers with a gradient each layer holds; NaN for none."""
        return self._layered.sizes

    @cached_property
    def measured(self) -> np.ndarray:
        """Bool `[W]`, which weights get a gradient; the others count neither for their layer nor in total."""
        cut = {(layer, weight) for layer, weight, _ in self.without_gradient}
        return np.array([(layer.name, weight) not in cut for layer in self.layers for weight in layer.weights], bool)

    @cached_property
    def by_layer(self) -> Readings:
        """What is read of each layer, `[rows, layers]`."""
        return Readings(self, self._layered)

    @cached_property
    def total(self) -> Readings:
        """What is read of all weights together, `[rows]`."""
        return Readings(self, Grouping(np.array([len(self.sizes)]), self.sizes, self.measured), is_total=True)

    @property
    def gradient_norm(self) -> np.ndarray:
        """`[rows, layers]`, the length of the gradient by all weights of each layer."""
        return self.by_layer.gradient_norm

    @cached_property
    def rms(self) -> np.ndarray:
        """`[rows, layers]`, root mean square of each layer's gradient elements; NaN for a layer without weights."""
        return self.gradient_norm / np.sqrt(self.layer_sizes)

    def rows(self, chosen: slice | np.ndarray) -> Training:
        """The same training with some of its rows, by a slice or their indices."""
        names = [f.name for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray)]
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @cached_property
    def _layered(self) -> Grouping:
        return Grouping(np.array([len(layer.sizes) for layer in self.layers], int), self.sizes, self.measured)

    def _caption(self) -> str:
        rows = len(self.step)
        where = f", steps {self.step[0]:,} to {self.step[-1]:,} in {rows:,} rows" if rows else ", no steps yet"
        wrong = f"{len(self.faults)} fault{'s' * (len(self.faults) > 1)}" if self.faults else "no fault"
        loss = f", loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}" if rows else ""
        return f"gradients of {self.model} with {self.optimizer or 'its optimizer'}{where}{loss}; {wrong}"

    def _rows(self):
        read, last = self.by_layer, len(self.step) - 1
        yield ["layer", "weights", "gradient at first", "at last", "update / weights", "zeros", "verdict"]
        for k, layer in enumerate(self.layers):
            ends = [float(of[row, k]) if last >= 0 else np.nan for of, row in (
                (read.gradient_norm, 0), (read.gradient_norm, last), (read.update_ratio, last), (read.zeros, last),
            )]  # fmt: skip
            yield [layer.name, f"{sum(layer.sizes):,}", *ends, self.word(layer)]

    def word(self, layer: Layer) -> str:
        """What is said of a layer: the kinds of its faults, or `healthy`."""
        if not layer.sizes:
            return ", ".join(dict.fromkeys(f.kind for f in self.faults if f.layer == layer.name)) or "-"
        return ", ".join(dict.fromkeys(f.kind for f in self.faults if f.concerns(layer.name))) or "healthy"


def joined(parts: Sequence[Training]) -> Training:
    """The rows of parts of one training, one after the other.

    Args:
      parts: at least one, of the same layers, in the order of their steps. What a part before did not clip counts as
        it is.

    Raises:
      ShapeError: the parts have different layers, or their steps do not increase.
    """
    first = parts[0]
    step = np.concatenate([part.step for part in parts])
    if any(part.layers != first.layers for part in parts) or (np.diff(step) <= 0).any():
        raise ShapeError(
            "these are no parts of one training; expected the same layers, and steps that increase from each to the "
            "next. Join what one callback recorded, in its order."
        )
    names = [f.name for f in fields(first) if isinstance(getattr(first, f.name), np.ndarray)]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names if name != "step"}
    if any(part.clipped_norm is not None for part in parts):
        clipped = [part.norm if part.clipped_norm is None else part.clipped_norm for part in parts]
        columns["clipped_norm"] = np.concatenate(clipped)
    return replace(
        first,
        step=step,
        without_gradient=tuple(dict.fromkeys(cut for part in parts for cut in part.without_gradient)),
        not_finite=next((part.not_finite for part in parts if part.not_finite is not None), None),
        faults=tuple(dict.fromkeys(fault for part in parts for fault in part.faults)),
        **columns,
    )
