"""Which coordinates of a vector a function picks out, and whether each of them still has a path to the value.

A function `f(p)` has one input, so that TensorFlow's None says nothing of single coordinates: the gradient of
`p[0]*tf.stop_gradient(p[1])` holds a silent zero. Where all that f does with p is to pick coordinates (`p[0]`,
`p[..., 1:]`, tf.unstack, tf.gather), each pick is an input of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

_PICKS = ("StridedSlice", "Unpack", "GatherV2", "Slice", "Split", "SplitV")


def picked(position: tf.Tensor, ancestors: Mapping) -> list[tuple[tf.Tensor, frozenset[int]]]:
    """What is picked from a position `[..., d]`, with the coordinates that it holds.

    Args:
      position: the vector.
      ancestors: what the value is computed from, by reference.

    Returns:
      One (tensor, coordinates) for each pick that the value uses; nothing where it uses the vector in another way.
    """
    found: list[tuple[tf.Tensor, frozenset[int]]] = []
    for operation in position.consumers():
        used = [i for i, output in enumerate(operation.outputs) if output.ref() in ancestors]
        if not used:
            continue
        held = _coordinates(operation, position) if operation.type in _PICKS else None
        if held is None:
            return []
        found += [(operation.outputs[i], frozenset(np.unique(held[i]).tolist())) for i in used]
    return found


def _coordinates(operation: tf.Operation, position: tf.Tensor) -> Sequence[np.ndarray] | None:
    """What the operation makes of a position that holds the numbers of its coordinates, or None."""
    numbers = np.arange(position.shape[-1]).reshape([1] * (position.shape.rank - 1) + [-1])
    given = [numbers if x is position else tf.get_static_value(x) for x in operation.inputs]
    if any(x is None for x in given):
        return None
    definition = operation.op_def
    names = ["axis" if argument.name == "split_dim" else argument.name for argument in definition.input_arg]
    inputs = dict(zip(names, given, strict=True))
    settings = {a.name: operation.get_attr(a.name) for a in definition.attr if a.type != "type"}
    with tf.init_scope():
        try:
            held = getattr(tf.raw_ops, operation.type)(**inputs, **settings)
        except (tf.errors.OpError, TypeError, ValueError):
            return None
    return [np.asarray(part) for part in (held if isinstance(held, list) else [held])]
