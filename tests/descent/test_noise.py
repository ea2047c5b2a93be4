"""Noise on the gradient: seeded, Gaussian, independent, and on nothing that is recorded."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad

RATE, SIGMA = 0.1, 0.25
SGD = tbgrad.Optimizer("sgd", RATE)


@pytest.fixture(scope="module")
def sphere():
    return tbgrad.resolve("sphere")


def descend(f, starts, steps=40, seed=0, noise=SIGMA, **options):
    points = np.random.default_rng(5).normal(size=(starts, 2))
    return tbgrad.descend(f, SGD, points, steps, noise=noise, seed=seed, instruments=(), kinds=False, **options)


def implied(descent):
    """The noise [steps, starts, d] that the updates of plain descent tell of."""
    return -np.diff(descent.position, axis=0) / RATE - descent.gradient[:-1]


@pytest.fixture(scope="module")
def draws(sphere):
    # Two tiles of equal size.
    return implied(descend(sphere, 4096))


def test_the_gradient_recorded_is_exact(sphere):
    descent = descend(sphere, 3)
    np.testing.assert_array_equal(descent.gradient, 2 * descent.position)
    np.testing.assert_allclose(descent.value, (descent.position**2).sum(-1), rtol=1e-15)
    assert np.abs(implied(descent)).min() > 0 and descent.noise == SIGMA


def test_mean_and_deviation_are_as_asked(draws):
    n = draws.size
    assert abs(draws.mean()) < 4 * SIGMA / np.sqrt(n)
    assert draws.std() == pytest.approx(SIGMA, rel=4 / np.sqrt(2 * n))
    # Skewness and excess kurtosis of a Gaussian are zero, with these errors.
    z = draws / SIGMA
    assert abs((z**3).mean()) < 4 * np.sqrt(15 / n) and abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / n))


def test_each_step_each_coordinate_and_each_start_has_its_deviation(draws):
    for axis in ((0, 1), (1, 2), (0, 2)):
        count = draws.size // draws.std(axis=axis).size
        np.testing.assert_allclose(draws.std(axis=axis), SIGMA, rtol=5.5 / np.sqrt(2 * count))


@pytest.mark.parametrize(
    "pair",
    [
        lambda e: (e[..., 0], e[..., 1]),
        lambda e: (e[1:], e[:-1]),
        lambda e: (e[2:], e[:-2]),
        lambda e: (e[:, 1:], e[:, :-1]),
        lambda e: (e[:, 1:, 0], e[:, :-1, 1]),
        lambda e: (e[:, :2048], e[:, 2048:]),
        lambda e: (e[1:, :2048], e[:-1, 2048:]),
    ],
    ids=["coordinates", "steps", "every second step", "starts", "starts and coordinates", "tiles", "tiles and steps"],
)
def test_what_is_drawn_is_independent(draws, pair):
    first, second = pair(draws / SIGMA)
    assert abs((first * second).mean()) < 4.5 / np.sqrt(first.size)
    assert abs((np.abs(first) * np.abs(second)).mean() - 2 / np.pi) < 4.5 / np.sqrt(first.size)


def test_no_number_is_drawn_twice(draws):
    assert len(np.unique(draws.round(12))) > 0.999 * draws.size


@pytest.mark.parametrize("starts", [1, 3, 4096])
def test_a_seed_repeats_and_another_differs(sphere, starts):
    first, again, other = (descend(sphere, starts, 10, seed) for seed in (7, 7, 8))
    assert first.position.tobytes() == again.position.tobytes()
    assert not (implied(first) == implied(other)).any()
    one, two = implied(first) / SIGMA, implied(other) / SIGMA
    assert abs((one * two).mean()) < 4.5 / np.sqrt(one.size)


def test_its_strength_is_a_number_that_compiles_nothing(sphere):
    small = descend(sphere, 3)
    programs = set(sphere._programs)
    large = descend(sphere, 3, noise=4 * SIGMA)
    assert set(sphere._programs) == programs
    np.testing.assert_allclose(implied(large), 4 * implied(small), rtol=1e-9, atol=1e-12)


def test_no_noise_is_none(sphere):
    quiet = descend(sphere, 3, noise=0.0)
    np.testing.assert_allclose(implied(quiet), 0, atol=1e-14)
    assert quiet.position.tobytes() == descend(sphere, 3, noise=0.0, seed=9).position.tobytes()


@pytest.mark.parametrize("plan", [7, "end"])
def test_a_plan_changes_no_noise(sphere, plan):
    whole, sparse = descend(sphere, 3, 40), descend(sphere, 3, 40, record=plan)
    np.testing.assert_array_equal(sparse.position, whole.position[sparse.step])


def test_without_xla_it_is_as_strong(sphere, monkeypatch):
    traced = tf.function
    monkeypatch.setattr(tf, "function", lambda *given, jit_compile=None, **options: traced(*given, **options))
    plain = descend(tbgrad.Function.of_formula("x**2 + y**2"), 500)
    e = implied(plain)
    assert e.std() == pytest.approx(SIGMA, rel=4 / np.sqrt(2 * e.size)) and abs(e.mean()) < 4 * SIGMA / np.sqrt(e.size)
    assert plain.position.tobytes() == descend(tbgrad.Function.of_formula("x**2 + y**2"), 500).position.tobytes()


def test_float32_and_optimizers_that_run_each_start_by_itself(sphere):
    short = implied(descend(sphere, 500, dtype="float32"))
    assert short.dtype == np.float32 and short.std() == pytest.approx(SIGMA, rel=0.02)
    points = np.random.default_rng(5).normal(size=(500, 2))
    clipped = tbgrad.Optimizer("sgd", RATE, clipnorm=1e9)
    apart = tbgrad.descend(sphere, clipped, points, 40, noise=SIGMA, instruments=())
    np.testing.assert_allclose(implied(apart), implied(descend(sphere, 500)), atol=1e-12)


def test_other_optimizers_get_the_noisy_gradient(sphere):
    # Adam's first update is as long as the rate, in the direction of the noisy gradient's sign.
    f = tbgrad.resolve("1e-3*x")
    adam = tbgrad.Optimizer("adam", RATE)
    descent = tbgrad.descend(f, adam, np.zeros((400, 1)), 1, noise=1.0, instruments=())
    assert np.median(np.abs(descent.position[1])) == pytest.approx(RATE, rel=1e-5)
    assert 150 < (descent.position[1] > 0).sum() < 250


def test_a_start_that_noise_keeps_moving_is_told_so():
    f, optimizer = tbgrad.resolve("x**2 + y**2"), tbgrad.Optimizer("sgd", 0.1)
    (noisy,) = tbgrad.descend(f, optimizer, [[1.0, 1.0]], 400, noise=1.0).verdicts
    assert noisy.status.value == "oscillating" and "the noise keeps it moving" in noisy.sentence
    (kink,) = tbgrad.descend(tbgrad.resolve("abs(x)"), optimizer, [[0.35]], 400).verdicts
    assert kink.status.value == "oscillating" and "noise" not in kink.sentence
