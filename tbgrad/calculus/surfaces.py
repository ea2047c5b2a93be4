"""Value and gradient on a plane along two variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad.calculus.breaks import find_breaks
from tbgrad.calculus.derivatives import as_points, check_function, value_and_gradient, value_only
from tbgrad.calculus.sweeps import MOST_POINTS, check_range, check_resolution, check_variables, fixed_values
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.results import Surface, TangentPlane


def surface(
    f: Function,
    over: Sequence[tuple[str, float, float]] = (),
    fix: Mapping[str, float] | None = None,
    *,
    points: int = 101,
    tangents: Sequence[Sequence[float]] = (),
    dtype: str = "float64",
    gradients: bool = True,
) -> Surface:
    """Computes value and gradient on a grid over two variables.

    Args:
      f: `Function` of d ≥ 2 variables.
      over: two of (variable, low, high), the first along columns; by default the first variables that are not fixed,
        over their domains.
      fix: values of the other variables; by default 0, or the middle of a domain that does not hold 0.
      points: int ≥ 2, along each axis.
      tangents: points (x, y) on the two axes, within their ranges, at which to compute tangent planes.
      dtype: `float64` or `float32`.
      gradients: whether to compute them; without, a surface of a network takes a third of the time, there are no
        tangent planes, and where it jumps between points of the grid is not looked for.

    Returns:
      `Surface` with x `[points]`, y `[points]`, position `[points, points, d]`, value `[points, points]` and gradient
      `[points, points, d]`; NaN or infinite where f is undefined. Between the points of the grid, `breaks` says where
      it ends or jumps. Gradients that were not computed are NaN.

    Raises:
      OptionError: as in `region`; or there are tangents, but no gradients.
      ShapeError: as in `region`; or a tangent's point is not two numbers.
      RangeError: as in `region`; or `points` is below 2, or more than the dtype can tell apart; or a tangent's point is
        outside the ranges.
    """
    ranges, fixed = region(f, over, fix)
    if len(tangents) and not gradients:
        raise OptionError("a tangent plane needs the gradient; expected gradients=True, or no tangents.")
    if points < 2:
        raise RangeError(f"points is {points}; expected at least 2 along each axis.")
    if points**2 > MOST_POINTS:
        raise RangeError(f"points is {points} along each axis; at most {MOST_POINTS:,} in all are computed at once.")
    x, y = (np.linspace(low, high, points) for _, low, high in ranges)
    columns = dict(zip([name for name, _, _ in ranges], np.meshgrid(x, y), strict=True))
    touched = check_tangents(ranges, tangents)
    columns = {name: np.append(columns[name], touched[:, i]) for i, (name, _, _) in enumerate(ranges)}
    position = np.stack([columns.get(v, np.full(points**2 + len(touched), fixed.get(v))) for v in f.variables], axis=-1)
    flat = as_points(f, position.astype(float), dtype)
    for (name, low, high), coordinate in zip(ranges, (x, y), strict=True):
        check_resolution(f"{name}={low:.17g}:{high:.17g}", coordinate, dtype)
    kernel = value_and_gradient(f, dtype)
    if gradients:
        value, gradient = kernel(flat)
    else:
        value, gradient = value_only(f, dtype)(flat), np.full_like(flat, np.nan)
    grid, shape = slice(points**2), (points, points, f.dimensions)
    result = Surface(
        f.subject(),
        (ranges[0][0], ranges[1][0]),
        fixed,
        x.astype(dtype),
        y.astype(dtype),
        flat[grid].reshape(shape),
        value[grid].reshape(shape[:2]),
        gradient[grid].reshape(shape),
        has_gradients=gradients,
    )
    planes = zip(touched, value[points**2 :], gradient[points**2 :, result.columns], strict=True)
    planes = tuple(TangentPlane(tuple(p.tolist()), float(v), tuple(s.tolist())) for p, v, s in planes)
    return dataclasses.replace(result, tangents=planes, breaks=find_breaks(result, kernel) if gradients else None)


def check_tangents(ranges: Sequence[tuple[str, float, float]], tangents: Sequence[Sequence[float]]) -> np.ndarray:
    """Points of tangent planes as float64 `[n, 2]`.

    Raises:
      ShapeError: a point is not two numbers.
      RangeError: a point is outside the ranges.
    """
    names = [name for name, _, _ in ranges]
    for point in tangents:
        if len(point) != 2:
            raise ShapeError(
                f"a tangent plane touches at two coordinates, {' and '.join(names)}, which the surface spans; got "
                f"{len(point)} numbers."
            )
        for (name, low, high), coordinate in zip(ranges, point, strict=True):
            if not low <= coordinate <= high:
                wider = f"--over {name}={min(low, coordinate):g}:{max(high, coordinate):g}"
                raise RangeError(
                    f"the tangent plane's point has {name} = {coordinate:g}, outside of {low:g}:{high:g}: choose one "
                    f"within, or a wider range, for example {wider}."
                )
    return np.array(tangents, dtype=np.float64).reshape(-1, 2)


def region(
    f: Function, over: Sequence[tuple[str, float, float]] = (), fix: Mapping[str, float] | None = None
) -> tuple[list[tuple[str, float, float]], dict[str, float]]:
    """Which plane a surface spans; arguments as there.

    Returns:
      Two of (variable, low, high), and the values of the other variables.

    Raises:
      OptionError: a variable that f does not have, or that is named twice.
      RangeError: a range is upside down, empty, not finite or unknown.
      ShapeError: f has one variable only.
    """
    check_function(f)
    if f.dimensions < 2:
        raise ShapeError(f"'{f.label}' has one variable; a surface needs two. A sweep shows it.")
    check_variables(f, fix or {})
    ranges = list(over)
    if len(ranges) < 2:
        check_variables(f, [name for name, _, _ in over])
        ranges += _default_ranges(f, [name for name, _, _ in over], fix or {})
        ranges.sort(key=lambda given: f.variables.index(given[0]))
    if len(ranges) != 2 or ranges[0][0] == ranges[1][0]:
        given = ", ".join(name for name, _, _ in ranges) or "none"
        held = f" ({', '.join(fix)} fixed)" if fix else ""
        raise OptionError(f"a plane spans two different variables, each with a range: --over twice; got {given}{held}.")
    fixed = fixed_values(f, [name for name, _, _ in ranges], fix or {})
    for name, low, high in ranges:
        check_range(name, low, high)
    return ranges, fixed


def _default_ranges(f: Function, given: Sequence[str], fix: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Ranges of the first free variables, as many as are missing."""
    free = [v for v in f.variables if v not in fix and v not in given]
    missing = free[: 2 - len(given)]
    if missing and f.domain is None:
        example = " ".join(f"--over {name}=-1:1" for name in missing)
        more = f" --fix {free[len(missing)]}=1" if len(free) > len(missing) else ""
        raise RangeError(f"'{f.label}' has no known domain: say the ranges, for example {example}{more}.")
    return [(name, *f.domain[f.variables.index(name)]) for name in missing]
