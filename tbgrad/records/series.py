"""Series under a tag: numbers, pictures, histograms, texts, meshes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad.errors import ShapeError

MOST_VERTICES = 65_536
_LARGEST = float(np.finfo(np.float32).max)


def set_fields(record: Any, **fields: Any) -> None:
    """Sets fields of a frozen record while it is made."""
    vars(record).update(fields)


def _series(record: Any, length: int) -> None:
    """Casts step and wall time of a record of so many entries."""
    step = _steps(record.tag, record.step)
    now = time.time() if record.wall_time is None else record.wall_time
    # A copy: whoever made the record may change his arrays before it is written.
    wall_time = np.array(now, dtype=np.float64, order="C")
    if wall_time.ndim == 0:
        wall_time = wall_time.repeat(length)
    if step.shape != (length,) or wall_time.shape != (length,):
        raise ShapeError(
            f"'{record.tag}' has {length} entries, steps of shape {step.shape} and wall times of shape "
            f"{wall_time.shape}; expected one of each for each entry."
        )
    set_fields(record, step=step, wall_time=wall_time)


def _steps(tag: str, given: Any) -> np.ndarray:
    """A copy as int64 `[n]`, without changing a number."""
    array = np.asarray(given)
    with np.errstate(invalid="ignore"):
        step = np.array(array, np.int64, order="C", ndmin=1) if array.dtype.kind in "iubf" else None
    # A number beyond 2^63 comes back as another one.
    if step is None or (array.dtype.kind in "uf" and not (np.array_equal(step, np.atleast_1d(array)) and _fits(array))):
        raise ShapeError(f"'{tag}' has steps that are no integers of 64 bits.")
    return step


def _fits(array: np.ndarray) -> bool:
    return array.size == 0 or bool(array.max() < 2**63 and array.min() >= -(2**63))


@dataclass(frozen=True, eq=False)
class Scalars:
    """A series of numbers.

    Attributes:
      tag: what is measured.
      step: int64 `[n]`, strictly increasing for TensorBoard to show all of it.
      value: float32 `[n]`; NaN and infinities are kept.
      wall_time: float64 `[n]`, seconds since 1970.
      description: markdown that the dashboards show beside the tag.

    The arrays are its own, copies of what was given.

    Raises:
      ShapeError: the lengths differ, steps are no integers of 64 bits, or values no real numbers.
    """

    tag: str
    step: Any
    value: Any
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        if self._set_plain_number():
            return
        value = np.atleast_1d(np.asarray(self.value))
        if value.dtype.kind in "cOSU":
            raise ShapeError(f"'{self.tag}' has values that are no real numbers.")
        # Beyond float32's range a value becomes infinite, which is what the dashboards can show of it.
        with np.errstate(over="ignore", invalid="ignore"):
            value = value.astype(np.float32, order="C")
        if value.ndim != 1:
            raise ShapeError(f"'{self.tag}' has values of shape {value.shape}; expected (n,).")
        set_fields(self, value=value)
        _series(self, len(value))

    def _set_plain_number(self) -> bool:
        """Casts one number, which a training loop has at each step, faster; False where that cannot be done."""
        step, value, now = self.step, self.value, self.wall_time
        if type(value) is not float or not -_LARGEST < value < _LARGEST:
            return False
        if type(step) is not int or not -(2**63) <= step < 2**63:
            return False
        if now is not None and type(now) is not float:
            return False
        set_fields(
            self,
            step=np.array([step], np.int64),
            value=np.array([value], np.float32),
            wall_time=np.array([time.time() if now is None else now]),
        )
        return True


@dataclass(frozen=True, eq=False)
class Images:
    """A series of pictures.

    Attributes:
      tag: what is shown.
      step: int64 `[n]`.
      image: PNG or GIF bytes, one for each step.
      size: (width, height) in pixels of all of them.
      wall_time: float64 `[n]`.
      description: markdown.
    """

    tag: str
    step: Any
    image: Sequence[bytes]
    size: tuple[int, int]
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        set_fields(self, image=tuple(self.image))
        _series(self, len(self.image))


@dataclass(frozen=True, eq=False)
class Histograms:
    """A series of histograms.

    Attributes:
      tag: what is counted.
      step: int64 `[n]`.
      buckets: float64 `[buckets, 3]`, one for each step: left edge, right edge, count.
      wall_time: float64 `[n]`.
      description: markdown.

    Raises:
      ShapeError: an array is not `[buckets, 3]`.

    Example:
      >>> counts, edges = np.histogram(weights, bins=30)
      >>> Histograms("weights", step=7, buckets=[np.stack([edges[:-1], edges[1:], counts], axis=1)])
    """

    tag: str
    step: Any
    buckets: Sequence[Any]
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        buckets = tuple(np.array(b, dtype=np.float64) for b in self.buckets)
        for b in buckets:
            if b.ndim != 2 or b.shape[1] != 3:
                raise ShapeError(
                    f"'{self.tag}' has buckets of shape {b.shape}; expected (n, 3): left edge, right edge, count."
                )
        set_fields(self, buckets=buckets)
        _series(self, len(buckets))


@dataclass(frozen=True, eq=False)
class Texts:
    """A series of markdown texts: tag, step int64 `[n]`, text, wall_time float64 `[n]`, description."""

    tag: str
    step: Any
    text: Sequence[str]
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        set_fields(self, text=(self.text,) if isinstance(self.text, str) else tuple(self.text))
        _series(self, len(self.text))


@dataclass(frozen=True, eq=False)
class Meshes:
    """A series of triangle meshes, or of clouds of points.

    Attributes:
      tag: what is shown.
      step: int64 `[n]`.
      vertices: float32 `[vertices, 3]`, one for each step.
      faces: int32 `[faces, 3]`, indices of vertices, one for each step; None for a cloud of points.
      colors: uint8 `[vertices, 3]`, red, green and blue, one for each step; None for TensorBoard's own.
      config: three.js classes by name with their settings: camera, lights, material.
      wall_time: float64 `[n]`.
      description: markdown.

    Raises:
      ShapeError: a mesh is no mesh, has no colour for each vertex, or more vertices than TensorBoard's 16-bit faces
        can count; or faces and colors are no integers of their ranges.
    """

    tag: str
    step: Any
    vertices: Sequence[Any]
    faces: Sequence[Any] | None = None
    colors: Sequence[Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        with np.errstate(over="ignore"):
            vertices = tuple(np.asarray(v).astype(np.float32) for v in self.vertices)
        parts = {"vertices": vertices}
        for name, kind in {"faces": np.int32, "colors": np.uint8}.items():
            given = getattr(self, name)
            parts[name] = None if given is None else tuple(_integers(self.tag, name, a, kind) for a in given)
            if given is not None and len(given) != len(vertices):
                raise ShapeError(
                    f"'{self.tag}' has {len(vertices)} arrays of vertices and {len(given)} of {name}; expected one of "
                    "each for each step."
                )
        for index in range(len(vertices)):
            _check_mesh(self.tag, {name: arrays[index] for name, arrays in parts.items() if arrays is not None})
        set_fields(self, **parts)
        _series(self, len(vertices))


def _check_mesh(tag: str, parts: Mapping[str, np.ndarray]) -> None:
    shapes = {name: part.shape for name, part in parts.items()}
    points = shapes["vertices"][0] if shapes["vertices"] else 0
    wrong = any(len(shape) != 2 or shape[1] != 3 for shape in shapes.values())
    if wrong or shapes.get("colors", (points,))[0] != points:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ShapeError(f"'{tag}' has {told}; expected vertices (n, 3), faces (m, 3), colors (n, 3).")
    if points > MOST_VERTICES:
        raise ShapeError(f"'{tag}' has {points} vertices; TensorBoard draws at most {MOST_VERTICES}.")
    faces = parts.get("faces")
    if faces is not None and faces.size and not (faces.min() >= 0 and faces.max() < points):
        raise ShapeError(f"'{tag}' has faces between vertices that it does not have.")


def _integers(tag: str, name: str, given: Any, kind: type[np.integer]) -> np.ndarray:
    """Casts without changing a number."""
    array = np.asarray(given)
    with np.errstate(invalid="ignore"):
        cast = array.astype(kind)
    if not np.array_equal(cast, array):
        raise ShapeError(f"'{tag}' has {name} that are no integers within {np.iinfo(kind).min}:{np.iinfo(kind).max}.")
    return cast
