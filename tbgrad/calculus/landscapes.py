"""A function of many variables on a line or a plane through them, with a path on it.

For a network's loss as for any other function: what is chosen, and what is normalised, is the `Plane`'s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import check_function, value_only
from tbgrad.calculus.surfaces import surface
from tbgrad.calculus.sweeps import sweep
from tbgrad.errors import OptionError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.functions.restrictions import restrict
from tbgrad.results import Plane, Surface, Sweep, Trail

# Of the path's extent, to each side; and no side is shorter than this share of the other, both as long as they are.
_MARGIN, _NARROWEST = 0.25, 0.8
# A path of which a plane holds less than this hardly moves on it: random directions are perpendicular to nearly all of
# it (Li et al. 2018, section 7), and around the path nothing would be seen of the function.
_SEEN = 0.1
# A path that is shorter than this, beside how far its positions are out, does not move.
_STILL = 1e-6
# On so many points of a path the function is computed, the first and the last among them.
_MOST_ON_PATH = 400
# Numbers of a path that are looked at together; it may lie in a file that is larger than the memory.
_NUMBERS_AT_ONCE = 2**22


def landscape(
    f: Function,
    plane: Plane,
    *,
    over: Sequence[tuple[str, float, float]] | None = None,
    points: int = 41,
    path: Any = None,
    steps: Any = None,
    gradients: bool = True,
    dtype: str = "float64",
) -> Surface | Sweep:
    """Computes f on a plane or a line, with a path on it.

    Args:
      f: `Function` of d variables.
      plane: two directions, or one.
      over: (coordinate, low, high) for each direction; by default what holds the path and a margin, or -1 to 1 where
        there is no path, or it hardly moves on this plane. What the names are says `plane.names`.
      points: int ≥ 2, along each axis.
      path: array `[n, d]`, positions in their order, or None. It may be a memory map: it is read in parts. Of a longer
        one 400 positions are shown: many early ones, and ever fewer.
      steps: int `[n]`, the updates made before each position, increasing; by default 0, 1, 2, ...
      gradients: whether to compute the derivatives along the plane's directions; along a line they always are.
      dtype: `float64` or `float32`.

    Returns:
      A `Surface` with two directions, a `Sweep` with one. Its `trail` holds the path's feet, by least squares, and f's
      values on the path itself, which differ from those at the feet where the path is off the plane. Its subject's
      caption says what was normalised, over which range, and on which data.

    Raises:
      ShapeError: the plane, path or steps have another shape than f's.
      OptionError: the path is not finite, or its steps do not increase.
      RangeError: as in `surface` and `sweep`.

    Example:
      >>> f = tbgrad.resolve("rosenbrock", dimensions=10)
      >>> path = tbgrad.descend(f, "adam", [[-1.2, 1.0] * 5], steps=500).position[:, 0]
      >>> tbgrad.show(tbgrad.landscape(f, tbgrad.principal_directions(path), path=path))

    Source: Li et al. (2018), Visualizing the Loss Landscape of Neural Nets, NeurIPS, arXiv:1712.09913; Goodfellow,
      Vinyals & Saxe (2015), arXiv:1412.6544 (lines).
    """
    check_function(f)
    on = restrict(f, plane)
    count = len(on.variables)
    if count > 2:
        raise ShapeError(f"the plane has {count} directions; a landscape is drawn along one or two.")
    if path is None and steps is not None:
        raise OptionError("there are steps, but no path that they belong to.")
    trail = None if path is None else _trail(f, plane, path, steps, dtype)
    ranges = list(over) if over is not None else _ranges(plane, trail)
    on = dataclasses.replace(on, caption="; ".join(filter(None, [on.caption, _range_words(ranges)])))
    if count == 2:
        found = surface(on, ranges, points=points, gradients=gradients, dtype=dtype)
        order = [plane.names.index(name) for name in found.axes]
        shown = trail and dataclasses.replace(trail, at=trail.at[:, order])
        return dataclasses.replace(found, trail=shown, labels=tuple(plane.axes[k] for k in order))
    if len(ranges) != 1:
        raise OptionError(f"a line has one coordinate, {plane.names[0]}; got ranges of {len(ranges)}.")
    return dataclasses.replace(sweep(on, ranges[0], points=points, dtype=dtype), trail=trail)


def _range_words(ranges: Sequence[tuple[str, float, float]]) -> str:
    """Over which range the coordinates go, in words; once for those that have the same."""
    names: dict[str, list[str]] = {}
    for name, low, high in ranges:
        names.setdefault(f"from {low:.3g} to {high:.3g}", []).append(name)
    return ", ".join(f"{' and '.join(of)} {told}" for told, of in names.items())


def _trail(f: Function, plane: Plane, path: Any, steps: Any, dtype: str) -> Trail:
    """The path's feet on the plane, and f on the path."""
    path = np.asanyarray(path)
    if path.ndim != 2 or path.shape[1] != f.dimensions or not len(path):
        raise ShapeError(f"the path has shape {path.shape}; expected (n, {f.dimensions}) for '{f.label}'.")
    step = np.arange(len(path)) if steps is None else np.asarray(steps)
    if step.shape != (len(path),) or step.dtype.kind not in "iu" or (np.diff(step.astype(np.int64)) <= 0).any():
        raise OptionError(f"steps are {step!r}; expected {len(path)} increasing whole numbers, one a position.")
    feet = plane.project(path)
    if not np.isfinite(feet).all():
        first = int(np.argmin(np.isfinite(feet).all(axis=1)))
        raise OptionError(f"the path is not finite at step {step[first]:,}; leave out positions from there on.")
    shown = _some(len(path))
    value, off = np.empty(len(shown), dtype), np.empty(len(shown))
    kernel = value_only(f, dtype)
    for part, rows in _blocks(path, shown):
        value[part] = kernel(rows)
        off[part] = np.linalg.norm(rows - plane.at(feet[shown[part]]), axis=1)
    return Trail(feet[shown], value, step[shown].astype(np.int64), _explained(plane, path, feet), off)


def _some(count: int) -> np.ndarray:
    """All rows; or of very many some, dense where the path begins, with both ends."""
    if count <= _MOST_ON_PATH:
        return np.arange(count)
    half = _MOST_ON_PATH // 2
    early = np.geomspace(1, count, half) - 1
    return np.unique(np.concatenate([early, np.linspace(0, count - 1, half)]).round().astype(int))


def _blocks(path: np.ndarray, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """These rows of a path, some at a time."""
    at_once = max(1, _NUMBERS_AT_ONCE // path.shape[1])
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        yield part, np.asarray(path[rows[part]])


def _explained(plane: Plane, path: np.ndarray, feet: np.ndarray) -> float | None:
    """The share of a path's variance, about its mean, that lies in the plane; None where it does not move."""
    rows = np.arange(len(path))
    mean = path.mean(axis=0, dtype=np.float64)
    total = sum(float(((part - mean) ** 2).sum()) for _, part in _blocks(path, rows))
    if total <= len(path) * (_STILL * np.abs(mean).max()) ** 2:
        return None
    # By the products of the directions: the feet themselves are as large as the path.
    directions, centred = plane.directions.astype(np.float64), feet - feet.mean(axis=0)
    return min(1.0, float(((centred @ (directions @ directions.T)) * centred).sum()) / total)


def _ranges(plane: Plane, trail: Trail | None) -> list[tuple[str, float, float]]:
    """What holds the path and a margin, in the plane's coordinates; at least -1 to 1 where little of it is seen."""
    if trail is None:
        return [(name, -1.0, 1.0) for name in plane.names]
    low, high = trail.at.min(axis=0), trail.at.max(axis=0)
    if trail.explained is None:
        low, high = low - 1, high + 1
    else:
        length = np.linalg.norm(plane.directions.astype(np.float64), axis=1)
        side = np.maximum(high - low, _NARROWEST * ((high - low) * length).max() / length)
        middle, half = (low + high) / 2, side * (0.5 + _MARGIN)
        low, high = middle - half, middle + half
        if trail.explained < _SEEN:
            low, high = np.minimum(low, -1.0), np.maximum(high, 1.0)
    return [*zip(plane.names, low.tolist(), high.tolist(), strict=True)]
