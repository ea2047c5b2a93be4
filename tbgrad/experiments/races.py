"""`tbgrad race`: several optimizers from one start, each into a run of its own, and side by side in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.descent.loops import check_steps
from tbgrad.descent.optimizers import Optimizer
from tbgrad.experiments import conditions
from tbgrad.experiments.descents import MOST_CURVED, START_FAILED, log_descent
from tbgrad.experiments.launching import Outcome, Place, Product, find, launch
from tbgrad.experiments.racing import STEPS, line_up, race, race_start
from tbgrad.functions.function import Function
from tbgrad.instruments import ALL_INSTRUMENTS, INSTRUMENTS
from tbgrad.results import Race
from tbgrad.summaries import summarize
from tbgrad.summaries.hparams import metrics
from tbgrad.summaries.races import UNTUNED, winner_words


def log_race(
    f: Function,
    optimizers: Sequence[Optimizer],
    place: Place,
    *,
    start: Sequence[float] | None = None,
    steps: int = STEPS,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Lets optimizers race and logs it; arguments and errors as in `racing.race` and `launching.launch`.

    Each racer is logged as `log_descent` logs it alone, or found where that was done already.

    Args:
      f: `Function` of d variables.
      optimizers: 2 to 10, each with a learning rate or `auto`.
      place: where to log; a name given there is the race's own, and what is to be overwritten are the racers' runs too.
      start: d numbers; by default f's published start.
      steps: int ≥ 1, updates that each makes.
      dtype: `float64` or `float32`.
      seed: kept with the request.

    Returns:
      `Outcome`; its exit code is 3 if a racer diverged or was not finite.
    """
    check_steps(steps)
    starts = race_start(f, start, dtype)
    racers = line_up(f, optimizers, starts)
    # A start that is given and the published one are the same request.
    published = f.start is not None and (start is None or tuple(start) == f.start)
    told = [
        {"optimizer": r.optimizer.name, "learning_rate": r.optimizer.learning_rate, "settings": r.optimizer.changed()}
        for r in racers
    ]
    asked = {"command": "race", **f.request(), "racers": told, "start": None if published else starts[0]}
    asked |= {"steps": steps, "dtype": dtype, "seed": seed}
    settings = conditions.parameters(f) + ([] if published else [("start", naming.point(starts[0]))])
    settings += [("steps", str(steps))] * (steps != STEPS) + conditions.common(dtype, seed)
    # Names of optimizers say little without rates and settings: a hash stands for all of these.
    who = "-".join(racer.optimizer.name for racer in racers)
    fixed = f"race/{who if len(who) <= naming.LONGEST_SLUG else f'{len(racers)}_racers'}"
    name = naming.run_name(f.name, fixed, [*settings, ("racers", who)], naming.plain(asked), hashed=True)
    # Whatever forbids the race is said before its racers are logged.
    find(place, name, asked)
    descents = [
        log_descent(
            f,
            optimizer,
            Place(place.logdir, overwrite=place.overwrite),
            points=() if published else [tuple(starts[0].tolist())],
            steps=steps,
            dtype=dtype,
            seed=seed,
        )
        for optimizer in optimizers
    ]

    def work() -> Product:
        # What log_descent measures too, so that nothing is compiled again.
        measured = ALL_INSTRUMENTS if steps < MOST_CURVED else INSTRUMENTS
        run = race(f, optimizers, starts[0], steps, instruments=measured, dtype=dtype)
        arrays = {"step": run.descents[0].step, "value": run.value, "steps_to_target": run.steps_to_target}
        exit_code = START_FAILED if run.failed.any() else 0
        report = _report(run, [outcome.report for outcome in descents])
        return Product(summarize(run), arrays, report, describe_race(run), exit_code, pointwise.notes(f))

    outcome = launch(place, name, asked, work)
    notes = dict.fromkeys([*(note for found in descents for note in found.notes), *outcome.notes])
    return Outcome(outcome.report, outcome.lines, outcome.exit_code, tuple(notes))


def describe_race(run: Race) -> list[str]:
    """What came out, in a few lines."""
    lines = [f"{run.subject.label}: {len(run)} racers {run.from_where}, {run.steps:,} steps; target: {run.target_rule}"]
    arrival, width = run.steps_to_target, max(map(len, run.names))
    for rank, k in enumerate(run.order, start=1):
        arrived = f"{arrival[k]:,.0f} steps" if np.isfinite(arrival[k]) else "not reached"
        status = run.verdicts[k].status.words
        lines.append(f"{rank:>2}. {run.names[k]:<{width}}  {arrived:>12}  value {run.value[-1, k]:.6g}: {status}")
    return [*lines, winner_words(run), UNTUNED]


def _report(run: Race, descents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    report = {"function": run.subject.identity, "start": run.start, "steps": run.steps}
    report |= {"target": run.target, "target_rule": run.target_rule}
    report["racers"] = [_racer(run, k, descents[k]) for k in run.order]
    return report


def _racer(run: Race, k: int, logged: Mapping[str, Any]) -> dict[str, Any]:
    descent, verdict, arrival = run.descents[k], run.verdicts[k], run.steps_to_target[k]
    return {
        "racer": run.names[k],
        "optimizer": descent.optimizer,
        "learning_rate": descent.learning_rate,
        "rate_rule": logged["rate_rule"],
        "settings": descent.settings,
        "run": logged["run"],
        "steps_to_target": int(arrival) if np.isfinite(arrival) else None,
        "metrics": metrics(descent),
        "position": descent.end.position[0],
        "status": verdict.status.value,
        "point": verdict.point,
        "sentence": verdict.sentence,
    }
