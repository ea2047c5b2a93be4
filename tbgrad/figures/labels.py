"""Words beside what they are about: where they hide least of the curves, and none of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

HALO = (withStroke(linewidth=2.5, foreground="white"),)

# In pixels: between points of a curve, around words, and how far they may stand from what they are about.
_FINE, _AIR = 3.0, 3.0
_NONE = ("", " ", "None", "none", None)
# Far outside any page.
_BEYOND = 1e4
_DISTANCES = (7.0, 14.0, 24.0, 36.0)
_DIRECTIONS = np.array([(1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0)], dtype=float)
# What it costs to hide a point of a curve, to stand a pixel farther away, to reach a pixel over words or the edge.
_HIDES, _FAR, _COVERS = 10.0, 0.2, 50.0


@dataclass(frozen=True)
class Label:
    """Words, and the points (x, y) beside which they may stand, the best first."""

    words: str
    beside: Sequence[tuple[float, float]]


def add_labels(figure: Figure, axes: Axes, labels: Sequence[Label], **style: Any) -> None:
    """Writes labels into axes whose limits are set; keyword arguments go to Matplotlib's `text`."""
    if not labels:
        return
    # Where things come to lie in pixels is known only when the page is laid out.
    figure.get_layout_engine().execute(figure)
    curves, taken = _curves(axes), [text.get_window_extent().extents for text in axes.texts]
    for label in labels:
        text = axes.text(0, 0, label.words, ha="center", va="center", path_effects=HALO, in_layout=False, zorder=5,
                         **style)  # fmt: skip
        size = np.array(text.get_window_extent().size)
        centres, cost = _places(axes, label, size)
        boxes = np.concatenate([centres - size / 2, centres + size / 2], axis=1)
        cost = cost + _HIDES * _hidden(boxes, curves) + _COVERS * _covered(boxes, taken)
        cost += _COVERS * _outside(boxes, axes.bbox.extents)
        best = int(np.argmin(cost))
        text.set_position(axes.transData.inverted().transform(centres[best]))
        taken.append(boxes[best])


def _places(axes: Axes, label: Label, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres `[k, 2]` in pixels at which the words may stand, and what the distance costs."""
    points = axes.transData.transform(np.array(label.beside, dtype=float))
    inside = (points > axes.bbox.min).all(axis=1) & (points < axes.bbox.max).all(axis=1)
    points = points[inside] if inside.any() else points.clip(axes.bbox.min, axes.bbox.max)
    away = np.array([direction * (size / 2 + far) for far in _DISTANCES for direction in _DIRECTIONS])
    far = np.repeat(_DISTANCES, len(_DIRECTIONS))
    later = np.arange(len(points))
    return (points[:, None] + away).reshape(-1, 2), (_FAR * far + later[:, None]).ravel()


def _curves(axes: Axes) -> np.ndarray:
    """Points `[k, 2]` in pixels on all lines and around all marks in the axes, a few pixels apart."""
    parts = [np.zeros((0, 2))]
    for line in axes.get_lines():
        with np.errstate(all="ignore"):
            path = line.get_transform().transform(line.get_xydata().astype(float)).clip(-_BEYOND, _BEYOND)
        if line.get_linestyle() not in _NONE:
            parts += [path, _between(path)]
        if line.get_marker() not in _NONE:
            radius = line.get_markersize() / 2 * axes.figure.dpi / 72
            parts += [path + radius * direction for direction in _DIRECTIONS]
    points, low, high = np.concatenate(parts), axes.bbox.min, axes.bbox.max
    points = points[((points >= low) & (points <= high)).all(axis=1)]
    # One point for each few pixels that are drawn over, however many samples a curve has.
    column, row = ((points - low) // _FINE).astype(int).T
    drawn = np.zeros(((high - low) // _FINE).astype(int) + 1, bool)
    drawn[column, row] = True
    return low + (np.argwhere(drawn) + 0.5) * _FINE


def _between(path: np.ndarray) -> np.ndarray:
    """Points on the way from each of a path's points `[n, 2]` to the next, where these lie far apart."""
    with np.errstate(invalid="ignore"):
        steps = np.nan_to_num(np.abs(np.diff(path, axis=0)).max(axis=1, initial=0.0) // _FINE).astype(int)
    piece = np.repeat(np.arange(len(steps)), steps)
    share = (np.arange(1, len(piece) + 1) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[piece]
    return path[piece] + share[:, None] * (path[piece + 1] - path[piece])


def _hidden(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How many of the points `[k, 2]` each box `[m, 4]` hides."""
    low, high = boxes[:, None, :2] - _AIR, boxes[:, None, 2:] + _AIR
    return ((points > low) & (points < high)).all(axis=2).sum(axis=1)


def _covered(boxes: np.ndarray, taken: Sequence[np.ndarray]) -> np.ndarray:
    """By how many pixels each box `[m, 4]` reaches into other boxes."""
    overlap = np.zeros(len(boxes))
    for other in taken:
        common = np.minimum(boxes[:, 2:], other[2:] + _AIR) - np.maximum(boxes[:, :2], other[:2] - _AIR)
        overlap += np.where((common > 0).all(axis=1), common.min(axis=1) + 1, 0)
    return overlap


def _outside(boxes: np.ndarray, page: np.ndarray) -> np.ndarray:
    """By how many pixels each box `[m, 4]` reaches out of the axes."""
    beyond = np.concatenate([page[:2] + _AIR - boxes[:, :2], boxes[:, 2:] - page[2:] + _AIR], axis=1)
    return beyond.clip(min=0).sum(axis=1)
