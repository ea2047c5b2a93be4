"""How much of the drop that the gradient foretold was had; NaN where the drop is lost in rounding.

Source: the ratio of actual to predicted reduction, with the linear model; Nocedal & Wright (2006), Numerical
Optimization, equation 4.4.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tbgrad.instruments.instrument import Instrument, Step

# Below so many units in the last place of the value, a drop is mostly rounding error and its ratio means nothing.
_ROUNDING = 64


def _measure(step: Step) -> tf.Tensor:
    foretold = -tf.reduce_sum(step.gradient * (step.next_position - step.position), axis=-1)
    unit = np.finfo(step.value.dtype.as_numpy_dtype).eps
    lost = tf.abs(foretold) <= _ROUNDING * unit * tf.maximum(tf.abs(step.value), tf.abs(step.next_value))
    nothing = tf.constant(np.nan, step.value.dtype)
    return tf.where(lost, nothing, (step.value - step.next_value) / foretold)


DECREASE_RATIO = Instrument(
    name="decrease_ratio",
    unit="",
    description="Actual drop of the value over the drop that the gradient foretold for this update. "
    "1: just as foretold; between 0 and 1: less, the slope flattened on the way; below 0: the step went uphill, "
    "or against the gradient. Left out where the drop is lost in rounding.",
    measure=_measure,
)
