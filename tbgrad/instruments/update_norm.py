"""The length of the update."""

from __future__ import annotations

import tensorflow as tf

from tbgrad.instruments.instrument import Instrument, Step


def _measure(step: Step) -> tf.Tensor:
    return tf.norm(step.next_position - step.position, axis=-1)


UPDATE_NORM = Instrument(
    name="update_norm",
    unit="position",
    description="Length of the update: how far this step went.",
    measure=_measure,
)
