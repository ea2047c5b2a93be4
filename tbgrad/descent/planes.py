"""The plane on which the path of a descent in more than two variables is shown.

It holds the start, the end, and of what then remains of the path as much as a plane can hold.

Source: Lorch (2016), Visualizing Deep Network Training Trajectories with PCA, ICML workshop on visualization; Li et al.
(2018), Visualizing the Loss Landscape of Neural Nets, NeurIPS, section 7, arXiv:1712.09913. There both directions are
principal ones; here the first one goes through start and end, so that both lie in the plane.
"""

from __future__ import annotations

import numpy as np

from tbgrad.results import Plane

# So many rows, evenly spaced, say where a path goes; all would take seconds for thousands of variables.
_MOST_ROWS = 512
# What is shorter than this share of the path, or than so many roundings of its positions, is no direction of its own.
_SHARE, _ROUNDINGS = 1e-9, 64
# An end so near to the start, by the farthest point between, says nothing about where the path went.
_CLOSED = 1e-6


def path_plane(position: np.ndarray, gradient: np.ndarray, end: str = "end") -> Plane:
    """The plane through the first and the last position, and along the largest remaining direction.

    The second direction is the first principal component of the path's part perpendicular to the first one. A path
    that is straight leaves it to the gradients: where they vary most. A path that comes back to its start, or does not
    move, has no end of its own; then both directions are principal ones, or arbitrary but always the same.

    Args:
      position: `[rows, d]` with d ≥ 2, finite.
      gradient: `[rows, d]`.
      end: what the last position is, in words.

    Returns:
      `Plane` in float64, whose origin is the first position.
    """
    path = position.astype(np.float64)
    rounding = _ROUNDINGS * np.finfo(position.dtype).eps * np.abs(path).max()
    path -= path[0]
    reach = float(_lengths(path).max())
    least = max(rounding, _SHARE * reach)
    centred = path - path.mean(axis=0)
    way = path[-1]
    through_end = bool(np.linalg.norm(way) > max(least, _CLOSED * reach))
    if through_end:
        first, along = way / np.linalg.norm(way), f"from start to {end}"
    elif (found := _largest(centred, least)) is not None:
        first, along = found, "the path's largest direction"
    else:
        first, along = _downhill(gradient[0])
    rest = _perpendicular(centred, first)
    if (second := _largest(rest, least)) is not None:
        across = "largest rest"
    elif (second := _gradients_vary(gradient, first)) is not None:
        across = "where the gradient varies"
    else:
        second, across = _axis_beside(first), "perpendicular"
    second = _perpendicular(second, first)
    directions = np.stack([first, second / np.linalg.norm(second)])
    variances = ((centred @ directions.T) ** 2).sum(axis=0)
    total = np.einsum("nd,nd->", centred, centred)
    shares = variances / total if reach > least and total > 0 else np.array([1.0, 0.0])
    axes = (f"along: {along}", f"across: {across}")
    return Plane(position[0].astype(np.float64), directions, tuple(shares.tolist()), axes, through_end)


def _largest(rows: np.ndarray, least: float) -> np.ndarray | None:
    """The first principal direction `[d]` of centred rows, of length one; None where none is longer than `least`."""
    scale = np.abs(rows).max()
    if not scale > 0 or not _lengths(rows).max() > least:
        return None
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).round().astype(int))] / scale
    # The smaller of the two matrices of products has the same eigenvalues.
    if len(some) < some.shape[1]:
        direction = np.linalg.eigh(some @ some.T)[1][:, -1] @ some
    else:
        direction = np.linalg.eigh(some.T @ some)[1][:, -1]
    direction /= np.linalg.norm(direction)
    # Of the two signs, the one that leads from the first row to the farthest.
    ahead = (some - some[0]) @ direction
    return direction * (1.0 if ahead[np.abs(ahead).argmax()] >= 0 else -1.0)


def _gradients_vary(gradient: np.ndarray, first: np.ndarray) -> np.ndarray | None:
    """Where gradients differ most, across the first direction."""
    known = gradient[np.isfinite(gradient).all(axis=1)].astype(np.float64)
    largest = np.abs(known).max() if known.size else 0.0
    if not largest > 0:
        return None
    known /= largest
    rest = _perpendicular(known - known.mean(axis=0), first)
    return _largest(rest, max(_SHARE, _ROUNDINGS * np.finfo(gradient.dtype).eps) * np.sqrt(known.shape[1]))


def _downhill(gradient: np.ndarray) -> tuple[np.ndarray, str]:
    """Straight downhill, or the first variable's axis where nothing is; and which of the two, in words."""
    largest = np.abs(gradient).max()
    if not (np.isfinite(largest) and largest > 0):
        return np.eye(1, len(gradient))[0], "the first variable"
    scaled = gradient.astype(np.float64) / -largest
    return scaled / np.linalg.norm(scaled), "downhill"


def _axis_beside(first: np.ndarray) -> np.ndarray:
    """The axis of the variable that a direction holds least of."""
    return np.eye(1, len(first), int(np.abs(first).argmin()))[0]


def _perpendicular(vectors: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """What is left of vectors `[..., d]` across a direction of length one."""
    return vectors - (vectors @ direction)[..., None] * direction


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
