"""`tbgrad check`: the gradient held against differences, into a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus import checks, pointwise
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.figures.v_curves import caption
from tbgrad.functions.function import Function
from tbgrad.results import CheckVerdict, GradientCheck
from tbgrad.summaries import summarize

POINTS = 100
_MOST_LINES = 10


def log_check(
    f: Function,
    place: Place,
    *,
    at: Sequence[Sequence[float]] = (),
    points: int = POINTS,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Checks and logs: at the points given, or else at random ones; exit code 1 where the gradient disagrees.

    Arguments and errors as in `calculus.checks.check_gradient`, `draw_points` and `launching.launch`.
    """
    where, region = (at, "") if len(at) else checks.draw_points(f, points, seed, dtype)
    given = {"at": [list(point) for point in at]} if len(at) else {"points": points}
    asked = {"command": "check", **f.request(), **given, "dtype": dtype, "seed": seed}
    settings = conditions.parameters(f)
    settings += [("at", naming.point(point)) for point in at]
    settings += [("points", str(points))] if not len(at) and points != POINTS else []
    settings += conditions.common(dtype, seed)
    name = naming.run_name(f.name, "check", settings, asked, hashed=len(at) > 2)

    def work() -> Product:
        product = _product(checks.check_gradient(f, where, dtype=dtype, region=region))
        return dataclasses.replace(product, notes=pointwise.notes(f))

    return launch(place, name, asked, work)


def _product(result: GradientCheck) -> Product:
    points = result.points
    arrays = {
        "position": np.array([p.position for p in points]),
        "value": np.array([p.value for p in points]),
        "reverse": np.array([p.reverse for p in points]),
        "differences": np.array([p.differences for p in points]),
        "uncertainty": np.array([p.uncertainty for p in points]),
        "digits": np.array([p.digits for p in points]),
        "step": result.step,
        "error": result.error,
    }
    code = int(result.verdict == CheckVerdict.DISAGREES)
    return Product(summarize(result), arrays, check_report(result), describe_check(result), code)


def check_report(result: GradientCheck) -> dict[str, Any]:
    """The check as plain data, for --json."""
    points = [
        {
            "position": p.position,
            "verdict": p.verdict.value,
            "reverse": p.reverse,
            "differences": p.differences,
            "step": p.step,
            "error": p.error,
        }
        for p in result.points
    ]
    verdict = result.verdict.value
    return {"function": result.subject.identity, "verdict": verdict, "cause": result.cause, "points": points}


def describe_check(result: GradientCheck) -> list[str]:
    """What came out, in a few lines: the verdict, its cause, and the points that do not agree."""
    lines = [f"{result.subject.equation}: {caption(result)}"]
    if result.region:
        lines.append(f"at {result.region}")
    told = [result.points[i] for i in result.worst_first if result.points[i].cause]
    for p in told[:_MOST_LINES]:
        place = ", ".join(f"{n} = {x:.6g}" for n, x in zip(result.subject.variables, p.position, strict=True))
        lines.append(f"  {place}: {p.verdict}: {p.cause}")
    if len(told) > _MOST_LINES:
        lines.append(f"  ... and {len(told) - _MOST_LINES} more, in the run's table")
    if np.isfinite(result.digits):
        steps = [p.step for p in result.points if p.verdict == CheckVerdict.AGREES and np.isfinite(p.step)]
        where = "elsewhere it" if told else "it"
        lines.append(f"{where} agrees in at least {result.digits:.1f} digits; the best step is {np.median(steps):.2g}")
    return lines
