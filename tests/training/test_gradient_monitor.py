"""A loop of one's own, eager, in a program and under XLA, is told as by a GradientTape; rows are not lost."""

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.errors import OptionError, ShapeError

X, Y = networks.data()
RATE = 0.1


def variables():
    generator = np.random.default_rng(1)
    table = tf.Variable(generator.normal(size=(10, networks.FEATURES)), name="table", dtype=tf.float32)
    kernel = tf.Variable(generator.normal(size=(networks.FEATURES, 3)), name="head/kernel", dtype=tf.float32)
    bias = tf.Variable(tf.zeros([3]), name="head/bias")
    return [table, kernel, bias]


def loss_of(weights, rows):
    table, kernel, bias = weights
    logits = tf.gather(table, rows) @ kernel + bias
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(rows % 3, logits)


ROWS = np.random.default_rng(2).integers(0, 10, (30, 16))


def trained(monitor, how):
    """Thirty steps of plain gradient descent, watched; and what a tape and NumPy say of each."""
    weights, told = variables(), []

    def step(i, rows):
        with tf.GradientTape() as tape:
            loss = loss_of(weights, rows)
        gradients = tape.gradient(loss, weights)
        monitor(gradients, weights, i, loss=loss, learning_rate=RATE)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(RATE * tf.convert_to_tensor(gradient))

    run = step if how == "eager" else tf.function(step, jit_compile=how == "xla")
    for i, rows in enumerate(ROWS):
        with tf.GradientTape() as tape:
            loss = loss_of(weights, rows)
        gradients = [tf.convert_to_tensor(g).numpy().astype(float) for g in tape.gradient(loss, weights)]
        told.append((float(loss), gradients, [w.numpy().astype(float) for w in weights]))
        run(tf.constant(i), tf.constant(rows))
        if how == "xla" and i % 5 == 4:
            monitor.flush()
    return told


@pytest.mark.parametrize("how", ["eager", "program", "xla"])
def test_every_step_is_that_of_a_tape(how, tmp_path):
    with tbgrad.GradientMonitor(tmp_path / "run", capacity=6, jit_compile=how == "xla", quiet=True) as monitor:
        told = trained(monitor, how)
    training = monitor.training
    np.testing.assert_array_equal(training.step, np.arange(len(ROWS)))
    np.testing.assert_allclose(training.loss, [loss for loss, *_ in told], rtol=1e-5)
    norms = np.array([[np.linalg.norm(g) for g in gradients] for _, gradients, _ in told])
    np.testing.assert_allclose(training.norm, norms, rtol=1e-4)
    np.testing.assert_allclose(training.update_norm, RATE * norms, rtol=1e-3)
    np.testing.assert_allclose(training.zeros[:, 0], [np.mean(g[0] == 0) for _, g, _ in told], rtol=1e-6)
    np.testing.assert_allclose(training.weight_norm, [[np.linalg.norm(w) for w in ws] for *_, ws in told], rtol=1e-5)
    products = [[np.sum(a * b) for a, b in zip(told[i][1], told[i - 1][1], strict=True)] for i in range(1, len(told))]
    np.testing.assert_allclose(training.product[1:], products, rtol=1e-3, atol=1e-6)
    assert [layer.name for layer in training.layers] == ["table", "head"]
    assert [layer.is_sparse for layer in training.layers] == [True, False]
    run = tbgrad.read_run(tmp_path / "run")
    np.testing.assert_array_equal(run.scalars["training/gradient_norm"].step, np.arange(len(ROWS)))
    assert "training/verdict" in run.texts


def test_a_loop_within_one_program_loses_no_row(tmp_path):
    weights = variables()
    with tbgrad.GradientMonitor(tmp_path / "run", every=1, capacity=8, quiet=True) as monitor:

        @tf.function
        def train():
            for i in tf.range(100):
                with tf.GradientTape() as tape:
                    loss = loss_of(weights, tf.constant(ROWS[0]))
                gradients = tape.gradient(loss, weights)
                monitor(gradients, weights, i, loss=loss)
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.assign_sub(RATE * tf.convert_to_tensor(gradient))

        train()
    np.testing.assert_array_equal(monitor.training.step, np.arange(100))
    assert monitor.training.loss[-1] < monitor.training.loss[0]


def test_rows_that_are_overwritten_are_counted(tmp_path, capsys):
    with tbgrad.GradientMonitor(tmp_path / "run", capacity=6, jit_compile=True) as monitor:
        weights = variables()
        run = tf.function(lambda i: monitor([tf.ones_like(w) for w in weights], weights, i), jit_compile=True)
        for i in range(10):
            run(tf.constant(i))
    assert "4 rows were overwritten" in capsys.readouterr().err
    np.testing.assert_array_equal(monitor.training.step, np.arange(4, 10))


@pytest.mark.parametrize("scale", [1e-30, 1e25], ids=str)
def test_lengths_hold_where_squares_leave_the_floats(scale, tmp_path):
    weight = tf.Variable(np.ones((3, 4)), dtype=tf.float32, name="layer/kernel")
    gradient = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32) * np.float32(scale)
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        for step in range(2):
            monitor([tf.constant(gradient)], [weight], step)
    exact = gradient.astype(np.float64)
    np.testing.assert_allclose(monitor.training.norm[:, 0], np.linalg.norm(exact), rtol=1e-5)
    np.testing.assert_allclose(monitor.training.product[1, 0], np.sum(exact**2), rtol=1e-5)
    assert monitor.training.not_finite is None


@pytest.mark.parametrize("shape", [(2000, 2000), (2_000_003,)], ids=str)
def test_products_of_millions_of_numbers_are_exact(shape, tmp_path):
    rng = np.random.default_rng(0)
    weight = tf.Variable(np.zeros(shape), dtype=tf.float32, name="layer/kernel")
    gradients = [rng.normal(1, 1, shape).astype(np.float32) for _ in range(2)]
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        for step, gradient in enumerate(gradients):
            monitor([tf.constant(gradient)], [weight], step)
    before, now = (gradient.astype(np.float64) for gradient in gradients)
    np.testing.assert_allclose(monitor.training.product[1, 0], np.sum(before * now), rtol=3e-6)


def test_a_step_is_compared_with_the_one_before_though_that_is_not_recorded(tmp_path):
    gradients = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    weight = tf.Variable(np.zeros(5), dtype=tf.float32, name="layer/kernel")
    with tbgrad.GradientMonitor(tmp_path / "run", every=3, quiet=True) as monitor:
        run = tf.function(lambda i, g: monitor([g], [weight], i))
        for step, gradient in enumerate(gradients):
            run(tf.constant(step), tf.constant(gradient))
    np.testing.assert_array_equal(monitor.training.step, [0, 3, 6])
    expected = [np.nan, gradients[2] @ gradients[3], gradients[5] @ gradients[6]]
    np.testing.assert_allclose(monitor.training.product[:, 0], expected, rtol=1e-5)


def test_of_several_steps_that_are_not_finite_the_first_is_told(tmp_path):
    weight = tf.Variable([1.0, 2.0], name="layer/kernel")
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True, jit_compile=True) as monitor:
        run = tf.function(lambda i, g: monitor([g], [weight], i), jit_compile=True)
        for i in range(5):
            run(tf.constant(i), tf.constant([1.0, np.nan if i in (2, 4) else 0.0]))
    (fault,) = monitor.faults
    assert (fault.kind, fault.step) == ("not finite", 2)


def test_a_nan_is_told_while_the_program_runs(tmp_path, capsys):
    weight = tf.Variable([1.0, 2.0], name="layer/kernel")
    with tbgrad.GradientMonitor(tmp_path / "run", every=50) as monitor:
        run = tf.function(lambda i, g: monitor([g], [weight], i, loss=tf.constant(1.0)))
        for i in range(5):
            run(tf.constant(i), tf.constant([1.0, np.inf if i == 3 else 0.0]))
        assert "step 3" in capsys.readouterr().err
    (fault,) = monitor.faults
    assert (fault.kind, fault.layer, fault.step) == ("not finite", "layer", 3)


@pytest.mark.parametrize("which", ["small", "large", "sparse", "double"])
def test_a_nan_is_found_in_gradients_of_every_kind(which, tmp_path):
    shapes = {"small": (3,), "large": (100, 100), "other": (5,), "sparse": (50, 4), "double": (2,)}
    weights = [
        tf.Variable(np.zeros(shape), dtype=tf.float64 if name == "double" else tf.float32, name=f"{name}/kernel")
        for name, shape in shapes.items()
    ]
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        for step in range(3):
            values = {name: np.ones((2, 4) if name == "sparse" else shape) for name, shape in shapes.items()}
            if step == 1:
                values[which].flat[-1] = np.nan
            gradients = [tf.constant(values[w.name.split("/")[0]], w.dtype) for w in weights]
            gradients[3] = tf.IndexedSlices(gradients[3], tf.constant([7, 9]), tf.constant(shapes["sparse"]))
            monitor(gradients, weights, step)
    (fault,) = monitor.faults
    assert (fault.kind, fault.layer, fault.step) == ("not finite", which, 1)
    assert "a loss that was not told" in fault.sentence
    assert monitor.training.not_finite.gradients.tolist() == [name == which for name in shapes]


def test_a_loss_that_is_not_finite_is_told_though_the_gradient_is(tmp_path):
    weight = tf.Variable([1.0, 2.0], name="layer/kernel")
    with tbgrad.GradientMonitor(tmp_path / "run", every=50, quiet=True) as monitor:
        for i in range(5):
            monitor([tf.ones(2)], [weight], i, loss=tf.constant(np.inf if i == 3 else 1.0))
    (fault,) = monitor.faults
    assert (fault.kind, fault.step) == ("not finite", 3)


def test_a_weight_without_a_gradient_does_not_count(tmp_path):
    kernel, bias = tf.Variable(tf.ones(4), name="layer/kernel"), tf.Variable(tf.ones(4), name="layer/bias")
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        monitor([tf.constant([3.0, 4.0, 0.0, 0.0]), None], [kernel, bias], 0)
    np.testing.assert_array_equal(monitor.training.norm, [[5.0, np.nan]])
    np.testing.assert_array_equal(monitor.training.by_layer.zeros, [[0.5]])
    assert [weight for _, weight, _ in monitor.training.without_gradient] == ["bias"]


def test_what_is_asked_wrongly_is_refused(tmp_path):
    one, other = tf.Variable([1.0], name="one"), tf.Variable([1.0], name="other")
    with pytest.raises(OptionError, match="capacity is 0"):
        tbgrad.GradientMonitor(tmp_path / "run", capacity=0)
    with tbgrad.GradientMonitor(tmp_path / "run", quiet=True) as monitor:
        with pytest.raises(ShapeError, match="1 gradients for 2 variables"):
            monitor([tf.ones(1)], [one, other], 0)
        monitor([tf.ones(1)], [one], 0)
        with pytest.raises(OptionError, match="not those of the first call"):
            monitor([tf.ones(1)], [other], 1)
    with pytest.raises(OptionError, match="closed"):
        monitor([tf.ones(1)], [one], 2)
