"""`tbgrad surface`: value and gradient on a plane along two variables, into a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise, surfaces
from tbgrad.calculus.sweeps import fixed_values
from tbgrad.errors import OptionError, UndefinedError
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.figures.reliefs import VIEWS, height_limits
from tbgrad.functions.function import Function
from tbgrad.results import Surface
from tbgrad.summaries.surfaces import extremes, surface_records

POINTS = 101


def log_surface(
    f: Function,
    place: Place,
    *,
    over: Sequence[tuple[str, float, float]] = (),
    fix: Mapping[str, float] | None = None,
    points: int = POINTS,
    views: Sequence[Sequence[float]] = (),
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Computes a surface and logs it; arguments and errors as in `calculus.surfaces.surface` and `launching.launch`.

    Args:
      f: `Function` of d ≥ 2 variables.
      place: where to log.
      over: two of (variable, low, high).
      fix: values of the other variables.
      points: along each axis.
      views: (elevation, azimuth) in degrees; by default Matplotlib's own, and the tutorial's (60, 90) and (90, 90).
      dtype: `float64` or `float32`.
      seed: kept with the request.

    Raises:
      UndefinedError: f is defined nowhere on the grid, or in no whole cell of it.
      OptionError: a view is not two numbers, or asked for twice.
    """
    seen = _check_views(views) or VIEWS
    ranges, fixed = surfaces.region(f, over, fix)
    axes = [name for name, _, _ in ranges]
    asked = {"command": "surface", **f.request(), "over": ranges, "fixed": fixed, "points": points}
    asked |= {"views": seen, "dtype": dtype, "seed": seed}
    settings = _settings(f, ranges, fixed, points, seen) + conditions.common(dtype, seed)
    name = naming.run_name(f.name, f"surface/{'-'.join(naming.word(axis) for axis in axes)}", settings, asked)

    def work() -> Product:
        result = surfaces.surface(f, over, fix, points=points, dtype=dtype)
        defined = np.isfinite(result.value)
        if not defined.any():
            raise UndefinedError(f"{f.label} is not defined anywhere on {result.where}: choose other ranges.")
        if not (defined[:-1, :-1] & defined[:-1, 1:] & defined[1:, :-1] & defined[1:, 1:]).any():
            few = f"at {defined.sum():,} of {defined.size:,} points of {result.where}, no four of them neighbours"
            raise UndefinedError(f"{f.label} is defined only {few}: choose other ranges, or more --points.")
        arrays = {n: getattr(result, n) for n in ("x", "y", "position", "value", "gradient")}
        report = {"function": result.subject.identity, "axes": result.axes, "fixed": result.fixed, **arrays}
        report |= {"where": result.where, "undefined": result.undefined, "kinks": result.kinks, "views": seen}
        return Product(
            surface_records(result, seen), arrays, report, describe_surface(result), notes=pointwise.notes(f)
        )

    return launch(place, name, asked, work)


def describe_surface(result: Surface) -> list[str]:
    """What came out, in a few lines."""
    lines = [f"{result.subject.equation}, {result.where}, {len(result.x)} × {len(result.y)} points"]
    if result.undefined:
        lines.append(f"{result.subject.label} is {result.undefined}: a hole in the pictures")
    if result.kinks:
        lines.append(f"{result.subject.label} has {result.kinks}")
    *_, cut = height_limits(result.value)
    if cut:
        lines.append(f"it goes far beyond most of its values: its heights are {cut}")
    lines += [f"{word} value {value:.6g} at {where}" for word, value, where in extremes(result)]
    return lines


def _check_views(views: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    for view in views:
        if len(view) != 2:
            raise OptionError(
                f"a view is an elevation and an azimuth in degrees, as in 60,90; got {len(view)} numbers."
            )
    checked = tuple((float(elevation), float(azimuth)) for elevation, azimuth in views)
    for view in checked:
        if checked.count(view) > 1:
            raise OptionError(f"the view {view[0]:g},{view[1]:g} is asked for twice.")
    return checked


def _settings(
    f: Function,
    ranges: Sequence[tuple[str, float, float]],
    fixed: Mapping[str, float],
    points: int,
    views: Sequence[tuple[float, float]],
) -> list[tuple[str, str]]:
    settings = conditions.parameters(f)
    published = dict(zip(f.variables, f.domain or (), strict=False))
    if any((low, high) != published.get(name) for name, low, high in ranges):
        settings += [("over", naming.point(bounds)) for _, *bounds in ranges]
    usual = fixed_values(f, [name for name, _, _ in ranges], {})
    settings += [(name, naming.number(value)) for name, value in fixed.items() if value != usual[name]]
    if points != POINTS:
        settings.append(("points", str(points)))
    return settings + ([("view", naming.point(view)) for view in views] if tuple(views) != VIEWS else [])
