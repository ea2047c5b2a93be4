"""tbgrad makes gradients visible in TensorBoard.

The public names are those of `__all__`. Each is loaded on first use: importing tbgrad imports neither TensorFlow nor
Matplotlib.

Example:
  >>> import tbgrad
  >>> f = tbgrad.resolve("rosenbrock")
  >>> descent = tbgrad.descend(f, tbgrad.Optimizer("adam", learning_rate=0.05), [[-1.2, 1.0]], steps=2000)
  >>> with tbgrad.open_run("logs/mine") as run:
  ...     run.write(tbgrad.summarize(descent))
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name to the module that defines it.
_HOMES = {
    "Backward": "tbgrad.results",
    "Basins": "tbgrad.results",
    "Comparison": "tbgrad.comparison.comparing",
    "Curvature": "tbgrad.results",
    "Descent": "tbgrad.results",
    "Evaluation": "tbgrad.results",
    "Examination": "tbgrad.comparison.examination.doctor",
    "Export": "tbgrad.comparison.exports.exporting",
    "Function": "tbgrad.functions.function",
    "GradientCallback": "tbgrad.training.callback",
    "GradientCheck": "tbgrad.results",
    "GradientMonitor": "tbgrad.training.monitor",
    "Graph": "tbgrad.results",
    "Minimum": "tbgrad.functions.function",
    "ModelLoss": "tbgrad.functions.models",
    "Optimizer": "tbgrad.descent.optimizers",
    "Plane": "tbgrad.results",
    "Profile": "tbgrad.results",
    "Race": "tbgrad.results",
    "RateSweep": "tbgrad.results",
    "Recording": "tbgrad.descent.recording",
    "Rules": "tbgrad.results",
    "Run": "tbgrad.runs.opening",
    "RunDifference": "tbgrad.comparison.differences.diffing",
    "Sharpness": "tbgrad.training.sharpness",
    "Status": "tbgrad.results",
    "Surface": "tbgrad.results",
    "Sweep": "tbgrad.results",
    "TbgradError": "tbgrad.errors",
    "Training": "tbgrad.results",
    "WeightTrajectory": "tbgrad.training.trajectories",
    "assert_gradient": "tbgrad.calculus.checks",
    "backward": "tbgrad.calculus.backward",
    "catalogue": "tbgrad.functions.catalogue",
    "check_gradient": "tbgrad.calculus.checks",
    "compare": "tbgrad.comparison.comparing",
    "curvature": "tbgrad.calculus.curvatures",
    "descend": "tbgrad.descent.loops",
    "diff_runs": "tbgrad.comparison.differences.diffing",
    "direction_towards": "tbgrad.calculus.directions",
    "evaluate": "tbgrad.calculus.derivatives",
    "examine": "tbgrad.comparison.examination.doctor",
    "export_scalars": "tbgrad.comparison.exports.exporting",
    "find_basins": "tbgrad.descent.basins",
    "hessian": "tbgrad.calculus.hessians",
    "hessian_directions": "tbgrad.calculus.directions",
    "hvp": "tbgrad.calculus.products",
    "jvp": "tbgrad.calculus.products",
    "landscape": "tbgrad.calculus.landscapes",
    "model_loss": "tbgrad.functions.models",
    "open_run": "tbgrad.runs.opening",
    "principal_directions": "tbgrad.calculus.directions",
    "race": "tbgrad.experiments.racing",
    "random_directions": "tbgrad.calculus.directions",
    "read_arrays": "tbgrad.runs.opening",
    "read_run": "tbgrad.events.reader",
    "resolve": "tbgrad.functions.resolving",
    "restrict": "tbgrad.functions.restrictions",
    "show": "tbgrad.figures.showing",
    "summarize": "tbgrad.summaries",
    "surface": "tbgrad.calculus.surfaces",
    "sweep": "tbgrad.calculus.sweeps",
    "sweep_rates": "tbgrad.descent.rate_sweeps",
    "trace_graph": "tbgrad.calculus.graphs",
    "with_landscape": "tbgrad.experiments.landscapes",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tbgrad' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
