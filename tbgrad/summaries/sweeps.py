"""Sweep to records: the scalars along the line, and the picture with the real axis."""

from __future__ import annotations

import time

import numpy as np

from tbgrad.figures.canvas import encode
from tbgrad.figures.curves import curve_figure
from tbgrad.records import Record, Scalars, Texts
from tbgrad.results import Sweep
from tbgrad.summaries.layouts import SWEEP
from tbgrad.summaries.pages import page, table
from tbgrad.summaries.summarizing import picture, summarize

# TensorBoard's browser keeps integers exactly up to here.
_EXACT = 2**53
_LEAST_POWER, _MOST_POWER = 3, 300


@summarize.register
def _(sweep: Sweep) -> tuple[Record, ...]:
    steps, how = sweep_steps(sweep.coordinate)
    subject = sweep.subject
    where = f"{sweep.where}. {how}"
    # Series of one time share their events in the file.
    now = time.time()

    def scalars(tag: str, value: np.ndarray, what: str) -> Scalars:
        return Scalars(f"sweep/{tag}", steps, value, now, f"{what} {where}")

    drawn = encode(curve_figure(sweep))
    return (
        picture("sweep/curve", 0, drawn, f"f, its derivative and tangents over the real axis, {where}"),
        scalars("value", sweep.value, f"Value of {subject.label}"),
        *(
            scalars(f"gradient/{variable}", sweep.gradient[:, i], f"Partial derivative by {variable}")
            for i, variable in enumerate(subject.variables)
        ),
        scalars("slope", sweep.slope, "Derivative in the direction of the line,"),
        scalars("coordinate", sweep.coordinate, "The real coordinate,"),
        SWEEP,
        Texts("sweep/story", 0, _story(sweep, how), description="What the sweep shows."),
    )


def _story(sweep: Sweep, how: str) -> str:
    rows = [(f"{t.coordinate:g}", f"{t.value:.9g}", f"{t.slope:.9g}") for t in sweep.tangents]
    undefined = int((~np.isfinite(sweep.value)).sum())
    parts = [
        f"{len(sweep.coordinate)} points {sweep.where}.",
        how,
        *([f"**Undefined at {undefined} of them.**"] if undefined else []),
        *([table(("tangent at", "value", "slope"), rows)] if rows else []),
        *([f"About the function: {sweep.subject.remark}"] if sweep.subject.remark else []),
    ]
    asked = [
        ("What does it look like over the real axis?", "Images", "sweep/curve"),
        ("How do value and slope go together?", "Custom Scalars", "sweep/slope"),
        ("What is the partial derivative here?", "Time Series", f"sweep/gradient/{sweep.subject.variables[0]}"),
    ]
    return page(f"A sweep of `{sweep.subject.equation}`", parts, asked)


def sweep_steps(coordinate: np.ndarray) -> tuple[np.ndarray, str]:
    """Maps coordinates to TensorBoard's integer steps.

    The step is the coordinate times 1000, so that sweeps with other numbers of points lie over each other; times a
    higher power of ten where steps would collide; the sample's index where no power keeps them apart within ±2^53.

    Args:
      coordinate: float `[n]`, increasing.

    Returns:
      int64 `[n]`, strictly increasing, and a sentence that says which it is.
    """
    exact = coordinate.astype(np.float64)
    for power in range(_LEAST_POWER, _MOST_POWER + 1):
        scaled = np.round(exact * 10.0**power)
        if np.abs(scaled).max() > _EXACT:
            break
        steps = scaled.astype(np.int64)
        if (np.diff(steps) > 0).all():
            return steps, f"Step {10**power} is 1 on this axis: the step is the coordinate × {10**power}."
    return np.arange(len(exact)), "The step is the sample's number."
