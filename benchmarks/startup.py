"""How long a user waits: `tbgrad --help` against `import click`, surface and tour against `import tensorflow`.

Run: python benchmarks/startup.py
"""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile

import click
from measuring import interleaved, machine, median, paired_ratio, run_process

GOALS = {"--help": 6.0, "surface": 2.0, "tour": 12.0}
MOST_MEBIBYTES = 1536


@click.command()
@click.option("--repeats", default=7, show_default=True, help="Counted rounds of each pair.")
def main(repeats: int) -> None:
    """Print wall time and memory of whole processes, in pairs."""
    print(f"{machine()}, tensorflow {importlib.metadata.version('tensorflow')}; median of {repeats} paired runs\n")
    python, memory = sys.executable, {}

    def job(name: str, *arguments: str):
        def timed() -> float:
            run = run_process([python, *arguments])
            memory[name] = max(memory.get(name, 0.0), run.mebibytes)
            return run.seconds

        return timed

    with tempfile.TemporaryDirectory() as logdir:
        pairs = (
            ("--help", ("-m", "tbgrad", "--help"), "import click"),
            ("surface", ("-m", "tbgrad", "surface", "ripple", "--overwrite", "--logdir", logdir), "import tensorflow"),
            ("tour", ("-m", "tbgrad", "tour", "--quiet", "--logdir", logdir), "import tensorflow"),
        )
        print(f"{'tbgrad':<8} {'ratio':>6} {'goal':>6}   {'seconds':>8} {'MiB':>6}   against")
        for name, arguments, peer in pairs:
            jobs = {name: job(name, *arguments), peer: job(peer, "-c", peer)}
            seconds = interleaved(jobs, repeats)
            ratio = paired_ratio(seconds[name], seconds[peer])
            mine = f"{median(seconds[name]):>8.3f} {memory[name]:>6.0f}"
            theirs = f"{peer}: {median(seconds[peer]):.3f} s, {memory[peer]:.0f} MiB"
            print(f"{name:<8} {ratio:>6.2f} {GOALS[name]:>6.1f}   {mine}   {theirs}")
        print(f"\nmemory of the tour: {memory['tour']:.0f} MiB; goal: at most {MOST_MEBIBYTES}")


if __name__ == "__main__":
    main()
