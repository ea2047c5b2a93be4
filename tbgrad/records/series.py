"""Series under a tag: numbers, pictures, texts, meshes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad.errors import ShapeError

MOST_VERTICES = 65_536


def set_fields(record: Any, **fields: Any) -> None:
    """Sets fields of a frozen record while it is made."""
    for name, value in fields.items():
        object.__setattr__(record, name, value)


def _series(record: Any, length: int) -> None:
    """Casts step and wall time of a record of so many entries."""
    step = np.atleast_1d(np.asarray(record.step, dtype=np.int64))
    now = time.time() if record.wall_time is None else record.wall_time
    wall_time = np.asarray(now, dtype=np.float64)
    wall_time = np.full(length, wall_time) if wall_time.ndim == 0 else wall_time
    if step.shape != (length,) or wall_time.shape != (length,):
        raise ShapeError(
            f"'{record.tag}' has {length} entries, steps of shape {step.shape} and wall times of shape "
            f"{wall_time.shape}; expected one of each for each entry."
        )
    set_fields(record, step=step, wall_time=wall_time)


@dataclass(frozen=True, eq=False)
class Scalars:
    """A series of numbers.

    Attributes:
      tag: what is measured.
      step: int64 `[n]`, strictly increasing for TensorBoard to show all of it.
      value: float32 `[n]`; NaN and infinities are kept.
      wall_time: float64 `[n]`, seconds since 1970.
      description: markdown that the dashboards show beside the tag.

    Raises:
      ShapeError: the lengths differ.
    """

    tag: str
    step: Any
    value: Any
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        # Beyond float32's range a value becomes infinite, which is what the dashboards can show of it.
        with np.errstate(over="ignore"):
            value = np.atleast_1d(np.asarray(self.value)).astype(np.float32)
        if value.ndim != 1:
            raise ShapeError(f"'{self.tag}' has values of shape {value.shape}; expected (n,).")
        set_fields(self, value=value)
        _series(self, len(value))


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
    """A series of coloured triangle meshes.

    Attributes:
      tag: what is shown.
      step: int64 `[n]`.
      vertices: float32 `[vertices, 3]`, one for each step.
      faces: int32 `[faces, 3]`, indices of vertices, one for each step.
      colors: uint8 `[vertices, 3]`, red, green and blue, one for each step.
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
    faces: Sequence[Any]
    colors: Sequence[Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    wall_time: Any = None
    description: str = ""

    def __post_init__(self):
        with np.errstate(over="ignore"):
            vertices = tuple(np.asarray(v).astype(np.float32) for v in self.vertices)
        faces = tuple(_integers(self.tag, "faces", a, np.int32) for a in self.faces)
        colors = tuple(_integers(self.tag, "colors", a, np.uint8) for a in self.colors)
        if not len(vertices) == len(faces) == len(colors):
            raise ShapeError(
                f"'{self.tag}' has {len(vertices)} arrays of vertices, {len(faces)} of faces and {len(colors)} of "
                "colors; expected one of each for each step."
            )
        for v, f, c in zip(vertices, faces, colors, strict=True):
            if any(a.ndim != 2 or a.shape[1] != 3 for a in (v, f, c)) or len(v) != len(c):
                raise ShapeError(
                    f"'{self.tag}' has vertices {v.shape}, faces {f.shape} and colors {c.shape}; expected (n, 3), "
                    "(m, 3) and (n, 3)."
                )
            if len(v) > MOST_VERTICES:
                raise ShapeError(f"'{self.tag}' has {len(v)} vertices; TensorBoard draws at most {MOST_VERTICES}.")
            if f.size and not (f.min() >= 0 and f.max() < len(v)):
                raise ShapeError(f"'{self.tag}' has faces between vertices that it does not have.")
        set_fields(self, vertices=vertices, faces=faces, colors=colors)
        _series(self, len(vertices))


def _integers(tag: str, name: str, given: Any, kind: type[np.integer]) -> np.ndarray:
    """Casts without changing a number."""
    array = np.asarray(given)
    with np.errstate(invalid="ignore"):
        cast = array.astype(kind)
    if not np.array_equal(cast, array):
        raise ShapeError(f"'{tag}' has {name} that are no integers within {np.iinfo(kind).min}:{np.iinfo(kind).max}.")
    return cast
