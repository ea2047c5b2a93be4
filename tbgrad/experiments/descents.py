"""`tbgrad descend`: gradient descent, into a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import as_points
from tbgrad.descent.loops import descend, resolve_rate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.descent.starts import choose_starts
from tbgrad.errors import RangeError
from tbgrad.experiments import conditions
from tbgrad.experiments.landscapes import with_landscape
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.functions.function import Function
from tbgrad.results import FAILED, Descent
from tbgrad.summaries import summarize
from tbgrad.summaries.hparams import TARGET_GAP, metrics

STEPS = 2000
# The exit code of a complete run in which a start diverged or was not finite.
START_FAILED = 3
_MOST_LINES = 10
MOST_STARTS = 1_000_000


def log_descent(
    f: Function,
    optimizer: Optimizer,
    place: Place,
    *,
    points: Sequence[Sequence[float]] = (),
    random_starts: int = 0,
    steps: int = STEPS,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Descends and logs; arguments and errors as in `descent.loops.descend` and `launching.launch`.

    Args:
      f: `Function` of d variables.
      optimizer: with a learning rate or `auto`.
      place: where to log.
      points: starts, of d numbers each; by default f's published one.
      random_starts: how many more to draw in f's domain.
      steps: int ≥ 1.
      dtype: `float64` or `float32`.
      seed: of the random starts.

    Returns:
      `Outcome`; its exit code is 3 if a start diverged or was not finite.
    """
    if steps < 1:
        raise RangeError(f"steps is {steps}; expected at least 1.")
    if random_starts > MOST_STARTS:
        raise RangeError(f"starts is {random_starts}; at most {MOST_STARTS:,} are drawn.")
    starts = as_points(f, choose_starts(f, points, random_starts, seed), dtype)
    resolved, rule = resolve_rate(f, optimizer, starts)
    asked = {"command": "descend", **f.request(), "optimizer": resolved.name, "settings": resolved.changed()}
    asked |= {"learning_rate": resolved.learning_rate, "starts": starts}
    asked |= {"steps": steps, "dtype": dtype, "seed": seed}
    fixed = f"descent/{resolved.name}_lr{naming.number(resolved.learning_rate)}"
    settings = _settings(f, resolved, points, random_starts, steps) + conditions.common(dtype, seed)
    name = naming.run_name(f.name, fixed, settings, asked, hashed=len(starts) > 2)

    def work() -> Product:
        descent = with_landscape(f, descend(f, resolved, starts, steps, rate_rule=rule))
        failed = any(status in FAILED for status in descent.status)
        report = {"function": descent.subject.identity, "optimizer": descent.optimizer}
        report |= {"learning_rate": descent.learning_rate, "rate_rule": rule, "settings": descent.settings}
        report |= {"steps": steps, "metrics": metrics(descent)}
        report["starts"] = [_start(descent, k) for k in range(len(starts))]
        exit_code = START_FAILED if failed else 0
        lines = describe_descent(descent)
        return Product(summarize(descent), _arrays(descent), report, lines, exit_code, pointwise.notes(f))

    return launch(place, name, asked, work)


def describe_descent(descent: Descent) -> list[str]:
    """What came out, in a few lines."""
    rate = f"{naming.number(descent.learning_rate)} ({descent.rate_rule})"
    settings = "".join(f", {name} {value}" for name, value in descent.settings.items())
    lines = [f"{descent.subject.label}: {descent.optimizer}, learning rate {rate}{settings}, {descent.steps} steps"]
    order = np.argsort(np.where(np.isfinite(descent.value[-1]), descent.value[-1], np.inf), kind="stable")
    for k in order[:_MOST_LINES]:
        first, last = (_point(descent.position[t, k]) for t in (0, -1))
        lines.append(f"from {first} to {last}: value {descent.value[0, k]:.9g} to {descent.value[-1, k]:.9g}")
        lines.append(f"  {descent.verdicts[k].sentence}")
    if len(order) > _MOST_LINES:
        lines.append(f"and {len(order) - _MOST_LINES} further starts, in arrays.npz")
    if descent.gap is not None:
        first = metrics(descent)["steps_to_gap"]
        reached = f"first reached at step {first}" if first is not None else "not reached"
        lines.append(f"{TARGET_GAP:g} above the known minimum {descent.subject.minimum:g}: {reached}")
    return lines


def _point(position: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.9g}" for x in position) + ")"


def _start(descent: Descent, k: int) -> dict[str, object]:
    verdict = descent.verdicts[k]
    return {
        "start": descent.position[0, k],
        "position": descent.position[-1, k],
        "value": descent.value[-1, k],
        "gradient_norm": descent.gradient_norm(-1)[k],
        "steps": descent.steps,
        "status": verdict.status.value,
        "point": verdict.point,
        "sentence": verdict.sentence,
    }


def _arrays(descent: Descent) -> dict[str, np.ndarray]:
    arrays = {"position": descent.position, "value": descent.value, "gradient": descent.gradient}
    arrays |= {name: reading.value for name, reading in descent.readings.items()}
    arrays["status"] = np.array([status.value for status in descent.status])
    arrays["point"] = np.array([verdict.point or "" for verdict in descent.verdicts])
    return arrays


def _settings(
    f: Function, optimizer: Optimizer, points: Sequence[Sequence[float]], random_starts: int, steps: int
) -> list[tuple[str, str]]:
    settings = conditions.parameters(f)
    if [tuple(p) for p in points] != ([f.start] if f.start else []):
        settings += [("start", naming.point(p)) for p in points]
    if random_starts:
        settings.append(("starts", str(random_starts)))
    settings += [conditions.setting(n, v) for n, v in optimizer.changed().items()]
    return settings if steps == STEPS else [*settings, ("steps", str(steps))]
