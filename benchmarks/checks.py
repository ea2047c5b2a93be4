"""Formulas made at random: what a check says of their gradients, and of wrong ones, against what mpmath says.

Run: python benchmarks/checks.py [formulas]
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# The tests' formulas and their oracle.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from measuring import machine
from random_formulas import KINDS, expected, formulas

import tbgrad

FORMULAS = 1000


def warm_up() -> None:
    """Of a process: TensorFlow's import is no part of a check."""
    np.seterr(all="ignore")
    tbgrad.check_gradient("x**2", [[1.0]])


def judged(number: int, tree: tuple, text: str, points: list) -> tuple[dict[str, Counter], float]:
    """Of one formula and each kind of gradient: how often which verdict was due and given, and the seconds taken."""
    said, seconds = {}, 0.0
    for kind, (make, right_within) in KINDS.items():
        began = time.perf_counter()
        check = tbgrad.check_gradient(make(tree, text, number), points)
        seconds += time.perf_counter() - began
        said[kind] = Counter()
        for point in check.points:
            wanted, found = expected(tree, point.position, point.reverse, right_within), point.verdict.value
            said[kind][wanted, found] += 1
            if wanted is not None and wanted != found:
                print(f"WRONG: {kind}: {text} at {point.position.tolist()}: said {found}, mpmath says {wanted}")
                print(f"  reverse {point.reverse}, differences {point.differences} ± {point.uncertainty}")
                print(f"  {point.cause}", flush=True)
    return said, seconds


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FORMULAS
    said = {kind: Counter() for kind in KINDS}
    seconds = 0.0
    # TensorFlow does not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, initializer=warm_up) as pool:
        made = formulas(count)
        for counts, taken in pool.map(judged, range(count), *zip(*made, strict=True)):
            seconds += taken
            for kind in KINDS:
                said[kind] += counts[kind]
    print(f"{count:,} formulas, each in 6 points; {machine()}; {1e3 * seconds / count / len(KINDS):.0f} ms a check\n")
    print(f"{'gradient':<14} {'mpmath says':<24} {'points':>7} {'same verdict':>13}")
    for kind, counts in said.items():
        for wanted in sorted({w for w, _ in counts if w is not None}):
            points = sum(n for (w, _), n in counts.items() if w == wanted)
            print(f"{kind:<14} {wanted:<24} {points:>7} {counts[wanted, wanted]:>13}")
    left = sum(n for counts in said.values() for (wanted, _), n in counts.items() if wanted is None)
    wrong = sum(n for counts in said.values() for (w, f), n in counts.items() if w is not None and w != f)
    print(f"\nwrong verdicts: {wrong}; not judged, where float64 leaves no digit to tell it by: {left}")


if __name__ == "__main__":
    main()
