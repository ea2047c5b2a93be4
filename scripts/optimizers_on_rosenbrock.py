"""A study: which optimizer follows Rosenbrock's valley fastest, if each may choose its learning rate?

Recipe: 1. take a function; 2. choose optimizers, and rates for each; 3. descend and log; 4. compare the best of each.
Change the ingredients below and run it again: python scripts/optimizers_on_rosenbrock.py
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import numpy as np

import tbgrad

FUNCTION = "rosenbrock"
TARGET = 1e-6
OPTIMIZERS = {
    "sgd": {},
    "momentum": {"name": "sgd", "momentum": 0.9},
    "nesterov": {"name": "sgd", "momentum": 0.9, "nesterov": True},
    "rmsprop": {},
    "adam": {},
    "nadam": {},
    "lion": {},
}


def steps_to_target(descent):
    """The first step within the target of the known minimum; infinite if there is none."""
    reached = np.flatnonzero(descent.gap[:, 0] <= TARGET)
    return reached[0] if reached.size else np.inf


@click.command()
@click.option("--logdir", default="logs/scripts/optimizers", show_default=True, help="Where the runs go.")
@click.option("--steps", default=10_000, show_default=True, help="Updates of each descent.")
@click.option("--rates", default=9, show_default=True, help="Learning rates for each optimizer, from 1e-4 to 1.")
def main(logdir, steps, rates):
    """Tune each optimizer's learning rate on Rosenbrock's function, log the best run of each, and rank them."""
    f = tbgrad.resolve(FUNCTION)
    for label, given in OPTIMIZERS.items():
        settings = dict(given)
        name = settings.pop("name", label)
        tried = []
        for rate in np.logspace(-4, 0, rates):
            descent = tbgrad.descend(f, tbgrad.Optimizer(name, rate, **settings), [f.start], steps)
            final = descent.value[-1, 0] if np.isfinite(descent.value[-1, 0]) else np.inf
            tried.append((steps_to_target(descent), final, rate, descent))
        needed, final, rate, best = min(tried, key=lambda row: row[:2])
        with tbgrad.open_run(f"{logdir}/{label}", exists="replace") as run:
            run.write(tbgrad.summarize(tbgrad.with_landscape(f, best)))
        click.echo(
            f"{label:<10} best of {rates} rates: {rate:.2g}, {needed:g} steps to {TARGET:g}, ends at {final:.2g}"
        )
    click.echo(f"\ntbgrad compare {logdir}\ntbgrad board {logdir}")


if __name__ == "__main__":
    main()
