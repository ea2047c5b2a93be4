"""`tbgrad check`: is the gradient right?"""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import FunctionCommand, echo_outcome, start_tensorflow
from tbgrad.cli.options import (
    function_argument,
    logging_options,
    number_options,
    output_options,
    resolve_function,
    resolve_point,
    seed_tensorflow,
)
from tbgrad.cli.types import POINT
from tbgrad.errors import OptionError


@click.command(cls=FunctionCommand)
@function_argument
@click.option("--at", "at", type=POINT, multiple=True, help="A point: 2,0 or x=2,y=0. Repeatable.")
@click.option(
    "--points",
    type=int,
    help="How many random points of the domain, where no --at is given; without a domain they are drawn from -3 to 3. "
    "[default: 100]",
)
@number_options
@logging_options
@output_options
def check(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    at: tuple,
    points: int | None,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Hold the gradient of FUNCTION against differences, and say why where it is wrong.

    The verdict is the worst point's: disagrees, undefined here, not differentiable here, agrees. Exit code 1 on
    disagrees.

    \b
    tbgrad check rosenbrock
    tbgrad check 'abs(x)' --at 0 --at 1
    tbgrad check my_module:my_function --points 20
    """
    if at and points is not None:
        raise OptionError("--points draws random points where no --at is given; leave one of the two out.")
    f = resolve_function(function, parameters, dimensions)
    where = [resolve_point(f, point) for point in at]
    start_tensorflow(quiet)
    from tbgrad.experiments.checks import POINTS, log_check
    from tbgrad.experiments.launching import Place

    seed_tensorflow(seed)
    place = Place(logdir, run, overwrite)
    count = POINTS if points is None else points
    outcome = log_check(f, place, at=where, points=count, dtype=dtype, seed=seed)
    echo_outcome(outcome, as_json, quiet)
