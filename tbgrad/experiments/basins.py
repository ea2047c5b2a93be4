"""`tbgrad basins`: which minimum an optimizer finds from where, into a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.calculus.surfaces import region, surface
from tbgrad.calculus.sweeps import fixed_values
from tbgrad.descent.basins import find_basins, pixel_starts
from tbgrad.descent.loops import resolve_rate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.functions.function import Function
from tbgrad.results import Basins, Status
from tbgrad.summaries import summarize
from tbgrad.summaries.basins import metrics

POINTS, STEPS = 512, 500
_CONTOUR_POINTS = 121
_MOST_LINES = 10
# If more than this share of the starts did not converge, it is said what helps.
_MANY = 0.1


def log_basins(
    f: Function,
    optimizer: Optimizer,
    place: Place,
    *,
    over: Sequence[tuple[str, float, float]] = (),
    fix: Mapping[str, float] | None = None,
    points: int = POINTS,
    steps: int = STEPS,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Descends from every pixel and logs where it ends; arguments and errors as in `descent.basins.find_basins`.

    Args:
      f: `Function` of d ≥ 2 variables.
      optimizer: with a learning rate or `auto`, which is resolved for all starts together.
      place: where to log.
      over: two of (variable, low, high).
      fix: the starts' values of the other variables.
      points: along each axis.
      steps: updates at most.
      dtype: `float64` or `float32`.
      seed: kept with the request.

    Returns:
      `Outcome`; a start that diverges is part of the picture, and no failure.
    """
    optimizer, rule = resolve_rate(f, optimizer, pixel_starts(f, over, fix, points=points, dtype=dtype))
    ranges, fixed = region(f, over, fix)
    asked = {"command": "basins", **f.request(), "optimizer": optimizer.name, "settings": optimizer.changed()}
    asked |= {"learning_rate": optimizer.learning_rate, "over": ranges, "fixed": fixed, "points": points}
    asked |= {"steps": steps, "dtype": dtype, "seed": seed}
    settings = _settings(f, optimizer, ranges, fixed, points, steps) + conditions.common(dtype, seed)
    name = naming.run_name(
        f.name, f"basins/{optimizer.name}_lr{naming.number(optimizer.learning_rate)}", settings, asked
    )

    def work() -> Product:
        basins = find_basins(f, optimizer, over, fix, points=points, steps=steps, dtype=dtype, rate_rule=rule)
        contours = surface(f, over, fix, points=_CONTOUR_POINTS, dtype=dtype)
        basins = dataclasses.replace(basins, landscape=contours)
        names = ("x", "y", "position", "value", "steps_made", "status", "basin")
        arrays = {name: getattr(basins, name) for name in names}
        report = {"function": basins.subject.identity, "optimizer": basins.optimizer, "settings": basins.settings}
        report |= {"learning_rate": basins.learning_rate, "rate_rule": basins.rate_rule, "steps": steps}
        report |= {"axes": basins.variables, "fixed": basins.fixed, "statuses": [s.value for s in basins.statuses]}
        report |= {"ends": [dataclasses.asdict(end) for end in basins.ends], "metrics": metrics(basins), **arrays}
        return Product(summarize(basins), arrays, report, describe_basins(basins), notes=pointwise.notes(f))

    return launch(place, name, asked, work)


def describe_basins(basins: Basins) -> list[str]:
    """What came out, in a few lines."""
    rate = "" if basins.learning_rate is None else f" {naming.number(basins.learning_rate)}"
    settings = "".join(f", {name} {value}" for name, value in basins.settings.items())
    lines = [
        f"{basins.subject.label}: {basins.optimizer}, learning rate{rate} ({basins.rate_rule}){settings}, "
        f"{basins.where}, at most {basins.steps} steps"
    ]
    counts = [f"{basins.counted(status):,} {status.words}" for status in basins.statuses if basins.counted(status)]
    lines.append(", ".join(counts))
    told = [i for i, end in enumerate(basins.ends) if i < _MOST_LINES or end.known is not None]
    for i in told:
        end = basins.ends[i]
        known = ", a known global minimum" if end.known is not None else ""
        median = basins.median_steps(i)
        steps = f"{median:.0f} steps in the median" if median else "flat from the start"
        lines.append(f"{basins.share(i):.2%} to {end.label}: value {end.value:.6g}{known}, {steps}")
    if len(basins.ends) > len(told):
        lines.append(f"and {len(basins.ends) - len(told):,} further ends, in run.json")
    if basins.unreached:
        lines.append(f"known minima that no start reached: {len(basins.unreached)}")
    if basins.counted(Status.CONVERGED) < (1 - _MANY) * basins.starts:
        lines.append("many starts did not converge: try more --steps, or another --learning-rate")
    return lines


def _settings(
    f: Function,
    optimizer: Optimizer,
    ranges: Sequence[tuple[str, float, float]],
    fixed: Mapping[str, float],
    points: int,
    steps: int,
) -> list[tuple[str, str]]:
    settings = conditions.parameters(f)
    published = dict(zip(f.variables, f.domain or (), strict=False))
    if any((low, high) != published.get(name) for name, low, high in ranges):
        settings += [(name, naming.point(bounds)) for name, *bounds in ranges]
    usual = fixed_values(f, [name for name, _, _ in ranges], {})
    settings += [(name, naming.number(value)) for name, value in fixed.items() if value != usual[name]]
    settings += [conditions.setting(n, v) for n, v in optimizer.changed().items()]
    others = (("points", points, POINTS), ("steps", steps, STEPS))
    return settings + [(name, str(value)) for name, value, default in others if value != default]
