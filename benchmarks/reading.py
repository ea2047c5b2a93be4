"""Fifty runs with 20,000 scalars each, read into arrays.

Peers: TensorBoard's Rust data server over gRPC, from its start until it has answered with every point; its loading
alone; TensorBoard's EventAccumulator; and the limit, which is `read` and CRC32C of the same bytes.
Run: python benchmarks/reading.py
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import google_crc32c
import grpc
import numpy as np
import tensorboard_data_server
from measuring import interleaved, machine, median, paired_ratio, peak_mebibytes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.context import RequestContext
from tensorboard.data import grpc_provider
from writing import TAGS, series

import tbgrad
from tbgrad.records import Scalars

FEW = 2
LIMIT_CHUNK = 1 << 20


def make_runs(home: Path, runs: int, steps: int, packed: bool) -> None:
    records = series(steps)
    for index in range(runs):
        with tbgrad.open_run(home / f"run_{index:03}") as run:
            for part in [records] if packed else records:
                run.write(part)


def by_tbgrad(home: Path, steps: int) -> None:
    for directory in sorted(home.iterdir()):
        found = tbgrad.read_run(directory).scalars
        assert len(found) == len(TAGS) and all(len(found[tag].value) == steps for tag in TAGS)


def by_accumulator(home: Path, steps: int) -> None:
    for directory in sorted(home.iterdir())[:FEW]:
        accumulator = EventAccumulator(str(directory), size_guidance={"tensors": 0})
        accumulator.Reload()
        for tag in TAGS:
            value = np.array([event.tensor_proto.tensor_content for event in accumulator.Tensors(tag)])
            assert len(value) == steps


def by_data_server(home: Path, steps: int, with_points: bool = True) -> None:
    """Starts the server on the runs, waits until it has loaded them, and asks for every point."""
    port_file = home.with_suffix(".port")
    port_file.unlink(missing_ok=True)
    command = [tensorboard_data_server.server_binary(), f"--logdir={home}", f"--samples-per-plugin=scalars={steps + 1}"]
    command += ["--port=0", f"--port-file={port_file}", "--die-after-stdin", "--reload=once"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (port_file.exists() and port_file.read_text().endswith("\n")):
            time.sleep(0.001)
        options = [("grpc.max_receive_message_length", 1 << 30)]
        with grpc.insecure_channel(f"localhost:{port_file.read_text().strip()}", options=options) as channel:
            provider = grpc_provider.GrpcDataProvider(f"localhost:{port_file.read_text().strip()}", _stub(channel))
            asked = {"experiment_id": "", "plugin_name": "scalars"}
            runs = len(list(home.iterdir()))
            while True:
                found = provider.list_scalars(RequestContext(), **asked)
                loaded = [series.max_step == steps - 1 for tags in found.values() for series in tags.values()]
                if len(loaded) == runs * len(TAGS) and all(loaded):
                    break
                time.sleep(0.002)
            if with_points:
                points = provider.read_scalars(RequestContext(), **asked, downsample=steps + 1)
                assert all(len(series) == steps for tags in points.values() for series in tags.values())
    finally:
        server.stdin.close()
        server.wait()


def _stub(channel: grpc.Channel):
    from tensorboard.data.proto import data_provider_pb2_grpc

    return data_provider_pb2_grpc.TensorBoardDataProviderStub(channel)


def by_bytes(home: Path, steps: int) -> None:
    for path in home.glob("*/*tfevents*"):
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(LIMIT_CHUNK):
                google_crc32c.value(chunk)


def timed(read: Callable[[Path, int], None], home: Path, steps: int) -> Callable[[], float]:
    def job() -> float:
        began = time.perf_counter()
        read(home, steps)
        return time.perf_counter() - began

    return job


def jobs(home: Path, steps: int) -> Mapping[str, Callable[[], float]]:
    return {
        "tbgrad": timed(by_tbgrad, home, steps),
        "data server": timed(by_data_server, home, steps),
        "data server, loading": timed(lambda *given: by_data_server(*given, with_points=False), home, steps),
        "EventAccumulator": timed(by_accumulator, home, steps),
        "read + CRC32C": timed(by_bytes, home, steps),
    }


MEMORY = """
import sys, tbgrad
found = tbgrad.read_run(sys.argv[1], tags=sys.argv[2:] or None).scalars
assert found or not sys.argv[2:]
"""


def memory(home: Path, mebibytes: int) -> None:
    """Prints what it takes to read one tag of a large file."""
    series_of = np.arange(1_000_000)
    with tbgrad.open_run(home / "large") as run:
        run.write(Scalars("few", series_of[:1000], series_of[:1000], 1.0))
        size = 0
        for index in itertools.count():
            if size >= mebibytes * 2**20:
                break
            run.write(Scalars(f"many_{index}", series_of, series_of, series_of / 7))
            size = sum(path.stat().st_size for path in (home / "large").glob("*tfevents*"))
    none = peak_mebibytes("import tbgrad; tbgrad.read_run")
    began = time.perf_counter()
    one = peak_mebibytes(MEMORY, str(home / "large"), "few")
    seconds = time.perf_counter() - began
    print(f"\none tag of a file of {size >> 20} MiB: {one - none:.0f} MiB more than an import, {seconds:.1f} s")


@click.command()
@click.option("--runs", default=50, show_default=True)
@click.option("--scalars", default=20_000, show_default=True, help="Of each run, all tags together.")
@click.option("--repeats", default=5, show_default=True, help="Counted rounds.")
@click.option("--mebibytes", default=2048, show_default=True, help="Of the file from which one tag is read.")
def main(runs: int, scalars: int, repeats: int, mebibytes: int) -> None:
    """Print the ratios, then the rates."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    steps = scalars // len(TAGS)
    goals = {
        "one event each": {"data server": 3, "EventAccumulator": 50},
        "packed": {"data server": 5},
    }
    home = Path(tempfile.mkdtemp())
    try:
        print(f"{machine()}; {runs} runs of {scalars:,} scalars; median of {repeats} interleaved rounds")
        for label, packed in (("one event each", False), ("packed", True)):
            place = home / label.replace(" ", "_")
            make_runs(place, runs, steps, packed)
            seconds = interleaved(jobs(place, steps), repeats)
            seconds["EventAccumulator"] = [taken * runs / FEW for taken in seconds["EventAccumulator"]]
            print(f"\n{label:<28} {'times faster':>12} {'goal':>6} {'peer, k/s':>12}")
            for name, taken in seconds.items():
                ratio, rate = paired_ratio(taken, seconds["tbgrad"]), runs * scalars / median(taken) / 1000
                print(f"{name:<28} {ratio:>12.2f} {goals[label].get(name, ''):>6} {rate:>12,.0f}")
        memory(home, mebibytes)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
