"""`tbgrad diff`: what differs between two runs."""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_json, echo_lines, echo_notes
from tbgrad.cli.options import output_options


@click.command(cls=Command)
@click.argument("one", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("other", metavar="RUN", type=click.Path(path_type=Path))
@output_options
def diff(one: Path, other: Path, as_json: bool, quiet: bool, debug: bool) -> None:
    """Tell what differs between two runs: in what was asked, and in what came out.

    Each RUN is a directory with event files, whoever wrote them. Scalars are compared bit for bit; the first step at
    which two of them part comes first. Runs of tbgrad also part at full precision, in arrays.npz. Wall times are no
    difference. The exit code is 0 whether they differ or not.
    """
    from tbgrad.comparison.differences.diff_tables import document, text_lines
    from tbgrad.comparison.differences.diffing import diff_runs

    difference = diff_runs(one, other)
    if not quiet:
        echo_notes(f"what is damaged was passed over: {line}" for line in difference.damage)
    if as_json:
        echo_json(document(difference))
    else:
        echo_lines(text_lines(difference))
