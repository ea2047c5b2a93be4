"""The length of the gradient."""

from __future__ import annotations

import tensorflow as tf

from tbgrad.instruments.instrument import Instrument, Step


def _measure(step: Step) -> tf.Tensor:
    return tf.norm(step.gradient, axis=-1)


GRADIENT_NORM = Instrument(
    name="gradient_norm",
    unit="value per position",
    description="Length of the gradient: how steep the function is here. It goes to 0 at a minimum.",
    measure=_measure,
    of_update=False,
)
