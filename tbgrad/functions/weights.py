"""How a network's weights lie in one vector: their names, shapes and places.

This module must not import TensorFlow: it knows names and arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tbgrad.errors import ShapeError


@dataclass(frozen=True)
class Layout:
    """The trainable weights of a network, one behind the other, each row by row.

    Attributes:
      names: of each weight, its path: `sequential/dense/kernel`.
      shapes: of each weight.
      dtype: of the vector, `float32` or `float64`.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: str = "float32"

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers each weight has."""
        return tuple(math.prod(shape) for shape in self.shapes)

    @property
    def dimensions(self) -> int:
        """How many numbers all weights have, d."""
        return sum(self.sizes)

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """Where in the vector each weight lies."""
        ends = np.cumsum(self.sizes).tolist()
        return tuple(slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True))

    def flatten(self, weights: Sequence[Any]) -> np.ndarray:
        """One vector `[d]` of these weights, arrays or variables in the layout's order; a copy.

        Raises:
          ShapeError: there are more or fewer of them, or one has another shape.
        """
        if len(weights) != len(self.shapes):
            raise ShapeError(f"got {len(weights)} weights; expected {len(self.shapes)}: {', '.join(self.names)}.")
        vector = np.empty(self.dimensions, self.dtype)
        for name, shape, place, weight in zip(self.names, self.shapes, self.places, weights, strict=True):
            # Keras's variables turn into arrays by this alone, of bfloat16 too.
            array = np.asarray(weight.numpy() if hasattr(weight, "numpy") else weight)
            if array.shape != shape:
                raise ShapeError(f"'{name}' has shape {array.shape}; expected {shape}.")
            vector[place] = array.reshape(-1).astype(self.dtype)
        return vector

    def unflatten(self, vector: Any) -> list[np.ndarray]:
        """The weights of a vector `[d]`, each of its own shape; views of it where it is an array.

        Raises:
          ShapeError: it has another length.
        """
        array = np.asarray(vector)
        if array.shape != (self.dimensions,):
            raise ShapeError(
                f"the vector has shape {array.shape}; expected ({self.dimensions},), all trainable weights."
            )
        return [array[place].reshape(shape) for place, shape in zip(self.places, self.shapes, strict=True)]
