"""Programs of one point, with and without XLA: against NumPy's formulas."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus import single_points
from tbgrad.calculus.derivatives import value_only
from tbgrad.calculus.single_points import PointKernel
from tbgrad.functions.averages import mean_over_batches
from tbgrad.functions.function import Function

RNG = np.random.default_rng(33)
X = RNG.normal(size=(11, 4))


def plain(p):
    return tf.reduce_mean(tf.tanh(tf.linalg.matvec(tf.constant(X, p.dtype), p)) ** 2)


def batched(p):
    def of_samples(first, count, p):
        x = tf.slice(tf.constant(X, p.dtype), [first, 0], [count, 4])
        return tf.reduce_mean(tf.tanh(tf.linalg.matvec(x, p)) ** 2)

    return mean_over_batches(of_samples, len(X), 4, p)


def convolved(p):
    image = tf.reshape(tf.constant(X, p.dtype), [1, 11, 4, 1])
    return tf.reduce_mean(tf.tanh(tf.nn.conv2d(image, tf.reshape(p, [1, 4, 1, 1]), 1, "VALID")) ** 2)


def in_python(p):
    return plain(tf.ensure_shape(tf.numpy_function(lambda a: a, [p], p.dtype), p.shape))


def expected(points):
    return np.mean(np.tanh(points @ X.T) ** 2, axis=-1)


CALLS = {"plain": (plain, True), "batched": (batched, True), "convolved": (convolved, False)}
CALLS |= {"python": (in_python, False)}


def make(call, **known):
    return Function.of_vector(call, 4, takes_one_point=True, **known)


@pytest.mark.parametrize(("call", "suits"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_after_much_work_xla_gives_the_same(monkeypatch, call, suits, dtype):
    monkeypatch.setattr(single_points, "FUSED_AFTER", 14)
    kernel = PointKernel(lambda p: (call(p),), 4, dtype, 4, "")
    points = RNG.normal(size=(9, 4)).astype(dtype)
    (found,) = kernel(points[:3])
    assert kernel._fused is None
    (rest,) = kernel(points[3:])
    assert (kernel._fused is not None) == suits
    assert found.dtype == rest.dtype == dtype
    np.testing.assert_allclose([*found, *rest], expected(points), rtol=1e-13 if dtype == "float64" else 1e-6)


def test_gradients_are_not_computed_by_xla(monkeypatch):
    monkeypatch.setattr(single_points, "FUSED_AFTER", 0)
    f, points = make(plain), RNG.normal(size=(5, 4))
    slopes = 2 * np.tanh(points @ X.T) / np.cosh(points @ X.T) ** 2 / len(X)
    np.testing.assert_allclose(tbgrad.evaluate(f, points).gradient, slopes @ X, rtol=1e-12)
    (kernel,) = (program for key, program in f._programs.items() if key[0] == "value_and_gradient")
    assert kernel._tried and kernel._fused is None


def test_what_xla_computes_otherwise_is_left_to_tensorflow(monkeypatch):
    monkeypatch.setattr(single_points, "FUSED_AFTER", 0)
    values = iter([1.0, 2.0])
    # Traced twice, it is another function the second time.
    kernel = PointKernel(lambda p: (tf.reduce_sum(p) * next(values),), 4, "float64", 4, "")
    (found,) = kernel(np.ones((3, 4)))
    assert kernel._tried and kernel._fused is None and (found == 4.0).all()


def test_any_number_of_points():
    f = make(plain)
    for n in (0, 1, 7):
        points = RNG.normal(size=(n, 4))
        np.testing.assert_allclose(value_only(f, "float64")(points), expected(points), rtol=1e-13)
        assert tbgrad.evaluate(f, points).gradient.shape == (n, 4)
