"""Value and gradient at many points, from a NumPy array to NumPy arrays, side by side with other libraries.

    python benchmarks/sweeps.py [--points 1000000] [--functions ...] [--dtypes ...] [--rounds 5] [--stream 100000000]

Hot: compiled already. Cold: from the function to the arrays, tracing and compilation included, imports excluded. A
peer whose arrays would not fit into memory beside the others' is left out, and the table says so. `--stream` runs
tbgrad alone over so many points of tilted_waves, chunk by chunk, and prints its peak memory.

torch.compile needs a C++ compiler; without one it is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
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
from measuring import interleaved, machine, median, paired_ratio, peak_mebibytes

import tbgrad

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
    value = lambda p: job.written(autograd.numpy, p)  # noqa: E731
    gradient = autograd.grad(lambda p: value(p).sum())
    return lambda points: (value(points), gradient(points))


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
# Coordinates beyond which a peer that keeps every intermediate array is left out.
_MOST_COORDINATES, _KEEP_ALL = (
    30_000_000,
    ("autograd", "torch eager", "GradientTape eager", "GradientTape in tf.function"),
)


def compare(name: str, dtype: str, count: int, rounds: int) -> None:
    """Prints one table: seconds, millions of points a second, and how much faster tbgrad is."""
    job = JOBS[name]
    points = np.random.default_rng(0).uniform(job.low, job.high, (count, job.dimensions)).astype(dtype)
    peers = {"tbgrad": by_tbgrad, **PEERS}
    if shutil.which("g++") is None:
        peers.pop("torch.compile")
    if points.size > _MOST_COORDINATES:
        peers = {peer: make for peer, make in peers.items() if peer not in _KEEP_ALL}
    print(f"\n{name}, {dtype}, {count:,} points: tbgrad's speed over the peer's, and its M points/s")
    expected = None
    for peer, make in peers.items():
        value, gradient = make(job)(points[:1000])
        expected = (value, gradient) if expected is None else expected
        tolerance = 1e-3 if dtype == "float32" else 1e-9
        scale = np.abs(expected[1]).max()
        np.testing.assert_allclose(value, expected[0], tolerance, tolerance * scale, err_msg=peer)
        np.testing.assert_allclose(gradient, expected[1], tolerance, tolerance * scale, err_msg=peer)
    made = {peer: make(job) for peer, make in peers.items()}

    def hot(peer: str) -> Callable[[], float]:
        return lambda: _seconds(lambda: made[peer](points))

    def cold(peer: str) -> Callable[[], float]:
        return lambda: _seconds(lambda: peers[peer](job)(points))

    warm = interleaved({peer: hot(peer) for peer in peers}, rounds)
    first = interleaved({peer: cold(peer) for peer in peers}, max(1, rounds // 2))
    print(f"  {'':<30} {'hot':>7} {'M/s':>8} {'cold':>7} {'M/s':>8}")
    for peer in peers:
        cells = []
        for measured in (warm, first):
            cells += [
                f"{paired_ratio(measured[peer], measured['tbgrad']):7.2f}",
                f"{count / median(measured[peer]) / 1e6:8.1f}",
            ]
        print(f"  {peer:<30} {' '.join(cells)}", flush=True)


def _seconds(job: Callable[[], Any]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


_STREAM = """
import numpy as np
import tbgrad
f = tbgrad.resolve("tilted_waves")
count, size, least = int(sys.argv[1]), 2**20, np.inf
random = np.random.default_rng(0)
for start in range(0, count, size):
    points = random.uniform((-6, 0.1), (6, 6), (min(size, count - start), 2))
    least = min(least, tbgrad.evaluate(f, points).value.min())
"""


def stream(count: int) -> None:
    """Prints peak memory and speed of tbgrad over ever more points, chunk by chunk."""
    print("\nstreamed, float64, tilted_waves, points drawn in chunks of 1 Mi: peak memory")
    for points in (count // 100, count // 10, count):
        began = time.perf_counter()
        peak = peak_mebibytes(_STREAM, str(points))
        print(f"  {points:>14,} points: {peak:7.0f} MiB, {time.perf_counter() - began:7.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=float, nargs="*", default=[1e6, 1e7])
    parser.add_argument("--functions", nargs="*", default=list(JOBS), choices=JOBS)
    parser.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream", type=float, default=1e8)
    options = parser.parse_args()
    print(machine())
    for name in options.functions:
        for dtype in options.dtypes:
            for count in options.points:
                compare(name, dtype, int(count), options.rounds)
    if options.stream:
        stream(int(options.stream))


if __name__ == "__main__":
    main()
