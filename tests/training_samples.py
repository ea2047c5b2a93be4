"""Trainings made of numbers: what a callback would have measured."""

import numpy as np

from tbgrad.results import Layer, Training

KERNEL, BIAS = 12, 3


def make_layers(count, activation="relu", kinds=None, **settings):
    """So many dense layers, each with a kernel of 12 numbers and a bias of 3."""
    kinds = kinds or ["Dense"] * count
    return tuple(
        Layer(f"net/dense_{k}", kinds[k], ("kernel", "bias"), (KERNEL, BIAS), activation, **settings)
        for k in range(count)
    )


def make_training(rms, loss=None, *, layers=None, step=None, seed=0, **settings):
    """A training whose layers have these root mean squares `[rows, layers]` of the gradient; the rest is random."""
    rms = np.asarray(rms, np.float64)
    rows, count = rms.shape
    layers = make_layers(count) if layers is None else layers
    rng = np.random.default_rng(seed)
    sizes = np.array([size for layer in layers for size in layer.sizes], np.float64)
    owner = np.array([k for k, layer in enumerate(layers) for _ in layer.sizes], int)
    # Each element of a layer's gradient is as large as any other.
    norm = rms[:, owner] * np.sqrt(sizes)
    before = np.vstack([np.full((1, len(sizes)), np.nan), norm[:-1]])
    random = {name: rng.uniform(0.5, 1.5, norm.shape) for name in ("product", "update_norm", "weight_norm")}
    with np.errstate(over="ignore"):
        product = random["product"] * norm * before
    fields = {
        "model": "net",
        "optimizer": "adam",
        "layers": layers,
        "step": np.arange(rows) if step is None else np.asarray(step),
        "loss": np.full(rows, 1.0) if loss is None else np.asarray(loss, np.float64),
        "learning_rate": np.full(rows, 0.01),
        "norm": norm,
        "clipped_norm": None,
        "largest": 2 * rms[:, owner],
        "zeros": np.where(norm == 0, 1.0, rng.uniform(0, 0.2, norm.shape)),
        "product": product,
        "norm_before": before,
        "update_norm": 1e-3 * random["update_norm"],
        "weight_norm": random["weight_norm"],
        "dead": np.full((rows, len(layers)), np.nan),
    }
    return Training(**{**fields, **settings})
