"""The settings of a descent, and the metrics by which descents are compared.

A setting has the same type in every run, or TensorBoard makes text of its column. So what is one number in some runs
and many in others has two names: `learning_rate`, a number, and `learning_rate_range`, a text. A run that lacks one of
the columns shown has no line in the parallel coordinates: so what every descent has is told also where it is as usual.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.records import Scalars
from tbgrad.results import Descent, Subject
from tbgrad.summaries.summarizing import in_unit

TARGET_GAP = 1e-6


# What each metric is, and its unit.
_METRICS = {
    "steps_to_gap": ("The first recorded step whose value is at most 1e-6 above the known minimum.", "steps"),
    "best_value": ("The lowest value of the start that ends best.", "value"),
    "final_value": ("The last value of the start that ends best.", "value"),
    "share_of_global_minimum": ("The share of all starts that end in a known global minimum, from 0 to 1.", ""),
    "share_converged": ("The share of all starts that converged, from 0 to 1.", ""),
    "median_steps": ("The median of the updates that the converged starts made.", "updates"),
    "best_steps": ("The steps to the target with the best learning rate.", "steps"),
    "best_rate": ("The learning rate that needs the fewest steps to the target.", "position² per value"),
    "best_momentum": ("The momentum beside the best learning rate.", ""),
    "first_diverging_rate": ("The smallest learning rate that diverges.", "position² per value"),
}


def metric_records(found: Mapping[str, float | None]) -> list[Scalars]:
    """The metrics that there are, as scalars at step 0, which HParams compares."""
    return [
        Scalars(f"metrics/{name}", 0, value, description=in_unit(*_METRICS[name]))
        for name, value in found.items()
        if value is not None
    ]


def metrics(descent: Descent) -> dict[str, float | None]:
    """The numbers by which runs are compared, of the start that ends best.

    Returns:
      `steps_to_gap`: the first recorded step whose value is at most 1e-6 above the known minimum, or None;
      `best_value`: the lowest finite value, or NaN; `final_value`.
    """
    value, minimum = descent.value[:, descent.best_start], descent.subject.minimum
    finite = value[np.isfinite(value)]
    found: dict[str, float | None] = {"steps_to_gap": None}
    if minimum is not None:
        reached = np.flatnonzero(value <= minimum + TARGET_GAP)
        found["steps_to_gap"] = int(descent.best_step[reached[0]]) if reached.size else None
    found["best_value"] = float(finite.min()) if finite.size else float("nan")
    found["final_value"] = float(value[-1])
    return found


def metrics_of_starts(descent: Descent) -> dict[str, np.ndarray]:
    """The same of each start, by which groups of runs are compared.

    Returns:
      Float64 `[starts]` each: `steps_to_gap`, infinite where the gap is not reached, and `best_gap`, both only where
      the minimum is known; `best_value` and `final_value`. NaN where a start has no finite value.
    """
    value, minimum = descent.value, descent.subject.minimum
    finite = np.where(np.isfinite(value), value, np.inf).min(axis=0)
    found = {"best_value": np.where(np.isfinite(finite), finite, np.nan), "final_value": descent.end.value}
    if minimum is not None:
        reached = value <= minimum + TARGET_GAP
        steps = np.minimum(descent.step[reached.argmax(axis=0)], descent.steps_made)
        found["steps_to_gap"] = np.where(reached.any(axis=0), steps, np.inf)
        found["best_gap"] = np.maximum(finite - minimum, np.finfo(value.dtype).eps * max(1.0, abs(minimum)))
    return {name: series.astype(np.float64) for name, series in found.items()}


def hparams(descent: Descent) -> dict[str, Any]:
    """The settings of a descent, for the HParams dashboard."""
    starts = descent.start.position
    return {
        **conditions(descent.subject, descent.optimizer, descent.learning_rate, descent.settings),
        "start": start_words(starts[0]) if len(starts) == 1 else f"{len(starts)} starts",
        "steps": descent.steps,
        "noise": descent.noise,
        "stop": descent.stop or "none",
        "seed": descent.seed,
        "dtype": descent.value.dtype.name,
    }


def conditions(
    subject: Subject, optimizer: str, learning_rate: float | np.ndarray | None, settings: Mapping[str, Any]
) -> dict[str, bool | float | str]:
    """What every run of an optimizer has: the function, the optimizer, its settings, and parameters that differ."""
    given = {"learning_rate": learning_rate, **settings}
    told: dict[str, bool | float | str] = {}
    for name, value in given.items():
        told |= setting(name, value) if value is not None else {}
    return {
        **told,
        "function": subject.identity,
        "optimizer": optimizer,
        **({"dimensions": len(subject.variables)} if subject.resized else {}),
        **{f"parameter_{name}": subject.parameters[name] for name in subject.changed},
    }


def setting(name: str, value: Any) -> dict[str, bool | float | str]:
    """A setting by its name; of one that each descent of a run has of its own, the range."""
    if isinstance(value, np.ndarray):
        return {f"{name}_range": f"{value.min():.4g} to {value.max():.4g}"}
    return {name: value if isinstance(value, bool | np.bool_ | numbers.Real | str) else str(value)}


def start_words(start: np.ndarray) -> str:
    """A start as one setting: `2, 1`."""
    return naming.point(start).replace("_", ", ")
