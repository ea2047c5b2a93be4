"""What is read of gradients, weights and updates, put together of several weights: of a layer, or of all of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tbgrad.results.training import Training

# The square of a number below this, or above its inverse, may be beyond the floats.
_SMALLEST_SQUARED = 1e-140


class Readings:
    """Of each layer, float64 `[rows, layers]`, or of all weights together, `[rows]`; NaN where nothing is measured.

    Each is computed when it is asked for first.

    Args:
      training: what was measured by weight.
      grouping: which weights are put together.
      is_total: whether all are, and there is no axis of layers.
    """

    def __init__(self, training: Training, grouping: Grouping, is_total: bool = False):
        self._of, self._grouping, self._is_total = training, grouping, is_total

    @cached_property
    def gradient_norm(self) -> np.ndarray:
        """Length of the gradient before clipping."""
        return self._shaped(self._grouping.lengths(self._of.norm))

    @cached_property
    def clipped_norm(self) -> np.ndarray | None:
        """Length of the gradient after clipping, or None where the optimizer does not clip."""
        clipped = self._of.clipped_norm
        return None if clipped is None else self._shaped(self._grouping.lengths(clipped))

    @cached_property
    def largest(self) -> np.ndarray:
        """The largest |element| of the gradient."""
        return self._shaped(self._grouping.largest(self._of.largest))

    @cached_property
    def zeros(self) -> np.ndarray:
        """The share of the gradient's elements that are exactly zero."""
        return self._shaped(self._grouping.means(self._of.zeros))

    @cached_property
    def cosine(self) -> np.ndarray:
        """Of the gradient to that of the step before; NaN where one has no length or is not finite."""
        product = self._shaped(self._grouping.sums(self._of.product))
        return cosine(product, self.gradient_norm, self._shaped(self._grouping.lengths(self._of.norm_before)))

    @cached_property
    def update_norm(self) -> np.ndarray:
        """Length of the update."""
        return self._shaped(self._grouping.lengths(self._of.update_norm))

    @cached_property
    def weight_norm(self) -> np.ndarray:
        """Length of the weights before the update."""
        return self._shaped(self._grouping.lengths(self._of.weight_norm))

    @cached_property
    def update_ratio(self) -> np.ndarray:
        """Length of the update over that of the weights; NaN where these are zero."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.update_norm / np.where(self.weight_norm > 0, self.weight_norm, np.nan)

    def _shaped(self, columns: np.ndarray) -> np.ndarray:
        return columns[:, 0] if self._is_total else columns


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
        self._membership = (group[self._kept][:, None] == self._filled).astype(np.float64)
        self._sizes = sizes.astype(np.float64)
        self.sizes = self.sums(self._sizes)

    def lengths(self, parts: np.ndarray) -> np.ndarray:
        """Of vectors that lie side by side, the length of the whole; without an overflow between."""
        kept = parts[..., self._kept]
        known = kept[kept > 0]
        if known.size and not (known.min() > _SMALLEST_SQUARED and known.max() < 1 / _SMALLEST_SQUARED):
            return self._reduced(np.hypot, kept)
        return np.sqrt(self._added(kept**2))

    def sums(self, parts: np.ndarray) -> np.ndarray:
        """Their sum."""
        return self._added(parts[..., self._kept])

    def largest(self, parts: np.ndarray) -> np.ndarray:
        """The largest of each group; NaN where one is."""
        return self._reduced(np.maximum, parts[..., self._kept])

    def means(self, parts: np.ndarray) -> np.ndarray:
        """Their mean, weighted by sizes."""
        return self.sums(parts * self._sizes) / self.sizes

    def _added(self, kept: np.ndarray) -> np.ndarray:
        # A product of matrices is many times faster, but it adds zero times infinity to groups that have none.
        if not np.isfinite(kept).all():
            return self._reduced(np.add, kept)
        return self._placed(kept @ self._membership)

    def _reduced(self, function: np.ufunc, kept: np.ndarray) -> np.ndarray:
        if not len(self._kept):
            return self._placed(kept)
        with np.errstate(over="ignore", invalid="ignore"):
            return self._placed(function.reduceat(kept, self._begin, axis=-1))

    def _placed(self, filled: np.ndarray) -> np.ndarray:
        """The values of the groups that have some, among all."""
        whole = np.full((*filled.shape[:-1], self._groups), np.nan)
        whole[..., self._filled] = filled
        return whole


def cosine(product: np.ndarray, length: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Of two vectors by their scalar product and their lengths, all of any one shape; NaN where it has no meaning."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # One after the other: the product of two large lengths may be beyond the floats.
        ratio = product / length / before
    # Rounding in float32 leaves it a little above 1.
    return np.where(np.isfinite(ratio) & np.isfinite(length) & np.isfinite(before), np.clip(ratio, -1.0, 1.0), np.nan)
