"""tilted_waves = cos(x) sin(y) + x/y: its partial derivatives by hand and by TensorFlow, its hole, its valley.

Run it, then look: python scripts/tilted_waves.py && tbgrad board logs/scripts/tilted_waves
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import numpy as np
import tensorflow as tf

import tbgrad


@tf.function
def tilted_waves(x, y):
    """A hill country on a slope; at y = 0 it is undefined."""
    return tf.cos(x) * tf.sin(y) + x / y


def by_hand(x, y):
    """The two partial derivatives, from pencil and paper."""
    return -np.sin(x) * np.sin(y) + 1 / y, np.cos(x) * np.cos(y) - x / y**2


@click.command()
@click.option("--logdir", default="logs/scripts/tilted_waves", show_default=True, help="Where the runs go.")
@click.option("--rate", default=0.1, show_default=True, help="Learning rate.")
@click.option("--steps", default=1000, show_default=True, help="Updates.")
def main(logdir, rate, steps):
    """Log tilted_waves's graph, its gradient along two lines, its surface, and gradient descent on it from (2, 1)."""
    f = tbgrad.Function(tilted_waves, variables=("x", "y"), domain=((-6.0, 6.0), (-6.0, 6.0)))

    def log(run_name, result):
        with tbgrad.open_run(f"{logdir}/{run_name}", exists="replace") as run:
            run.write(tbgrad.summarize(result))

    # The same derivative three times: from paper, node by node, and from TensorFlow's tape.
    passes = tbgrad.backward(tbgrad.resolve("cos(x)*sin(y) + x/y"), (2.0, 1.0))
    log("graph_by_hand", passes)
    found = tbgrad.evaluate(f, [[2.0, 1.0]]).gradient[0]
    for name, *ways in zip(f.variables, by_hand(2.0, 1.0), passes.gradient, found, strict=True):
        paper, nodes, tape = (f"{partial:.16f}" for partial in ways)
        click.echo(f"∂f/∂{name} at (2, 1): by hand {paper}, node by node {nodes}, TensorFlow {tape}")
    log("graph", tbgrad.trace_graph(f))

    # Along x the function is tame; along y it goes to infinity at 0, which is logged as it is.
    for axis, other in (("x", "y"), ("y", "x")):
        line = tbgrad.sweep(f, over=(axis, -6.0, 6.0), fix={other: 1.0}, points=241)
        click.echo(f"along {axis}: {np.isfinite(line.value).sum()} of {len(line.value)} points are defined")
        log(f"along_{axis}", line)

    # On the plane the line y = 0 is a hole; beside it the heights are cut, and the pictures say so.
    surface = tbgrad.surface(f, points=101)
    log("surface", surface)
    click.echo(surface.undefined)

    # Downhill from (2, 1), with every step on record and the path on the contours.
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", learning_rate=rate), [[2.0, 1.0]], steps)
    log("descent", tbgrad.with_landscape(f, descent))
    x, y = descent.position[-1, 0]
    click.echo(f"ends at ({x:.6f}, {y:.6f}), value {descent.value[-1, 0]:.6f}. {descent.verdicts[0].sentence}")

    click.echo(f"tbgrad board {logdir}")


if __name__ == "__main__":
    main()
