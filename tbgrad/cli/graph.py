"""`tbgrad graph`: the computational graph of a function and of its gradient, logged."""

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
@click.option(
    "--at",
    "points",
    type=POINT,
    multiple=True,
    help="A point, 2,0 or x=2,y=0: log the graph by hand there as well, in float64.",
)
@number_options
@logging_options
@output_options
def graph(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    points: tuple,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Log the computational graph of FUNCTION and of its gradient.

    With a point and a formula, a second run, named ..._by_hand, has the formula's own graph: a click on a node shows
    its value, its local derivatives and its gradient there.

    \b
    tbgrad graph ripple
    tbgrad graph 'cos(x)*sin(y) + x/y' --at 2,1
    """
    f = resolve_function(function, parameters, dimensions)
    if len(points) > 1:
        raise OptionError("--at takes one point; each has a graph of its own.")
    at = resolve_point(f, points[0]) if points else None
    start_tensorflow(quiet)
    from tbgrad.experiments.graphs import log_graph
    from tbgrad.experiments.launching import Place

    seed_tensorflow(seed)
    echo_outcome(log_graph(f, Place(logdir, run, overwrite), at=at, dtype=dtype, seed=seed), as_json, quiet)
