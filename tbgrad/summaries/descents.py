"""Descent to records: the recorded steps as scalars, the path as a picture, the story as text, hparams and metrics."""

from __future__ import annotations

import time

import numpy as np

from tbgrad.figures.animations import encode_gif
from tbgrad.figures.canvas import encode, encode_image
from tbgrad.figures.partials import partials_figure
from tbgrad.figures.paths import frames, path_figure, thin_colours
from tbgrad.figures.straight import line_figure
from tbgrad.records import HParams, Images, Meshes, Record, Scalars, Texts
from tbgrad.results import FAILED, Descent, Surface
from tbgrad.summaries.bands import bands
from tbgrad.summaries.boxes import box_words, view
from tbgrad.summaries.hparams import hparams, metric_records, metrics
from tbgrad.summaries.layouts import descent_layout
from tbgrad.summaries.path_meshes import path_meshes
from tbgrad.summaries.stories import story
from tbgrad.summaries.summarizing import in_unit, picture, summarize

# TensorBoard keeps ten pictures and meshes of a tag unless told otherwise.
_SLIDER_STEPS = 10
_ANIMATION_FRAMES, _ANIMATION_DPI = 36, 100


@summarize.register
def _(descent: Descent) -> tuple[Record, ...]:
    records: list[Record] = [Texts("descent/story", 0, story(descent), description="What happened, and why.")]
    records += _pictures(descent) + _of_many_variables(descent)
    records.append(descent_layout(descent))
    # Series of one time share their events in the file.
    now = time.time()
    records += _series(descent, now)
    records += bands(descent, now)
    records += metric_records(metrics(descent))
    records.append(HParams(hparams(descent), succeeded=not descent.verdicts.has(*FAILED)))
    return tuple(records)


def shown_rows(last: int, most: int) -> np.ndarray:
    """At most so many rows, the first and the last among them, logarithmically spaced."""
    spaced = np.concatenate([[0], np.geomspace(1, max(1, last), most - 1).round()])
    return np.unique(spaced.clip(max=last)).astype(np.int64)


def _series(descent: Descent, now: float) -> list[Scalars]:
    """All that was recorded of the start that ends best, until it stopped."""
    start, rows = descent.best_start, slice(0, descent.last_row + 1)
    steps = descent.best_step[rows]

    def scalars(tag: str, value: np.ndarray, description: str) -> Scalars:
        return Scalars(f"descent/{tag}", steps, value[rows], now, description)

    words = in_unit(f"Value of {descent.subject.label} at each step.", "value")
    records = [scalars("value", descent.value[:, start], words)]
    gap = descent.best_gap
    if gap is not None:
        with np.errstate(invalid="ignore"):
            gap = np.log10(gap)
        words = "log10 of the value above the known minimum; -6 is close, 0 is far."
        records.append(scalars("log10_gap", gap, in_unit(words, "log10 of value")))
    if descent.log10_value is not None:
        words = in_unit("log10 of the value, which is always positive here.", "log10 of value")
        records.append(scalars("log10_value", descent.log10_value, words))
    for reading in descent.readings.values():
        # Where there is nothing to measure, as behind the last update, nothing is logged.
        read = reading.value[rows, start]
        measured = ~np.isnan(read)
        if measured.any():
            tag, description = f"descent/{reading.name}", in_unit(reading.description, reading.unit)
            records.append(Scalars(tag, steps[measured], read[measured], now, description))
    if descent.position is not None:
        for i, variable in enumerate(descent.subject.variables):
            words = in_unit(f"Where {variable} is.", variable)
            records.append(scalars(f"position/{variable}", descent.position[:, start, i], words))
            words = in_unit(f"Partial derivative by {variable}.", f"value per {variable}")
            records.append(scalars(f"gradient/{variable}", descent.gradient[:, start, i], words))
    return records


def _pictures(descent: Descent) -> list[Record]:
    """The path at steps that the slider goes through, its animation, and the same on the surface's mesh."""
    path = path_figure(descent)
    if path is None:
        return []
    last = descent.last_row
    rows = shown_rows(last, _SLIDER_STEPS)
    steps = descent.best_step[rows]
    drawn = [encode_image(image) for image in frames(path, rows)]
    path.figure.set_dpi(_ANIMATION_DPI)
    moving = encode_gif(frames(path, shown_rows(last, _ANIMATION_FRAMES)), thin_colours())
    moves = "The same as descent/path, moving: the later, the more steps at once. Axes: position; colours: value."
    records: list[Record] = [
        Images("descent/path", steps, [p.image for p in drawn], drawn[0].size, description=_path_words(descent)),
        picture("descent/animation", int(descent.best_step[last]), moving, moves),
    ]
    if isinstance(descent.landscape, Surface):
        meshes = path_meshes(descent, rows)
        parts = {name: [getattr(mesh, name) for mesh in meshes] for name in ("vertices", "faces", "colors")}
        surface = descent.landscape
        marks = "Red: the path. White: the start. Black: the position. Gold: a known minimum."
        legend = f"The path on the surface, {surface.where}: {box_words(surface)} {marks}"
        records.append(Meshes("descent/mesh", steps, **parts, config=view(meshes[-1]), description=legend))
    return records


def _of_many_variables(descent: Descent) -> list[Record]:
    """What more than two variables have beside a path on a plane: the straight line, and all partial derivatives."""
    if descent.plane is None:
        return []
    step, records = int(descent.best_step[descent.last_row]), []
    for tag, figure, words in (
        ("descent/line", line_figure(descent), "The value on the straight line from the start to the end, and the "
         "path's values beside it. Axes: distance from the start, in position; value."),
        ("descent/partials", partials_figure(descent), "Partial derivatives over the steps, a row for each variable: "
         "red is positive, blue negative. Axes: step; variable; colours: value per position."),
    ):  # fmt: skip
        if figure is not None:
            records.append(picture(tag, step, encode(figure), words))
    return records


def _path_words(descent: Descent) -> str:
    words = (
        "The way of the optimizer over the function; the slider goes through its steps. Light is early, dark is late."
    )
    if descent.plane is not None:
        share = f"{sum(descent.plane.explained):.3%}"
        ends = "its start and its end" if descent.plane.through_end else "its start"
        words += f" It is projected on a plane through {ends} that holds {share} of its variance nearby."
    return f"{words} Axes: position; colours: value."
