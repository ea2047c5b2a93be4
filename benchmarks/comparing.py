"""A thousand runs of five tags and a thousand steps: the table, and what else is asked of a folder.

Peer: tbparse, which gathers scalars of many runs in a table. All are whole processes, from the start of Python to the
printed table. Runs are written twice: as tbgrad writes them, and as torch does, each number in an event of its own.
tbparse reads a tenth of the runs, and its time is multiplied, since it would take minutes.
Run: python benchmarks/comparing.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from measuring import interleaved, machine, median, paired_ratio, run_process
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

import tbgrad
from tbgrad.events.tfrecord import frame
from tbgrad.records import HParams, Scalars

TAGS = ("loss", "accuracy", "rate", "norm", "ratio")
SHARE = 10
# So many runs of their own; the others are copies, which take as long to read.
DIFFERENT = 20

TBPARSE = """
import sys
from tbparse import SummaryReader
reader = SummaryReader(sys.argv[1], event_types={sys.argv[2]}, extra_columns={"dir_name"})
table = getattr(reader, sys.argv[2])
assert len(table) == int(sys.argv[3]), len(table)
print(table[table.tag == "loss"].sort_values("step").groupby("dir_name").value.last().sort_values().to_string())
"""


def as_tbgrad(directory: Path, steps: int, seed: int) -> None:
    generator, step = np.random.default_rng(seed), np.arange(steps)
    with tbgrad.open_run(directory) as run:
        run.write(HParams({"rate": float(generator.uniform()), "seed": seed}, succeeded=True))
        run.write(Scalars(tag, step, generator.normal(size=steps), 1e9 + step) for tag in TAGS)


def as_torch(directory: Path, steps: int, seed: int) -> None:
    """Files as torch and tensorboardX write them in a training loop, which itself would take minutes."""
    directory.mkdir(parents=True)
    values = np.random.default_rng(seed).normal(size=(steps, len(TAGS)))
    parts = [frame(Event(wall_time=1e9, file_version="brain.Event:2").SerializeToString())]
    for step, row in enumerate(values):
        for tag, value in zip(TAGS, row, strict=True):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            parts.append(frame(Event(wall_time=1e9 + step, step=step, summary=summary).SerializeToString()))
    (directory / "events.out.tfevents.1000000000.host").write_bytes(b"".join(parts))


def make_runs(home: Path, write: Callable[[Path, int, int], None], runs: int, steps: int) -> None:
    for index in range(runs):
        if index < DIFFERENT:
            write(home / f"run_{index:04}", steps, index)
        else:
            shutil.copytree(home / f"run_{index % DIFFERENT:04}", home / f"run_{index:04}")
    few = home.with_name(f"{home.name}_few")
    for index in range(runs // SHARE):
        shutil.copytree(home / f"run_{index:04}", few / f"run_{index:04}")


def seconds(*command: str) -> Callable[[], float]:
    return lambda: run_process([sys.executable, *command]).seconds


def table(home: Path, kind: str, runs: int, steps: int, repeats: int) -> None:
    few, compare = home.with_name(f"{home.name}_few"), ("-m", "tbgrad", "compare")
    points = str(runs // SHARE * len(TAGS) * steps)
    jobs = {
        "tbgrad compare": seconds(*compare, str(home), "--by", "loss"),
        "a tenth": seconds(*compare, str(few), "--by", "loss"),
        "tbparse": seconds("-c", TBPARSE, str(few), kind, points),
        "import": seconds("-c", "import tbparse"),
    }
    taken = interleaved(jobs, repeats)
    # Its start, in which it imports TensorFlow, is paid once.
    whole = [SHARE * (one - start) + start for one, start in zip(taken["tbparse"], taken["import"], strict=True)]
    ratio = paired_ratio(whole, taken["tbgrad compare"])
    tenth = paired_ratio(taken["tbparse"], taken["a tenth"])
    peak = run_process([sys.executable, *compare, str(home), "--by", "loss"]).mebibytes
    print(f"  {ratio:.1f} times faster than tbparse (goal 20); of a tenth of the runs {tenth:.1f} times")
    print(f"  tbgrad {median(taken['tbgrad compare']):.2f} s (goal 6), tbparse {median(whole):.0f} s")
    print(f"  peak memory {peak:.0f} MiB (goal 400)")


def others(home: Path, repeats: int) -> None:
    jobs = {
        "groups, --group-by seed": seconds("-m", "tbgrad", "compare", str(home), "--by", "loss", "--group-by", "seed"),
        "doctor": lambda: _doctor(home),
        "export to NumPy": seconds("-m", "tbgrad", "export", str(home), "--format", "numpy", "--output", f"{home}.npz"),
        "export as CSV": seconds("-m", "tbgrad", "export", str(home), "--output", f"{home}.csv"),
    }
    for name, taken in interleaved(jobs, repeats).items():
        print(f"  {name:<24} {median(taken):.2f} s")


def _doctor(home: Path) -> float:
    # It finds that there are more runs than dashboards open, and says so by its exit code.
    script = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'tbgrad', 'doctor', sys.argv[1]])"
    return run_process([sys.executable, "-c", script, str(home)]).seconds


def page(home: Path, repeats: int) -> None:
    for tags in (1, len(TAGS)):
        folder = home / f"page_{tags}"
        for index in range(50):
            generator, step = np.random.default_rng(index), np.arange(10_000)
            with tbgrad.open_run(folder / f"run_{index:02}") as run:
                run.write(HParams({"rate": float(generator.uniform()), "seed": index}, succeeded=True))
                run.write(Scalars(tag, step, generator.normal(size=10_000), 1e9 + step) for tag in TAGS[:tags])
        file = home / f"page_{tags}.html"
        taken = interleaved({"page": seconds("-m", "tbgrad", "compare", str(folder), "--html", str(file))}, repeats)
        told = f"{median(taken['page']):.2f} s (goal 3), {file.stat().st_size / 2**10:.0f} KiB (goal 2,048)"
        print(f"  --html of 50 runs × {tags} tag{'s' * (tags > 1)} × 10,000 points: {told}")


def imports_tensorflow(home: Path) -> bool:
    command = [sys.executable, "-X", "importtime", "-m", "tbgrad", "compare", str(home), "--by", "loss"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return any(line.rpartition("|")[2].strip() == "tensorflow" for line in told.splitlines())


@click.command()
@click.option("--runs", default=1000, show_default=True)
@click.option("--steps", default=1000, show_default=True)
@click.option("--repeats", default=5, show_default=True, help="Counted rounds.")
def main(runs: int, steps: int, repeats: int) -> None:
    """Print the ratios, then the times."""
    home = Path(tempfile.mkdtemp())
    try:
        print(
            f"{machine()}; {runs:,} runs × {len(TAGS)} tags × {steps:,} steps; median of {repeats} interleaved rounds"
        )
        for label, write, kind in (("ours", as_tbgrad, "tensors"), ("torch's", as_torch, "scalars")):
            print(f"\n{label}: table of all runs")
            make_runs(home / label, write, runs, steps)
            table(home / label, kind, runs, steps, repeats)
        print("\nours: what else")
        others(home / "ours", 3)
        page(home, 3)
        print(f"\nTensorFlow is imported: {'yes' if imports_tensorflow(home / 'page_1') else 'no'}")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
