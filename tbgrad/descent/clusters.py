"""Which ends of descents are the same: single linkage on a grid of cells, by place and by value.

Ends of one minimum lie within rounding and the tolerance of the gradient; those of a ring, a valley or a plain lie
as far apart as their starts do. So what lies within a thousandth of the domain is one piece; and pieces within a
pixel or two of the starts' grid are one set, unless both are points that several starts have found exactly, or the
set would be no more than a handful of points.

Source: Sneath (1957), The Application of Computers to Taxonomy, J. Gen. Microbiol. 17: single linkage. Labels travel
to the least one by hooking and shortcutting: Shiloach & Vishkin (1982), An O(log n) Parallel Connectivity Algorithm,
J. Algorithms 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from tbgrad.errors import RangeError, ShapeError

# Neighbouring cells are linked: what is nearer than one cell always is, what is farther than two never.
TOLERANCE = 5e-4
VALUE_TOLERANCE = 1e-6
# Starts that found a point lie within this of each other.
_EXACT = 0.1 * TOLERANCE
_HANDFUL = 8
_KEY_AXES = 3
_MOST_PAIRS = 2_000_000


def cluster_ends(
    position: np.ndarray, value: np.ndarray, scale: np.ndarray, value_scale: float, spacing: float = 0.0
) -> np.ndarray:
    """Tells which ends are the same minimum, ring or valley.

    Args:
      position: `[n, d]`, where converged starts ended, finite.
      value: `[n]`, of the function there.
      scale: `[d]`, the width of the domain along each variable, positive.
      value_scale: what is a large difference of values, such as the range over the starts; values within a millionth
        of it are equal.
      spacing: the distance between neighbouring starts relative to `scale`, the larger of its axes; 0 where they
        stand on no grid. Of a continuous set it says how far apart its ends may be.

    Returns:
      int32 `[n]`, the number of the set that each end belongs to. Sets are numbered by how many ends they have, the
      most first; then by value and place, so that the order of the ends does not matter.

    Raises:
      ShapeError: the shapes do not belong together.
      RangeError: a position or a value is not finite, or a scale is not positive.
    """
    position, value, scale = (np.asarray(a, dtype=np.float64) for a in (position, value, scale))
    if position.ndim != 2 or value.shape != position.shape[:1] or scale.shape != position.shape[1:]:
        raise ShapeError(
            f"positions of shape {position.shape}, values of {value.shape} and a scale of {scale.shape} do not belong "
            "together; expected (n, d), (n,) and (d,)."
        )
    if not (np.isfinite(position).all() and np.isfinite(value).all()):
        raise RangeError("an end is not finite; expected the ends of converged starts only.")
    if not (scale > 0).all():
        raise RangeError(f"the scale is {scale.tolist()}; expected positive widths.")
    if not len(position):
        return np.empty(0, np.int32)
    place = np.column_stack([position / scale, value / _positive(VALUE_TOLERANCE * value_scale)])
    piece = _pieces(place)
    if spacing > TOLERANCE:
        piece = _joined(place, piece, spacing)
    return _by_size(piece, value, position)


def _positive(tolerance: float) -> float:
    return tolerance if tolerance > 0 and np.isfinite(tolerance) else float(np.finfo(np.float64).tiny) ** 0.5


def _cells(place: np.ndarray, side: float) -> np.ndarray:
    """int64 `[n, d + 1]`, the cell of each end: so wide in space, one tolerance high in value."""
    cells = np.floor(place / np.append(np.full(place.shape[1] - 1, side), 1.0))
    return np.clip(cells, -(2.0**52), 2.0**52).astype(np.int64)


def _pieces(place: np.ndarray) -> np.ndarray:
    """int64 `[n]`, the pieces that neighbouring cells of the tolerance form."""
    first, member = _distinct(_cells(place, TOLERANCE))
    links = list(_neighbours(_cells(place[first], TOLERANCE)))
    return _components(len(first), links)[member]


def _joined(place: np.ndarray, piece: np.ndarray, spacing: float) -> np.ndarray:
    """int64 `[n]`, pieces put together within the starts' spacing, unless both are points."""
    count, low, high = bounds(piece, place[:, :-1])
    is_exact = (high - low).max(axis=1) <= _EXACT
    is_point = is_exact & (count > 1)
    # A hair more than the spacing: the ends of a plain are their starts.
    pixel = 1.001 * spacing
    cells = _cells(place, pixel)
    first, _ = _distinct(np.column_stack([cells, piece]))
    owner = piece[first]
    links = []
    for a, b in _neighbours(cells[first]):
        apart = np.abs(place[first[a], :-1] - place[first[b], :-1]).max(axis=1)
        joins = ~(is_point[owner[a]] & is_point[owner[b]]) | (apart <= pixel)
        links.append((owner[a[joins]], owner[b[joins]]))
    part = _components(len(count), links)
    # Symmetry makes a handful of points of equal value; a ring or a valley has more, or is no row of points.
    pieces = np.bincount(part)
    stretched = np.bincount(part, weights=~is_exact)
    alone = ((pieces <= _HANDFUL) & (stretched == 0))[part]
    part[alone] = len(pieces) + np.flatnonzero(alone)
    return np.unique(part, return_inverse=True)[1][piece]


def bounds(label: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many members each label has, and the least and greatest coordinates `[labels, d]` of these."""
    order = np.argsort(label, kind="stable")
    count = np.bincount(label)
    begin = np.cumsum(count) - count
    grouped = place[order]
    return count, np.minimum.reduceat(grouped, begin), np.maximum.reduceat(grouped, begin)


def _hashed(cells: np.ndarray) -> np.ndarray:
    """int64 `[n]`, sums of odd multiples of the cells' coordinates: the key of a neighbour is a constant away."""
    factors = np.random.default_rng(0).integers(2**62, size=cells.shape[1]) * 2 + 1
    with np.errstate(over="ignore"):
        return (cells * factors).sum(axis=1)


def _distinct(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The index of the first end in each distinct cell, and for each end the number of its cell."""
    _, first, member = np.unique(_hashed(cells), return_index=True, return_inverse=True)
    return first, member


def _neighbours(cells: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the pairs of cells that are at most one apart along each axis, as two arrays of indices.

    They are looked up by the axes along which the cells spread most; what is equal or next to it there is compared.
    """
    spread = [len(np.unique(axis)) for axis in cells.T]
    leading = cells[:, np.argsort(spread)[::-1][:_KEY_AXES]]
    key, group = np.unique(_hashed(leading), return_inverse=True)
    order, size = np.argsort(group, kind="stable"), np.bincount(group)
    begin = np.cumsum(size) - size
    for offset in itertools.product((-1, 0, 1), repeat=leading.shape[1]):
        if offset < (0,) * len(offset):
            continue
        target = key + _hashed(np.array([offset]))
        found = np.minimum(np.searchsorted(key, target), len(key) - 1)
        candidates = np.where(key[found] == target, size[found], 0)[group]
        for few in _parts(candidates):
            a = np.repeat(few, candidates[few])
            b = order[_ranges(begin[found[group[few]]], candidates[few])]
            near = (np.abs(cells[a] - cells[b]) <= 1).all(axis=1)
            if not any(offset):
                near &= a < b
            yield a[near], b[near]


def _parts(weight: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the indices whose weight is not zero, in parts that do not weigh much more than is set."""
    heavy = np.flatnonzero(weight)
    part = np.cumsum(weight[heavy]) // _MOST_PAIRS
    yield from np.split(heavy, np.flatnonzero(np.diff(part)) + 1) if heavy.size else ()


def _ranges(begin: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The integers of all ranges, one range after the other."""
    return np.arange(size.sum()) + np.repeat(begin - (np.cumsum(size) - size), size)


def _components(nodes: int, links: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """int64 `[nodes]`, the number of the connected part that each node is in, counted from 0."""
    a, b = (np.concatenate([pair[side] for pair in links]) for side in (0, 1))
    label = np.arange(nodes)
    while True:
        least, greatest = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        if not (unequal := least != greatest).any():
            return np.unique(label, return_inverse=True)[1]
        # Links within a part have said all they can.
        a, b = a[unequal], b[unequal]
        np.minimum.at(label, greatest[unequal], least[unequal])
        while (label[label] != label).any():
            label = label[label]


def _by_size(label: np.ndarray, value: np.ndarray, position: np.ndarray) -> np.ndarray:
    count, low, _ = bounds(label, np.column_stack([value, position]))
    order = np.lexsort([*low.T[::-1], -count])
    number = np.empty(len(count), np.int32)
    number[order] = np.arange(len(count), dtype=np.int32)
    return number[label]
