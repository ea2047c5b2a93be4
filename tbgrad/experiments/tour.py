"""`tbgrad tour`: the whole tutorial and an optimizer race, logged and told.

It owns `LOGDIR/tour` and makes its runs anew each time.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.descent.optimizers import Optimizer
from tbgrad.events.reader import find_runs
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.graphs import log_graph, log_graph_twice
from tbgrad.experiments.guide import gradient_table, guide, story, table_lines, views
from tbgrad.experiments.launching import TOUR, Outcome, Place, check_writable
from tbgrad.experiments.races import log_race
from tbgrad.experiments.surfaces import log_surface
from tbgrad.experiments.sweeps import log_sweep
from tbgrad.functions.catalogue import lookup
from tbgrad.records import Texts
from tbgrad.runs.opening import delete_run, open_run

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
        if self.log is not log_descent:
            return f"{self.function}: {_KINDS[self.log]}"
        optimizer = self.arguments[0]
        settings = "".join(f", {name} {value:g}" for name, value in optimizer.settings.items())
        return f"{self.function}: descent with {optimizer.name} {optimizer.learning_rate:g}{settings}"


_KINDS = {
    log_graph: "graph",
    log_graph_twice: "graph, the gradient twice",
    log_sweep: "sweep",
    log_surface: "surface",
    log_descent: "descent",
    log_race: "race",
}


def _descent(function: str, optimizer: str, rate: float, steps: int, **settings: Any) -> Stop:
    return Stop(function, log_descent, (Optimizer(optimizer, rate, **settings),), {"steps": steps})


_RACE_STEPS = 2000
_RACERS = (
    Optimizer("sgd", 0.00125),
    Optimizer("sgd", 0.001, momentum=0.9),
    Optimizer("rmsprop", 0.001),
    Optimizer("adam", 0.05),
    Optimizer("sgd", 0.01),
)

STOPS = (
    Stop("tilted_waves", log_graph, settings={"at": (2.0, 1.0)}),
    Stop("tilted_waves", log_sweep, settings={"fix": {"y": 1.0}}),
    Stop("tilted_waves", log_surface),
    _descent("tilted_waves", "sgd", 0.1, 1000),
    Stop("fading_wave", log_graph, settings={"at": (4.1,)}),
    # The tutorial asks for the gradient once for the curve and once for the tangent.
    Stop("fading_wave", log_graph_twice),
    Stop("fading_wave", log_sweep, settings={"points": 100, "tangents": (4.1,)}),
    _descent("fading_wave", "sgd", 0.1, 1000),
    Stop("ripple", log_graph, settings={"at": (2.0, 0.0)}),
    Stop("ripple", log_sweep),
    Stop("ripple", log_surface),
    _descent("ripple", "sgd", 0.1, 500),
    _descent("ripple", "adam", 0.1, 500),
    Stop("rosenbrock", log_graph, settings={"at": (-1.2, 1.0)}),
    Stop("rosenbrock", log_sweep, settings={"start": (-1.2, 1.0), "end": (1.0, 1.0)}),
    Stop("rosenbrock", log_surface),
    *(Stop("rosenbrock", log_descent, (racer,), {"steps": _RACE_STEPS}) for racer in _RACERS),
    # It finds the descents above, and shows them side by side.
    Stop("rosenbrock", log_race, (_RACERS,), {"steps": _RACE_STEPS}),
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
    home = logdir / TOUR
    check_writable(home)
    for run in find_runs(home) if home.is_dir() else ():
        # A link may lead to runs that are not the tour's.
        if run.resolve().is_relative_to(home.resolve()):
            delete_run(run)
    outcomes: list[tuple[Stop, Outcome]] = []
    for stop in STOPS:
        progress(len(outcomes), len(STOPS), stop.title)
        # The tour has one graph for each function, so that the point need not stand in its run's name.
        name = f"{stop.function}/graph" if stop.log is log_graph else None
        place = Place(home, name, overwrite=stop.log is not log_race)
        outcomes.append((stop, stop.log(lookup(stop.function), *stop.arguments, place, **stop.settings)))
    progress(len(STOPS), len(STOPS), "done")
    opens = f"{board} {shlex.quote(str(home))}"
    table = gradient_table(lookup("ripple"), (2.0, 0.0))
    told = story([(stop.function, _KINDS[stop.log], outcome.report) for stop, outcome in outcomes])
    with open_run(home / "about", "replace") as run:
        run.write(Texts("about/tour", 0, guide(told), description="Which dashboard answers which question."))
    lines = [
        *told,
        "",
        *table_lines(table),
        "",
        *views(),
        "",
        "The line that opens the board, for these addresses:",
    ]
    report = {"logdir": str(logdir), "run": TOUR, "board": opens, "gradient_of_ripple_at_2_0": table}
    runs = [_without_arrays(outcome.report) for _, outcome in outcomes]
    by_hand = [{"function": found["function"], "run": found["by_hand"]} for found in runs if found.get("by_hand")]
    report["runs"] = [*runs, *by_hand, {"run": "about"}]
    return Outcome(naming.plain(report), (*lines, opens))


def _without_arrays(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if not isinstance(value, np.ndarray)}
