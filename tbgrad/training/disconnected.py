"""Why a weight gets no gradient: read from the graph of the training step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tbgrad.calculus.dependence import ancestors_of
from tbgrad.calculus.tapes import what_breaks

_UNUSED = "the loss does not depend on it: its layer is not called in training, or nothing comes of what it gives"
_UNKNOWN = "the training step finds no way from the loss back to it"


def likely_reason(loss: Any, weight: tf.Variable) -> str:
    """Says in half a sentence why the loss gives a weight no gradient.

    Args:
      loss: the traced loss; anything else tells nothing.
      weight: as the training step reads it.
    """
    if not isinstance(loss, tf.Tensor) or not tf.is_symbolic_tensor(loss):
        return _UNKNOWN
    ancestors = ancestors_of(loss)
    handles = [i for t, i in loss.graph.captures if t is weight.handle]
    reads = [o for h in handles for c in h.consumers() if c.type == "ReadVariableOp" for o in c.outputs]
    used = [read for read in reads if read.ref() in ancestors]
    if not used:
        return _UNUSED if not _is_in_calls(loss, handles) else _UNKNOWN
    for read in used:
        breaks = what_breaks(loss, read)
        if breaks:
            return f"{breaks} on the way to the loss passes no gradient on"
    return _UNKNOWN


def _is_in_calls(loss: tf.Tensor, handles: list[tf.Tensor]) -> bool:
    """Whether the weight goes into an inner function, where this is not followed."""
    return any(consumer.type != "ReadVariableOp" for h in handles for consumer in h.consumers())
