"""Measures peers side by side: interleaved in one run, median of several, ratios first."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessRun:
    """One finished process: wall seconds and peak memory in MiB."""

    seconds: float
    mebibytes: float


def run_process(command: Sequence[str]) -> ProcessRun:
    """Runs a command with its output thrown away, and reads the kernel's accounting of it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    per_mebibyte = 2**20 if sys.platform == "darwin" else 2**10
    return ProcessRun(seconds, usage.ru_maxrss / per_mebibyte)


def peak_mebibytes(code: str, *arguments: str) -> float:
    """Peak memory in MiB of a fresh Python that runs this code.

    The kernel's accounting of a child begins with its parent's size; so the child asks for its own. Linux only.
    """
    asking = "\nfor line in open('/proc/self/status'):\n    if line.startswith('VmHWM'): print(line.split()[1])\n"
    command = [sys.executable, "-c", code + asking, *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]) / 2**10


def interleaved(jobs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Runs all jobs in turn, again and again; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for repeat in range(repeats + 1):
        for name, job in jobs.items():
            taken = job()
            if repeat:
                seconds[name].append(taken)
    return seconds


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def paired_ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """The median of a/b, round by round, which holds when the machine's speed drifts."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def machine() -> str:
    """What this ran on, in a line."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
