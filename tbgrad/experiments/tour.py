"""`tbgrad tour`: the whole tutorial and an optimizer race, logged and told.

It owns `LOGDIR/tour` and makes its runs anew each time.
"""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus.backward import backward
from tbgrad.calculus.derivatives import evaluate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.events.reader import find_runs
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.launching import Outcome, Place, check_writable
from tbgrad.experiments.sweeps import log_sweep
from tbgrad.functions.catalogue import lookup
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import interpret, numpy_table
from tbgrad.runs.board import address
from tbgrad.runs.opening import delete_run

# A converged descent that is so far above the global minimum has found another one.
_WELL_ABOVE = 1e-3

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Stop:
    """One stop of the tour: an experiment with a function."""

    function: str
    log: Callable[..., Outcome]
    arguments: Sequence[Any] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What progress shows."""
        if self.log is log_sweep:
            return f"{self.function}: sweep"
        optimizer = self.arguments[0]
        settings = "".join(f", {name} {value:g}" for name, value in optimizer.settings.items())
        return f"{self.function}: descent with {optimizer.name} {optimizer.learning_rate:g}{settings}"


def _descent(function: str, optimizer: str, rate: float, steps: int, **settings: Any) -> Stop:
    return Stop(function, log_descent, (Optimizer(optimizer, rate, **settings),), {"steps": steps})


def _sweep(function: str, **settings: Any) -> Stop:
    return Stop(function, log_sweep, (), settings)


STOPS = (
    _sweep("tilted_waves", fix={"y": 1.0}),
    _descent("tilted_waves", "sgd", 0.1, 1000),
    _sweep("fading_wave", points=100, tangents=(4.1,)),
    _descent("fading_wave", "sgd", 0.1, 1000),
    _sweep("ripple"),
    _descent("ripple", "sgd", 0.1, 500),
    _descent("ripple", "adam", 0.1, 500),
    _sweep("rosenbrock", start=(-1.2, 1.0), end=(1.0, 1.0)),
    _descent("rosenbrock", "sgd", 0.00125, 2000),
    _descent("rosenbrock", "sgd", 0.001, 2000, momentum=0.9),
    _descent("rosenbrock", "rmsprop", 0.001, 2000),
    _descent("rosenbrock", "adam", 0.05, 2000),
    _descent("rosenbrock", "sgd", 0.01, 2000),
)


def log_tour(logdir: Path, board: str, progress: Progress = lambda done, total, what: None) -> Outcome:
    """Runs the tour.

    Args:
      logdir: its parent; the tour owns `logdir/tour` and deletes its former runs there.
      board: the command that starts the board, as the user would type it, without its directory.
      progress: is told (stops done, stops in all, what comes next).

    Returns:
      `Outcome`: the story; its last line opens the board.

    Raises:
      LogdirError, RunLockedError: the directory cannot be written.
    """
    home = logdir / "tour"
    check_writable(home)
    for run in find_runs(home) if home.is_dir() else ():
        delete_run(run)
    outcomes: list[tuple[Stop, Outcome]] = []
    for stop in STOPS:
        progress(len(outcomes), len(STOPS), stop.title)
        place = Place(home, overwrite=True)
        outcomes.append((stop, stop.log(lookup(stop.function), *stop.arguments, place, **stop.settings)))
    progress(len(STOPS), len(STOPS), "done")
    opens = f"{board} {shlex.quote(str(home))}"
    table = gradient_table(lookup("ripple"), (2.0, 0.0))
    lines = [
        *_story(outcomes),
        "",
        *_table_lines(table),
        "",
        *_views(),
        "",
        "The line that opens the board, for these addresses:",
    ]
    report = {"logdir": str(logdir), "run": "tour", "board": opens, "gradient_of_ripple_at_2_0": table}
    report["runs"] = [_without_arrays(outcome.report) for _, outcome in outcomes]
    return Outcome(naming.plain(report), (*lines, opens))


def gradient_table(f: Function, point: Sequence[float]) -> list[dict[str, Any]]:
    """Value and gradient of a formula by hand, by autograd where it is installed, and by TensorFlow."""
    hand = backward(f, point)
    found = evaluate(f, [point])
    rows = [("by hand", hand.value, list(hand.gradient))]
    if importlib.util.find_spec("autograd"):
        rows.append(("autograd", *_by_autograd(f, point)))
    rows.append(("TensorFlow", float(found.value[0]), found.gradient[0].tolist()))
    return [{"way": way, "value": value, "gradient": gradient} for way, value, gradient in rows]


def _by_autograd(f: Function, point: Sequence[float]) -> tuple[float, list[float]]:
    import autograd
    import autograd.numpy

    table = numpy_table(autograd.numpy)

    def value(position: Any) -> Any:
        variables = {name: position[i] for i, name in enumerate(f.variables)}
        return interpret(f.nodes, table, variables)[-1]

    at = np.array(point, dtype=float)
    return float(value(at)), autograd.grad(value)(at).tolist()


def _story(outcomes: Sequence[tuple[Stop, Outcome]]) -> list[str]:
    lines = []
    for function in dict.fromkeys(stop.function for stop, _ in outcomes):
        of_it = [(stop, outcome.report) for stop, outcome in outcomes if stop.function == function]
        sweep = next(report for stop, report in of_it if stop.log is log_sweep)
        descents = [report for stop, report in of_it if stop.log is log_descent]
        lines += ["", f"{function} = {lookup(function).text()}"]
        lines.append(f"  sweep {sweep['where']}")
        lines += [f"  {sentence}" for sentence in sweep["undefined"]]
        lines += [
            f"  tangent at {t['coordinate']:g}: value {t['value']:.4f}, slope {t['slope']:.6f}"
            for t in sweep["tangents"]
        ]
        lines += ["  " + _descent_line(report) for report in descents]
        lines += [f"  {sentence}" for sentence in _deeper_valley(lookup(function), descents)]
        lines += [f"  {remark}" for remark in _REMARKS.get(function, ())]
    return lines[1:]


# What the numbers above mean; tests hold each to the mathematics.
_REMARKS = {
    "ripple": ("Two optimizers, one ring: every point at distance 3π/2 from the origin is a minimum.",),
    "rosenbrock": (
        "sgd 0.00125 crawls along the valley; momentum and adam get there; rmsprop is late and never settles: its",
        "updates stay about as long as its rate. Each rate is one untuned choice: the race compares settings.",
    ),
}


def _deeper_valley(f: Function, descents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says where the global minimum is, if all descents converged well above it."""
    ends = [report["starts"][0] for report in descents]
    minima = f.known_minima()
    if not minima or any(end["status"] != "converged" or end["value"] < minima[0].value + _WELL_ABOVE for end in ends):
        return []
    where = ", ".join(f"{x:.3f}" for x in minima[0].points[0])
    return [f"It found the valley below its start; the deepest is at ({where}), value {minima[0].value:.4f}."]


def _descent_line(report: Mapping[str, Any]) -> str:
    start = report["starts"][0]
    settings = "".join(f", {name} {value:g}" for name, value in report["settings"].items())
    method = f"{report['optimizer']} {report['learning_rate']:g}{settings}"
    if start["status"] in ("diverged", "not_finite"):
        return f"{method:<24} {start['sentence']}"
    at = ", ".join(f"{x:.3f}" for x in start["position"])
    origin = ", ".join(f"{x:g}" for x in start["start"])
    reached = report["metrics"]["steps_to_gap"]
    gap = f", 1e-6 from the minimum at step {reached}" if reached is not None else ""
    return (
        f"{method:<24} from ({origin}) to ({at}), value {start['value']:.4g}{gap}: {start['status'].replace('_', ' ')}"
    )


def _table_lines(table: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["ripple at (2, 0)   value                gradient"]
    for row in table:
        gradient = ", ".join(repr(x + 0.0) for x in row["gradient"])
        lines.append(f"  {row['way']:<16} {row['value']!r:<20} ({gradient})")
    if len(table) < 3:
        lines.append("  autograd is not installed; with it ('pip install autograd') it stands here too.")
    return lines


def _views() -> list[str]:
    race = address("timeseries", runFilter="rosenbrock/descent", tagFilter="log10_gap|decrease_ratio", smoothing="0")
    views = (
        ("the race", race),
        ("curves and tangents", address("timeseries", tagFilter="sweep/curve")),
        ("the ways down", address("timeseries", tagFilter="descent/path")),
        ("the runs compared", address("hparams")),
        ("the stories", address("text")),
    )
    return [f"{what:<20} {where}" for what, where in views]


def _without_arrays(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in report.items()
        if name not in ("coordinate", "position", "value", "gradient", "slope")
    }
