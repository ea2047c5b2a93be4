"""`tbgrad surface`: a function over two variables, logged."""

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
    seed_tensorflow,
)
from tbgrad.cli.types import ASSIGNMENT, POINT, RANGE, VIEW


@click.command(cls=FunctionCommand)
@function_argument
@click.option(
    "--over",
    type=RANGE,
    multiple=True,
    help="A variable and its range: x=0:6. Twice; by default those that are not fixed, over their domains.",
)
@click.option(
    "--fix",
    type=ASSIGNMENT,
    multiple=True,
    help="Hold another variable at a value: z=1. Repeatable. By default 0, if its domain holds 0.",
)
@click.option("--points", type=int, default=101, show_default=True, help="How many along each axis.")
@click.option(
    "--view",
    "views",
    type=VIEW,
    multiple=True,
    help="Elevation and azimuth in degrees. Repeatable. By default 30,-60 and 60,90 and 90,90.",
)
@click.option(
    "--tangent",
    "tangents",
    type=POINT,
    multiple=True,
    metavar="POINT",
    help="Draw the plane that touches the surface here: 2,1 on the two axes. Repeatable.",
)
@click.option("--streamlines", is_flag=True, help="Draw lines along the gradient instead of arrows.")
@number_options
@logging_options
@output_options
def surface(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    over: tuple,
    fix: tuple,
    points: int,
    views: tuple,
    tangents: tuple,
    streamlines: bool,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Log FUNCTION over two variables, as pictures and as a mesh to turn.

    Pictures: flat contours with the gradient, how steep it is, its partial derivatives, contours at their heights, and
    the surface from each view.

    \b
    tbgrad surface ripple
    tbgrad surface ripple --tangent 2,1 --streamlines
    tbgrad surface 'x^2 - y^2 + z' --over x=-1:1 --over y=-2:2 --fix z=3 --view 45,30
    """
    f = resolve_function(function, parameters, dimensions)
    fixed = once("--fix", fix)
    start_tensorflow(quiet)
    from tbgrad.experiments.launching import Place
    from tbgrad.experiments.surfaces import log_surface

    seed_tensorflow(seed)
    place = Place(logdir, run, overwrite)
    outcome = log_surface(
        f,
        place,
        over=over,
        fix=fixed,
        points=points,
        views=views,
        tangents=tangents,
        streamlines=streamlines,
        dtype=dtype,
        seed=seed,
    )
    echo_outcome(outcome, as_json, quiet)
