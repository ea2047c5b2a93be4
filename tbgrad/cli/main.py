"""The command `tbgrad`; each subcommand is a file of its own, imported when it is called for."""

from __future__ import annotations

import importlib

import click

from tbgrad.cli.base import Group

# In the order of --help: `name` is the command `name` in tbgrad/cli/<name>.py.
COMMANDS = (
    "tour",
    "functions",
    "grad",
    "check",
    "graph",
    "sweep",
    "surface",
    "descend",
    "race",
    "rates",
    "basins",
    "compare",
    "diff",
    "doctor",
    "export",
    "board",
)


class _LazyGroup(Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return getattr(importlib.import_module(f"tbgrad.cli.{name}"), name)


@click.group(cls=_LazyGroup, context_settings={"max_content_width": 100})
@click.version_option(package_name="tbgrad", message="%(prog)s %(version)s")
def main() -> None:
    """Makes gradients visible in TensorBoard.

    FUNCTION is a name from the catalogue (ripple), a formula ('cos(x)*sin(y) + x/y'), an import path
    (package.module:name) or a file (path/to/file.py:name). A formula is never executed as Python.

    Start with: tbgrad tour
    """
