"""A million scalars to an event file: whole series at once, and one at a time as a training loop does.

Peers: tf.summary, tensorboard, tensorboardX, torch, clu, in the ways their documentation shows; and the limit, which is
`write` and CRC32C of the same bytes. Run: python benchmarks/writing.py
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import google_crc32c
import numpy as np
from measuring import interleaved, machine, median, paired_ratio, peak_mebibytes

import tbgrad
from tbgrad.records import Scalars

TAGS = [f"train/quantity_{i}" for i in range(5)]
# The peers' time grows with the number: it is measured on fewer, and given for as many.
PEERS_STEPS, ONES = 2_000, 20_000
LIMIT_CHUNK = 1 << 18


def series(steps: int) -> list[Scalars]:
    """Five tags with the same steps, and a wall time for each step."""
    values = np.random.default_rng(0).normal(size=(len(TAGS), steps)).astype(np.float32)
    wall_time = 1.7e9 + 1e-3 * np.arange(steps)
    return [Scalars(tag, np.arange(steps), value, wall_time) for tag, value in zip(TAGS, values, strict=True)]


def by_tbgrad(directory: Path, records: list[Scalars]) -> None:
    with tbgrad.open_run(directory) as run:
        for record in records:
            run.write(record)


def by_tbgrad_packed(directory: Path, records: list[Scalars]) -> None:
    with tbgrad.open_run(directory) as run:
        run.write(records)


def by_tbgrad_one_at_a_time(directory: Path, records: list[Scalars]) -> None:
    (record,) = records
    with tbgrad.open_run(directory) as run:
        for step, value in zip(record.step.tolist(), record.value.tolist(), strict=True):
            run.write(Scalars(record.tag, step, value))


def by_torch(directory: Path, records: list[Scalars]) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(directory)) as writer:
        for tag, step, value in points(records):
            writer.add_scalar(tag, value, step)


def by_tensorboardx(directory: Path, records: list[Scalars]) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(directory)) as writer:
        for tag, step, value in points(records):
            writer.add_scalar(tag, value, step)


def by_tensorboard(directory: Path, records: list[Scalars]) -> None:
    from tensorboard.summary import Writer

    writer = Writer(str(directory))
    for tag, step, value in points(records):
        writer.add_scalar(tag, value, step)
    writer.close()


def by_tensorflow(directory: Path, records: list[Scalars]) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(directory)).as_default():
        for tag, step, value in points(records):
            tf.summary.scalar(tag, value, step=step)


def by_clu(directory: Path, records: list[Scalars]) -> None:
    from clu import metric_writers

    writer = metric_writers.SummaryWriter(str(directory))
    for row in zip(records[0].step.tolist(), *(record.value.tolist() for record in records), strict=True):
        writer.write_scalars(row[0], dict(zip(TAGS, row[1:], strict=True)))
    writer.close()


def points(records: list[Scalars]):
    """(tag, step, value), step by step."""
    columns = [zip(r.step.tolist(), r.value.tolist(), strict=True) for r in records]
    for row in zip(*columns, strict=True):
        for record, (step, value) in zip(records, row, strict=True):
            yield record.tag, step, value


PEERS = {
    "torch": by_torch,
    "tensorboardX": by_tensorboardx,
    "tensorboard": by_tensorboard,
    "tf.summary": by_tensorflow,
    "clu": by_clu,
}


def timed(write: Callable[[Path, list[Scalars]], None], records: list[Scalars]) -> Callable[[], float]:
    """Seconds for each scalar, in a fresh directory."""

    def job() -> float:
        home = Path(tempfile.mkdtemp())
        began = time.perf_counter()
        write(home / "run", records)
        seconds = time.perf_counter() - began
        shutil.rmtree(home)
        return seconds / sum(len(record.step) for record in records)

    return job


def limit(write: Callable[[Path, list[Scalars]], None], records: list[Scalars]) -> Callable[[], float]:
    """Seconds for each scalar that `write` and CRC32C of the same bytes take."""
    home = Path(tempfile.mkdtemp())
    write(home / "run", records)
    (file,) = (home / "run").glob("*tfevents*")
    content = memoryview(file.read_bytes())
    shutil.rmtree(home)

    def write_bytes(directory: Path, records: list[Scalars]) -> None:
        directory.mkdir()
        with (directory / "bytes").open("wb", buffering=0) as target:
            for start in range(0, len(content), LIMIT_CHUNK):
                chunk = bytes(content[start : start + LIMIT_CHUNK])
                google_crc32c.value(chunk)
                target.write(chunk)

    return timed(write_bytes, records)


MEMORY = """
import sys, numpy as np, tbgrad
from tbgrad.records import Scalars
chunk, count = 10_000, int(sys.argv[2])
with tbgrad.open_run(sys.argv[1]) as run:
    run.write(
        Scalars("a", np.arange(i, i + chunk), np.ones(chunk), np.full(chunk, 1e9)) for i in range(0, count, chunk)
    )
"""


def memory(scalars: int) -> float:
    """Peak MiB of a process that writes so many from a generator of chunks."""
    home = tempfile.mkdtemp()
    try:
        return peak_mebibytes(MEMORY, f"{home}/run", str(scalars))
    finally:
        shutil.rmtree(home)


@click.command()
@click.option("--scalars", default=1_000_000, show_default=True, help="To write, all tags together.")
@click.option("--repeats", default=5, show_default=True, help="Counted rounds.")
def main(scalars: int, repeats: int) -> None:
    """Print the ratios, then the rates, and what memory it takes."""
    records, few = series(scalars // len(TAGS)), series(PEERS_STEPS)
    ones = [series(ONES)[0]]
    seconds = interleaved(
        {
            "each": timed(by_tbgrad, records),
            "each, limit": limit(by_tbgrad, records),
            "packed": timed(by_tbgrad_packed, records),
            "packed, limit": limit(by_tbgrad_packed, records),
            "one at a time": timed(by_tbgrad_one_at_a_time, ones),
            "torch, one at a time": timed(by_torch, ones),
            **{name: timed(write, few) for name, write in PEERS.items()},
        },
        repeats,
    )
    print(f"{machine()}; {scalars:,} scalars, 5 tags; median of {repeats} interleaved rounds\n")
    print(f"{'job':<44} {'ratio':>8} {'goal':>6} {'tbgrad, k/s':>12} {'peer, k/s':>10}")
    fastest = min(PEERS, key=lambda name: median(seconds[name]))
    rows = [(f"whole series, against {name}", name, "each", 300 if name == fastest else None) for name in PEERS]
    rows += [
        ("whole series, against write + CRC32C", "each, limit", "each", 0.5),
        ("packed, against write + CRC32C", "packed, limit", "packed", 0.6),
        ("one at a time, against torch", "torch, one at a time", "one at a time", 3),
    ]
    for label, peer, ours, goal in rows:
        ratio = paired_ratio(seconds[peer], seconds[ours])
        rates = [1e-3 / median(seconds[name]) for name in (ours, peer)]
        print(f"{label:<44} {ratio:>8.3g} {goal or '':>6} {rates[0]:>12,.0f} {rates[1]:>10,.0f}")
    peaks = {count: memory(count) for count in (scalars // 10, scalars, scalars * 10)}
    print("\npeak memory, from a generator: " + ", ".join(f"{n:,} scalars {m:.0f} MiB" for n, m in peaks.items()))


if __name__ == "__main__":
    main()
