"""`tbgrad basins`: which minimum an optimizer finds from where, logged."""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import FunctionCommand, echo_outcome, start_tensorflow
from tbgrad.cli.options import (
    chosen_optimizer,
    function_argument,
    logging_options,
    number_options,
    once,
    optimizer_options,
    output_options,
    resolve_function,
    seed_tensorflow,
)
from tbgrad.cli.types import ASSIGNMENT, RANGE


@click.command(cls=FunctionCommand)
@function_argument
@click.option(
    "--over",
    type=RANGE,
    multiple=True,
    help="A variable and the range of its starts: x=-5:5. Twice; by default those that are not fixed, over their "
    "domains.",
)
@click.option(
    "--fix",
    type=ASSIGNMENT,
    multiple=True,
    help="Where another variable starts: z=1. Repeatable. By default at 0, if its domain holds 0.",
)
@click.option("--points", type=int, default=512, show_default=True, help="Pixels along each axis.")
@optimizer_options("adam")
@click.option("--steps", type=int, default=500, show_default=True, help="Updates at most.")
@number_options
@logging_options
@output_options
def basins(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    over: tuple,
    fix: tuple,
    points: int,
    optimizer: str,
    learning_rate: float | str,
    settings: tuple,
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
    """Descend from every pixel of a plane and draw which minimum of FUNCTION each reaches, and how fast.

    A descent stops when its gradient is small. The ends of those that converged are told apart as points, rings and
    valleys, and compared with the known minima.

    \b
    tbgrad basins himmelblau
    tbgrad basins 'x^4 - 2*x^2 + y^2' --over x=-2:2 --over y=-2:2 --optimizer sgd --option momentum=0.9
    """
    f = resolve_function(function, parameters, dimensions)
    chosen = chosen_optimizer(optimizer, learning_rate, settings)
    held = once("--fix", fix)
    start_tensorflow(quiet)
    from tbgrad.experiments.basins import log_basins
    from tbgrad.experiments.launching import Place

    seed_tensorflow(seed)
    place = Place(logdir, run, overwrite)
    outcome = log_basins(f, chosen, place, over=over, fix=held, points=points, steps=steps, dtype=dtype, seed=seed)
    echo_outcome(outcome, as_json, quiet)
