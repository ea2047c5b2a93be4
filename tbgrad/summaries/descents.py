"""Descent to records: every step as scalars, the path as a picture, the story as text, hparams and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.figures.canvas import encode
from tbgrad.figures.showing import descent_figure
from tbgrad.records import HParams, Record, Scalars, Texts
from tbgrad.results import FAILED, Descent
from tbgrad.summaries.stories import story
from tbgrad.summaries.summarizing import picture, summarize

TARGET_GAP = 1e-6


@summarize.register
def _(descent: Descent) -> tuple[Record, ...]:
    start = descent.best_start
    steps = np.arange(descent.steps + 1)
    variables = descent.subject.variables

    def scalars(tag: str, value: np.ndarray, description: str) -> Scalars:
        return Scalars(f"descent/{tag}", steps, value, description=description)

    records: list[Record] = [Texts("descent/story", 0, story(descent), description="What happened, and why.")]
    figure = descent_figure(descent)
    if figure is not None:
        caption = "The way of the optimizer over the function, from start to end."
        records.append(picture("descent/path", descent.steps, encode(figure), caption))
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
        records.append(Scalars(tag, steps[measured], reading.value[measured, start], description=description))
    for i, variable in enumerate(variables):
        records.append(scalars(f"position/{variable}", descent.position[:, start, i], f"Where {variable} is."))
        partial = descent.gradient[:, start, i]
        records.append(scalars(f"gradient/{variable}", partial, f"Partial derivative by {variable}."))
    records += _spread(descent, scalars)
    records += [Scalars(f"metrics/{name}", 0, v) for name, v in metrics(descent).items() if v is not None]
    records.append(HParams(hparams(descent), succeeded=not any(s in FAILED for s in descent.status)))
    return tuple(records)


def metrics(descent: Descent) -> dict[str, float | None]:
    """The numbers by which runs are compared, of the start that ends best.

    Returns:
      `steps_to_gap`: the first step whose value is at most 1e-6 above the known minimum, or None; `best_value`: the
      lowest finite value, or NaN; `final_value`.
    """
    value = descent.value[:, descent.best_start]
    finite = value[np.isfinite(value)]
    found: dict[str, float | None] = {"steps_to_gap": None}
    if descent.gap is not None:
        reached = np.flatnonzero(descent.gap[:, descent.best_start] <= TARGET_GAP)
        found["steps_to_gap"] = int(reached[0]) if reached.size else None
    found["best_value"] = float(finite.min()) if finite.size else float("nan")
    found["final_value"] = float(value[-1])
    return found


def hparams(descent: Descent) -> dict[str, Any]:
    """The settings of a descent, for the HParams dashboard."""
    starts = descent.position[0]
    first = naming.point(starts[0]).replace("_", ", ")
    given = {name: value for name, value in descent.settings.items() if value is not None}
    settings = {name: v if isinstance(v, bool | int | float | str) else str(v) for name, v in given.items()}
    return {
        "function": descent.subject.identity,
        "optimizer": descent.optimizer,
        "learning_rate": descent.learning_rate,
        **settings,
        **{f"parameter_{name}": descent.subject.parameters[name] for name in descent.subject.changed},
        "start": first if len(starts) == 1 else f"{len(starts)} starts",
        "steps": descent.steps,
        "dtype": descent.value.dtype.name,
    }


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
