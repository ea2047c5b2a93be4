"""A command line told from run.json makes the same request: it is run."""

import json
import shlex

import pytest
from click.testing import CliRunner

from tbgrad.cli.main import main
from tbgrad.comparison.page.command_lines import command_line


def asked(logdir):
    (file,) = logdir.rglob("run.json")
    return json.loads(file.read_text("utf-8"))["asked"]


def run(words, logdir):
    done = CliRunner().invoke(main, [*words, "--logdir", str(logdir), "--quiet"])
    assert done.exit_code in (0, 3), done.output


@pytest.mark.parametrize(
    "line",
    [
        "descend rosenbrock --optimizer adam --learning-rate 0.05 --steps 9",
        "descend himmelblau --start -1,2.5 --start 0,1e-3 --steps 9 --dtype float32 --seed 3 --noise 0.1",
        "descend rosenbrock --set b=10 --option momentum=0.9 --option nesterov=true --steps 9 --record log",
        "descend sphere --dimensions 4 --start 1,2,3,4 --steps 9 --instrument update_norm --instrument gradient_norm",
        "descend sphere --starts 5 --spread sobol --stop gradient=1e-6 --stop plateau=7 --steps 9 --record end",
        "descend fading_wave --steps 9",
    ],
)
def test_the_same_request(line, tmp_path):
    run(shlex.split(line), tmp_path / "first")
    first = asked(tmp_path / "first")
    command, *words = shlex.split(command_line(first))
    assert command == "tbgrad"
    run(words, tmp_path / "second")
    assert asked(tmp_path / "second") == first


def test_a_formula_is_not_told(tmp_path):
    run(["descend", "x**2 + y**2", "--start", "1,2", "--steps", "5"], tmp_path)
    assert command_line(asked(tmp_path)) == ""


@pytest.mark.parametrize(
    "change",
    [{"command": "sweep"}, {"fingerprint": "f00"}, {"new": 1}, {"settings": {"a": [1]}}, {"learning_rate": {"a": 1}}],
)
def test_what_is_not_known_is_not_told(change):
    known = {"command": "descend", "function": "f", "variables": ["x"], "parameters": {}, "learning_rate": 0.5}
    assert command_line(known) == "tbgrad descend f --learning-rate 0.5"
    assert command_line(known | change) == ""
