"""`tbgrad board`: starts TensorBoard."""

from __future__ import annotations

from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_json
from tbgrad.cli.options import output_options


@click.command(cls=Command)
@click.argument("logdir", type=click.Path(path_type=Path), default=Path("logs"), envvar="TBGRAD_LOGDIR")
@click.option(
    "--host", default="localhost", show_default=True, help="Where to listen; other machines can reach 0.0.0.0."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="By default 6006 or the next free one; 0 takes any free one."
)
@output_options
def board(logdir: Path, host: str, port: int | None, as_json: bool, quiet: bool, debug: bool) -> None:
    """Start TensorBoard on the runs in LOGDIR (by default logs), so that nothing logged is hidden.

    With --json the command is printed, not run.
    """
    from tbgrad.runs.board import board_command, run_board

    command = board_command(logdir, host, port)
    if as_json:
        echo_json({"logdir": logdir, "command": command})
        return
    if not quiet:
        click.echo("Text has a page about each run, with links to what it shows.", err=True)
    click.get_current_context().exit(run_board(command))
