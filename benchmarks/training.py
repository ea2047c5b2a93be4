"""What it costs to watch the gradients of a real training, and a loss surface against a loop over `model.evaluate`.

Peers: the same training step without a callback; the norms by a second backward pass on the same batch, as other tools
took them; `set_weights` and `evaluate` for each point of a surface. All variants of a model are compiled once and take
turns in blocks of steps, so that a drift of the machine meets all of them.
Run: python benchmarks/training.py
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf
from measuring import interleaved, machine, median, paired_ratio, peak_mebibytes

import tbgrad

BLOCK, SIDE = 10, 7


def convolutional() -> tuple[keras.Model, np.ndarray]:
    """1.3 M weights on pictures of 32 × 32."""
    layers = [keras.layers.Input((32, 32, 3))]
    for filters in (32, 64, 128):
        layers += [keras.layers.Conv2D(filters, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(576, activation="relu"), keras.layers.Dense(10)]
    return keras.Sequential(layers), np.random.default_rng(0).normal(size=(1000, 32, 32, 3)).astype(np.float32)


def transformer() -> tuple[keras.Model, np.ndarray]:
    """1.3 M weights: six blocks of width 128 on 64 tokens."""
    tokens = keras.Input((64,), dtype="int32")
    x = keras.layers.Embedding(1000, 128)(tokens)
    for _ in range(6):
        normed = keras.layers.LayerNormalization()(x)
        x = x + keras.layers.MultiHeadAttention(4, 32)(normed, normed)
        within = keras.layers.Dense(512, activation="gelu")(keras.layers.LayerNormalization()(x))
        x = x + keras.layers.Dense(128)(within)
    out = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, out), np.random.default_rng(0).integers(0, 1000, (1000, 64)).astype(np.int32)


# With the batch of each.
MODELS = {"convolutional": (convolutional, 64), "transformer": (transformer, 16)}


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
        self.callback = tbgrad.GradientCallback(home / name, quiet=True, **options) if options else None
        self.model.make_train_function()
        if self.callback:
            self.callback.set_params({})
            self.callback.set_model(self.model)
            self.callback.on_train_begin()
        self.second = None

    def steps(self) -> float:
        """Seconds of a step, of a block of them."""
        begin = time.perf_counter()
        for _ in range(BLOCK):
            logs = self.model.train_function(self.batches)
            logs = {name: float(value) for name, value in logs.items()}
            if self.callback:
                self.callback.on_train_batch_end(0, logs)
            if self.second:
                self.second(self.x, self.labels).numpy()
        return (time.perf_counter() - begin) / BLOCK

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
    "every 10th": {"every": 10},
    "every step": {"every": 1},
    "histograms": {"every": 10, "histograms": 100},
    "a second pass": {},
}


def watching(name: str, rounds: int, seed: int) -> dict[str, float]:
    """What each variant adds to a step, in percent of it, and the seconds of a bare one; to be run in a new process."""
    home, (make, batch) = Path(tempfile.mkdtemp()), MODELS[name]
    try:
        # Whichever is made first may be at an advantage.
        order = np.random.default_rng(seed).permutation(list(VARIANTS))
        watched = {str(key): Watched(make, home, f"{key}", batch, **VARIANTS[key]) for key in order}
        watched["a second pass"].with_second_pass()
        for each in watched.values():
            each.steps()
        taken = interleaved({key: each.steps for key, each in watched.items()}, rounds)
        for each in watched.values():
            if each.callback:
                each.callback.on_train_end()
    finally:
        shutil.rmtree(home)
    more = {key: 100 * (paired_ratio(times, np.array(taken["bare"])) - 1) for key, times in taken.items()}
    more["histograms"] = 100 * (paired_ratio(taken["histograms"], np.array(taken["every 10th"])) - 1)
    return more | {"bare": median(taken["bare"]), "weights": watched["bare"].model.count_params()}


def watchings(name: str, rounds: int, processes: int) -> None:
    found = []
    for seed in range(processes):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(watching, name, rounds, seed).result())
    more = {key: np.array([each[key] for each in found]) for key in found[0]}
    print(f"\n{name}, {found[0]['weights']:,} weights, batches of {MODELS[name][1]}: ", end="")
    print(f"a step takes {1e3 * np.median(more['bare']):.0f} ms; median and range of {processes} processes")
    goals = {"every 10th": "3", "every step": "10", "histograms": "3", "a second pass": "-"}
    for key, goal in goals.items():
        low, middle, high = np.quantile(more[key], [0, 0.5, 1])
        print(f"  {key:<16} {middle:+6.1f} % of the step ({low:+.1f} to {high:+.1f}; goal {goal})")
    ratio = np.median(more["a second pass"]) / max(np.median(more["every step"]), 1e-9)
    print(f"  a second pass costs {ratio:.1f} times as much as the norms at every step (goal 10)")


def evaluated(model: keras.Model, plane: tbgrad.Plane, x: np.ndarray, labels: np.ndarray, batch: int) -> Callable:
    """The loss at points of a plane as one computes it without tools: seconds for each point."""
    shapes = [weight.shape for weight in model.trainable_weights]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])

    def seconds(points: np.ndarray) -> float:
        begin = time.perf_counter()
        for vector in plane.at(points):
            parts = np.split(vector, ends[:-1])
            model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])
            model.evaluate(x, labels, batch_size=batch, verbose=0)
        return (time.perf_counter() - begin) / len(points)

    return seconds


def surface(name: str, make: Callable, rounds: int) -> None:
    keras.utils.set_random_seed(0)
    model, x = make()
    labels = np.random.default_rng(1).integers(0, 10, len(x))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    # Activations of so many samples stay in the processor's cache.
    f = tbgrad.model_loss(model, x, labels, batch_size=100)
    plane = tbgrad.random_directions(f, f.weights())
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2), axis=-1).reshape(-1, 2)
    few = grid[:: SIDE + 2]

    def ours() -> float:
        over = [(axis, -1.0, 1.0) for axis in plane.names]
        begin = time.perf_counter()
        tbgrad.landscape(f, plane, over=over, points=SIDE, gradients=False, dtype="float32")
        return (time.perf_counter() - begin) / len(grid)

    peers = {batch: evaluated(model, plane, x, labels, batch) for batch in (32, 1000)}
    jobs = {"ours": ours} | {batch: lambda peer=peer: peer(few) for batch, peer in peers.items()}
    taken = interleaved(jobs, rounds)
    print(f"\n{name}: a loss surface on {len(x):,} samples, {1e3 * median(taken['ours']):.0f} ms a point")
    for batch in peers:
        ratio = paired_ratio(taken[batch], taken["ours"])
        print(f"  {ratio:.2f} times faster than model.evaluate in batches of {batch}" + " (goal 2)" * (batch == 32))


MEMORY = """
import sys
import keras, numpy as np
sys.path.insert(0, sys.argv[1])
import training, tbgrad
model, x = training.MODELS[sys.argv[2]][0]()
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
f = tbgrad.model_loss(model, x[:100], np.zeros(100, int), batch_size=100)
plane = tbgrad.random_directions(f, f.weights())
over = [(axis, -1.0, 1.0) for axis in plane.names]
tbgrad.landscape(f, plane, over=over, points=int(sys.argv[3]), gradients=False, dtype="float32")
"""


def memory(name: str) -> None:
    few, many = (peak_mebibytes(MEMORY, str(Path(__file__).parent), name, str(points)) for points in (5, 25))
    print(f"  peak memory on 100 samples: {few:.0f} MiB at 5 × 5 points, {many:.0f} at 25 × 25")


@click.command()
@click.option("--rounds", default=12, show_default=True, help="Blocks of ten steps of each variant, in each process.")
@click.option("--processes", default=7, show_default=True, help="For the steps, one after the other.")
@click.option("--part", type=click.Choice(["steps", "surfaces"]), help="One of the parts.")
@click.option("--only", type=click.Choice([*MODELS]), help="One of the models.")
def main(rounds: int, processes: int, part: str | None, only: str | None) -> None:
    """Print what each way adds to a step, and how fast a loss surface is."""
    print(f"{machine()}; {rounds} interleaved blocks of {BLOCK} steps")
    for name, (make, _) in MODELS.items():
        if only in (None, name) and part in (None, "steps"):
            watchings(name, rounds, processes)
        if only in (None, name) and part in (None, "surfaces"):
            surface(name, make, max(1, rounds // 4))
            memory(name)


if __name__ == "__main__":
    main()
