"""`tbgrad descend`: gradient descent, logged."""

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
    resolve_point,
    seed_tensorflow,
)
from tbgrad.cli.types import ASSIGNMENT, INSTRUMENT, NUMBER, POINT, RECORD


@click.command(cls=FunctionCommand)
@function_argument
@click.option(
    "--start",
    "points",
    type=POINT,
    multiple=True,
    help="Where to start: 2,1. Repeatable. By default the published start.",
)
@click.option("--starts", "random_starts", type=click.IntRange(min=1), help="Add so many starts in the domain.")
@click.option(
    "--spread",
    type=click.Choice(["uniform", "sobol", "grid"]),
    default="uniform",
    show_default=True,
    help="How --starts lie in the domain: each at random, more evenly, or on a grid, as many on each axis.",
)
@optimizer_options("sgd")
@click.option("--steps", type=int, default=2000, show_default=True, help="Updates to make at most.")
@click.option(
    "--stop",
    type=ASSIGNMENT,
    multiple=True,
    help="Stop a start early: gradient=1e-6 (largest partial derivative, over max(1, that at the start)), value=0.01, "
    "update=1e-9 or plateau=100 (updates without a new lowest value). Repeatable: any of them stops it.",
)
@click.option(
    "--record",
    type=RECORD,
    default="every",
    show_default=True,
    help="Which steps to keep: every one, every n-th, logarithmically spaced ones, or only the end; values keeps the "
    "value of every step, without positions.",
)
@click.option(
    "--instrument",
    "instruments",
    type=INSTRUMENT,
    multiple=True,
    help="What to measure: gradient_norm, sharpness, ..., or all. Repeatable. By default all; of more than 20,000 "
    "recorded points, those that need no second derivatives.",
)
@click.option(
    "--noise",
    type=NUMBER,
    default=0.0,
    show_default=True,
    help="Standard deviation of seeded Gaussian noise on each partial derivative that the optimizer gets.",
)
@number_options
@logging_options
@output_options
def descend(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    points: tuple,
    random_starts: int | None,
    spread: str,
    optimizer: str,
    learning_rate: float | str,
    settings: tuple,
    steps: int,
    stop: tuple,
    record: str | int,
    instruments: tuple,
    noise: float,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Run gradient descent on FUNCTION, from one start or many, and log its steps.

    The learning rate auto is, for sgd, 1 / the largest curvature at the start, but the first update is at most a tenth
    of the domain; for other optimizers 0.01 x the domain's smallest width. Exit code 3: a start diverged or was not
    finite; the run is complete.

    Pictures show the path on the function, with arrows downhill and of the update where they differ. In more than two
    variables that is a plane through start and end, and the function along the straight line between them is shown too.

    \b
    tbgrad descend rosenbrock --optimizer adam --learning-rate 0.05
    tbgrad descend tilted_waves --start 2,1 --option momentum=0.9
    tbgrad descend himmelblau --starts 10000 --spread sobol --record log --stop gradient=1e-6
    """
    f = resolve_function(function, parameters, dimensions)
    chosen = chosen_optimizer(optimizer, learning_rate, settings)
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
        spread=spread,
        steps=steps,
        stop=list(once("--stop", stop).items()),
        record=record,
        instruments=instruments,
        noise=noise,
        dtype=dtype,
        seed=seed,
    )
    echo_outcome(outcome, as_json, quiet)
