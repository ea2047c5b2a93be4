"""Typing commands in this process, and what must hold of whatever they print."""

import json

import pytest
from click.testing import CliRunner

from tbgrad.cli.main import main


def _no_constant(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def typed():
    """typed("grad", "ripple", "--at", "2,0"): the command's result; an exception that is no exit is raised here."""

    def run(*words, **extra):
        # Tables fit a terminal's width only where a test says how wide it is.
        result = CliRunner(env={"COLUMNS": None}).invoke(main, [str(word) for word in words], **extra)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def document(typed):
    """The one JSON document that a command prints, read strictly; exit_code is the one expected."""

    def run(*words, exit_code=0):
        result = typed(*words, "--json")
        assert result.exit_code == exit_code, result.stderr
        return json.loads(result.stdout, parse_constant=_no_constant)

    return run


@pytest.fixture
def contents():
    """What lies below a directory: each file's path to its bytes and its time, each directory's to None."""

    def read(top):
        return {
            str(path.relative_to(top)): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
            for path in top.rglob("*")
            if path.name != "run.lock"
        }

    return read
