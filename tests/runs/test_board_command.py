"""The command that starts TensorBoard."""

import sys

import numpy as np
import pytest

from tbgrad.errors import NotARunError
from tbgrad.records import Scalars, Texts
from tbgrad.runs.board import board_command, run_board
from tbgrad.runs.opening import open_run


def make_run(directory, points):
    with open_run(directory) as run:
        run.write([Scalars("loss", range(points), np.zeros(points)), Texts("story", 0, "text")])


def option(command, name):
    return command[command.index(name) + 1]


def sampling(command):
    pairs = (pair.split("=") for pair in option(command, "--samples_per_plugin").split(","))
    return {plugin: int(samples) for plugin, samples in pairs}


@pytest.mark.parametrize("points", [1, 1500, 2500])
def test_every_plugin_samples_at_least_the_longest_series(logdir, points):
    make_run(logdir / "short", 3)
    make_run(logdir / "deep/long", points)
    kept = sampling(board_command(logdir))
    assert {"scalars", "images", "text", "mesh"} <= set(kept)
    # 0 would show nothing, and less than 1000 scalars would hide what TensorBoard shows by default.
    assert kept["scalars"] >= max(1000, points) and min(kept.values()) >= points > 0


def test_a_series_in_two_files_counts_as_one(logdir):
    make_run(logdir / "a", 800)
    with open_run(logdir / "a", "append") as run:
        run.write(Scalars("loss", range(800, 1600), np.zeros(800)))
    assert sampling(board_command(logdir))["scalars"] >= 1600


def test_it_listens_on_loopback_unless_told_otherwise(logdir):
    make_run(logdir / "a", 1)
    command = board_command(logdir)
    assert command[:3] == [sys.executable, "-m", "tensorboard.main"]
    assert option(command, "--logdir") == str(logdir)
    assert option(command, "--host") in ("localhost", "127.0.0.1")
    assert "--bind_all" not in command and "--port" not in command
    told = board_command(logdir, host="0.0.0.0", port=7007)
    assert option(told, "--host") == "0.0.0.0" and option(told, "--port") == "7007"


@pytest.mark.parametrize("make", [lambda d: None, lambda d: d.mkdir(), lambda d: (d / "empty/run").mkdir(parents=True)])
def test_a_directory_without_runs(logdir, make):
    make(logdir)
    with pytest.raises(NotARunError, match="no runs"):
        board_command(logdir)


def test_its_exit_code_is_passed_on():
    assert run_board([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert run_board([sys.executable, "-c", ""]) == 0
