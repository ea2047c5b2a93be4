"""Value and gradient along a line: an axis, or the way between two points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus.derivatives import check_function, value_and_gradient
from tbgrad.calculus.lines import Line
from tbgrad.calculus.secants import secants
from tbgrad.calculus.stationary import stationary_points
from tbgrad.errors import OptionError, RangeError, ShapeError, UndefinedError, nearest
from tbgrad.functions.function import FARTHEST, Function
from tbgrad.results import Sweep, Tangent
from tbgrad.results.tabular import in_short

MOST_POINTS = 10_000_000


def sweep(
    f: Function,
    over: tuple[str, float, float] | None = None,
    fix: Mapping[str, float] | None = None,
    *,
    start: Sequence[float] | None = None,
    end: Sequence[float] | None = None,
    points: int = 201,
    tangents: Sequence[float] = (),
    second: bool = False,
    dtype: str = "float64",
) -> Sweep:
    """Computes value and gradient along one variable, or along the line from `start` to `end`.

    Between the samples it finds where the slope is zero, which takes some more calls of f.

    Args:
      f: `Function` of d variables.
      over: (variable, low, high); by default the first variable that is not fixed, over its domain.
      fix: values of the other variables; by default 0, or the middle of a domain that does not hold 0.
      start: d numbers, the line's first point, instead of `over`.
      end: d numbers, its last point.
      points: int ≥ 1, evenly spaced, both ends included.
      tangents: coordinates, from the first to the last, at which to compute tangents, and secants that become them.
      second: whether to compute the second derivative along the line, too; it is exact.
      dtype: `float64` or `float32`.

    Returns:
      `Sweep` with coordinate `[points]`, position `[points, d]`, value `[points]`, gradient `[points, d]` and slope
      `[points]`; NaN or infinite where f is undefined.

    Raises:
      OptionError: a variable that f does not have, or that is both swept and fixed.
      RangeError: the range is upside down, empty or not finite; `points` is below 1 or above 10 million; or a tangent
        lies outside the range.
      ShapeError: `start` or `end` has another number of coordinates.
      UndefinedError: f is defined nowhere on the line; the message says what to fix.
    """
    check_function(f)
    if points < 1:
        raise RangeError(f"points is {points}; expected at least 1.")
    if points > MOST_POINTS:
        raise RangeError(f"points is {points}; at most {MOST_POINTS:,} are computed at once.")
    if (start is None) != (end is None) or (start is not None and (over is not None or fix)):
        raise OptionError(
            "a line needs both its ends, --from and --to, and nothing else; an axis takes --over and --fix."
        )
    fixed: dict[str, float] = {}
    if start is not None:
        line = _between(f, start, end, dtype)
    else:
        name, low, high = over or default_range(f, fix or {})
        fixed = fixed_values(f, [name], fix or {})
        check_range(name, low, high)
        first, last = (np.array([fixed.get(v, bound) for v in f.variables]) for bound in (low, high))
        line = Line(f, f.variables.index(name), low, high, first, last, dtype)
    axis = None if line.axis is None else f.variables[line.axis]
    touched = _check_tangents(line, axis or "the distance", tangents)
    coordinate, along = line.samples(points)
    position = np.concatenate([along, line.position(touched)])
    check_resolution(f"{axis or 'the distance'}={line.low:.17g}:{line.high:.17g}", coordinate, dtype)
    value, gradient = value_and_gradient(f, dtype)(position)
    slope = line.slope(value, gradient)
    if not np.isfinite(value[:points]).any():
        raise UndefinedError(_where_undefined(f, axis, fixed))
    coordinate = coordinate.astype(dtype)
    chords = secants(line, touched) if len(touched) else []
    touching = zip(touched, value[points:], slope[points:], chords, strict=True)
    stationary, unsearched = stationary_points(line, coordinate, value[:points], slope[:points])
    return Sweep(
        f.subject(),
        axis,
        fixed,
        coordinate,
        position[:points],
        value[:points],
        gradient[:points],
        slope[:points],
        tuple(Tangent(float(x), float(v), float(s), *chord) for x, v, s, chord in touching),
        line.second(position[:points]) if second else None,
        stationary,
        unsearched,
    )


def default_range(f: Function, fix: Mapping[str, float]) -> tuple[str, float, float]:
    """The first variable that is not fixed, over its domain.

    Raises:
      OptionError: all variables are fixed.
      RangeError: f has no published domain.
    """
    check_variables(f, fix)
    free = [v for v in f.variables if v not in fix]
    if not free:
        raise OptionError("all variables are fixed; leave one to sweep over.")
    if f.domain is None:
        raise RangeError(f"'{f.label}' has no known domain: say the range, for example --over {free[0]}=-1:1.")
    return free[0], *f.domain[f.variables.index(free[0])]


def fixed_values(f: Function, swept: Sequence[str], fix: Mapping[str, float]) -> dict[str, float]:
    """The value of each variable that is not swept: as given, else 0, else the middle of its domain.

    Raises:
      OptionError: a variable that f does not have, or that is both swept and fixed.
    """
    check_variables(f, [*swept, *fix])
    for name in swept:
        if name in fix:
            raise OptionError(f"'{name}' is both swept over and fixed.")
    fixed = {}
    for i, name in enumerate(f.variables):
        if name not in swept:
            low, high = f.domain[i] if f.domain else (0.0, 0.0)
            fixed[name] = float(fix.get(name, 0.0 if low <= 0 <= high else (low + high) / 2))
            if not np.isfinite(fixed[name]):
                raise RangeError(f"{name} is fixed at {fixed[name]}; expected a finite number.")
    return fixed


def check_variables(f: Function, names: Any) -> None:
    """Raises OptionError for a name that is no variable of f."""
    for name in names:
        if name not in f.variables:
            known = ", ".join(f.variables)
            raise OptionError(f"'{f.label}' has no variable '{name}'; it has {known}.{nearest(name, f.variables)}")


def check_range(name: str, low: float, high: float) -> None:
    """Raises RangeError for a range that is upside down, empty or beyond all bounds."""
    if not (abs(low) <= FARTHEST and abs(high) <= FARTHEST):
        raise RangeError(f"the range {name}={low:g}:{high:g} is not finite, or not within ±{FARTHEST:g}.")
    if not low < high:
        raise RangeError(f"the range {name}={low:g}:{high:g} is empty or upside down; expected LOW < HIGH.")


def check_resolution(what: str, coordinate: np.ndarray, dtype: str) -> None:
    """Raises RangeError if two neighbours of an increasing coordinate are the same number in this dtype."""
    if not (np.diff(coordinate.astype(dtype)) > 0).all():
        raise RangeError(f"{dtype} cannot tell {len(coordinate)} points of {what} apart.")


def _between(f: Function, start: Sequence[float], end: Sequence[float], dtype: str) -> Line:
    first, last = np.array(f.check_point(start)), np.array(f.check_point(end))
    length = float(np.linalg.norm(last - first))
    if not 0 < length <= FARTHEST:
        raise ShapeError("a line needs two different points with finite coordinates.")
    return Line(f, None, 0.0, length, first, last, dtype)


def _check_tangents(line: Line, name: str, tangents: Sequence[float]) -> np.ndarray:
    touched = np.array(tangents, dtype=float)
    if not np.isfinite(touched).all():
        raise RangeError("a tangent needs a finite coordinate.")
    outside = touched[(touched < line.low) | (touched > line.high)]
    if outside.size:
        low, high = min(line.low, outside.min()), max(line.high, outside.max())
        wider = (
            f", or sweep farther: --over {name}={naming.number(low)}:{naming.number(high)}"
            if line.axis is not None
            else ""
        )
        raise RangeError(
            f"a tangent at {naming.number(outside[0])} would not be seen: the sweep goes over {name} from "
            f"{naming.number(line.low)} to {naming.number(line.high)}. Choose a coordinate between them{wider}."
        )
    return touched


def _where_undefined(f: Function, axis: str | None, fixed: Mapping[str, float]) -> str:
    if not fixed:
        place = "anywhere on this line" if axis is None else f"anywhere on this range of {axis}"
        return f"{f.label} is not defined {place}: choose another one."
    where = in_short([f"{name} = {value:g}" for name, value in fixed.items()])
    name, value = next(iter(fixed.items()))
    return f"{f.label} is undefined at {where}: fix {name}, for example --fix {name}={value + 1:g}"
