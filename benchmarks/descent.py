"""Gradient descent from one start to hundreds of thousands, in float64, beside optax, torch, Keras, NumPy and Python.

All record the same: position, value and gradient of every step, or the values alone. tbgrad's times are those of the
whole call: choosing, running, judging each start and building the result. Run: python benchmarks/descent.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping

import click
import descent_peers as peers
import numpy as np
import tensorflow as tf
from measuring import interleaved, machine, median, paired_ratio, run_process

import tbgrad
from tbgrad.descent.recording import Recording

START = np.array([[-1.2, 1.0]])
# Rates with which none of the starts diverges.
RATES = {"sgd": 2e-4, "adam": 0.01}
STARTS = np.random.default_rng(0).uniform(-2, 2, (65_536, 2))
# Short work is repeated so long, and its mean is taken.
LEAST_SECONDS = 0.2
FUNCTION = tbgrad.resolve("rosenbrock")

Job = Callable[[], float]


def by_tbgrad(name: str, rate: float, values_only: bool, **options) -> peers.Peer:
    """One call of `tbgrad.descend`; by default it reads no instruments, as the peers do not."""
    momentum = {"momentum": peers.MOMENTUM} if name == "sgd" else {}
    optimizer = tbgrad.Optimizer(name, rate, **momentum)
    options = {"instruments": ()} | options

    def call(starts: np.ndarray, steps: int) -> peers.Rows:
        recording = Recording("every", values_only)
        found = tbgrad.descend(FUNCTION, optimizer, starts, steps, record=recording, **options)
        return (found.value,) if values_only else (found.position, found.value, found.gradient)

    return call


def with_readings(name: str, rate: float, values_only: bool) -> peers.Peer:
    """The same with all instruments that need no second derivatives."""
    return by_tbgrad(name, rate, values_only, instruments=None)


def timed(work: peers.Peer, starts: np.ndarray, steps: int, expected: peers.Rows) -> Job:
    def job() -> float:
        began, calls = time.perf_counter(), 0
        while True:
            rows = work(starts, steps)
            calls += 1
            if time.perf_counter() - began > LEAST_SECONDS:
                break
        seconds = (time.perf_counter() - began) / calls
        # A peer that computes something else is none. Keras rounds rates to float32, torch's Adam has another epsilon.
        np.testing.assert_allclose(rows[0][:101, :100], expected[0][:101, :100], rtol=1e-3, atol=1e-3)
        return seconds

    return job


def compare(
    title: str, makers: Mapping[str, Callable], starts: np.ndarray, steps: int, values_only: bool, repeats: int
) -> None:
    """Prints a table: how many times faster tbgrad is than each peer."""
    for name, rate in RATES.items():
        works = {label: maker(name, rate, values_only) for label, maker in makers.items()}
        began = time.perf_counter()
        works["tbgrad"](starts, steps)
        first = time.perf_counter() - began
        programs = len(FUNCTION._programs)
        expected = peers.by_numpy(name, rate, values_only)(starts[:100], 100)
        seconds = interleaved({n: timed(work, starts, steps, expected) for n, work in works.items()}, repeats)
        own = median(seconds["tbgrad"])
        print(f"\n{title}, {name}: tbgrad {own * 1e3:.2f} ms, {len(starts) * steps / own / 1e6:.1f} M start-steps/s")
        print(f"first call, with compilation {first:.2f} s; compiled later: {len(FUNCTION._programs) - programs}")
        for label in works:
            if label != "tbgrad":
                ratio = paired_ratio(seconds[label], seconds["tbgrad"])
                print(f"  {ratio:10.2f} times faster than {label:<28} {median(seconds[label]) * 1e3:12.2f} ms")


def margin(repeats: int) -> None:
    """What one more step costs, between 1e4 and 1e6 steps."""
    for name, rate in RATES.items():
        works = {"tbgrad": by_tbgrad(name, rate, False), "optax": peers.by_optax(name, rate, False)}
        expected = peers.by_numpy(name, rate, False)(START, 100)
        jobs = {
            (label, steps): timed(work, START, steps, expected)
            for label, work in works.items()
            for steps in (10_000, 1_000_000)
        }
        seconds = interleaved(jobs, repeats)
        per_step = {
            label: [(b - a) / 990_000 for a, b in zip(seconds[label, 10_000], seconds[label, 1_000_000], strict=True)]
            for label in works
        }
        ratio = paired_ratio(per_step["tbgrad"], per_step["optax"])
        own, other = (median(per_step[label]) * 1e9 for label in ("tbgrad", "optax"))
        print(f"\nmargin per step, {name}: {ratio:.2f} times optax's ({own:.1f} ns and {other:.1f} ns)")


def overhead(repeats: int) -> None:
    """What a second call costs beyond the loop: a call of one step beside the loop's own 10,000."""
    work = by_tbgrad("sgd", RATES["sgd"], False, instruments=None)
    work(START, 1)
    seconds = []
    for _ in range(repeats * 20):
        began = time.perf_counter()
        work(START, 1)
        seconds.append(time.perf_counter() - began)
    print(f"\na second call beyond its loop, all readings included: {median(seconds) * 1e3:.2f} ms (goal: at most 5)")


def basins(repeats: int) -> None:
    """The whole command, pictures included, beside the import of TensorFlow."""
    code = "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'; import tensorflow"
    commands = {"import tensorflow": [sys.executable, "-c", code]}
    with tempfile.TemporaryDirectory() as logdir:
        commands["tbgrad basins"] = [sys.executable, "-m", "tbgrad", "basins", "himmelblau", "--optimizer", "adam"]
        commands["tbgrad basins"] += ["--logdir", logdir, "--overwrite", "--quiet"]
        jobs = {name: lambda command=command: run_process(command).seconds for name, command in commands.items()}
        seconds = interleaved(jobs, repeats)
    ratio = paired_ratio(seconds["tbgrad basins"], seconds["import tensorflow"])
    own, other = (median(seconds[name]) for name in ("tbgrad basins", "import tensorflow"))
    print(
        f"\nbasins of himmelblau, adam, 512 x 512 starts, up to 500 steps, as a command: {ratio:.2f} times the import"
    )
    print(f"of TensorFlow ({own:.2f} s and {other:.2f} s; goal: at most 3)")


JOBS = ("one", "margin", "overhead", "many", "values", "basins")
# Keras's own loop takes minutes.
SLOW_JOBS = ("keras",)


@click.command()
@click.option("--job", "jobs", type=click.Choice(JOBS + SLOW_JOBS), multiple=True, help="Only these.")
@click.option("--repeats", default=5, show_default=True, help="Counted rounds.")
def main(jobs: tuple[str, ...], repeats: int) -> None:
    """Print the ratios of each job, then the seconds, and what compiling costs."""
    devices = ", ".join(device.name for device in tf.config.list_physical_devices("GPU")) or "no GPU"
    print(f"{machine()}; {devices}; float64; median of {repeats} interleaved rounds")
    many = {"tbgrad": by_tbgrad, "optax, lax.scan": peers.by_optax, "torch.optim": peers.by_torch}
    many["NumPy"] = peers.by_numpy
    for job in jobs or JOBS:
        if job == "one":
            makers = {"tbgrad": by_tbgrad, "tbgrad with all cheap readings": with_readings}
            makers |= {"torch.optim": peers.by_torch, "NumPy": peers.by_numpy}
            makers |= {"Python's floats": peers.by_python, "optax, lax.scan": peers.by_optax}
            compare("one start, 10,000 steps, all recorded", makers, START, 10_000, False, repeats)
        elif job == "keras":
            makers = {"tbgrad": by_tbgrad, "Keras": peers.by_keras}
            compare("one start, 10,000 steps, all recorded", makers, START, 10_000, False, repeats)
        elif job == "many":
            compare("4,096 starts, 500 steps, all recorded", many, STARTS[:4096], 500, False, repeats)
        elif job == "values":
            compare("65,536 starts, 500 steps, values recorded", many, STARTS, 500, True, repeats)
        else:
            {"margin": margin, "overhead": overhead, "basins": basins}[job](repeats)


if __name__ == "__main__":
    main()
