"""Value and gradient of three functions as other libraries compute them, and as tbgrad does.

Each maker takes a `Job` and returns a call from points `[n, d]` to value `[n]` and gradient `[n, d]`, NumPy arrays all.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

import autograd
import autograd.numpy
import jax
import jax.numpy
import numpy as np
import tensorflow as tf
import torch

import tbgrad

# torch warns that its cache is off, as it was asked to be.
warnings.filterwarnings("ignore", module="torch")
# Each cold round traces GradientTape's peer anew, as it should.
tf.get_logger().setLevel("ERROR")
jax.config.update("jax_enable_x64", True)
PI = np.pi


@dataclass(frozen=True)
class Job:
    """One function: as tbgrad's formula, as it is written with a library's own names, and by hand with its gradient."""

    text: str
    dimensions: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    written: Callable[[Any, Any], Any]
    by_hand: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _tilted_waves_by_hand(p):
    x, y = p[:, 0], p[:, 1]
    sin_y, cos_x = np.sin(y), np.cos(x)
    gradient = np.stack([-np.sin(x) * sin_y + 1 / y, cos_x * np.cos(y) - x / y**2], axis=1)
    return cos_x * sin_y + x / y, gradient


def _rosenbrock_by_hand(p):
    x, y = p[:, 0], p[:, 1]
    off = y - x**2
    return (1 - x) ** 2 + 100 * off**2, np.stack([-2 * (1 - x) - 400 * x * off, 200 * off], axis=1)


def _rastrigin_by_hand(p):
    turned = 2 * PI * p
    value = 10 * p.shape[1] + (p**2 - 10 * np.cos(turned)).sum(axis=1)
    return value, 2 * p + 20 * PI * np.sin(turned)


JOBS = {
    "tilted_waves": Job(
        "cos(x)*sin(y) + x/y", 2, (-6.0, 0.1), (6.0, 6.0),
        lambda m, p: m.cos(p[..., 0]) * m.sin(p[..., 1]) + p[..., 0] / p[..., 1], _tilted_waves_by_hand,
    ),
    "rosenbrock": Job(
        "(1 - x)**2 + 100*(y - x**2)**2", 2, (-2.0, -2.0), (2.0, 2.0),
        lambda m, p: (1 - p[..., 0]) ** 2 + 100 * (p[..., 1] - p[..., 0] ** 2) ** 2, _rosenbrock_by_hand,
    ),
    "rastrigin": Job(
        "10*n + sum(x[i]**2 - 10*cos(2*pi*x[i]) for i in range(n))", 10, (-5.12,) * 10, (5.12,) * 10,
        lambda m, p: 10 * p.shape[-1] + (p**2 - 10 * m.cos(2 * PI * p)).sum(-1), _rastrigin_by_hand,
    ),
}  # fmt: skip

Made = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_tbgrad(job: Job) -> Made:
    f = tbgrad.Function.of_formula(job.text, job.dimensions)

    def call(points):
        found = tbgrad.evaluate(f, points)
        return found.value, found.gradient

    return call


def by_numpy(job: Job) -> Made:
    return job.by_hand


def by_autograd(job: Job) -> Made:
    pulled_back = autograd.make_vjp(lambda p: job.written(autograd.numpy, p))

    def call(points):
        pull_back, value = pulled_back(points)
        return value, pull_back(np.ones_like(value))

    return call


def by_jax_vmap(job: Job) -> Made:
    jax.clear_caches()
    compiled = jax.jit(jax.vmap(jax.value_and_grad(lambda p: job.written(jax.numpy, p))))
    return lambda points: tuple(map(np.asarray, compiled(points)))


def by_jax_sum(job: Job) -> Made:
    jax.clear_caches()

    def total(p):
        value = job.written(jax.numpy, p)
        return value.sum(), value

    compiled = jax.jit(jax.value_and_grad(total, has_aux=True))

    def call(points):
        (_, value), gradient = compiled(points)
        return np.asarray(value), np.asarray(gradient)

    return call


def _torch_call(value_of: Callable) -> Made:
    def call(points):
        p = torch.from_numpy(points).requires_grad_()
        value = value_of(p)
        (gradient,) = torch.autograd.grad(value.sum(), p)
        return value.detach().numpy(), gradient.numpy()

    return call


def by_torch(job: Job) -> Made:
    return _torch_call(lambda p: job.written(torch, p))


def by_torch_compile(job: Job) -> Made:
    torch._dynamo.reset()
    return _torch_call(torch.compile(lambda p: job.written(torch, p)))


class _TensorFlow:
    cos, sin = staticmethod(tf.cos), staticmethod(tf.sin)


def _tape(job: Job) -> Callable:
    def call(p):
        with tf.GradientTape() as tape:
            tape.watch(p)
            if job.dimensions > 2:
                value = 10.0 * job.dimensions + tf.reduce_sum(p**2 - 10.0 * tf.cos(2 * PI * p), axis=-1)
            else:
                value = job.written(_TensorFlow, p)
        return value, tape.gradient(value, p)

    return call


def by_tape(job: Job) -> Made:
    call = tf.function(_tape(job), reduce_retracing=True)
    return lambda points: tuple(x.numpy() for x in call(tf.constant(points)))


def by_eager_tape(job: Job) -> Made:
    call = _tape(job)
    return lambda points: tuple(x.numpy() for x in call(tf.constant(points)))


PEERS: dict[str, Callable[[Job], Made]] = {
    "NumPy by hand": by_numpy,
    "autograd": by_autograd,
    "JAX jit(vmap(value_and_grad))": by_jax_vmap,
    "JAX grad of the sum": by_jax_sum,
    "torch eager": by_torch,
    "torch.compile": by_torch_compile,
    "GradientTape in tf.function": by_tape,
    "GradientTape eager": by_eager_tape,
}
