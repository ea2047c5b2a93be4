"""Tangent planes: a patch in three dimensions, a mark on flat contours, and their numbers in words."""

from __future__ import annotations

import numpy as np

from tbgrad.results import Surface, TangentPlane

# Half a patch's side, as a share of the longest side of what it is drawn in.
HALF_SIDE, _MARK = 0.2, 0.018
_MOST_TOLD = 3
# Of slopes with the names of variables, on a line of a picture with few digits.
_LONGEST_SLOPES, _FEW_DIGITS = 50, 4


def patch(plane: TangentPlane, surface: Surface, unit: np.ndarray, count: int = 2) -> np.ndarray:
    """A square piece of a tangent plane around its point, which looks as large however steep it is.

    Args:
      plane: with finite numbers.
      surface: whose region it does not leave.
      unit: `[3]`, what is as long as the picture's unit along x, y and the value.
      count: points along each side.

    Returns:
      float64 `[count, count, 3]` of x, y and value.
    """
    slopes = np.array(plane.slope)
    reach = HALF_SIDE * unit[:2] / np.hypot(1.0, slopes * unit[:2] / unit[2])
    x, y = (
        np.linspace(max(place - far, line[0]), min(place + far, line[-1]), count)
        for place, far, line in zip(plane.point, reach, (surface.x, surface.y), strict=True)
    )
    return _on_plane(plane, *np.meshgrid(x, y))


def outline(plane: TangentPlane, surface: Surface, unit: np.ndarray) -> np.ndarray:
    """Once around a patch, float64 `[5, 3]`; arguments as there."""
    return patch(plane, surface, unit)[[0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]


def disc(plane: TangentPlane, unit: np.ndarray) -> np.ndarray:
    """A small round mark on a tangent plane, float64 `[1, 6, 3]`: a hexagon."""
    slopes = np.array(plane.slope)
    reach = _MARK * unit[:2] / np.hypot(1.0, slopes * unit[:2] / unit[2])
    angle = np.arange(6) * np.pi / 3
    x, y = (p + r * turn for p, r, turn in zip(plane.point, reach, (np.cos(angle), np.sin(angle)), strict=True))
    return _on_plane(plane, x, y)[None]


def _on_plane(plane: TangentPlane, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    offsets = (x - plane.point[0]) * plane.slope[0] + (y - plane.point[1]) * plane.slope[1]
    return np.stack([x, y, plane.value + offsets], axis=-1)


def planes_caption(surface: Surface) -> list[str]:
    """A line for each tangent plane, or for the first few."""
    told = [plane_words(plane, surface) for plane in surface.tangents[:_MOST_TOLD]]
    left = len(surface.tangents) - len(told)
    return told + ([f"and {left} further tangent planes"] if left else [])


def plane_words(plane: TangentPlane, surface: Surface, digits: int = 4) -> str:
    """A tangent plane in words: where it touches, the value and the slopes there."""
    place = ", ".join(f"{x:.6g}" for x in plane.point)
    if not plane.is_defined:
        lacks = "f is undefined there" if not np.isfinite(plane.value) else "f has no gradient there"
        return f"no tangent plane at ({place}): {lacks}"
    numbers = [f"{slope + 0.0:.{digits}g}" for slope in plane.slope]
    slopes = ", ".join(f"∂f/∂{name} = {slope}" for name, slope in zip(surface.axes, numbers, strict=True))
    if len(slopes) > _LONGEST_SLOPES and digits <= _FEW_DIGITS:
        slopes = f"slopes {' and '.join(numbers)}"
    return f"tangent plane at ({place}): f = {plane.value:.{digits}g}, {slopes}"
