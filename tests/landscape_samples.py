"""A quadratic of six variables with a known Hessian, a slanted plane, and a path beside it."""

import numpy as np
import tensorflow as tf

from tbgrad.functions.function import Function
from tbgrad.results import Plane

RNG = np.random.default_rng(23)
ROOT = RNG.normal(size=(6, 6))
HESSIAN = ROOT @ ROOT.T + np.diag([1.0, 2, 3, 4, 5, 6])
ORIGIN = RNG.normal(size=6)
# Neither perpendicular nor of length one.
SLANTED = np.array([[1.5, 0.5, 0, 0, 0.2, 0], [0.4, 0.1, 0.6, 0, 0, 0.1]])
PLANE = Plane(ORIGIN, SLANTED, axes=("first: a direction", "second"), caption="nothing normalised")
LINE = Plane(ORIGIN, SLANTED[:1], axes=("way: onward",), caption="one direction")

# Gradient descent by hand, from off the plane; float32, as a network's weights are kept.
STEPS = np.array([0, 1, 2, 4, 8, 16, 32])


def descent_by_hand(rate=0.02):
    position, rows = ORIGIN + SLANTED[0] + 2 * SLANTED[1] + [0, 0.1, 0, 0.5, 0, 0], []
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            rows.append(position)
        position = position - rate * HESSIAN @ position
    return np.array(rows, np.float32)


PATH = descent_by_hand()


def quadratic(caption="on known numbers"):
    matrix = tf.constant(HESSIAN)

    def call(p):
        kind = p.dtype
        return 0.5 * tf.einsum("...i,ij,...j->...", p, tf.cast(matrix, kind), p)

    return Function.of_vector(call, 6, name="quadratic", label="quadratic", caption=caption)


def value_of(position):
    return 0.5 * np.einsum("...i,ij,...j->...", position, HESSIAN, position)


def feet_of(position, directions=SLANTED):
    return np.linalg.lstsq(directions.T, (position - ORIGIN).astype(float).T, rcond=None)[0].T
