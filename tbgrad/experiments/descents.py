"""`tbgrad descend`: gradient descent, into a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import as_points
from tbgrad.descent.loops import check_steps, descend, resolve_rate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.descent.recording import Recording
from tbgrad.descent.starts import SPREADS, choose_starts
from tbgrad.descent.stopping import any_of, rule
from tbgrad.errors import RangeError
from tbgrad.experiments import conditions
from tbgrad.experiments.landscapes import with_landscape
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.functions.function import Function
from tbgrad.instruments import ALL_INSTRUMENTS, INSTRUMENTS, named
from tbgrad.instruments.instrument import Instrument
from tbgrad.results import FAILED, POINTS, STATUSES, Descent
from tbgrad.summaries import summarize
from tbgrad.summaries.hparams import TARGET_GAP, metrics, metrics_of_starts

STEPS = 2000
# The exit code of a complete run in which a start diverged or was not finite.
START_FAILED = 3
_MOST_LINES = 10
MOST_STARTS = 1_000_000
# Of more starts, the report tells of those that end lowest.
MOST_REPORTED = 10_000
# For more recorded points, second derivatives are measured only where they are asked for.
MOST_CURVED = 20_000


def log_descent(
    f: Function,
    optimizer: Optimizer,
    place: Place,
    *,
    points: Sequence[Sequence[float]] = (),
    random_starts: int = 0,
    spread: str = SPREADS[0],
    steps: int = STEPS,
    stop: Sequence[tuple[str, float]] = (),
    record: str | int = "every",
    instruments: Sequence[str] = (),
    noise: float = 0.0,
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
      spread: how these lie in it; see `choose_starts`.
      steps: int ≥ 1, at most.
      stop: names and numbers of stopping rules; any of them stops a start.
      record: `every`, a number n for every n-th step, `log`, `end`, or `values` for every step without positions.
      instruments: names of what to measure; by default all, but where more than 20,000 points are recorded only those
        that need no second derivatives.
      noise: standard deviation of what is added to each partial derivative.
      dtype: `float64` or `float32`.
      seed: of the random starts and of the noise.

    Returns:
      `Outcome`; its exit code is 3 if a start diverged or was not finite.
    """
    check_steps(steps)
    if random_starts > MOST_STARTS:
        raise RangeError(f"starts is {random_starts}; at most {MOST_STARTS:,} are drawn.")
    starts = as_points(f, choose_starts(f, points, random_starts, seed, spread), dtype)
    recording = Recording("every", values_only=True) if record == "values" else Recording(record)
    rows = 0 if recording.values_only else recording.count(steps) * len(starts)
    measured = () if recording.values_only and not instruments else _instruments(instruments, rows)
    usual = set(measured) == set(_instruments((), rows)) or recording.values_only
    recording.check_memory(steps, starts.shape, starts.itemsize, len(measured))
    rules = [rule(*asked) for asked in stop]
    resolved, how = resolve_rate(f, optimizer, starts)
    others = [("starts", random_starts, 0), ("spread", spread, SPREADS[0]), ("steps", steps, STEPS)]
    others += [(name, number, None) for name, number in stop]
    others += [("record", record, "every"), ("noise", float(noise), 0.0)]
    others += [("instruments", "" if usual else "-".join(i.name for i in measured), "")]
    asked = {"command": "descend", **f.request(), "optimizer": resolved.name, "settings": resolved.changed()}
    asked |= {"learning_rate": resolved.learning_rate, "dtype": dtype, "seed": seed, "steps": steps}
    # Drawn starts are as their number, spread and seed say.
    asked |= {"points": points or None} | {name: value for name, value, default in others if value != default}
    fixed = f"descent/{resolved.name}_lr{naming.number(resolved.learning_rate)}"
    settings = _settings(f, resolved, points, others) + conditions.common(dtype, seed)
    name = naming.run_name(f.name, fixed, settings, naming.plain(asked), hashed=len(starts) > 2)

    def work() -> Product:
        descent = descend(
            f,
            resolved,
            starts,
            steps,
            instruments=measured,
            stop=any_of(rules),
            record=recording,
            noise=noise,
            seed=seed,
            rate_rule=how,
        )
        descent = with_landscape(f, descent)
        exit_code = START_FAILED if descent.verdicts.has(*FAILED) else 0
        lines = describe_descent(descent)
        return Product(summarize(descent), _arrays(descent), _report(descent), lines, exit_code, pointwise.notes(f))

    return launch(place, name, asked, work)


def describe_descent(descent: Descent) -> list[str]:
    """What came out, in a few lines."""
    rate = f"{naming.number(descent.learning_rate)} ({descent.rate_rule})"
    settings = "".join(f", {name} {value}" for name, value in descent.settings.items())
    settings += f", noise {descent.noise:g}" if descent.noise else ""
    steps = f"{descent.steps} steps" + (f" at most, stop at {descent.stop}" if descent.stop else "")
    lines = [f"{descent.subject.label}: {descent.optimizer}, learning rate {rate}{settings}, {steps}"]
    start, end = descent.start, descent.end
    best = _best_first(descent)
    if descent.starts > _MOST_LINES:
        counts = ", ".join(f"{n:,} {status.words}" for status, n in descent.verdicts.counts().items())
        lines.append(f"{descent.starts:,} starts: {counts}; those that end lowest:")
    for k in best[:_MOST_LINES]:
        first, last = _point(start.position[k]), _point(end.position[k])
        lines.append(f"from {first} to {last}: value {start.value[k]:.9g} to {end.value[k]:.9g}")
        lines.append(f"  {descent.verdicts[k].sentence}")
    if descent.starts > _MOST_LINES:
        lines.append(f"and {descent.starts - _MOST_LINES:,} further starts, in arrays.npz")
    if descent.subject.minimum is not None:
        first = metrics(descent)["steps_to_gap"]
        reached = f"first reached at step {first}" if first is not None else "not reached"
        lines.append(f"{TARGET_GAP:g} above the known minimum {descent.subject.minimum:g}: {reached}")
    return lines


def _best_first(descent: Descent) -> np.ndarray:
    """The starts, those that end lowest first, those that left the floats last."""
    value = descent.end.value
    return np.argsort(np.where(np.isfinite(value), value, np.inf), kind="stable")


def _point(position: np.ndarray) -> str:
    return f"({naming.listed([f'{x:.9g}' for x in position])})"


def _report(descent: Descent) -> dict[str, Any]:
    report = {"function": descent.subject.identity, "optimizer": descent.optimizer}
    report |= {"learning_rate": descent.learning_rate, "rate_rule": descent.rate_rule, "settings": descent.settings}
    report |= {"steps": descent.steps, "minimum": descent.subject.minimum, "metrics": metrics(descent)}
    report["statuses"] = {status.value: n for status, n in descent.verdicts.counts().items()}
    told = range(descent.starts) if descent.starts <= MOST_REPORTED else np.sort(_best_first(descent)[:MOST_REPORTED])
    norms = descent.gradient_norm(-1)
    report["starts_told"] = len(told)
    report["starts"] = [_start(descent, k, norms[k]) for k in told]
    return report


def _start(descent: Descent, k: int, gradient_norm: float) -> dict[str, object]:
    verdict = descent.verdicts[k]
    return {
        "start": descent.start.position[k],
        "position": descent.end.position[k],
        "value": descent.end.value[k],
        "gradient_norm": gradient_norm,
        "steps": descent.steps_made[k],
        "status": verdict.status.value,
        "point": verdict.point,
        "sentence": verdict.sentence,
    }


def _arrays(descent: Descent) -> dict[str, np.ndarray]:
    arrays = {"step": descent.step, "value": descent.value}
    if descent.position is not None:
        arrays |= {"position": descent.position, "gradient": descent.gradient}
    arrays |= {name: reading.value for name, reading in descent.readings.items()}
    arrays |= {"start_position": descent.start.position, "end_position": descent.end.position}
    arrays |= {"end_value": descent.end.value, "end_gradient": descent.end.gradient}
    arrays["steps_made"] = descent.steps_made
    arrays["status"] = np.array([status.value for status in STATUSES])[descent.verdicts.codes]
    # The last one stands for -1: a start that did not converge.
    arrays["point"] = np.array([*POINTS, ""])[descent.verdicts.points]
    return arrays | metrics_of_starts(descent)


def _instruments(names: Sequence[str], values: int) -> tuple[Instrument, ...]:
    """Those asked for; by default all, but of very many rows only those that need no second derivatives."""
    if names:
        asked = named(names)
        return tuple(instrument for instrument in ALL_INSTRUMENTS if instrument in asked)
    return ALL_INSTRUMENTS if values <= MOST_CURVED else INSTRUMENTS


def _settings(
    f: Function, optimizer: Optimizer, points: Sequence[Sequence[float]], others: Sequence[tuple[str, Any, Any]]
) -> list[tuple[str, str]]:
    settings = conditions.parameters(f)
    if [tuple(p) for p in points] != ([f.start] if f.start else []):
        settings += [("start", naming.point(p)) for p in points]
    settings += [conditions.setting(n, v) for n, v in optimizer.changed().items()]
    return settings + [conditions.setting(name, value) for name, value, default in others if value != default]
