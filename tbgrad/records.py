"""What an event file holds: whole series under a tag, never single points.

A record casts when it is made: int64 steps, float32 values, float64 wall times (seconds since 1970, the present
where none are given). What `read_run` gives is what was written, bit for bit. This module must not know results or
bytes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad.errors import ShapeError


def _set(record: Any, **fields: Any) -> None:
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
    _set(record, step=step, wall_time=wall_time)


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
        _set(self, value=value)
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
        _set(self, image=tuple(self.image))
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
        _set(self, text=(self.text,) if isinstance(self.text, str) else tuple(self.text))
        _series(self, len(self.text))


@dataclass(frozen=True, eq=False)
class HParams:
    """The settings of a run, for the HParams dashboard; its metrics are the run's scalars.

    Attributes:
      values: bool, number or string by name; None is left out, since TensorBoard has no such value.
      trial: tells this run from others with equal settings, which TensorBoard would merge; made up where none is given.
      succeeded: how the session ended; None while it goes on.
      wall_time: (start, end) in seconds since 1970; end is None while it goes on.
    """

    values: Mapping[str, bool | float | str]
    trial: str = ""
    succeeded: bool | None = None
    wall_time: tuple[float, float | None] | None = None

    def __post_init__(self):
        kept = {name: value for name, value in self.values.items() if value is not None}
        wall_time = self.wall_time or (time.time(), None if self.succeeded is None else time.time())
        _set(self, values=kept, wall_time=wall_time, trial=self.trial or uuid.uuid4().hex)


Record = Scalars | Images | Texts | HParams


@dataclass(frozen=True, eq=False)
class Records:
    """All that a run holds, by tag; what cannot be read is told in `damage`.

    Attributes:
      scalars: `Scalars` by tag.
      images: `Images` by tag.
      texts: `Texts` by tag.
      hparams: `HParams`, or None.
      damage: one line for each bad record: file, byte offset, what is wrong.
    """

    scalars: Mapping[str, Scalars] = field(default_factory=dict)
    images: Mapping[str, Images] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    hparams: HParams | None = None
    damage: tuple[str, ...] = ()
