"""Value and gradient at many points, from a NumPy array to NumPy arrays, side by side with other libraries.

    python benchmarks/sweeps.py [--points 1000000] [--functions ...] [--dtypes ...] [--rounds 5] [--stream 100000000]

Hot: after some calls, compiled already. Cold: from the function to the arrays, tracing and compilation included,
imports excluded. Peers that keep every intermediate array are left out where these would not fit into memory.
`--stream` runs tbgrad alone over so many points of tilted_waves, chunk by chunk, and prints its peak memory.

torch.compile needs a C++ compiler; without one it is left out.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import interleaved, machine, median, paired_ratio, peak_mebibytes
from sweep_peers import JOBS, PEERS, by_tbgrad

# Coordinates beyond which a peer that keeps every intermediate array is left out.
_MOST_COORDINATES = 30_000_000
_WARMING_UP = 3
_KEEP_ALL = ("autograd", "torch eager", "GradientTape eager", "GradientTape in tf.function")


def compare(name: str, dtype: str, count: int, rounds: int) -> None:
    """Prints one table: seconds, millions of points a second, and how much faster tbgrad is."""
    job = JOBS[name]
    points = np.random.default_rng(0).uniform(job.low, job.high, (count, job.dimensions)).astype(dtype)
    peers = {"tbgrad": by_tbgrad, **PEERS}
    if shutil.which("g++") is None:
        peers.pop("torch.compile")
    if points.size > _MOST_COORDINATES:
        peers = {peer: make for peer, make in peers.items() if peer not in _KEEP_ALL}
    print(f"\n{name}, {dtype}, {count:,} points: tbgrad's speed over the peer's, and its M points/s")
    expected = None
    for peer, make in peers.items():
        value, gradient = make(job)(points[:1000])
        expected = (value, gradient) if expected is None else expected
        tolerance = 1e-3 if dtype == "float32" else 1e-9
        scale = np.abs(expected[1]).max()
        np.testing.assert_allclose(value, expected[0], tolerance, tolerance * scale, err_msg=peer)
        np.testing.assert_allclose(gradient, expected[1], tolerance, tolerance * scale, err_msg=peer)
    made = {peer: make(job) for peer, make in peers.items()}
    for call in made.values():
        # tbgrad compiles with XLA after some four million coordinates.
        for _ in range(_WARMING_UP):
            call(points)

    def hot(peer: str) -> Callable[[], float]:
        return lambda: _seconds(lambda: made[peer](points))

    def cold(peer: str) -> Callable[[], float]:
        return lambda: _seconds(lambda: peers[peer](job)(points))

    warm = interleaved({peer: hot(peer) for peer in peers}, rounds)
    first = interleaved({peer: cold(peer) for peer in peers}, max(1, rounds // 2))
    print(f"  {'':<30} {'hot':>7} {'M/s':>8} {'cold':>7} {'M/s':>8}")
    for peer in peers:
        cells = []
        for measured in (warm, first):
            cells += [
                f"{paired_ratio(measured[peer], measured['tbgrad']):7.2f}",
                f"{count / median(measured[peer]) / 1e6:8.1f}",
            ]
        print(f"  {peer:<30} {' '.join(cells)}", flush=True)


def _seconds(job: Callable[[], Any]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


_STREAM = """
import sys
import numpy as np
import tbgrad
f = tbgrad.resolve("tilted_waves")
count, size, least = int(sys.argv[1]), 2**20, np.inf
random = np.random.default_rng(0)
for start in range(0, count, size):
    points = random.uniform((-6, 0.1), (6, 6), (min(size, count - start), 2))
    least = min(least, tbgrad.evaluate(f, points).value.min())
"""


def stream(count: int) -> None:
    """Prints peak memory and speed of tbgrad over ever more points, chunk by chunk."""
    print("\nstreamed, float64, tilted_waves, points drawn in chunks of 1 Mi: peak memory")
    for points in (count // 100, count // 10, count):
        began = time.perf_counter()
        peak = peak_mebibytes(_STREAM, str(points))
        print(f"  {points:>14,} points: {peak:7.0f} MiB, {time.perf_counter() - began:7.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=float, nargs="*", default=[1e6, 1e7])
    parser.add_argument("--functions", nargs="*", default=list(JOBS), choices=JOBS)
    parser.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream", type=float, default=1e8)
    options = parser.parse_args()
    print(machine())
    for name in options.functions:
        for dtype in options.dtypes:
            for count in options.points:
                compare(name, dtype, int(count), options.rounds)
    if options.stream:
        stream(int(options.stream))


if __name__ == "__main__":
    main()
