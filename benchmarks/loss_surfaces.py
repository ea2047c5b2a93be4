"""A loss surface of a network against a loop over `model.evaluate`, and the memory that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from measuring import interleaved, median, paired_ratio, peak_mebibytes

import tbgrad

# Points along a side: where the time is measured, and where the memory is, each enough for XLA to have taken over.
_SIDE, _SIDES = 7, (11, 31)


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
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, _SIDE)] * 2), axis=-1).reshape(-1, 2)
    few = grid[:: _SIDE + 2]

    def ours() -> float:
        over = [(axis, -1.0, 1.0) for axis in plane.names]
        begin = time.perf_counter()
        tbgrad.landscape(f, plane, over=over, points=_SIDE, gradients=False, dtype="float32")
        return (time.perf_counter() - begin) / len(grid)

    peers = {batch: evaluated(model, plane, x, labels, batch) for batch in (32, 1000)}
    jobs = {"ours": ours} | {batch: lambda peer=peer: peer(few) for batch, peer in peers.items()}
    taken = interleaved(jobs, rounds)
    print(f"\n{name}: a loss surface on {len(x):,} samples, {1e3 * median(taken['ours']):.0f} ms a point")
    for batch in peers:
        ratio = paired_ratio(taken[batch], taken["ours"])
        print(f"  {ratio:.2f} times faster than model.evaluate in batches of {batch}" + " (goal 2)" * (batch == 32))


_MEMORY = """
import sys
import keras, numpy as np
sys.path.insert(0, sys.argv[1])
import networks, tbgrad
model, x = networks.MODELS[sys.argv[2]][0]()
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
f = tbgrad.model_loss(model, x[:100], np.zeros(100, int), batch_size=100)
plane = tbgrad.random_directions(f, f.weights())
over = [(axis, -1.0, 1.0) for axis in plane.names]
tbgrad.landscape(f, plane, over=over, points=int(sys.argv[3]), gradients=False, dtype="float32")
"""


def memory(name: str) -> None:
    few, many = (peak_mebibytes(_MEMORY, str(Path(__file__).parent), name, str(points)) for points in _SIDES)
    at = [f"{side} × {side} points" for side in _SIDES]
    print(f"  peak memory on 100 samples: {few:.0f} MiB at {at[0]}, {many:.0f} at {at[1]}")
