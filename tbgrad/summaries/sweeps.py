"""Sweep to records: the scalars along the line, and pictures with the real axis, two of them with a slider."""

from __future__ import annotations

import time

import numpy as np

from tbgrad.figures.canvas import encode, encode_image
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.paths import PathFigure, frames
from tbgrad.figures.secants import secant_figure, tangent_figure, tangent_rows
from tbgrad.records import Images, Record, Scalars, Texts
from tbgrad.results import Sweep
from tbgrad.summaries.layouts import SWEEP
from tbgrad.summaries.summarizing import in_unit, picture, summarize
from tbgrad.summaries.sweep_pages import sweep_story

# TensorBoard's browser keeps integers exactly up to here.
_EXACT = 2**53
_LEAST_POWER, _MOST_POWER = 3, 300
# TensorBoard keeps ten pictures of a tag unless told otherwise.
_SLIDER_STEPS = 10


@summarize.register
def _(sweep: Sweep) -> tuple[Record, ...]:
    steps, how = sweep_steps(sweep.coordinate)
    subject, along = sweep.subject, sweep.coordinate_name
    where = f"{sweep.where}. {how}"
    # Series of one time share their events in the file.
    now = time.time()

    def scalars(tag: str, value: np.ndarray, what: str, unit: str) -> Scalars:
        return Scalars(f"sweep/{tag}", steps, value, now, in_unit(f"{what} {where}", unit))

    second = []
    if sweep.second is not None:
        what = "Second derivative in the direction of the line,"
        second.append(scalars("second_derivative", sweep.second, what, f"value per {along}²"))
    return (
        *_pictures(sweep, steps, where),
        scalars("value", sweep.value, f"Value of {subject.label}", "value"),
        *(
            scalars(
                f"gradient/{variable}",
                sweep.gradient[:, i],
                f"Partial derivative by {variable}",
                f"value per {variable}",
            )
            for i, variable in enumerate(subject.variables)
        ),
        scalars("slope", sweep.slope, "Derivative in the direction of the line,", f"value per {along}"),
        *second,
        scalars("coordinate", sweep.coordinate, "The real coordinate,", along),
        SWEEP,
        Texts("sweep/story", 0, sweep_story(sweep, how), description="What the sweep shows."),
    )


def _pictures(sweep: Sweep, steps: np.ndarray, where: str) -> list[Images]:
    """The whole curve; the tangent that moves along it; and the secant that becomes the first tangent asked for."""
    axes = f"Axes: {sweep.coordinate_name}; value, and value per {sweep.coordinate_name}."
    what = "f, its derivative, tangents, and where the slope is zero, over the real axis,"
    pictures = [picture("sweep/curve", 0, encode(curve_figure(sweep)), f"{what} {where} {axes}")]
    rows = tangent_rows(sweep, _SLIDER_STEPS)
    if len(rows):
        what = "The tangent at the step's coordinate, and its slope as the height of the derivative, for some points"
        pictures.append(_slider("sweep/tangent", steps[rows], tangent_figure(sweep), rows, f"{what} {where} {axes}"))
    tangent = next((t for t in sweep.tangents if t.secants), None)
    if tangent is not None:
        x = f"{tangent.coordinate:g}"
        what = f"The line through the points at {x} and {x} + h becomes the tangent as h is halved at each step,"
        what = f"{what} {sweep.where}. {axes}"
        numbers = np.arange(len(tangent.secants))[:_SLIDER_STEPS]
        pictures.append(_slider("sweep/secant", numbers, secant_figure(sweep, tangent), numbers, what))
    return pictures


def _slider(tag: str, steps: np.ndarray, figure: PathFigure, rows: np.ndarray, description: str) -> Images:
    drawn = [encode_image(image) for image in frames(figure, rows.tolist())]
    return Images(tag, steps, [each.image for each in drawn], drawn[0].size, description=description)


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
