"""What is read of gradients, weights and updates, put together of several weights: of a layer, or of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Readings:
    """Float64, `[rows, layers]` or, of all weights together, `[rows]`; NaN where there is nothing to measure.

    Attributes:
      gradient_norm: length of the gradient before clipping.
      clipped_norm: after clipping, or None where the optimizer does not clip.
      largest: the largest |element| of the gradient.
      zeros: the share of the gradient's elements that are exactly zero.
      cosine: of the gradient to that of the step before; NaN where one of them has no length or is not finite.
      update_norm: length of the update.
      weight_norm: length of the weights before the update.
    """

    gradient_norm: np.ndarray
    clipped_norm: np.ndarray | None
    largest: np.ndarray
    zeros: np.ndarray
    cosine: np.ndarray
    update_norm: np.ndarray
    weight_norm: np.ndarray

    @property
    def update_ratio(self) -> np.ndarray:
        """Length of the update over that of the weights; NaN where these are zero."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.update_norm / np.where(self.weight_norm > 0, self.weight_norm, np.nan)


class Grouping:
    """Weights `[..., W]` put together in groups `[..., groups]`; a group without weights has NaN.

    Args:
      counts: how many weights each group has; in order.
      sizes: `[W]`, how many numbers each weight holds.
      measured: bool `[W]`, which weights count; the others are as if they were not there.
    """

    def __init__(self, counts: np.ndarray, sizes: np.ndarray, measured: np.ndarray):
        group = np.repeat(np.arange(len(counts)), counts)
        self._kept = np.flatnonzero(measured)
        self._groups = len(counts)
        self._filled, self._begin = np.unique(group[self._kept], return_index=True)
        self._sizes = sizes.astype(np.float64)
        self.sizes = self.sums(self._sizes)

    def lengths(self, parts: np.ndarray) -> np.ndarray:
        """Of vectors that lie side by side, the length of the whole; without an overflow between."""
        return self._reduced(np.hypot, parts)

    def sums(self, parts: np.ndarray) -> np.ndarray:
        """Their sum."""
        return self._reduced(np.add, parts)

    def largest(self, parts: np.ndarray) -> np.ndarray:
        """The largest of each group; NaN where one is."""
        return self._reduced(np.maximum, parts)

    def means(self, parts: np.ndarray) -> np.ndarray:
        """Their mean, weighted by sizes."""
        return self.sums(parts * self._sizes) / self.sizes

    def _reduced(self, function: np.ufunc, parts: np.ndarray) -> np.ndarray:
        whole = np.full((*parts.shape[:-1], self._groups), np.nan)
        if len(self._kept):
            with np.errstate(over="ignore", invalid="ignore"):
                whole[..., self._filled] = function.reduceat(parts[..., self._kept], self._begin, axis=-1)
        return whole


def cosine(product: np.ndarray, length: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Of two vectors by their scalar product and their lengths, all of any one shape; NaN where it has no meaning."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # One after the other: the product of two large lengths may be beyond the floats.
        ratio = product / length / before
    # Rounding in float32 leaves it a little above 1.
    return np.where(np.isfinite(ratio) & np.isfinite(length) & np.isfinite(before), np.clip(ratio, -1.0, 1.0), np.nan)
