"""Where a sampled surface ends or jumps between two neighbouring points of its grid.

Pictures join the samples by straight lines. That is wrong where f is undefined on a part of the way, or jumps: across a
pole, a step, a branch. Such places are looked for on the function itself, by halving the way between the two points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tbgrad.results import Breaks, Surface

# A jump by less than this share of the values' range shows in no picture.
_SEEN = 0.03
# What is left of a difference when the way is this much shorter: of a smooth function's about 2^-8, of a jump all.
_HALVINGS = 8
_LEFT = 0.5
# A little beside the middle, so that poles halfway between two points are not met.
_MIDDLE = 0.4835
# A surface keeps this far, as a share of the way, from a point or a line of them where alone it is undefined: else
# nobody would see the hole.
_NEAREST = 0.35
# What breaks more often than this is rough everywhere.
_MOST = 0.25

Kernel = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def find_breaks(surface: Surface, kernel: Kernel) -> Breaks | None:
    """Looks for breaks between all neighbours on a surface's grid.

    Args:
      surface: value and gradient on the grid.
      kernel: positions `[n, d]` to value `[n]` and gradient `[n, d]`, as those of the surface were computed.

    Returns:
      The `Breaks`, or None where there is none. A jump is found where the slopes at both points do not foretell the
      difference of their values; of two between the same neighbours, the larger one.
    """
    ends, jumps = zip(*(_suspected(surface, axis) for axis in (0, 1)), strict=True)
    if sum(map(np.count_nonzero, jumps)) > _MOST * sum(map(np.size, jumps)):
        jumps = tuple(np.zeros_like(jump) for jump in jumps)
    edges = np.concatenate([np.argwhere(e | j) for e, j in zip(ends, jumps, strict=True)])
    along = np.repeat([0, 1], [np.count_nonzero(e | j) for e, j in zip(ends, jumps, strict=True)])
    if not len(edges):
        return None
    first = tuple(edges.T)
    second = (first[0] + along, first[1] + 1 - along)
    brackets = _Brackets(surface, kernel, first, second)
    brackets.halve()
    found = brackets.is_end | (brackets.jump() > _SEEN * _range(surface.value))
    if not found.any():
        return None
    share, value, slopes = brackets.outcome()
    return Breaks(along[found], edges[found, 0], edges[found, 1], share[found], value[found], slopes[found])


class _Brackets:
    """What is known of the way between pairs of grid points: the nearest positions on both sides of a break."""

    def __init__(self, surface: Surface, kernel: Kernel, first: tuple, second: tuple):
        self._columns, self._kernel = surface.columns, kernel
        self._from, self._to = surface.position[first], surface.position[second]
        self.share = np.array([np.zeros(len(self._from)), np.ones(len(self._from))])
        self.value = np.array([surface.value[first], surface.value[second]])
        self.slopes = np.array([surface.slopes[first], surface.slopes[second]])
        self.is_defined = np.isfinite(self.value)
        self.is_end = self.is_defined[0] != self.is_defined[1]
        thin = _thin_holes(surface)
        self._is_thin = np.array([thin[second], thin[first]])
        self._open = np.ones(len(self._from), bool)
        with np.errstate(all="ignore"):
            self._largest = np.abs(self.value[1] - self.value[0])

    def halve(self) -> None:
        """Draws both sides together, always around the larger of two differences, or the end."""
        for _ in range(_HALVINGS):
            middle = self.share[0] + _MIDDLE * (self.share[1] - self.share[0])
            value, slopes = self._evaluate(middle)
            is_defined = np.isfinite(value)
            with np.errstate(all="ignore"):
                left, right = np.abs(value - self.value[0]), np.abs(self.value[1] - value)
            goes_left = np.where(self.is_end, is_defined != self.is_defined[0], left > right)
            # A hole between two points where f is defined is a break already.
            self._open &= self.is_end | is_defined
            for side, moves in ((1, goes_left & self._open), (0, ~goes_left & self._open)):
                self.share[side, moves], self.value[side, moves] = middle[moves], value[moves]
                self.slopes[side, moves] = slopes[moves]
            self._largest = np.fmax(self._largest, np.fmax(left, right))

    def jump(self) -> np.ndarray:
        """How far f jumps between both sides, 0 where it is continuous as far as can be seen; infinite at a hole."""
        with np.errstate(all="ignore"):
            left = np.abs(self.value[1] - self.value[0])
            jumps = np.where(left > _LEFT * self._largest, left, 0.0)
        return np.where(self._open, jumps, np.inf)

    def outcome(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Share `[n, 2]`, value `[n, 2]`, NaN where it is undefined, and slopes `[n, 2, 2]`."""
        near = np.array([self.share[0].clip(max=1 - _NEAREST), self.share[1].clip(min=_NEAREST)])
        for side in (0, 1):
            value, slopes = self._evaluate(near[side])
            moves = self.is_end & self.is_defined[side] & self._is_thin[side] & np.isfinite(value)
            self.share[side, moves], self.value[side, moves] = near[side, moves], value[moves]
            self.slopes[side, moves] = slopes[moves]
        self.value[~np.isfinite(self.value)] = np.nan
        return self.share.T, self.value.T, np.moveaxis(self.slopes, 0, 1)

    def _evaluate(self, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        position = self._from + share[:, None].astype(self._from.dtype) * (self._to - self._from)
        value, gradient = self._kernel(position)
        return value, gradient[:, self._columns]


def _suspected(surface: Surface, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Bool: for each pair of neighbours along x (0) or y (1), whether f ends between them, and whether it may jump."""
    value, slope = surface.value.astype(np.float64), surface.slopes[..., axis].astype(np.float64)
    width = np.diff((surface.x, surface.y)[axis].astype(np.float64))
    value, slope = (array if axis == 0 else array.T for array in (value, slope))
    is_defined = np.isfinite(value)
    ends = is_defined[:, 1:] != is_defined[:, :-1]
    with np.errstate(all="ignore"):
        difference = np.diff(value)
        foretold = width * (slope[:, 1:] + slope[:, :-1]) / 2
        error = np.abs(difference - np.where(np.isfinite(foretold), foretold, 0.0))
        jumps = (error > _SEEN * _range(value)) & is_defined[:, 1:] & is_defined[:, :-1]
    return (ends, jumps) if axis == 0 else (ends.T, jumps.T)


def _thin_holes(surface: Surface) -> np.ndarray:
    """Bool `[rows, columns]`: f is undefined here, and defined on two sides."""
    is_defined = np.pad(np.isfinite(surface.value), 1)
    across = is_defined[1:-1, 2:] & is_defined[1:-1, :-2]
    return ~is_defined[1:-1, 1:-1] & (across | is_defined[2:, 1:-1] & is_defined[:-2, 1:-1])


def _range(value: np.ndarray) -> float:
    """How far most values are apart."""
    finite = value[np.isfinite(value)].astype(np.float64)
    with np.errstate(over="ignore"):
        return float(np.subtract(*np.percentile(finite, [95, 5]))) if finite.size else 0.0
