"""`tbgrad race`: several optimizers from one start, logged."""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import FunctionCommand, echo_outcome, start_tensorflow
from tbgrad.cli.options import (
    function_argument,
    logging_options,
    number_options,
    once,
    output_options,
    resolve_function,
    resolve_point,
    seed_tensorflow,
)
from tbgrad.cli.types import POINT, RACER
from tbgrad.errors import OptionError


@click.command(cls=FunctionCommand)
@function_argument
@click.option(
    "--racer",
    "racers",
    type=RACER,
    multiple=True,
    help="An optimizer, its learning rate (by default auto) and its settings: sgd,0.001,momentum=0.9. 2 to 10 of them.",
)
@click.option("--start", type=POINT, multiple=True, help="Where all start: 2,1. By default the published start.")
@click.option("--steps", type=int, default=2000, show_default=True, help="Updates that each makes.")
@number_options
@logging_options
@output_options
def race(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    racers: tuple,
    start: tuple,
    steps: int,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Let several optimizers race on FUNCTION from one start: all paths in one picture, and moving.

    Each racer is logged as 'tbgrad descend' logs it, or found if it was logged before, so that their scalars lie over
    each other in Time Series. --run names the race's own run. Exit code 3: a racer diverged or was not finite; all
    runs are complete.

    \b
    tbgrad race rosenbrock --racer sgd,0.00125 --racer sgd,0.001,momentum=0.9 --racer adam,0.05
    tbgrad race himmelblau --racer sgd --racer adam --start 0,0 --steps 200
    """
    from tbgrad.descent.optimizers import Optimizer

    if len(start) > 1:
        raise OptionError(f"all racers start at one point; got {len(start)}.")
    f = resolve_function(function, parameters, dimensions)
    chosen = [Optimizer(name, rate, **once("--racer", settings)) for name, rate, settings in racers]
    where = resolve_point(f, start[0]) if start else None
    start_tensorflow(quiet)
    from tbgrad.experiments.launching import Place
    from tbgrad.experiments.races import log_race

    seed_tensorflow(seed)
    place = Place(logdir, run, overwrite)
    outcome = log_race(f, chosen, place, start=where, steps=steps, dtype=dtype, seed=seed)
    echo_outcome(outcome, as_json, quiet)
