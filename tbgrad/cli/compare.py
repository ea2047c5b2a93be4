"""`tbgrad compare`: ranks runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_json, echo_lines
from tbgrad.cli.options import output_options
from tbgrad.errors import LogdirError, OptionError


@click.command(cls=Command)
@click.argument("places", nargs=-1, type=click.Path(path_type=Path))
@click.option("--by", metavar="TAG", help="Rank by the last value of this scalar, lowest first.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, allow_dash=True), help="Write the table as CSV; - is stdout."
)
@output_options
def compare(
    places: tuple[Path, ...], by: str | None, csv_file: Path | None, as_json: bool, quiet: bool, debug: bool
) -> None:
    """Rank the runs below PLACES (log directories or runs; by default logs), best first.

    Runs are grouped by function and ranked by the steps to 1e-6 above the known minimum, then by the smallest gap, or
    by the lowest value where no minimum is known.
    """
    to_stdout = csv_file is not None and str(csv_file) == "-"
    if to_stdout and as_json:
        raise OptionError("--json and --csv - both want stdout; give --csv a file.")
    from tbgrad.comparison.comparing import compare as compared
    from tbgrad.comparison.tables import csv_text, document, text_table

    comparison = compared(places or [os.environ.get("TBGRAD_LOGDIR") or "logs"], by)
    if csv_file is not None and not to_stdout:
        _write(csv_file, csv_text(comparison))
    if as_json:
        echo_json(document(comparison))
    elif to_stdout:
        click.echo(csv_text(comparison), nl=False)
    else:
        echo_lines(text_table(comparison))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LogdirError(f"cannot write '{path}': {error.strerror}.") from None
