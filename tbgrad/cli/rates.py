"""`tbgrad rates`: how fast an optimizer is with which learning rate, and momentum, logged."""

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
    settings_option,
)
from tbgrad.cli.types import BOUNDS, NUMBER, OPTIMIZER, POINT
from tbgrad.errors import OptionError


@click.command(cls=FunctionCommand)
@function_argument
@click.option("--start", type=POINT, multiple=True, help="Where to start: 2,1. By default the published start.")
@click.option("--optimizer", type=OPTIMIZER, default="sgd", show_default=True, help="Any Keras optimizer, by name.")
@settings_option
@click.option(
    "--rates",
    type=BOUNDS,
    help="The learning rates to try, LOW:HIGH. By default from a thousandth to a hundred times the automatic one.",
)
@click.option("--points", type=int, default=121, show_default=True, help="How many rates, evenly spaced in log10.")
@click.option("--momentum", is_flag=True, help="Also vary the momentum (or beta_1) from 0 to 0.99, and draw a map.")
@click.option(
    "--target",
    type=NUMBER,
    help="The value that counts as reached. By default 1e-6 above the known minimum, or above the lowest value of "
    "those that do not diverge.",
)
@click.option("--steps", type=int, default=1000, show_default=True, help="Updates at most.")
@number_options
@logging_options
@output_options
def rates(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    start: tuple,
    optimizer: str,
    settings: tuple,
    rates: tuple[float, float] | None,
    points: int,
    momentum: bool,
    target: float | None,
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
    """Descend on FUNCTION with many learning rates at once: how many steps each takes to a target value.

    The picture marks the best rate and the first that diverges. For sgd it also shows the edge of stability, the
    largest rate that is stable in theory.

    \b
    tbgrad rates ellipse
    tbgrad rates rosenbrock --optimizer adam --rates 0.001:1
    tbgrad rates ellipse --momentum
    """
    from tbgrad.descent.optimizers import Optimizer

    if "learning_rate" in dict(settings):
        raise OptionError("learning_rate is what is varied; --rates says from where to where.")
    if len(start) > 1:
        raise OptionError(f"rates descends from one start; got {len(start)}.")
    f = resolve_function(function, parameters, dimensions)
    chosen = Optimizer(optimizer, **once("--option", settings))
    where = resolve_point(f, start[0]) if start else None
    start_tensorflow(quiet)
    from tbgrad.experiments.launching import Place
    from tbgrad.experiments.rates import log_rates

    seed_tensorflow(seed)
    outcome = log_rates(
        f,
        chosen,
        Place(logdir, run, overwrite),
        start=where,
        rates=rates,
        points=points,
        momentum=momentum,
        target=target,
        steps=steps,
        dtype=dtype,
        seed=seed,
    )
    echo_outcome(outcome, as_json, quiet)
