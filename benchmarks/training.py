"""What it costs to watch the gradients of a real training, and a loss surface against a loop over `model.evaluate`.

Peers: the same training step without a callback; the norms by a second backward pass on the same batch, as other tools
took them; `set_weights` and `evaluate` for each point of a surface. All variants of a model are compiled once and take
turns step by step in random order, since the same step may take half as long again a few seconds later. One more bare
model tells how much of what is found is chance.
Run: python benchmarks/training.py
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import contextlib
import multiprocessing
import shutil
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest import mock

import click
import keras
import numpy as np
import tensorflow as tf
from loss_surfaces import memory, surface
from measuring import machine
from networks import MODELS

import tbgrad
import tbgrad.training.recording

# Steps after which each variant does the same again.
PERIOD = 100


class Watched:
    """A model that trains step by step, with a callback or without."""

    def __init__(self, make: Callable, home: Path, name: str, batch: int, **options):
        keras.utils.set_random_seed(0)
        self.model, x = make()
        labels = np.random.default_rng(1).integers(0, 10, len(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)
        self.batches = iter(tf.data.Dataset.from_tensor_slices((x, labels)).repeat().batch(batch, drop_remainder=True))
        self.x, self.labels, self.loss = tf.constant(x[:batch]), tf.constant(labels[:batch]), loss
        self.model.make_train_function()
        self.callback, self.second, self.elapsed = None, None, 0.0
        if options:
            with self._own_clock():
                self.callback = tbgrad.GradientCallback(home / name, quiet=True, **options)
                self.callback.set_params({})
                self.callback.set_model(self.model)
                self.callback.on_train_begin()

    def step(self) -> tuple[float, float]:
        """Seconds of a step's program, and of what is read and written behind it."""
        with self._own_clock():
            program, behind = self._step()
        self.elapsed += program + behind
        return program, behind

    @contextlib.contextmanager
    def _own_clock(self) -> Iterator[None]:
        # What is written every few seconds is so of its own seconds, not of those of all variants.
        clock = types.SimpleNamespace(monotonic=lambda: self.elapsed)
        with mock.patch.object(tbgrad.training.recording, "time", clock):
            yield

    def _step(self) -> tuple[float, float]:
        begin = time.perf_counter()
        logs = self.model.train_function(self.batches)
        if self.second:
            self.second(self.x, self.labels).numpy()
        middle = time.perf_counter()
        logs = {name: float(value) for name, value in logs.items()}
        if self.callback:
            self.callback.on_train_batch_end(0, logs)
        return middle - begin, time.perf_counter() - middle

    def with_second_pass(self) -> Watched:
        """The same with a second backward pass behind each step."""
        weights = [w.value for w in self.model.trainable_variables]

        @tf.function
        def norms(x: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = self.loss(labels, self.model(x, training=True))
            return tf.stack([tf.norm(g) for g in map(tf.convert_to_tensor, tape.gradient(loss, weights))])

        self.second = norms
        return self


VARIANTS = {
    "bare": {},
    "bare again": {},
    "every 10th": {"every": 10},
    "every step": {"every": 1},
    "histograms": {"every": 10, "histograms": 100},
    "a second pass": {},
}
GOALS = {"bare again": "-", "every 10th": "3", "every step": "10", "histograms": "3", "a second pass": "-"}


def watching(name: str, steps: int, seed: int) -> dict[str, float]:
    """What each variant adds to a step, in percent of it, and the seconds of a bare one; to be run in a new process."""
    home, (make, batch), rng = Path(tempfile.mkdtemp()), MODELS[name], np.random.default_rng(seed)
    try:
        # Whichever is made first may be at an advantage.
        order = [str(key) for key in rng.permutation(list(VARIANTS))]
        watched = {key: Watched(make, home, key, batch, **VARIANTS[key]) for key in order}
        watched["a second pass"].with_second_pass()
        for each in watched.values():
            for _ in range(PERIOD // 10):
                each.step()
        taken = {key: np.empty((steps, 2)) for key in order}
        for step in range(steps):
            for key in rng.permutation(order):
                taken[key][step] = watched[key].step()
        for each in watched.values():
            if each.callback:
                each.callback.on_train_end()
    finally:
        shutil.rmtree(home)
    bare = np.median(taken["bare"][:, 0])
    found = {key: 100 * added(times, taken["bare"]) for key, times in taken.items() if key != "bare"}
    found["histograms"] -= found["every 10th"]
    return found | {"bare": bare, "weights": watched["bare"].model.count_params()}


def added(times: np.ndarray, bare: np.ndarray) -> float:
    """What a variant adds to a step, as a share of it.

    Of programs, the median of those at the same place of a period, which is what the steps of one place have in common;
    of what is done behind them, now and then and for long, the mean.
    """
    ratios = np.log(times[:, 0] / bare[:, 0]).reshape(-1, PERIOD)
    behind = np.mean(times[:, 1] - bare[:, 1]) / np.median(bare[:, 0])
    return np.expm1(np.mean(np.median(ratios, axis=0))) + behind


def watchings(name: str, steps: int, processes: int) -> None:
    found = []
    for seed in range(processes):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(watching, name, steps, seed).result())
    more = {key: np.array([each[key] for each in found]) for key in found[0]}
    print(f"\n{name}, {found[0]['weights']:,} weights, batches of {MODELS[name][1]}: ", end="")
    print(f"a step takes {1e3 * np.median(more['bare']):.0f} ms; median and range of {processes} processes")
    for key, goal in GOALS.items():
        low, middle, high = np.quantile(more[key], [0, 0.5, 1])
        print(f"  {key:<16} {middle:+6.1f} % of the step ({low:+.1f} to {high:+.1f}; goal {goal})")
    ratio = np.median(more["a second pass"] / more["every step"])
    print(f"  a second pass costs {ratio:.1f} times as much as the norms at every step (goal 10)", flush=True)


@click.command()
@click.option("--steps", default=500, show_default=True, help="Of each variant in each process, in hundreds.")
@click.option("--processes", default=3, show_default=True, help="For the steps, one after the other.")
@click.option("--rounds", default=3, show_default=True, help="Of surfaces.")
@click.option("--part", type=click.Choice(["steps", "surfaces"]), help="One of the parts.")
@click.option("--only", type=click.Choice([*MODELS]), help="One of the models.")
def main(steps: int, processes: int, rounds: int, part: str | None, only: str | None) -> None:
    """Print what each way adds to a step, and how fast a loss surface is."""
    steps = max(1, steps // PERIOD) * PERIOD
    print(f"{machine()}; {steps} steps of each variant, interleaved")
    for name, (make, _) in MODELS.items():
        if only in (None, name) and part in (None, "steps"):
            watchings(name, steps, processes)
        if only in (None, name) and part in (None, "surfaces"):
            surface(name, make, rounds)
            memory(name)


if __name__ == "__main__":
    main()
