"""`tbgrad export`: scalars as CSV or NumPy."""

from __future__ import annotations

import os
import sys

import click

from tbgrad.cli.base import Command, echo_json, echo_lines, echo_notes
from tbgrad.cli.options import output_options
from tbgrad.errors import OptionError

# As in `tbgrad.comparison.exports.exporting`, which --help must not load.
_FORMATS = ["tidy", "tensorboard", "numpy"]


@click.command(cls=Command)
@click.argument("places", nargs=-1, type=click.Path())
@click.option("--tag", "tags", metavar="GLOB", multiple=True, help="Only scalars such as 'descent/*'. Repeatable.")
@click.option(
    "--where", metavar="CONDITION", multiple=True, help="Only runs such as 'learning_rate<0.1'. Repeatable: all hold."
)
@click.option("--format", type=click.Choice(_FORMATS), default="tidy", show_default=True, help="See above.")
@click.option("--output", type=click.Path(allow_dash=True), default="-", help="A file or a directory; - is stdout.")
@output_options
def export(
    places: tuple[str, ...],
    tags: tuple[str, ...],
    where: tuple[str, ...],
    format: str,
    output: str,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Export all scalars of the runs below PLACES (log directories, runs or patterns; by default logs).

    Nothing is sampled: values read back as the same float32, wall times (seconds since 1970) as the same float64.

    \b
    tidy         CSV: run,tag,step,wall_time,value
    tensorboard  CSV: Wall time,Step,Value; of several series a file RUN/TAG.csv each below --output
    numpy        .npz: run and tag as indices of runs and tags, step, wall_time, value

    \b
    Examples:
      tbgrad export logs --tag 'descent/value' --output values.csv
      tbgrad export logs --where optimizer=adam --format numpy --output adam.npz
    """
    to_stdout = output == "-"
    if not output:
        raise OptionError("--output is empty; expected a file or a directory, or - for stdout.")
    if to_stdout and format == "numpy":
        raise OptionError("--format numpy needs a file: --output values.npz.")
    if to_stdout and as_json:
        raise OptionError("--json and the CSV both want stdout; give --output a file.")
    from tbgrad.comparison.exports.exporting import export_scalars

    target = sys.stdout.buffer if to_stdout else output
    done = export_scalars(places or [os.environ.get("TBGRAD_LOGDIR") or "logs"], target, format, tags, where)
    if not quiet:
        echo_notes(done.notes)
    if as_json:
        echo_json({"runs": done.runs, "series": done.series, "scalars": done.scalars, "output": done.output})
    elif not to_stdout:
        runs = "1 run" if done.runs == 1 else f"{done.runs:,} runs"
        echo_lines([f"{done.scalars:,} scalars, {done.series:,} series of {runs}", done.output])
