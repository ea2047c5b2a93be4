"""`tbgrad doctor`: finds what is wrong with runs."""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_json, echo_lines, echo_notes
from tbgrad.cli.options import output_options

# Something is wrong with what was examined.
FOUND = 1


@click.command(cls=Command)
@click.argument("logdir", type=click.Path(path_type=Path), default=Path("logs"), envvar="TBGRAD_LOGDIR")
@output_options
def doctor(logdir: Path, as_json: bool, quiet: bool, debug: bool) -> None:
    """Find what makes TensorBoard show nothing or the wrong thing in LOGDIR (by default logs), a folder or one run.

    What runs say of themselves comes first: verdicts on training and on descents. Then files that are damaged, empty,
    compressed or misnamed, two launches in one directory, steps that go back, tags with only NaN, samples that
    TensorBoard hides, hparams that clash, and more runs than a dashboard opens; each with its place and a cure.

    Exit code 1 where something is wrong, 0 where all is well.
    """
    from tbgrad.comparison.examination.doctor import examine

    examination = examine(logdir)
    if not quiet:
        echo_notes(f"{note.place}: {note.what}" for note in examination.notes)
    if as_json:
        echo_json(examination.document())
    else:
        echo_lines(examination.lines())
    if not examination.healthy:
        click.get_current_context().exit(FOUND)
