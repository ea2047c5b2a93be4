"""Where two series part: the first step at which they differ, bit for bit.

Steps may repeat or go back, as they do where a training was resumed: of a step that repeats the last entry counts,
and two series that differ only in what is repeated part at the first entry that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.records import Scalars

_SAMPLES = ("value", "position", "gradient")


@dataclass(frozen=True)
class ScalarParting:
    """How two series of one tag differ.

    Attributes:
      tag: of both.
      step: the first at which the values differ, or which one of them lacks.
      one: the value there of the one run; None where it has no such step.
      other: the same of the other run.
      largest: the largest absolute difference at a common step, infinite where only one of two values is finite or
        they are different infinities; None without common steps.
      largest_step: the first step at which it is that large.
      last: the last values of both; None for an empty series.
      entries: how many entries each has.
    """

    tag: str
    step: int
    one: float | None
    other: float | None
    largest: float | None
    largest_step: int | None
    last: tuple[float | None, float | None]
    entries: tuple[int, int]


@dataclass(frozen=True)
class ExactParting:
    """The first step at which what was kept at full precision differs.

    Attributes:
      step: where.
      array: the name of the array in arrays.npz; `step` where only one of them has this step.
      one: the first number of it that differs there, of the one run; None for `step`.
      other: the same of the other run.
    """

    step: int
    array: str
    one: float | None
    other: float | None


def part_scalars(one: Scalars, other: Scalars) -> ScalarParting | None:
    """Compares two series of a tag; None where steps and values are the same, wall times aside."""
    same_steps = np.array_equal(one.step, other.step)
    if same_steps and not differs(one.value, other.value).any():
        return None
    (steps, values), (other_steps, other_values) = _by_step(one), _by_step(other)
    common, here, there = np.intersect1d(steps, other_steps, assume_unique=True, return_indices=True)
    apart = common[differs(values[here], other_values[there])]
    alone = np.setxor1d(steps, other_steps, assume_unique=True)
    if len(apart) or len(alone):
        step = min(int(part[0]) for part in (apart, alone) if len(part))
    else:
        step = _first_repeated(one, other)
    distance = _distance(values[here], other_values[there])
    at = int(np.argmax(distance)) if len(common) else None
    return ScalarParting(
        one.tag,
        step,
        _at(steps, values, step),
        _at(other_steps, other_values, step),
        None if at is None else float(distance[at]),
        None if at is None else int(common[at]),
        (_last(one), _last(other)),
        (len(one.step), len(other.step)),
    )


def part_arrays(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> ExactParting | None:
    """Compares the samples that two runs kept: floats `[n, ...]` beside `step` int64 `[n]`.

    Returns:
      The earliest parting, of `value` where several arrays part there; None where nothing parts or can be compared.
    """
    if not all(arrays.get("step", np.empty(0)).ndim == 1 and len(arrays.get("step", ())) for arrays in (one, other)):
        return None
    steps, other_steps = one["step"], other["step"]
    if len(np.unique(steps)) < len(steps) or len(np.unique(other_steps)) < len(other_steps):
        return None
    common, here, there = np.intersect1d(steps, other_steps, assume_unique=True, return_indices=True)
    alone = np.setxor1d(steps, other_steps, assume_unique=True)
    found, compared = [], False
    for name in _SAMPLES:
        mine, yours = one.get(name, np.empty(0)), other.get(name, np.empty(0))
        if mine.dtype.kind != "f" or yours.dtype.kind != "f" or mine.shape[1:] != yours.shape[1:]:
            continue
        if len(mine) != len(steps) or len(yours) != len(other_steps):
            continue
        compared = True
        mine, yours = (array.astype(np.float64).reshape(len(array), -1) for array in (mine[here], yours[there]))
        rows, columns = np.nonzero(differs(mine, yours))
        if len(rows):
            place = rows[0], columns[0]
            found.append(ExactParting(int(common[rows[0]]), name, float(mine[place]), float(yours[place])))
    if compared and len(alone):
        found.append(ExactParting(int(alone[0]), "step", None, None))
    return min(found, key=lambda parting: parting.step, default=None)


def differs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether floats of the same shape and dtype have different bits; any NaN is any other."""
    bits = np.dtype(f"i{one.itemsize}")
    with np.errstate(invalid="ignore"):
        both_nan = np.isnan(one) & np.isnan(other)
    return (np.ascontiguousarray(one).view(bits) != np.ascontiguousarray(other).view(bits)) & ~both_nan


def _by_step(series: Scalars) -> tuple[np.ndarray, np.ndarray]:
    """Increasing steps, and the last value of each."""
    steps, from_the_end = np.unique(series.step[::-1], return_index=True)
    return steps, series.value[::-1][from_the_end]


def _first_repeated(one: Scalars, other: Scalars) -> int:
    """The step of the first entry that differs, of series that are the same but for what is repeated."""
    length = min(len(one.step), len(other.step))
    apart = (one.step[:length] != other.step[:length]) | differs(one.value[:length], other.value[:length])
    first = int(np.argmax(apart)) if apart.any() else length
    return min(int(series.step[first]) for series in (one, other) if first < len(series.step))


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        distance = np.abs(one.astype(np.float64) - other.astype(np.float64))
    # Without a number for it: nothing between equals, else as far as can be.
    return np.where(np.isnan(distance), np.where(differs(one, other), np.inf, 0.0), distance)


def _at(steps: np.ndarray, values: np.ndarray, step: int) -> float | None:
    place = int(np.searchsorted(steps, step))
    return float(values[place]) if place < len(steps) and steps[place] == step else None


def _last(series: Scalars) -> float | None:
    return float(series.value[-1]) if len(series.value) else None
