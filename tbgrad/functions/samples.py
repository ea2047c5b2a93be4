"""The data that a model's loss is of, held as tensors.

This module must not import TensorFlow before it is called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.errors import OptionError, ShapeError


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs, targets and weights of samples: copies, in one precision.

    Attributes:
      x, y, weight: tensors, or lists, tuples and dicts of them, one row a sample; y and weight may be None.
      count: how many samples there are.
      words: how many and of what shape, in words.
      digest: a hash of what they hold.
    """

    x: Any
    y: Any
    weight: Any
    count: int
    words: str
    digest: str

    @classmethod
    def of(cls, x: Any, y: Any, weight: Any, dtype: str) -> Samples:
        """Copies arrays; floats become of this dtype, as Keras makes them of its own.

        Raises:
          OptionError: something is no array of numbers or text.
          ShapeError: there are no samples, or some hold more of them than others.
        """
        import tensorflow as tf

        arrays = [_arrays(part, name, dtype) for part, name in ((x, "x"), (y, "y"), (weight, "sample_weight"))]
        flat = [array for part in arrays for array in _leaves(part)]
        counts = {len(array) for array in flat}
        if len(counts) != 1 or 0 in counts or x is None:
            shapes = ", ".join(str(array.shape) for array in flat)
            raise ShapeError(
                f"the data have shapes {shapes}; expected as many rows in each, one a sample, at least one."
            )
        digest = hashlib.sha256(repr([_mapped(part, lambda a: (a.shape, a.dtype.str)) for part in arrays]).encode())
        for array in flat:
            content = repr(array.tolist()).encode() if array.dtype.kind in "OUS" else np.ascontiguousarray(array)
            digest.update(content)
        tensors = [_mapped(part, tf.constant) for part in arrays]
        (count,) = counts
        shapes = [" × ".join(map(str, array.shape[1:])) for array in _leaves(arrays[0]) if array.ndim > 1]
        words = f"{count:,} sample{'s'[: count != 1]}" + (f" of {' and '.join(shapes)}" if shapes else "")
        return cls(*tensors, count, words, digest.hexdigest()[:16])

    def part(self, first: Any, count: int) -> tuple[Any, Any, Any]:
        """So many samples from the first on, a tensor: x, y and weight."""
        import tensorflow as tf

        def cut(tensor: Any) -> Any:
            rank = tensor.shape.rank
            return tf.slice(tensor, [first, *[0] * (rank - 1)], [count, *tensor.shape[1:]])

        if count == self.count:
            return self.x, self.y, self.weight
        return tuple(_mapped(part, cut) for part in (self.x, self.y, self.weight))


def _arrays(given: Any, name: str, dtype: str) -> Any:
    """The same structure with NumPy arrays in it."""
    if given is None:
        return None
    if isinstance(given, dict):
        return {key: _arrays(part, f"{name}[{key!r}]", dtype) for key, part in given.items()}
    if isinstance(given, list | tuple) and any(hasattr(part, "shape") for part in given):
        return type(given)(_arrays(part, f"{name}[{i}]", dtype) for i, part in enumerate(given))
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise OptionError(f"{name} is no array ({error}); expected one, with a row for each sample.") from None
    if array.dtype == object and not all(isinstance(item, str | bytes) for item in array.flat):
        kind = type(given).__name__
        raise OptionError(f"{name} is a {kind}; expected an array with a row for each sample. A data set: collect it.")
    if array.ndim == 0:
        raise ShapeError(f"{name} has no rows; expected an array with one for each sample.")
    return array.astype(dtype) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array


def _leaves(structure: Any) -> list[Any]:
    if structure is None:
        return []
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure, key=str) for leaf in _leaves(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for part in structure for leaf in _leaves(part)]
    return [structure]


def _mapped(structure: Any, change: Callable[[Any], Any]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: _mapped(part, change) for key, part in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(_mapped(part, change) for part in structure)
    return change(structure)
