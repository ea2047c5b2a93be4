"""How the gradients of layers compare: with the median layer, and with the layers between them and the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results import Rules, Training

_BIASES = {"bias", "beta"}
# While an attention is even, as it is at first, its queries and keys get next to no gradient.
_EVEN_AT_FIRST = {"query", "key", "query_dense", "key_dense"}


@dataclass(frozen=True, eq=False)
class Compared:
    """The layers that are judged, in network order, over the rows of a part; arrays are `[rows, n]`.

    Attributes:
      layers: int64 `[n]`, indices of `Training.layers`.
      rms: root mean square of the gradient's elements.
      median: `[rows]`, of those that are neither zero nor NaN; NaN where there are none.
      is_low: bool, vanishing by the rules in this row.
      is_high: bool, exploding.
      is_zero: bool, whether every element of the gradient is exactly zero.
    """

    layers: np.ndarray
    rms: np.ndarray
    median: np.ndarray
    is_low: np.ndarray
    is_high: np.ndarray
    is_zero: np.ndarray


def judged(part: Training) -> np.ndarray:
    """Indices of the layers whose gradients can be compared.

    They are not sparse, have more than biases, and are not the queries or keys of an attention.
    """
    kept, first = [], 0
    for k, layer in enumerate(part.layers):
        measured = part.measured[first : first + len(layer.weights)]
        first += len(layer.weights)
        names = {name for name, is_measured in zip(layer.weights, measured, strict=True) if is_measured}
        if names - _BIASES and not layer.is_sparse and layer.name.rpartition("/")[2] not in _EVEN_AT_FIRST:
            kept.append(k)
    return np.array(kept, np.int64)


def compare_layers(part: Training, layers: np.ndarray, rules: Rules) -> Compared:
    """Compares the layers of each row by the rules but for how long it lasts and whether the loss has converged.

    Args:
      part: of a training.
      layers: int64 `[n]`, indices of those that are judged.
      rules: what counts as wrong.
    """
    rms, zeros = part.rms[:, layers], part.by_layer.zeros[:, layers]
    known = np.isfinite(rms) & (rms > 0)
    log = np.log10(np.where(known, rms, 1.0), where=known, out=np.full(rms.shape, np.nan))
    median = _row_medians(log)
    largest_above = _largest_above(log)
    low, high = np.log10(rules.vanishing), np.log10(rules.exploding)
    with np.errstate(invalid="ignore"):
        of_median, of_above, of_output = log - median[:, None], log - largest_above, log - log[:, -1:]
        small = (of_median + of_above) / 2
        # A branch of its own may get little, or much, while what lies below gets enough through others.
        is_low = _from_input((small <= low) & (of_median <= low / 2)) | ((small <= 2 * low) & (of_median <= low))
        large = np.minimum(of_median, of_output)
        is_high = _from_input(large >= high) | (large >= 2 * high)
    # Squares of a gradient below 1e-23 are zero in float32: it has vanished, as one that is exactly zero has.
    nil = (rms == 0) & np.isfinite(largest_above) & ~_behind_a_dead(part)[:, layers]
    return Compared(layers, rms, 10.0**median, is_low | nil, is_high, (rms == 0) & (zeros == 1))


def _row_medians(log: np.ndarray) -> np.ndarray:
    medians = np.full(len(log), np.nan)
    some = np.isfinite(log).any(axis=1)
    if some.any():
        medians[some] = np.nanmedian(log[some], axis=1)
    return medians


def _largest_above(log: np.ndarray) -> np.ndarray:
    """The largest of those between each layer and the output; NaN where there is none."""
    above = np.full(log.shape, np.nan)
    if log.shape[1] > 1:
        above[:, :-1] = np.fmax.accumulate(log[:, :0:-1], axis=1)[:, ::-1]
    return above


def _from_input(flag: np.ndarray) -> np.ndarray:
    """Which layers are so together with all layers between them and the input."""
    return np.logical_and.accumulate(flag, axis=1)


def _behind_a_dead(part: Training) -> np.ndarray:
    """Bool `[rows, layers]`: whether the layer, or one between it and the output, gives zero throughout the batch."""
    dead = part.dead >= 1
    return np.logical_or.accumulate(dead[:, ::-1], axis=1)[:, ::-1]
