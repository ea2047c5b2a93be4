"""Descents against hand-written NumPy loops in float64, and against the numbers of the tour's table."""

import numpy as np
import pytest
from oracles import adam, sgd

import tbgrad

START = (-1.2, 1.0)


def rosenbrock_value(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def rosenbrock_gradient(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return np.stack([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], axis=-1)


@pytest.fixture(scope="module")
def rosenbrock():
    return tbgrad.resolve("rosenbrock")


@pytest.mark.parametrize(
    ("optimizer", "oracle"),
    [
        (tbgrad.Optimizer("sgd", 0.001), lambda: sgd(rosenbrock_gradient, START, 0.001, 100)),
        (tbgrad.Optimizer("sgd", 0.001, momentum=0.9), lambda: sgd(rosenbrock_gradient, START, 0.001, 100, 0.9)),
        (
            tbgrad.Optimizer("sgd", 0.001, momentum=0.9, nesterov=True),
            lambda: sgd(rosenbrock_gradient, START, 0.001, 100, 0.9, nesterov=True),
        ),
        (tbgrad.Optimizer("adam", 0.05), lambda: adam(rosenbrock_gradient, START, 0.05, 100)),
        (
            tbgrad.Optimizer("adam", 0.01, beta_1=0.7, beta_2=0.95, epsilon=1e-3),
            lambda: adam(rosenbrock_gradient, START, 0.01, 100, 0.7, 0.95, 1e-3),
        ),
    ],
    ids=["sgd", "momentum", "nesterov", "adam", "adam-options"],
)
def test_the_numpy_loops(rosenbrock, optimizer, oracle):
    descent = tbgrad.descend(rosenbrock, optimizer, [START], 100)
    expected = oracle()
    np.testing.assert_allclose(descent.position[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(descent.value[:, 0], rosenbrock_value(expected), rtol=1e-10)
    np.testing.assert_allclose(descent.gradient[:, 0], rosenbrock_gradient(descent.position[:, 0]), rtol=1e-9)


class _Loop:
    """Further rules, with Keras's constants; each returns the update and keeps its own averages."""

    def __init__(self, rate):
        self.rate, self.t, self.m, self.v = rate, 0, 0.0, 0.0

    def __call__(self, rule):
        position, path = np.array(START), [np.array(START)]
        for _ in range(100):
            self.t += 1
            position = position + getattr(self, rule)(rosenbrock_gradient(position), position)
            path.append(position)
        return np.array(path)

    def rmsprop(self, g, _):
        self.v = 0.9 * self.v + (1 - 0.9) * g * g
        return -self.rate * g / np.sqrt(self.v + 1e-7)

    def adagrad(self, g, _):
        self.v = (self.v if self.t > 1 else 0.1) + g * g
        return -self.rate * g / np.sqrt(self.v + 1e-7)

    def adadelta(self, g, _):
        self.v = 0.95 * self.v + (1 - 0.95) * g * g
        update = -np.sqrt(self.m + 1e-7) * g / np.sqrt(self.v + 1e-7)
        self.m = 0.95 * self.m + (1 - 0.95) * update * update
        return self.rate * update

    def adamax(self, g, _):
        self.m = 0.9 * self.m + (1 - 0.9) * g
        self.v = np.maximum(0.999 * self.v, np.abs(g))
        return -self.rate * self.m / ((1 - 0.9**self.t) * (self.v + 1e-7))

    def adamw(self, g, position):
        self.m, self.v = 0.9 * self.m + (1 - 0.9) * g, 0.999 * self.v + (1 - 0.999) * g * g
        corrected = self.rate * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        decayed = position * (1 - 0.004 * self.rate)
        return decayed - position - corrected * self.m / (np.sqrt(self.v) + 1e-7)

    def lion(self, g, _):
        update = -self.rate * np.sign(0.9 * self.m + (1 - 0.9) * g)
        self.m = 0.99 * self.m + (1 - 0.99) * g
        return update


@pytest.mark.parametrize("name", ["rmsprop", "adagrad", "adadelta", "adamax", "adamw", "lion"])
def test_further_optimizers_keep_their_hyperparameters_in_float64(rosenbrock, name):
    # A hyperparameter that went through float32 would be off by 1e-8 here.
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, 0.003), [START], 100)
    np.testing.assert_allclose(descent.position[:, 0], _Loop(0.003)(name), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "start", "optimizer", "steps", "end", "value"),
    [
        ("tilted_waves", (2.0, 1.0), ("sgd", 0.1), 1000, (2.53709188, 2.23564573), 0.48729576284047765),
        ("fading_wave", (4.1,), ("sgd", 0.1), 1000, (5.47497182,), -0.21346504478695877),
        ("ripple", (1.0, 2.0), ("sgd", 0.1), 500, (2.10744442, 4.21488884), -1.0),
    ],
    ids=["tilted_waves", "fading_wave", "ripple"],
)
def test_the_ends_of_the_tutorial(function, start, optimizer, steps, end, value):
    descent = tbgrad.descend(tbgrad.resolve(function), tbgrad.Optimizer(*optimizer), [start], steps)
    np.testing.assert_allclose(descent.position[-1, 0], end, rtol=0, atol=1.5e-8)
    assert descent.value[-1, 0] == pytest.approx(value, rel=1e-12)


def test_the_tutorials_minimum_has_the_stated_eigenvalues():
    descent = tbgrad.descend(tbgrad.resolve("tilted_waves"), tbgrad.Optimizer("sgd", 0.1), [[2.0, 1.0]], 1000)
    assert descent.verdicts[0].point == "minimum"
    assert "0.6" in descent.verdicts[0].sentence and "1.15" in descent.verdicts[0].sentence


def test_adam_on_the_ripple_ends_at_another_point_of_the_ring():
    def gradient(p):
        r = np.hypot(*p)
        return np.cos(r) * p / r

    descent = tbgrad.descend(tbgrad.resolve("ripple"), tbgrad.Optimizer("adam", 0.1), [[1.0, 2.0]], 500)
    # The table's row went through Keras's float32 hyperparameters; the NumPy loop did not.
    np.testing.assert_allclose(descent.position[-1, 0], (2.73776093, 3.83552799), rtol=0, atol=1e-5)
    np.testing.assert_allclose(descent.position[:, 0], adam(gradient, (1.0, 2.0), 0.1, 500), rtol=1e-11)
    assert descent.value[-1, 0] == pytest.approx(-1.0, abs=1e-10)
    assert np.hypot(*descent.position[-1, 0]) == pytest.approx(1.5 * np.pi, abs=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "steps", "reached"),
    [
        (tbgrad.Optimizer("sgd", 0.001, momentum=0.9), 2000, 1386),
        (tbgrad.Optimizer("adam", 0.05), 2000, 1691),
    ],
    ids=["momentum", "adam"],
)
def test_the_step_at_which_the_race_is_won(rosenbrock, optimizer, steps, reached):
    value = tbgrad.descend(rosenbrock, optimizer, [START], steps).value[:, 0]
    assert int(np.argmax(value <= 1e-6)) == reached


@pytest.mark.parametrize(
    ("optimizer", "value"), [(("sgd", 0.00125), 0.0425), (("rmsprop", 0.001), 0.269)], ids=["crawling", "unsettled"]
)
def test_those_who_lose_the_race(rosenbrock, optimizer, value):
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer(*optimizer), [START], 2000)
    assert descent.value[-1, 0] == pytest.approx(value, rel=0.005)
    assert descent.status[0] != tbgrad.Status.CONVERGED


def test_a_rate_of_a_hundredth_explodes_within_a_few_steps(rosenbrock):
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", 0.01), [START], 10)
    assert descent.status == (tbgrad.Status.DIVERGED,)
    # As long as numbers last, it explodes as the NumPy loop does.
    with np.errstate(all="ignore"):
        expected = sgd(rosenbrock_gradient, START, 0.01, 10)
    finite = np.isfinite(expected).all(axis=-1)
    np.testing.assert_allclose(descent.position[finite, 0], expected[finite], rtol=1e-9)


def test_along_the_axis_and_into_the_kink():
    ripple = tbgrad.resolve("ripple")
    along = tbgrad.descend(ripple, tbgrad.Optimizer("sgd", 0.1), [[2.0, 0.0]], 200)
    assert not along.position[..., 1].any()
    kink = tbgrad.descend(ripple, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0]], 200)
    assert np.linalg.norm(kink.gradient[-1, 0]) == pytest.approx(1.0, abs=0.01)
    assert kink.status == (tbgrad.Status.OSCILLATING,)
