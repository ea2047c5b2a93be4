"""Ten thousand steps of SGD with momentum on Rosenbrock's function, every step recorded in arrays.

Peers: torch.optim and Keras in their usual loops, and plain Python. Run: python benchmarks/descent.py
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import keras
import numpy as np
import tensorflow as tf
from measuring import interleaved, machine, median, paired_ratio

import tbgrad

START, RATE, MOMENTUM = (-1.2, 1.0), 0.001, 0.9
GOAL = 300
# Short work is repeated so long, and its mean is taken: the peers' loops take a second, and are warm on the way.
LEAST_SECONDS = 0.3


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def by_tbgrad(steps: int) -> np.ndarray:
    descent = tbgrad.descend(FUNCTION, OPTIMIZER, [START], steps)
    return descent.position[:, 0]


FUNCTION = tbgrad.resolve("rosenbrock")
OPTIMIZER = tbgrad.Optimizer("sgd", learning_rate=RATE, momentum=MOMENTUM)


def by_torch(steps: int) -> np.ndarray:
    import torch

    position = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([position], lr=RATE, momentum=MOMENTUM)
    path, values, gradients = np.empty((steps + 1, 2)), np.empty(steps + 1), np.empty((steps + 1, 2))
    for step in range(steps + 1):
        optimizer.zero_grad()
        value = rosenbrock(position[0], position[1])
        value.backward()
        path[step], values[step], gradients[step] = position.detach().numpy(), value.item(), position.grad.numpy()
        optimizer.step()
    return path


def by_keras(steps: int) -> np.ndarray:
    position = keras.Variable(np.array(START), dtype="float64")
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    optimizer.build([position])
    path, values, gradients = np.empty((steps + 1, 2)), np.empty(steps + 1), np.empty((steps + 1, 2))
    for step in range(steps + 1):
        with tf.GradientTape() as tape:
            value = rosenbrock(position.value[0], position.value[1])
        gradient = tape.gradient(value, position.value)
        path[step], values[step], gradients[step] = position.numpy(), value.numpy(), gradient.numpy()
        optimizer.apply([gradient], [position])
    return path


def by_python(steps: int) -> np.ndarray:
    (x, y), velocity_x, velocity_y = START, 0.0, 0.0
    path, values, gradients = np.empty((steps + 1, 2)), np.empty(steps + 1), np.empty((steps + 1, 2))
    for step in range(steps + 1):
        gradient_x, gradient_y = -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)
        path[step], values[step], gradients[step] = (x, y), rosenbrock(x, y), (gradient_x, gradient_y)
        velocity_x, velocity_y = MOMENTUM * velocity_x - RATE * gradient_x, MOMENTUM * velocity_y - RATE * gradient_y
        x, y = x + velocity_x, y + velocity_y
    return path


def timed(work: Callable[[int], np.ndarray], steps: int, expected: np.ndarray) -> Callable[[], float]:
    def job() -> float:
        began, calls = time.perf_counter(), 0
        while time.perf_counter() - began < LEAST_SECONDS:
            path = work(steps)
            calls += 1
        seconds = (time.perf_counter() - began) / calls
        # A peer that computes something else is no peer; Keras and torch differ in the last digits of the rate.
        np.testing.assert_allclose(path[:101], expected[:101], rtol=1e-4)
        return seconds

    return job


def after_other_work(steps: int) -> float:
    """The median of calls that find the processor's caches full of something else."""
    seconds = []
    for _ in range(7):
        by_python(1_000_000)
        began = time.perf_counter()
        by_tbgrad(steps)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


@click.command()
@click.option("--steps", default=10_000, show_default=True, help="Updates of each.")
@click.option("--repeats", default=5, show_default=True, help="Counted rounds.")
def main(steps: int, repeats: int) -> None:
    """Print the ratios, then the seconds, and what compiling costs."""
    began = time.perf_counter()
    by_tbgrad(steps)
    first = time.perf_counter() - began
    programs = len(FUNCTION._programs)
    works = {"tbgrad": by_tbgrad, "Python loop": by_python, "Keras loop": by_keras}
    if importlib.util.find_spec("torch"):
        works["torch.optim loop"] = by_torch
    expected = by_python(steps)
    seconds = interleaved({name: timed(work, steps, expected) for name, work in works.items()}, repeats)

    print(f"{machine()}; {steps:,} steps, float64, every step recorded; median of {repeats} interleaved rounds\n")
    print(f"{'peer':<18} {'times faster':>12} {'peer, s':>10} {'tbgrad, s':>10}")
    for name in works:
        if name != "tbgrad":
            ratio = paired_ratio(seconds[name], seconds["tbgrad"])
            print(f"{name:<18} {ratio:>12.0f} {median(seconds[name]):>10.4f} {median(seconds['tbgrad']):>10.5f}")
    print(f"\ngoal: at least {GOAL} times torch.optim's loop")
    print(f"first call, with compilation: {first:.2f} s")
    print(f"one call alone, after a second of other work: {after_other_work(steps):.4f} s")
    print(f"programs compiled by all calls after the first: {len(FUNCTION._programs) - programs}")


if __name__ == "__main__":
    main()
