"""fading_wave = cos(x) sin(x) / √x: the function, its derivative, and the tangent where you want it.

Run it, then look: python scripts/fading_wave.py && tbgrad board logs/scripts/fading_wave
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import numpy as np
import tensorflow as tf

import tbgrad
from tbgrad.records import Scalars


@tf.function
def fading_wave(x):
    """A wave that fades; at x = 0 it is 0/0."""
    return tf.cos(x) * tf.sin(x) / tf.sqrt(x)


@tf.function
def value_and_slope(x):
    """What happens inside: a tape watches x, follows the computation, and plays it backwards."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = fading_wave(x)
    return value, tape.gradient(value, x)


@click.command()
@click.option("--logdir", default="logs/scripts/fading_wave", show_default=True, help="Where the runs go.")
@click.option("--tangent", default=4.1, show_default=True, help="Where the tangent touches.")
@click.option("--rate", default=0.1, show_default=True, help="Learning rate of the descent from there.")
def main(logdir, tangent, rate):
    """Log fading_wave's derivative over [0, 2π], a tangent, its graph, and gradient descent from where it touches."""

    def log(run_name, records):
        with tbgrad.open_run(f"{logdir}/{run_name}", exists="replace") as run:
            run.write(records)

    # Step by step: the tape's numbers, written as series of one's own. TensorBoard's steps are integers.
    x = np.linspace(0.0, 2 * np.pi, 100)
    value, slope = (tensor.numpy() for tensor in value_and_slope(tf.constant(x)))
    step = np.round(1000 * x).astype(int)
    log("by_tape", [Scalars("sweep/value", step, value), Scalars("sweep/slope", step, slope)])
    click.echo(f"{np.isnan(value).sum()} of {len(x)} points is undefined: x = {x[np.isnan(value)]}")

    # The same in one call, with the picture: f, its derivative, the tangent in red.
    f = tbgrad.Function(fading_wave, variables=("x",), domain=((0.0, 2 * np.pi),))
    curve = tbgrad.sweep(f, points=100, tangents=[tangent])
    log("sweep", tbgrad.summarize(curve))
    click.echo(f"tangent at {tangent}: value {curve.tangents[0].value}, slope {curve.tangents[0].slope}")

    # The gradient is in the graph once, however often it is used; a program that asks for it twice builds it twice.
    for run_name, gradients in (("graph", 1), ("graph_twice", 2)):
        graph = tbgrad.trace_graph(f, gradients=gradients)
        log(run_name, tbgrad.summarize(graph))
        click.echo(f"{run_name}: {graph.counts}")
    passes = tbgrad.backward(tbgrad.resolve("cos(x)*sin(x)/sqrt(x)"), [tangent])
    log("graph_by_hand", tbgrad.summarize(passes))

    # Follow the slope down from there.
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", learning_rate=rate), [[tangent]], 1000)
    log("descent", tbgrad.summarize(tbgrad.with_landscape(f, descent)))
    click.echo(f"ends at {descent.position[-1, 0, 0]:.6f}, value {descent.value[-1, 0]:.6f}")
    click.echo(f"tbgrad board {logdir}")


if __name__ == "__main__":
    main()
