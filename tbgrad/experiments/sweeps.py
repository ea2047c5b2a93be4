"""`tbgrad sweep`: value and gradient along a line, into a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise, sweeps
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.functions.function import Function
from tbgrad.results import Sweep
from tbgrad.summaries import summarize
from tbgrad.summaries.sweep_pages import stationary_words

POINTS = 201
_MOST_LISTED = 12


def log_sweep(
    f: Function,
    place: Place,
    *,
    over: tuple[str, float, float] | None = None,
    fix: Mapping[str, float] | None = None,
    start: Sequence[float] | None = None,
    end: Sequence[float] | None = None,
    points: int = POINTS,
    tangents: Sequence[float] = (),
    second: bool = False,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Sweeps and logs; arguments and errors as in `calculus.sweeps.sweep` and `launching.launch`."""
    result = sweeps.sweep(
        f, over, fix, start=start, end=end, points=points, tangents=tangents, second=second, dtype=dtype
    )
    asked = {"command": "sweep", **f.request(), "axis": result.axis, "fixed": dict(result.fixed), "points": points}
    asked |= {
        "low": result.position[0],
        "high": result.position[-1],
        "tangents": tangents,
        "dtype": dtype,
        "seed": seed,
    }
    # Only where it is asked for: so runs that were made before there was a choice are found.
    asked |= {"second": True} if second else {}
    fixed = f"sweep/{naming.word(result.axis or 'line')}"
    name = naming.run_name(f.name, fixed, _settings(f, result, over, tangents, dtype, seed), asked)

    names = ("coordinate", "position", "value", "gradient", "slope", *(["second"] if second else []))
    arrays = {n: getattr(result, n) for n in names}
    report = {"function": result.subject.identity, "axis": result.axis, "fixed": result.fixed, **arrays}
    report |= {"where": result.where, "undefined": undefined(result)}
    report["tangents"] = [dataclasses.asdict(t) for t in result.tangents]
    report |= {"stationary": [vars(p) for p in result.stationary], "unsearched": result.unsearched, "flat": result.flat}

    def work() -> Product:
        return Product(summarize(result), arrays, report, describe_sweep(result), notes=pointwise.notes(f))

    return launch(place, name, asked, work)


def describe_sweep(result: Sweep) -> list[str]:
    """What came out, in a few lines."""
    lines = [f"{result.subject.equation} {result.where}, {len(result.coordinate)} points"]
    lines += undefined(result)
    finite = np.isfinite(result.value)
    value, coordinate = result.value[finite], result.coordinate[finite]
    for word, i in (("lowest", np.argmin(value)), ("highest", np.argmax(value))):
        lines.append(f"{word} value {value[i]:.6g} at {coordinate[i]:.6g}")
    lines += stationary_words(result)
    if len(result.stationary) <= _MOST_LISTED:
        lines += [f"{p.kind} at {p.coordinate:.9g}: value {p.value:.9g}" for p in result.stationary]
    for t in result.tangents:
        but = "" if t.is_approached else "; secants do not go to it: a kink or a jump"
        lines.append(f"tangent at {t.coordinate:g}: value {t.value:.15g}, slope {t.slope:.15g}{but}")
    return lines


def undefined(result: Sweep) -> list[str]:
    """A sentence for the points without a value, and one for those with a value but without a slope."""
    no_value = ~np.isfinite(result.value)
    no_slope = ~no_value & ~np.isfinite(result.slope)
    sentences = []
    for missing, series, what in (
        (no_value, result.value, "is undefined"),
        (no_slope, result.slope, "has no derivative"),
    ):
        if missing.any():
            where = ", ".join(f"{x:g}" for x in result.coordinate[missing][:3]) + ", …" * int(missing.sum() > 3)
            count = f"{missing.sum()} of {len(missing)} points ({result.axis or 'distance'} = {where})"
            sentences.append(f"{result.subject.label} {what} at {count}: logged as {_kind(series[missing])}.")
    return sentences


def _kind(values: np.ndarray) -> str:
    if np.isnan(values).all():
        return "NaN"
    return "NaN or infinite" if np.isnan(values).any() else "infinite"


def _settings(
    f: Function, result: Sweep, over: tuple | None, tangents: Sequence[float], dtype: str, seed: int
) -> list[tuple[str, str]]:
    settings = conditions.parameters(f)
    if result.axis is None:
        settings += [("from", naming.point(result.position[0])), ("to", naming.point(result.position[-1]))]
    else:
        index = f.variables.index(result.axis)
        default = f.domain[index] if f.domain else None
        if over is not None and over[1:] != default:
            settings.append(("over", naming.point(over[1:])))
        usual = sweeps.fixed_values(f, [result.axis], {})
        settings += [(n, naming.number(v)) for n, v in result.fixed.items() if v != usual[n]]
    if len(result.value) != POINTS:
        settings.append(("points", str(len(result.value))))
    settings += [("tangent", naming.number(t)) for t in tangents]
    return settings + [("second", "")] * (result.second is not None) + conditions.common(dtype, seed)
