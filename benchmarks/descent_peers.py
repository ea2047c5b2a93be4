"""Gradient descent on Rosenbrock's function as other libraries do it, from many starts at once, in float64.

Each maker takes an optimizer's name, `sgd` (with momentum) or `adam`, and what to record, and returns a call from
starts `[n, 2]` and a number of steps to the recorded rows: position, value and gradient of every step, or values alone.
All record row 0, the start.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import jax
import keras
import numpy as np
import optax
import tensorflow as tf
import torch

jax.config.update("jax_enable_x64", True)

MOMENTUM, BETA_1, BETA_2, EPSILON = 0.9, 0.9, 0.999, 1e-7
Rows = tuple[np.ndarray, ...]
Peer = Callable[[np.ndarray, int], Rows]


def rosenbrock(x, y):
    """The value at any library's arrays."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def by_optax(name: str, rate: float, values_only: bool) -> Peer:
    """`lax.scan` in one compiled program."""
    optimizer = optax.sgd(rate, momentum=MOMENTUM) if name == "sgd" else optax.adam(rate, BETA_1, BETA_2, EPSILON)
    # One start is two numbers, as one would write it; many are mapped over.
    differentiate = jax.value_and_grad(lambda position: rosenbrock(position[0], position[1]))

    @functools.partial(jax.jit, static_argnums=1)
    def run(starts, steps):
        both = jax.vmap(differentiate)

        def step(carry, _):
            position, state = carry
            value, gradient = both(position)
            updates, state = optimizer.update(gradient, state, position)
            return (optax.apply_updates(position, updates), state), (
                value if values_only else (position, value, gradient)
            )

        _, rows = jax.lax.scan(step, (starts, optimizer.init(starts)), None, steps)
        # The last row is left to the reader, as one does.
        return rows

    def call(starts: np.ndarray, steps: int) -> Rows:
        rows = run(starts, steps + 1)
        return tuple(np.asarray(part) for part in ((rows,) if values_only else rows))

    return call


def by_torch(name: str, rate: float, values_only: bool) -> Peer:
    """`torch.optim` in its usual loop, on one tensor of all starts."""

    def call(starts: np.ndarray, steps: int) -> Rows:
        position = torch.tensor(starts, requires_grad=True)
        made = (
            torch.optim.SGD([position], lr=rate, momentum=MOMENTUM)
            if name == "sgd"
            else torch.optim.Adam([position], lr=rate, betas=(BETA_1, BETA_2), eps=EPSILON)
        )
        path, values, gradients = _room(starts, steps, values_only)
        for step in range(steps + 1):
            made.zero_grad()
            value = rosenbrock(position[:, 0], position[:, 1])
            value.sum().backward()
            values[step] = value.detach().numpy()
            if not values_only:
                path[step], gradients[step] = position.detach().numpy(), position.grad.numpy()
            made.step()
        return (values,) if values_only else (path, values, gradients)

    return call


def by_keras(name: str, rate: float, values_only: bool) -> Peer:
    """A Keras optimizer in the usual loop with GradientTape."""

    def call(starts: np.ndarray, steps: int) -> Rows:
        position = keras.Variable(starts, dtype="float64")
        made = (
            keras.optimizers.SGD(rate, momentum=MOMENTUM)
            if name == "sgd"
            else keras.optimizers.Adam(rate, BETA_1, BETA_2, EPSILON)
        )
        made.build([position])
        path, values, gradients = _room(starts, steps, values_only)
        for step in range(steps + 1):
            with tf.GradientTape() as tape:
                value = rosenbrock(position.value[:, 0], position.value[:, 1])
            gradient = tape.gradient(value, position.value)
            values[step] = value.numpy()
            if not values_only:
                path[step], gradients[step] = position.numpy(), gradient.numpy()
            made.apply([gradient], [position])
        return (values,) if values_only else (path, values, gradients)

    return call


def by_numpy(name: str, rate: float, values_only: bool) -> Peer:
    """A NumPy loop with the gradient by hand, written for speed: a row a coordinate, and no new arrays on the way."""

    def call(starts: np.ndarray, steps: int) -> Rows:
        n = len(starts)
        position, gradient = np.array(starts.T, order="C"), np.empty((2, n))
        first, second, work = np.zeros((2, n)), np.zeros((2, n)), np.empty((2, n))
        off, near = np.empty(n), np.empty(n)
        rows = np.empty((steps + 1, 2, n)), np.empty((steps + 1, n)), np.empty((steps + 1, 2, n))
        for step in range(steps + 1):
            x, y = position
            np.multiply(x, x, out=off)
            np.subtract(y, off, out=off)
            np.subtract(1, x, out=near)
            np.multiply(off, 200, out=gradient[1])
            np.multiply(gradient[1], x, out=gradient[0])
            gradient[0] += near
            gradient[0] *= -2
            np.multiply(near, near, out=near)
            np.multiply(off, off, out=off)
            off *= 100
            np.add(near, off, out=rows[1][step])
            if not values_only:
                rows[0][step], rows[2][step] = position, gradient
            if name == "sgd":
                first *= MOMENTUM
                np.multiply(gradient, rate, out=work)
                first -= work
                position += first
            else:
                t = step + 1
                np.subtract(gradient, first, out=work)
                work *= 1 - BETA_1
                first += work
                np.multiply(gradient, gradient, out=work)
                work -= second
                work *= 1 - BETA_2
                second += work
                np.sqrt(second, out=work)
                work += EPSILON
                np.divide(first, work, out=work)
                work *= rate * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
                position -= work
        if values_only:
            return (rows[1],)
        return rows[0].swapaxes(1, 2), rows[1], rows[2].swapaxes(1, 2)

    return call


def by_python(name: str, rate: float, values_only: bool) -> Peer:
    """Python's own floats, for one start."""

    def call(starts: np.ndarray, steps: int) -> Rows:
        ((x, y),) = starts.tolist()
        m, v = [0.0, 0.0], [0.0, 0.0]
        path, values, gradients = np.empty((steps + 1, 1, 2)), np.empty((steps + 1, 1)), np.empty((steps + 1, 1, 2))
        for step in range(steps + 1):
            g = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
            path[step, 0], values[step], gradients[step, 0] = (x, y), rosenbrock(x, y), g
            if name == "sgd":
                m = [MOMENTUM * a - rate * b for a, b in zip(m, g, strict=True)]
                x, y = x + m[0], y + m[1]
            else:
                t = step + 1
                m = [a + (b - a) * (1 - BETA_1) for a, b in zip(m, g, strict=True)]
                v = [a + (b * b - a) * (1 - BETA_2) for a, b in zip(v, g, strict=True)]
                alpha = rate * (1 - BETA_2**t) ** 0.5 / (1 - BETA_1**t)
                x, y = (p - alpha * a / (b**0.5 + EPSILON) for p, a, b in zip((x, y), m, v, strict=True))
        return path, values, gradients

    return call


def _room(starts: np.ndarray, steps: int, values_only: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = 0 if values_only else steps + 1
    return np.empty((rows, *starts.shape)), np.empty((steps + 1, len(starts))), np.empty((rows, *starts.shape))
