"""`tbgrad surface`: value and gradient on a plane along two variables, into a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise, surfaces
from tbgrad.calculus.sweeps import fixed_values
from tbgrad.errors import OptionError, ShapeError, UndefinedError
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.figures.reliefs import height_limits
from tbgrad.figures.tangents import plane_words
from tbgrad.figures.views import VIEWS
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
    tangents: Sequence[Sequence[float] | Mapping[str, float]] = (),
    streamlines: bool = False,
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
      tangents: points on the two axes, by order or by name, at which to draw tangent planes.
      streamlines: whether the gradient field is drawn as lines instead of arrows.
      dtype: `float64` or `float32`.
      seed: kept with the request.

    Raises:
      UndefinedError: f is defined nowhere on the grid, or in no whole cell of it.
      OptionError: a view is not two numbers, or asked for twice; or a tangent plane is asked for twice.
    """
    seen = _check_views(views) or VIEWS
    ranges, fixed = surfaces.region(f, over, fix)
    axes = [name for name, _, _ in ranges]
    asked = {"command": "surface", **f.request(), "over": ranges, "fixed": fixed, "points": points}
    touched = _check_tangents(ranges, tangents)
    asked |= {"views": seen, "tangents": touched, "streamlines": streamlines, "dtype": dtype, "seed": seed}
    settings = _settings(f, ranges, fixed, points, seen)
    settings += [("tangent", naming.point(point)) for point in touched]
    settings += [("streamlines", "")] * streamlines + conditions.common(dtype, seed)
    name = naming.run_name(f.name, f"surface/{'-'.join(naming.word(axis) for axis in axes)}", settings, asked)

    def work() -> Product:
        result = surfaces.surface(f, over, fix, points=points, tangents=touched, dtype=dtype)
        defined = np.isfinite(result.value)
        if not defined.any():
            raise UndefinedError(f"{f.label} is not defined anywhere on {result.where}: choose other ranges.")
        if not (defined[:-1, :-1] & defined[:-1, 1:] & defined[1:, :-1] & defined[1:, 1:]).any():
            few = f"at {defined.sum():,} of {defined.size:,} points of {result.where}, no four of them neighbours"
            raise UndefinedError(f"{f.label} is defined only {few}: choose other ranges, or more --points.")
        arrays = {n: getattr(result, n) for n in ("x", "y", "position", "value", "gradient")}
        report = {"function": result.subject.identity, "axes": result.axes, "fixed": result.fixed, **arrays}
        report |= {"where": result.where, "undefined": result.undefined, "kinks": result.kinks, "views": seen}
        report["tangents"] = [vars(plane) for plane in result.tangents]
        records = surface_records(result, seen, streamlines)
        return Product(records, arrays, report, describe_surface(result), notes=pointwise.notes(f))

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
    return lines + [plane_words(plane, result, digits=15) for plane in result.tangents]


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


def _check_tangents(
    ranges: Sequence[tuple[str, float, float]], tangents: Sequence[Sequence[float] | Mapping[str, float]]
) -> list[tuple[float, ...]]:
    """The points of tangent planes as coordinates on the two axes."""
    axes = [name for name, _, _ in ranges]
    points = []
    for given in tangents:
        if isinstance(given, Mapping):
            if set(given) != set(axes):
                raise ShapeError(
                    f"a tangent plane touches at {axes[0]} and {axes[1]}, which the surface spans, as in "
                    f"{axes[0]}=2,{axes[1]}=1; got {naming.listed(given)}."
                )
            given = [given[name] for name in axes]
        points.append(given)
    touched = [tuple(point) for point in surfaces.check_tangents(ranges, points).tolist()]
    for point in touched:
        if touched.count(point) > 1:
            raise OptionError(f"the tangent plane at {', '.join(f'{x:g}' for x in point)} is asked for twice.")
    return touched


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
