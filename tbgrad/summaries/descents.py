"""Descent to records: every step as scalars, the path as a picture, the story as text, hparams and metrics."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tbgrad.figures.animations import encode_gif
from tbgrad.figures.canvas import encode_image
from tbgrad.figures.paths import frames, path_figure
from tbgrad.records import HParams, Images, Meshes, Record, Scalars, Texts
from tbgrad.results import FAILED, Descent, Surface
from tbgrad.summaries.hparams import hparams, metrics
from tbgrad.summaries.layouts import descent_layout
from tbgrad.summaries.meshes import CONFIG, path_meshes
from tbgrad.summaries.stories import story
from tbgrad.summaries.summarizing import picture, summarize

# TensorBoard keeps ten pictures and meshes of a tag unless told otherwise.
_SLIDER_STEPS = 10
_ANIMATION_FRAMES, _ANIMATION_DPI = 36, 100


@summarize.register
def _(descent: Descent) -> tuple[Record, ...]:
    start = descent.best_start
    steps = np.arange(descent.steps + 1)
    variables = descent.subject.variables
    # Series of one time share their events in the file.
    now = time.time()

    def scalars(tag: str, value: np.ndarray, description: str) -> Scalars:
        return Scalars(f"descent/{tag}", steps, value, now, description)

    records: list[Record] = [Texts("descent/story", 0, story(descent), description="What happened, and why.")]
    records += _pictures(descent)
    records.append(descent_layout(descent))
    records.append(scalars("value", descent.value[:, start], f"Value of {descent.subject.label} at each step."))
    if descent.gap is not None:
        with np.errstate(invalid="ignore"):
            gap = np.log10(descent.gap[:, start])
        records.append(scalars("log10_gap", gap, "log10 of the value above the known minimum; -6 is close, 0 is far."))
    for reading in descent.readings.values():
        # Where there is nothing to measure, as behind the last update, nothing is logged.
        measured = ~np.isnan(reading.value[:, start])
        unit = f" Unit: {reading.unit}." if reading.unit else ""
        tag, description = f"descent/{reading.name}", reading.description + unit
        records.append(Scalars(tag, steps[measured], reading.value[measured, start], now, description))
    for i, variable in enumerate(variables):
        records.append(scalars(f"position/{variable}", descent.position[:, start, i], f"Where {variable} is."))
        partial = descent.gradient[:, start, i]
        records.append(scalars(f"gradient/{variable}", partial, f"Partial derivative by {variable}."))
    records += _spread(descent, scalars)
    records += [Scalars(f"metrics/{name}", 0, v) for name, v in metrics(descent).items() if v is not None]
    records.append(HParams(hparams(descent), succeeded=not any(s in FAILED for s in descent.status)))
    return tuple(records)


def shown_steps(steps: int, most: int) -> np.ndarray:
    """At most so many steps, the start and the last among them, logarithmically spaced."""
    return np.unique(np.concatenate([[0], np.geomspace(1, steps, most - 1).round()]).astype(np.int64))


def _pictures(descent: Descent) -> list[Record]:
    """The path at steps that the slider goes through, its animation, and the same on the surface's mesh."""
    path = path_figure(descent)
    if path is None:
        return []
    steps = shown_steps(descent.steps, _SLIDER_STEPS)
    drawn = [encode_image(image) for image in frames(path, steps)]
    path.figure.set_dpi(_ANIMATION_DPI)
    moving = encode_gif(frames(path, shown_steps(descent.steps, _ANIMATION_FRAMES)))
    caption = "The way of the optimizer over the function; the slider goes through its steps."
    records: list[Record] = [
        Images("descent/path", steps, [p.image for p in drawn], drawn[0].size, description=caption),
        picture("descent/animation", descent.steps, moving, "The same, moving: the later, the more steps at once."),
    ]
    if isinstance(descent.landscape, Surface):
        meshes = path_meshes(descent, steps)
        parts = {name: [getattr(mesh, name) for mesh in meshes] for name in ("vertices", "faces", "colors")}
        legend = "Red: the path. White: the start. Black: the position. Gold: a known minimum."
        records.append(Meshes("descent/mesh", steps, **parts, config=CONFIG, description=legend))
    return records


def _spread(descent: Descent, scalars: Any) -> list[Scalars]:
    """Median and quartiles over the starts, where there are several."""
    if descent.value.shape[1] < 2:
        return []
    # A start that has left the floats is worse than any other, not absent.
    value = np.where(np.isnan(descent.value), np.inf, descent.value).astype(np.float64)
    lower, median, upper = np.quantile(value, [0.25, 0.5, 0.75], axis=1, method="nearest")
    number = value.shape[1]
    return [
        scalars("value/median", median, f"Median of the value over {number} starts."),
        scalars("value/lower", lower, f"Lower quartile of the value over {number} starts."),
        scalars("value/upper", upper, f"Upper quartile of the value over {number} starts."),
    ]
