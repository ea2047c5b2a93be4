"""The settings of a descent, and the metrics by which descents are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.results import Descent, Subject

TARGET_GAP = 1e-6


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


def hparams(descent: Descent) -> dict[str, Any]:
    """The settings of a descent, for the HParams dashboard."""
    starts, rate = descent.start.position, descent.learning_rate
    if isinstance(rate, np.ndarray):
        rate = f"{rate.min():.4g} to {rate.max():.4g}"
    return {
        **conditions(descent.subject, descent.optimizer, rate, descent.settings),
        "start": start_words(starts[0]) if len(starts) == 1 else f"{len(starts)} starts",
        "steps": descent.steps,
        **({"noise": descent.noise} if descent.noise else {}),
        **({"stop": descent.stop} if descent.stop else {}),
        "dtype": descent.value.dtype.name,
    }


def conditions(
    subject: Subject, optimizer: str, learning_rate: float | str | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What every run of an optimizer has: the function, the optimizer, its settings, and parameters that differ."""
    given = {name: value for name, value in settings.items() if value is not None}
    return {
        "function": subject.identity,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        **{name: v if isinstance(v, bool | int | float | str) else str(v) for name, v in given.items()},
        **({"dimensions": len(subject.variables)} if subject.resized else {}),
        **{f"parameter_{name}": subject.parameters[name] for name in subject.changed},
    }


def start_words(start: np.ndarray) -> str:
    """A start as one setting: `2, 1`."""
    return naming.point(start).replace("_", ", ")
