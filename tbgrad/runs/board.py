"""Starts TensorBoard on a log directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs, most_events
from tbgrad.runs.addresses import HOST

# TensorBoard keeps this many entries of a tag unless told otherwise.
_SCALARS_KEPT = 1000
_SAMPLED = ("scalars", "images", "text", "histograms", "mesh")


def board_command(logdir: Path, host: str = HOST, port: int | None = None) -> list[str]:
    """The command that starts TensorBoard so that nothing logged is hidden.

    Args:
      logdir: holds runs.
      host: the address to listen on; loopback unless somebody asks for more.
      port: to listen on; by default 6006 or the next free one.

    Raises:
      NotARunError: there is no run in `logdir`.
    """
    if not find_runs(logdir):
        raise NotARunError(f"there are no runs in '{logdir}'. 'tbgrad tour' makes some.")
    samples = max(_SCALARS_KEPT, most_events(logdir))
    sampling = ",".join(f"{plugin}={samples}" for plugin in _SAMPLED)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", host]
    command += ["--samples_per_plugin", sampling]
    return command if port is None else [*command, "--port", str(port)]


def run_board(command: Sequence[str]) -> int:
    """Runs TensorBoard until it ends or is interrupted; returns its exit code."""
    try:
        # TensorBoard imports TensorFlow, whose notices would hide the address.
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
        return subprocess.run(command, check=False, env=quiet | os.environ).returncode
    except KeyboardInterrupt:
        return 0
