"""The layers of a Keras model as they are told: in network order, each with its own trainable weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from tbgrad.results import Layer

_RECTIFIERS = ("relu", "relu6")


@dataclass(frozen=True, eq=False)
class Network:
    """A model's layers that are watched, with what is watched of them.

    Attributes:
      layers: those with trainable weights, and rectified ones; in network order.
      weights: Keras's trainable variables, in the order of the layers' weights.
      rectified: (place among `layers`, the Keras layer) of those whose units can be dead.
    """

    layers: tuple[Layer, ...]
    weights: tuple[Any, ...]
    rectified: tuple[tuple[int, Any], ...]


def network(model: Any) -> Network:
    """Describes a Keras model whose weights exist; a layer that is used several times is told once."""
    found, weights, rectified = [], [], []
    seen: set[int] = set()
    trained = {id(weight) for weight in model.trainable_variables}
    for layer in layers_of(model):
        own = [w for w in _own(layer) if id(w) in trained and id(w) not in seen]
        seen |= {id(w) for w in own}
        if not own and not is_rectified(layer):
            continue
        if is_rectified(layer):
            rectified.append((len(found), layer))
        weights += own
        sizes = tuple(int(w.value.shape.num_elements()) for w in own)
        name = _below(model, own[0].path.rpartition("/")[0] if own else layer.path or layer.name)
        sparse = isinstance(layer, keras.layers.Embedding)
        names = tuple(w.name for w in own)
        found.append(Layer(name or layer.name, type(layer).__name__, names, sizes, _activation(layer), sparse))
    # Weights that no layer owns, as a model's own `add_weight` makes them, are told by their paths.
    rest = [w for w in model.trainable_variables if id(w) not in seen]
    groups = grouped([_below(model, w.path) for w in rest], [w.value.shape.num_elements() for w in rest])
    return Network(_distinct([*found, *groups]), (*weights, *rest), tuple(rectified))


def grouped(paths: Sequence[str], sizes: Sequence[int]) -> tuple[Layer, ...]:
    """Layers of weights of which nothing is known but paths, `encoder/kernel`: neighbours of one group are a layer."""
    layers: list[Layer] = []
    for path, size in zip(paths, sizes, strict=True):
        group, _, name = path.partition(":")[0].rpartition("/")
        if layers and group and layers[-1].name == group and name not in layers[-1].weights:
            last = layers[-1]
            layers[-1] = replace(last, weights=(*last.weights, name), sizes=(*last.sizes, int(size)))
        else:
            layers.append(Layer(group or name, "", (name,), (int(size),)))
    return _distinct(layers)


def _distinct(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The same with a number behind names that occur more than once."""
    count = Counter(layer.name for layer in layers)
    taken: Counter[str] = Counter()
    made = []
    for layer in layers:
        taken[layer.name] += 1
        name = f"{layer.name}_{taken[layer.name]}" if count[layer.name] > 1 else layer.name
        made.append(replace(layer, name=name))
    return tuple(made)


def layers_of(model: Any) -> list[Any]:
    """The model itself and all layers within it, each once, in network order."""
    return [*{id(layer): layer for layer in _flat(model)}.values()]


def is_rectified(layer: Any) -> bool:
    """Whether a layer's units give zero on one side, and so can be dead."""
    return _activation(layer) in _RECTIFIERS


def _flat(layer: Any) -> Iterator[Any]:
    """A layer and all layers within it, in the order in which they were made."""
    yield layer
    for within in layer._flatten_layers(include_self=False, recursive=False):
        yield from _flat(within)


def _own(layer: Any) -> list[Any]:
    """The weights that a layer made itself, without those of layers within it."""
    return [w for w in layer._trainable_variables if w.trainable]


def _activation(layer: Any) -> str:
    if isinstance(layer, keras.layers.ReLU):
        return "relu" if not layer.negative_slope else ""
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "")
    return name if name != "linear" else ""


def _below(model: Any, path: str) -> str:
    """A path without the model's own name in front."""
    return path.removeprefix(f"{model.name}/")
