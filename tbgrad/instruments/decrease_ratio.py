"""How much of the drop that the gradient foretold was had.

Source: the ratio of actual to predicted reduction, with the linear model; Nocedal & Wright (2006), Numerical
Optimization, equation 4.4.
"""

from __future__ import annotations

import tensorflow as tf

from tbgrad.instruments.instrument import Instrument, Step


def _measure(step: Step) -> tf.Tensor:
    foretold = -tf.reduce_sum(step.gradient * (step.next_position - step.position), axis=-1)
    return (step.value - step.next_value) / foretold


DECREASE_RATIO = Instrument(
    name="decrease_ratio",
    unit="",
    description="Actual drop of the value over the drop that the gradient foretold for this update. "
    "1: just as foretold; between 0 and 1: less, the slope flattened on the way; below 0: the step went uphill, "
    "or against the gradient.",
    measure=_measure,
)
