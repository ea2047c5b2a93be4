"""A real network on handwritten digits: its gradients when it learns and when it does not, and the loss around its way.

Needs scikit-learn, which brings the digits: pip install -e '.[digits]'
Run it, then look: python scripts/train_digits.py && tbgrad board logs/scripts/train_digits
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from pathlib import Path

import click
import keras

import tbgrad
from tbgrad.experiments.launching import Place
from tbgrad.experiments.model_landscapes import log_landscape

# Weights that keep the signal's size from layer to layer, and weights that are too small for that.
STARTS = {
    "healthy": lambda: keras.initializers.GlorotUniform(seed=0),
    "sick": lambda: keras.initializers.RandomNormal(stddev=0.02, seed=0),
}
HIDDEN, WIDTH, BATCH = 8, 32, 50


def digits():
    """1,797 pictures of 8 × 8 pixels, from 0 to 1, and which digit each shows."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise click.ClickException("scikit-learn brings the digits; pip install -e '.[digits]' installs it.") from None
    pictures, labels = load_digits(return_X_y=True)
    return (pictures / 16).astype("float32"), labels


def network(start):
    """Eight hidden layers of tanh; the two trainings differ in how their weights begin, and in nothing else."""
    keras.utils.set_random_seed(0)
    hidden = [
        keras.layers.Dense(WIDTH, activation="tanh", kernel_initializer=start(), name=f"hidden_{i + 1}")
        for i in range(HIDDEN)
    ]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, name="output")], name="digits")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["accuracy"])
    return model


@click.command()
@click.option("--logdir", default="logs/scripts/train_digits", show_default=True, type=Path, help="Where the runs go.")
@click.option("--epochs", default=20, show_default=True, help="Passes over the training data.")
@click.option("--points", default=41, show_default=True, help="Of the landscapes, along each axis.")
def main(logdir, epochs, points):
    """Train twice, with weights that begin well and too small, and draw the loss around the training that works."""
    x, y = digits()
    train, test = (x[:1500], y[:1500]), (x[1500:], y[1500:])
    for name, start in STARTS.items():
        model = network(start)
        trajectory = tbgrad.WeightTrajectory(every=10)
        watch = tbgrad.GradientCallback(
            logdir / name,
            histograms=100,
            sharpness=tbgrad.Sharpness(*train, every=100),
            overwrite=True,
        )
        model.fit(*train, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[watch, trajectory])
        _, accuracy = model.evaluate(*test, verbose=0)
        told = watch.faults[0].sentence if watch.faults else "no fault found"
        click.echo(f"{name}: {accuracy:.1%} of the test digits are right; {told}")
        if name == "healthy":
            landscapes(tbgrad.model_loss(model, *train), trajectory, logdir, points)
    click.echo(f"tbgrad board {logdir}")


def landscapes(f, trajectory, logdir, points):
    """Logs the loss on the plane of the training's way, and on a random one around its end."""
    path, steps, end = trajectory.position, trajectory.step, trajectory.position[-1]
    planes = {
        "along_the_way": tbgrad.principal_directions(path),
        "random": tbgrad.random_directions(f, end),
    }
    for name, plane in planes.items():
        place = Place(logdir, f"landscape/{name}", overwrite=True)
        found = log_landscape(f, plane, place, points=points, path=path, steps=steps, dtype="float32")
        click.echo(f"{name}: {found.lines[-2]}")


if __name__ == "__main__":
    main()
