"""The settings of a descent, and the metrics by which descents are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.results import Descent

TARGET_GAP = 1e-6


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
        **({"dimensions": len(descent.subject.variables)} if descent.subject.resized else {}),
        **{f"parameter_{name}": descent.subject.parameters[name] for name in descent.subject.changed},
        "start": first if len(starts) == 1 else f"{len(starts)} starts",
        "steps": descent.steps,
        "dtype": descent.value.dtype.name,
    }
