"""`tbgrad descend`: gradient descent, logged."""

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
from tbgrad.cli.types import OPTIMIZER, POINT, RATE, SETTING
from tbgrad.errors import OptionError


@click.command(cls=FunctionCommand)
@function_argument
@click.option(
    "--start",
    "points",
    type=POINT,
    multiple=True,
    help="Where to start: 2,1. Repeatable. By default the published start.",
)
@click.option("--starts", "random_starts", type=click.IntRange(min=1), help="Add so many random starts in the domain.")
@click.option("--optimizer", type=OPTIMIZER, default="sgd", show_default=True, help="Any Keras optimizer, by name.")
@click.option("--learning-rate", type=RATE, default="auto", show_default=True, help="A positive number, or auto.")
@click.option(
    "--option", "settings", type=SETTING, multiple=True, help="Pass to the Keras optimizer: momentum=0.9. Repeatable."
)
@click.option("--steps", type=int, default=2000, show_default=True, help="Updates to make.")
@number_options
@logging_options
@output_options
def descend(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    points: tuple,
    random_starts: int | None,
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
    """Run gradient descent on FUNCTION and log every step.

    The learning rate auto is, for sgd, 1 / the largest curvature at the start, but the first update is at most a tenth
    of the domain; for other optimizers 0.01 x the domain's smallest width. Exit code 3: a start diverged or was not
    finite; the run is complete.

    \b
    tbgrad descend rosenbrock --optimizer adam --learning-rate 0.05
    tbgrad descend tilted_waves --start 2,1 --option momentum=0.9
    """
    from tbgrad.descent.optimizers import Optimizer

    if "learning_rate" in dict(settings):
        raise OptionError("learning_rate is set by --learning-rate, not by --option.")
    f = resolve_function(function, parameters, dimensions)
    chosen = Optimizer(optimizer, learning_rate, **once("--option", settings))
    where = [resolve_point(f, point) for point in points]
    start_tensorflow(quiet)
    from tbgrad.experiments.descents import log_descent
    from tbgrad.experiments.launching import Place

    seed_tensorflow(seed)
    outcome = log_descent(
        f,
        chosen,
        Place(logdir, run, overwrite),
        points=where,
        random_starts=random_starts or 0,
        steps=steps,
        dtype=dtype,
        seed=seed,
    )
    echo_outcome(outcome, as_json, quiet)
