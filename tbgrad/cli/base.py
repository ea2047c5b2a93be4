"""What all commands share: errors become one line and an exit code, words that look like options are judged."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from tbgrad.errors import TbgradError, nearest
from tbgrad.naming import plain

# TensorFlow prints these at every start, before any setting of its log level counts.
_NOISE = ("cudart_stub", "absl::InitializeLog()")


class _OneLine(click.ClickException):
    """An error that is printed as it is, without usage."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: Any = None) -> None:
        click.echo(f"Error: {self.message}", err=True)


class Group(click.Group):
    """A group whose usage errors are one line, and whose unknown commands get the nearest names."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the group."""
        if hasattr(sys.stdout, "reconfigure"):
            # A terminal without ∂ in its encoding gets a question mark, not a traceback.
            sys.stdout.reconfigure(errors="replace")
        return super().main(*args, **extra)

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """Finds the subcommand."""
        if args and self.get_command(context, args[0]) is None and not args[0].startswith("-"):
            known = self.list_commands(context)
            raise _OneLine(f"no command '{args[0]}'.{nearest(args[0], known)} Commands: {', '.join(known)}.", 2)
        return super().resolve_command(context, args)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parses what stands before the subcommand."""
        if not args:
            return super().parse_args(context, args)
        with _one_line_errors(context):
            return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Runs the subcommand."""
        with _one_line_errors(context):
            return super().invoke(context)


class Command(click.Command):
    """A command whose errors are one line."""

    def invoke(self, context: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(context)
        except BrokenPipeError:
            raise
        except (TbgradError, OSError) as error:
            if context.params.get("debug"):
                traceback.print_exc()
            raise _OneLine(str(error), getattr(error, "exit_code", 1)) from None


class FunctionCommand(Command):
    """A command whose FUNCTION may begin with a minus sign, as `-x**2` does.

    Click is told to leave unknown options alone, and mistyped ones, which begin with two minus signs, are found here
    before it counts arguments.
    """

    def __init__(self, *args: Any, **extra: Any):
        super().__init__(*args, **extra)
        self.context_settings["ignore_unknown_options"] = True

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parses the command line."""
        parameters = self.get_params(context)
        known = [name for p in parameters for name in (*p.opts, *p.secondary_opts) if isinstance(p, click.Option)]
        for word in args:
            name = word.partition("=")[0]
            if word == "--":
                break
            if word.startswith("--") and name not in known:
                raise click.NoSuchOption(name, possibilities=difflib.get_close_matches(name, known), ctx=context)
        return super().parse_args(context, args)


@contextmanager
def _one_line_errors(context: click.Context) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else context.command_path
        raise _OneLine(f"{error.format_message()} Try '{command} --help'.", error.exit_code) from None


def start_tensorflow(quiet: bool = False) -> None:
    """Imports TensorFlow without its notices; a user's own settings win.

    Everything else that is printed to stderr meanwhile is shown afterwards.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    wants_log = os.environ["TF_CPP_MIN_LOG_LEVEL"] != "3"
    if sys.stderr is None:
        importlib.import_module("tensorflow")
        return
    waiting = sys.stderr.isatty() and not quiet
    if waiting:
        click.echo("loading TensorFlow ...\r", err=True, nl=False)
    with nullcontext() if wants_log else _held_back_stderr():
        importlib.import_module("tensorflow")
    if waiting:
        click.echo("\x1b[K", err=True, nl=False)


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Holds back what C++ writes to stderr, and shows all but the known noise."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not any(noise in line for noise in _NOISE):
                    click.echo(line, err=True)


def echo_lines(lines: Iterable[str]) -> None:
    """Prints lines to stdout."""
    click.echo("\n".join(lines))


def echo_notes(notes: Iterable[str]) -> None:
    """Prints notes to stderr."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def echo_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON document to stdout."""
    click.echo(json.dumps(plain(document), ensure_ascii=False))


def echo_outcome(outcome: Any, as_json: bool, quiet: bool) -> None:
    """Prints what an experiment says, and exits with its code."""
    if not quiet:
        echo_notes(outcome.notes)
    if as_json:
        echo_json(outcome.report)
    else:
        echo_lines(outcome.lines)
    if outcome.exit_code:
        click.get_current_context().exit(outcome.exit_code)
