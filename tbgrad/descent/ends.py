"""What the ends of descents are: their sets described, and compared with the known minima."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.descent.clusters import VALUE_TOLERANCE, bounds
from tbgrad.errors import ShapeError
from tbgrad.results import End, KnownMinimum

# Converged means that the gradient is small: in a flat valley that leaves this distance, relative to the domain.
NEAR = 5e-3


def middle_members(label: np.ndarray, position: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Finds the end that stands for its set: the one that is nearest to the mean of the set.

    Args:
      label: int `[n]`, the number of the set that each end belongs to, all of 0, 1, ... in use.
      position: `[n, d]`.
      scale: `[d]`, the width of the domain along each variable.

    Returns:
      int64 `[sets]`, indices of ends.
    """
    place = position / scale
    count = np.bincount(label)
    mean = np.column_stack([np.bincount(label, weights=axis) / count for axis in place.T])
    return _least(label, np.abs(place - mean[label]).max(axis=1))


def as_ends(
    label: np.ndarray,
    position: np.ndarray,
    value: np.ndarray,
    points: Sequence[str],
    minima: Sequence[KnownMinimum],
    scale: np.ndarray,
    value_scale: float,
) -> tuple[End, ...]:
    """Describes each set of ends.

    Args:
      label: int `[n]`, the number of each end's set, as `cluster_ends` gives it.
      position: `[n, d]`.
      value: `[n]`.
      points: the kind of each set's middle member, such as `minimum`.
      minima: the known ones.
      scale: `[d]`, the width of the domain along each variable.
      value_scale: what is a large difference of values.

    Returns:
      An `End` for each set, in their order.

    Raises:
      ShapeError: there is not one kind for each set.
    """
    middles = middle_members(label, position, scale)
    if len(points) != len(middles):
        raise ShapeError(f"{len(points)} kinds of points for {len(middles)} sets of ends; expected one for each.")
    count, low, high = bounds(label, position)
    extent = ((high - low) / scale).max(axis=1)
    known: list[int | None] = [None] * len(count)
    lowest = value[_least(label, value)]
    for i in np.flatnonzero([bool(_has_value_of(minima, v, value_scale)) for v in lowest]):
        members = label == i
        known[i] = known_minimum_of(position[members], value[members], minima, scale, value_scale)
    return tuple(
        End(
            position=tuple(position[middle].tolist()),
            value=float(value[middle]),
            count=int(count[i]),
            point=points[i],
            extent=float(extent[i]),
            known=known[i],
            middle=tuple(((low[i] + high[i]) / 2).tolist()),
        )
        for i, middle in enumerate(middles)
    )


def known_minimum_of(
    position: np.ndarray, value: np.ndarray, minima: Sequence[KnownMinimum], scale: np.ndarray, value_scale: float
) -> int | None:
    """Tells which known minimum a set of ends is.

    Args:
      position: `[m, d]`, the set's members.
      value: `[m]`.
      minima: the known ones.
      scale: `[d]`, the width of the domain along each variable.
      value_scale: what is a large difference of values.

    Returns:
      The index of the nearest minimum whose value a member has, and that it lies at within 0.5 % of the domain, or
      None.
    """
    # The lowest member has come closest.
    lowest = value.argmin()
    distances = []
    for i in _has_value_of(minima, value[lowest], value_scale):
        points = np.array(minima[i].points)
        near = position[[lowest]] if minima[i].is_curve else position
        distances.append((_distance(near / scale, points / scale), i))
    return min((found for found in distances if found[0] <= NEAR), default=(0.0, None))[1]


def _has_value_of(minima: Sequence[KnownMinimum], value: np.floating, value_scale: float) -> list[int]:
    """The indices of the minima that have this value."""
    slack = VALUE_TOLERANCE * value_scale + 8 * float(np.finfo(value.dtype).eps) * abs(float(value))
    return [i for i, minimum in enumerate(minima) if abs(float(value) - minimum.value) <= slack]


def _distance(place: np.ndarray, corners: np.ndarray) -> float:
    """The least distance of places `[m, d]` from the line through corners `[k, d]`, or from the only one."""
    if len(corners) == 1:
        return float(np.linalg.norm(place - corners, axis=1).min())
    begin, way = corners[:-1], np.diff(corners, axis=0)
    beyond = place[:, None] - begin
    share = (beyond * way).sum(axis=-1) / np.maximum((way**2).sum(axis=-1), np.finfo(np.float64).tiny)
    return float(np.linalg.norm(beyond - share.clip(0, 1)[..., None] * way, axis=-1).min())


def _least(label: np.ndarray, quantity: np.ndarray) -> np.ndarray:
    """int64 `[sets]`, the index of the end of each set whose quantity is least."""
    order = np.lexsort((quantity, label))
    count = np.bincount(label)
    return order[np.cumsum(count) - count]
