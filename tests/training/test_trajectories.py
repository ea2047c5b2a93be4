"""Snapshots of the weights of a training, against the weights that Keras itself ends with, and a loop by hand."""

import gc
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest

import tbgrad
from tbgrad.errors import OptionError, RangeError, ShapeError, WriteError

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(40, 3)).astype("float32"), RNG.normal(size=(40, 2)).astype("float32")
RATE = 0.05


def make_model(built=True):
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers] if built else layers)
    model.compile(keras.optimizers.SGD(RATE), "mse")
    return model


def fit(model, *callbacks, epochs=2, **settings):
    # 40 samples in batches of 8 are 5 updates an epoch.
    model.fit(X, Y, epochs=epochs, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks, **settings)


def flat(weights):
    return np.concatenate([np.asarray(w).ravel() for w in weights])


def by_hand(steps):
    """The weights after each update of gradient descent, by NumPy in float64."""
    w1, b1, w2, b2 = (np.asarray(w, float) for w in make_model().get_weights())
    rows = [flat([w1, b1, w2, b2])]
    for k in range(steps):
        x, y = (part[8 * (k % 5) : 8 * (k % 5) + 8].astype(float) for part in (X, Y))
        hidden = np.tanh(x @ w1 + b1)
        error = 2 * (hidden @ w2 + b2 - y) / y.size
        back = (error @ w2.T) * (1 - hidden**2)
        slopes = (x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0))
        w1, b1, w2, b2 = (w - RATE * g for w, g in zip((w1, b1, w2, b2), slopes, strict=True))
        rows.append(flat([w1, b1, w2, b2]))
    return np.array(rows)


@pytest.mark.parametrize("built", [True, False])
def test_every_update_against_a_loop_by_hand(built):
    trajectory = tbgrad.WeightTrajectory(every=1)
    model = make_model(built)
    if not built:
        model.build((None, 3))
        model.set_weights(make_model().get_weights())
    fit(model, trajectory)
    np.testing.assert_array_equal(trajectory.step, np.arange(11))
    assert trajectory.position.dtype == np.float32 and trajectory.step.dtype == np.int64
    np.testing.assert_allclose(trajectory.position, by_hand(10), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(trajectory.position[-1], flat(model.trainable_weights))


@pytest.mark.parametrize(
    ("every", "settings", "steps"),
    [
        (4, {}, [0, 4, 8, 10]),
        (5, {}, [0, 5, 10]),
        (100, {}, [0, 10]),
        ("epoch", {}, [0, 5, 10]),
        # Two updates are made before Keras says so.
        (3, {"steps_per_execution": 2}, [0, 4, 7, 9, 10]),
    ],
)
def test_which_steps_are_kept(every, settings, steps):
    trajectory, model = tbgrad.WeightTrajectory(every), make_model()
    if settings:
        model.compile(keras.optimizers.SGD(RATE), "mse", **settings)
    fit(model, trajectory)
    assert trajectory.step.tolist() == steps
    np.testing.assert_allclose(trajectory.position, by_hand(10)[steps], rtol=1e-4, atol=1e-6)


def test_the_training_is_the_same_with_and_without():
    without, model = make_model(), make_model()
    fit(without)
    fit(model, tbgrad.WeightTrajectory(every=1))
    for one, other in zip(without.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("in_file", [False, True])
def test_a_second_fit_goes_on(in_file, tmp_path):
    trajectory = tbgrad.WeightTrajectory(5, tmp_path / "weights.npy" if in_file else None)
    model = make_model()
    fit(model, trajectory)
    before = np.array(trajectory.position)
    fit(model, trajectory, epochs=1)
    assert trajectory.step.tolist() == [0, 5, 10, 15]
    np.testing.assert_array_equal(trajectory.position[:3], before)
    np.testing.assert_array_equal(trajectory.position[-1], flat(model.trainable_weights))
    with pytest.raises(OptionError, match="another one"):
        fit(make_model(), trajectory)


def test_more_snapshots_than_there_is_room_for_at_first():
    trajectory = tbgrad.WeightTrajectory(every=1)
    fit(make_model(), trajectory, epochs=8)
    assert trajectory.step.tolist() == [*range(41)]
    np.testing.assert_allclose(trajectory.position, by_hand(40), rtol=1e-3, atol=1e-5)


def test_frozen_layers_are_no_coordinates():
    trajectory, model = tbgrad.WeightTrajectory(every=5), make_model()
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(RATE), "mse")
    fit(model, trajectory)
    assert trajectory.position.shape == (3, 4 * 2 + 2)
    model.layers[0].trainable = True
    with pytest.raises(ShapeError, match="26 trainable numbers, and had 10 before"):
        fit(model, trajectory)


def test_it_lets_go_of_the_model():
    trajectory, model = tbgrad.WeightTrajectory(), make_model()
    fit(model, trajectory)
    gone = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None
    assert len(trajectory.position) == 3


def test_a_file_is_numpys(tmp_path):
    path = tmp_path / "weights.npy"
    trajectory, kept = tbgrad.WeightTrajectory(1, path), tbgrad.WeightTrajectory(1)
    fit(make_model(), trajectory, kept)
    rows = np.load(path, mmap_mode="r")
    np.testing.assert_array_equal(rows["position"], kept.position)
    np.testing.assert_array_equal(rows["step"], kept.step)
    assert isinstance(trajectory.position, np.memmap)
    np.testing.assert_array_equal(trajectory.position, kept.position)
    with pytest.raises(OptionError, match="exists, and is not written over"):
        fit(make_model(), tbgrad.WeightTrajectory(1, path))
    np.testing.assert_array_equal(np.load(path)["step"], kept.step)


KILLED = """
import os, sys, keras, numpy as np, tbgrad
class Killer(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 3:
            os._exit(9)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((40, 3)), np.ones((40, 2)), batch_size=8, verbose=0,
          callbacks=[tbgrad.WeightTrajectory(1, sys.argv[1]), Killer()])
"""


def test_nothing_is_lost_when_the_process_is_killed(tmp_path):
    path = tmp_path / "weights.npy"
    made = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True)
    assert made.returncode == 9, made.stderr
    rows = np.load(path)
    assert rows["step"].tolist() == [0, 1, 2, 3, 4]
    assert len(np.unique(rows["position"], axis=0)) == 5
    # A row that was cut off while it was written is none yet.
    with path.open("ab") as target:
        target.write(b"half a row")
    np.testing.assert_array_equal(np.load(path), rows)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), rows)


@pytest.mark.parametrize(
    ("every", "error", "said"),
    [
        ("batch", OptionError, "expected a number of updates, or 'epoch'"),
        (0, RangeError, "every is 0"),
        (1.5, RangeError, "every is 1.5"),
        (True, RangeError, "every is True"),
    ],
)
def test_mistakes_are_told(every, error, said):
    with pytest.raises(error, match=said):
        tbgrad.WeightTrajectory(every)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(WriteError, match="cannot write the trajectory"):
        fit(make_model(), tbgrad.WeightTrajectory(1, tmp_path / "missing" / "weights.npy"))


def test_before_a_training_there_is_nothing():
    trajectory = tbgrad.WeightTrajectory()
    assert trajectory.position.shape == (0, 0) and trajectory.step.shape == (0,)
