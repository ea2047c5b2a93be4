"""ripple = sin(√(x² + y²)): its graph, its gradient, its surface, and two optimizers on one ring of minima.

Run it, then look: python scripts/ripple.py && tbgrad board logs/scripts/ripple
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import numpy as np
import tensorflow as tf

import tbgrad


@tf.function
def ripple(x, y):
    """Waves around a stone in the water. At the origin there is a kink, and no gradient."""
    return tf.sin(tf.sqrt(x**2 + y**2))


@click.command()
@click.option("--logdir", default="logs/scripts/ripple", show_default=True, help="Where the runs go.")
@click.option("--rate", default=0.1, show_default=True, help="Learning rate of both optimizers.")
@click.option("--steps", default=500, show_default=True, help="Updates of each.")
def main(logdir, rate, steps):
    """Log ripple's graph, its gradient along y = 0, its surface, and gradient descent on it from (1, 2)."""
    f = tbgrad.Function(ripple, variables=("x", "y"), domain=((0.0, 6.0), (-6.0, 6.0)))

    def log(run_name, result):
        with tbgrad.open_run(f"{logdir}/{run_name}", exists="replace") as run:
            run.write(tbgrad.summarize(result))

    # One point: the tutorial's (2, 0). The exact slope is cos(2) along x, and 0 along y.
    point = tbgrad.evaluate(f, [[2.0, 0.0]])
    click.echo(f"at (2, 0): value {point.value[0]}, gradient {point.gradient[0]}, cos(2) = {np.cos(2.0)}")

    # The graph that TensorFlow built: forward to the value, and from there backward to the gradient.
    graph = tbgrad.trace_graph(f)
    log("graph", graph)
    click.echo(f"operations: {graph.counts}, traced {graph.traces} time(s)")

    # The same by hand, which needs the formula: a click on a node of this graph shows its gradient.
    log("graph_by_hand", tbgrad.backward(tbgrad.resolve("sin(sqrt(x^2 + y^2))"), (2.0, 0.0)))

    # A line: value and gradient at 201 points, as scalars and as a picture.
    log("sweep", tbgrad.sweep(f, over=("x", 0.0, 6.0), fix={"y": 0.0}, points=201))

    # A plane: contours, arrows of the gradient, and a mesh to turn.
    log("surface", tbgrad.surface(f, points=101))

    # Downhill: every step is recorded; the path is drawn on the function's contours.
    for name in ("sgd", "adam"):
        optimizer = tbgrad.Optimizer(name, learning_rate=rate)
        descent = tbgrad.descend(f, optimizer, [[1.0, 2.0]], steps)
        log(name, tbgrad.with_landscape(f, descent))
        x, y = descent.position[-1, 0]
        radius = np.hypot(x, y) / np.pi
        click.echo(
            f"{name}: ends at ({x:.6f}, {y:.6f}), {radius:.6f} π from the origin. {descent.verdicts[0].sentence}"
        )

    click.echo(f"tbgrad board {logdir}")


if __name__ == "__main__":
    main()
