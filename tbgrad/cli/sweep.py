"""`tbgrad sweep`: value and gradient along a line, logged."""

from __future__ import annotations

import re
import sys
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
from tbgrad.cli.types import ASSIGNMENT, NUMBER, POINT, RANGE
from tbgrad.errors import OptionError

_ASK = "ask"


class _SweepCommand(FunctionCommand):
    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        # Click takes --tangent=-1 for a --tangent without a value and an argument -1; a space tells them apart.
        return super().parse_args(context, [re.sub(r"^--tangent=-", "--tangent= -", word) for word in args])


@click.command(cls=_SweepCommand)
@function_argument
@click.option(
    "--over",
    type=RANGE,
    multiple=True,
    help="The variable to sweep and its range: x=0:6. By default the first one that is not fixed, over its domain.",
)
@click.option("--fix", type=ASSIGNMENT, multiple=True, help="Hold another variable at a value: y=1. Repeatable.")
@click.option("--from", "start", type=POINT, help="Sweep along a line from this point; needs --to.")
@click.option("--to", "end", type=POINT, help="The line's last point.")
@click.option("--points", type=int, default=201, show_default=True, help="How many, evenly spaced.")
@click.option(
    "--tangent",
    "tangents",
    is_flag=False,
    flag_value=_ASK,
    multiple=True,
    metavar="[NUMBER]",
    help="Draw the tangent at this coordinate, and the secants that become it; without a number you are asked. "
    "Repeatable. Negative: --tangent=-1.",
)
@click.option(
    "--second-derivative", "second", is_flag=True, help="Log and draw the second derivative, too; it is exact."
)
@number_options
@logging_options
@output_options
def sweep(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    over: tuple,
    fix: tuple,
    start: object,
    end: object,
    points: int,
    tangents: tuple,
    second: bool,
    dtype: str,
    seed: int,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Log value and gradient of FUNCTION along an axis or a line, and where the slope is zero.

    \b
    tbgrad sweep fading_wave --points 100 --tangent 4.1
    tbgrad sweep tilted_waves --over x=-6:6 --fix y=1 --second-derivative
    tbgrad sweep rosenbrock --from -1.2,1 --to 1,1
    """
    f = resolve_function(function, parameters, dimensions)
    if len(over) > 1:
        raise OptionError("a sweep goes over one variable: --over once. 'tbgrad surface' takes two.")
    ends = {"start": start, "end": end}
    ends = {name: None if p is None else resolve_point(f, p) for name, p in ends.items()}
    touched = [_asked_tangent() if t == _ASK else _tangent(t) for t in tangents]
    start_tensorflow(quiet)
    from tbgrad.experiments.launching import Place
    from tbgrad.experiments.sweeps import log_sweep

    seed_tensorflow(seed)
    place = Place(logdir, run, overwrite)
    outcome = log_sweep(
        f,
        place,
        over=over[0] if over else None,
        fix=once("--fix", fix),
        **ends,
        points=points,
        tangents=touched,
        second=second,
        dtype=dtype,
        seed=seed,
    )
    echo_outcome(outcome, as_json, quiet)


def _tangent(text: str) -> float:
    try:
        return NUMBER.convert(text, None, None)
    except click.BadParameter as error:
        raise click.BadParameter(error.message, param_hint="'--tangent'") from None


def _asked_tangent() -> float:
    """Asks for the point, as the tutorial does."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        raise OptionError("--tangent needs a coordinate where nobody can be asked, for example --tangent 4.1.")
    return click.prompt("Draw the tangent at", type=NUMBER, err=True)
