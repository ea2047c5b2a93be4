"""Which minimum an optimizer finds from where: a descent from every pixel of a plane, and where they end.

Source: Nusse & Yorke (1996), Basins of Attraction, Science 271.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import as_points
from tbgrad.calculus.surfaces import region
from tbgrad.descent.clusters import cluster_ends
from tbgrad.descent.ends import as_ends, middle_members
from tbgrad.descent.loops import descend
from tbgrad.descent.stopping import GradientNorm
from tbgrad.descent.verdicts import kinds_of_points
from tbgrad.errors import RangeError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.results import POINTS, STATUSES, Basins, Descent, End, Status

MOST_PIXELS = 4096


def pixel_starts(
    f: Function,
    over: Sequence[tuple[str, float, float]] = (),
    fix: Mapping[str, float] | None = None,
    *,
    points: int = 512,
    dtype: str = "float64",
) -> np.ndarray:
    """The starts `[points × points, d]` of `find_basins`, row by row; arguments and errors as there."""
    if f.dimensions < 2:
        raise ShapeError(
            f"'{f.label}' has one variable; basins are drawn over two. tbgrad descend --starts tells where starts end."
        )
    ranges, fixed = region(f, over, fix)
    if not 2 <= points <= MOST_PIXELS:
        raise RangeError(f"points is {points}; expected 2 to {MOST_PIXELS:,} along each axis.")
    axes = [np.linspace(low, high, points) for _, low, high in ranges]
    columns = dict(zip([name for name, _, _ in ranges], np.meshgrid(*axes), strict=True))
    starts = np.stack([columns.get(v, np.full((points, points), fixed.get(v))) for v in f.variables], axis=-1)
    return as_points(f, starts.reshape(-1, f.dimensions).astype(float), dtype)


def find_basins(
    f: Function,
    optimizer: Any,
    over: Sequence[tuple[str, float, float]] = (),
    fix: Mapping[str, float] | None = None,
    *,
    points: int = 512,
    steps: int = 500,
    dtype: str = "float64",
    rate_rule: str | None = None,
) -> Basins:
    """Descends from every point of a grid on a plane, until the gradient is small, and tells the ends apart.

    Args:
      f: `Function` of d ≥ 2 variables. All of them move; the starts differ in two.
      optimizer: as in `descend`.
      over: two of (variable, low, high), the first along columns; by default the first variables that are not fixed,
        over their domains.
      fix: the starts' values of the other variables; by default 0, or the middle of a domain that does not hold 0.
      points: int ≥ 2, along each axis.
      steps: int ≥ 1, updates at most.
      dtype: `float64` or `float32`.
      rate_rule: how the learning rate was found, where the caller knows better.

    Returns:
      `Basins` with arrays `[points, points]`. A start's basin is the set of ends that its own belongs to: a point, or
      a whole ring or valley of them.

    Raises:
      OptionError, ShapeError, RangeError: as in `calculus.surfaces.region`, and as in `descend`.
    """
    ranges, fixed = region(f, over, fix)
    starts = pixel_starts(f, over, fix, points=points, dtype=dtype)
    descent = descend(
        f,
        optimizer,
        starts,
        steps,
        instruments=(),
        stop=GradientNorm(),
        record="end",
        rate_rule=rate_rule,
        kinds=False,
    )
    widths = {name: high - low for name, low, high in ranges}
    basin, ends = _ends(f, descent, widths, points)
    shape = (points, points)
    return Basins(
        subject=descent.subject,
        optimizer=descent.optimizer,
        settings=descent.settings,
        learning_rate=descent.learning_rate,
        rate_rule=descent.rate_rule,
        steps=steps,
        variables=(ranges[0][0], ranges[1][0]),
        x=np.linspace(*ranges[0][1:], points).astype(dtype),
        y=np.linspace(*ranges[1][1:], points).astype(dtype),
        fixed=fixed,
        position=descent.end.position.reshape(*shape, f.dimensions),
        value=descent.end.value.reshape(shape),
        steps_made=descent.steps_made.reshape(shape),
        status=descent.verdicts.codes.reshape(shape),
        basin=basin.reshape(shape),
        ends=ends,
    )


def _ends(
    f: Function, descent: Descent, widths: Mapping[str, float], points: int
) -> tuple[np.ndarray, tuple[End, ...]]:
    """The number of each start's end, or -1, and the ends."""
    basin = np.full(descent.starts, -1, np.int32)
    converged = np.flatnonzero(descent.verdicts.codes == STATUSES.index(Status.CONVERGED))
    if not len(converged):
        return basin, ()
    scale = _scale(f, widths)
    spacing = max(width / scale[f.variables.index(name)] for name, width in widths.items()) / (points - 1)
    values = descent.start.value[np.isfinite(descent.start.value)]
    value_scale = float(np.ptp(values)) if len(values) and np.ptp(values) > 0 else 1.0
    position, value = descent.end.position[converged], descent.end.value[converged]
    label = cluster_ends(position, value, scale, value_scale, spacing)
    # One Hessian for each set says what it is.
    kinds, _ = kinds_of_points(f, position[middle_members(label, position, scale)])
    basin[converged] = label
    names = [POINTS[kind] for kind in kinds]
    minima = descent.subject.minima
    ends = as_ends(label, position, value, names, minima, scale, value_scale)
    # The pieces of a known ring are one set, whatever lies between them.
    first = {}
    for i, end in enumerate(ends):
        if end.known is not None and minima[end.known].is_curve:
            first.setdefault(end.known, i)
    merged = np.array([first.get(end.known, i) for i, end in enumerate(ends)])
    if (merged != np.arange(len(ends))).any():
        kept, label = np.unique(merged[label], return_inverse=True)
        label = label.astype(np.int32)
        names = [names[i] for i in kept]
        ends = as_ends(label, position, value, names, minima, scale, value_scale)
        basin[converged] = label
    return basin, ends


def _scale(f: Function, widths: Mapping[str, float]) -> np.ndarray:
    """`[d]`: the width of the domain along each variable, or of the plane where none is known."""
    if f.domain is not None:
        return np.array([high - low for low, high in f.domain])
    return np.array([widths.get(name, max(widths.values())) for name in f.variables])
