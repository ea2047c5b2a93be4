"""`tbgrad tour`: the main job."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_outcome, start_tensorflow
from tbgrad.cli.options import logdir_option, output_options


@click.command(cls=Command)
@logdir_option
@output_options
def tour(logdir: Path, as_json: bool, quiet: bool, debug: bool) -> None:
    """Log the whole tutorial and an optimizer race, and tell the story.

    The runs are made anew below LOGDIR/tour. The last line opens the board.
    """
    start_tensorflow(quiet)
    from tbgrad.experiments.tour import log_tour

    def progress(done: int, total: int, what: str) -> None:
        if quiet:
            return
        if sys.stderr.isatty():
            click.echo(f"\x1b[K[{done}/{total}] {what}\r", err=True, nl=False)
        else:
            click.echo(f"[{done}/{total}] {what}", err=True)

    echo_outcome(log_tour(logdir, f"{_command()} board", progress), as_json, quiet)


def _command() -> str:
    """How the user called this program, so that the next line can be pasted."""
    program = Path(sys.argv[0])
    if program.name.startswith("__main__"):
        return f"{Path(sys.executable).name} -m tbgrad"
    on_path = shutil.which(program.name)
    if on_path and os.path.abspath(on_path) == os.path.abspath(program):
        return program.name
    return shlex.quote(str(program))
