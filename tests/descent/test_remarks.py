"""What is odd about an optimizer is said where it holds, holds where it is said, and is not said elsewhere."""

import keras
import numpy as np
import pytest

import tbgrad
from tbgrad.descent.optimizers import OPTIMIZERS, GivenOptimizer
from tbgrad.descent.remarks import remarks

# A word that only this remark has, and by whom it is said without further settings.
ONLY = {
    "plain gradient descent": {"sgd"},
    "with momentum": set(),
    "Gaussian noise": set(),
    "Weight decay": {"adamw", "muon"},
    "Ftrl keeps no position": {"ftrl"},
    "Muon orthogonalizes": {"muon"},
    "gradients are taken, between": {"schedulefreeadamw"},
    "Adafactor's step is relative": {"adafactor"},
    "Lamb's update": {"lamb"},
}


@pytest.fixture(scope="module")
def bowl():
    return tbgrad.resolve("(x - 3)**2 + 2*(y + 1)**2")


def told(f, name, noise=0.0, **settings):
    return " ".join(remarks(f, tbgrad.Optimizer(name, 0.1, **settings), noise))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_remark_is_said_of_its_optimizer_alone(bowl, name):
    found = told(bowl, name)
    assert {words for words in ONLY if words in found} == {words for words, names in ONLY.items() if name in names}
    assert "exact: no noise, no batches" in found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_noise_is_said_with_its_strength_and_the_gradient_is_no_longer_exact(bowl, name):
    found = told(bowl, name, noise=0.25)
    assert "Gaussian noise of standard deviation 0.25" in found
    assert "plain" not in found and "no noise" not in found


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "plain"),
        ({"momentum": 0.0}, "plain"),
        ({"momentum": 0.9}, "momentum"),
        ({"momentum": 1}, "momentum"),
        ({"momentum": np.array([0.5, 0.9])}, "momentum"),
    ],
    ids=str,
)
def test_which_kind_of_gradient_descent_sgd_is(bowl, settings, kind):
    found = told(bowl, "sgd", **settings)
    assert ("plain gradient descent" in found) == (kind == "plain")
    assert ("gradient descent with momentum" in found) == (kind == "momentum")


@pytest.mark.parametrize(
    ("name", "settings", "strength"),
    [
        ("sgd", {"weight_decay": 0.1}, "0.1"),
        ("adam", {"weight_decay": 0.02}, "0.02"),
        ("lion", {"weight_decay": 0.5}, "0.5"),
        ("adamw", {}, "0.004"),
        ("adamw", {"weight_decay": 0.0}, None),
        ("adam", {"weight_decay": None}, None),
        ("muon", {"adam_weight_decay": 0.07}, "0.07"),
        ("muon", {"adam_weight_decay": 0.0}, None),
        ("adamw", {"weight_decay": np.array([0.1, 0.2])}, "of another strength for each start"),
        ("adamw", {"weight_decay": np.zeros(2)}, None),
    ],
)
def test_weight_decay_is_said_with_its_strength(bowl, name, settings, strength):
    found = told(bowl, name, **settings)
    assert ("Weight decay" in found) == (strength is not None)
    assert strength is None or f"Weight decay {strength} pulls" in found


def test_a_given_optimizer_is_remarked_on_as_a_named_one(bowl):
    given = GivenOptimizer(keras.optimizers.AdamW(0.1, weight_decay=0.25))
    assert "Weight decay 0.25" in " ".join(remarks(bowl, given, 0.0))
    assert "plain" in remarks(bowl, GivenOptimizer(keras.optimizers.SGD(0.1)), 0.0)[0]


def test_weight_decay_moves_the_fixed_point(bowl):
    # Keras takes off rate·decay·position beside the step, so sgd rests where the gradient is -decay·position.
    for decay in (0.5, 0.0):
        optimizer = tbgrad.Optimizer("sgd", 0.05, **({"weight_decay": decay} if decay else {}))
        descent = tbgrad.descend(bowl, optimizer, [[5.0, 5.0]], 1000, record="end")
        expected = np.array([[2 * 3 / (2 + decay), -4 / (4 + decay)]])
        # The decay comes before the step: the gradient is the old position's.
        np.testing.assert_allclose(descent.end.position, expected, rtol=1e-12)
        assert ("is not f's minimum" in " ".join(descent.remarks)) == bool(decay)
        assert (descent.status[0].value == "converged") == (not decay)


@pytest.mark.parametrize("start", [4.0, -30.0])
def test_ftrl_starts_from_about_zero_where_gradients_are_small(start):
    # McMahan et al. (2013), Ad Click Prediction, algorithm 1, with Keras's accumulator of 0.1.
    f, rate = tbgrad.resolve("0.005*x**2"), 0.1
    g = 0.01 * start
    sigma = (np.sqrt(0.1 + g * g) - np.sqrt(0.1)) / rate
    expected = -(g - sigma * start) / (np.sqrt(0.1 + g * g) / rate)
    descent = tbgrad.descend(f, tbgrad.Optimizer("ftrl", rate), [[start]], 1)
    assert descent.position[1, 0, 0] == pytest.approx(expected, rel=1e-12)
    assert abs(expected) < 0.3 * abs(start)


@pytest.mark.parametrize("ratio", [1, 0.5])
def test_muon_on_a_vector_is_adamw_at_a_part_of_the_rate(bowl, ratio):
    muon = tbgrad.descend(bowl, tbgrad.Optimizer("muon", 0.1, adam_lr_ratio=ratio), [[5.0, 5.0]], 1)
    # Adam's first update is as long as the rate; what decays does so at Muon's own.
    np.testing.assert_allclose(muon.position[1, 0], 5 - 0.1 * 0.004 * 5 - 0.1 * ratio, rtol=1e-6)
    slower = "" if ratio == 1 else f", at {ratio:g} of the learning rate"
    assert f"AdamW instead{slower}." in " ".join(muon.remarks)


def test_lamb_steps_by_its_distance_from_zero(bowl):
    descent = tbgrad.descend(bowl, tbgrad.Optimizer("lamb", 0.01), [[5.0, 5.0], [0.1, 0.2]], 20)
    length = np.linalg.norm(np.diff(descent.position, axis=0), axis=-1)
    np.testing.assert_allclose(length, 0.01 * np.linalg.norm(descent.position[:-1], axis=-1), rtol=1e-9)


def test_adafactor_steps_by_the_size_of_its_position():
    # Of two starts on a slope, one is a hundred times as far from zero.
    f = tbgrad.resolve("x + y")
    descent = tbgrad.descend(f, tbgrad.Optimizer("adafactor", 0.01), [[1.0, 2.0], [100.0, 200.0]], 3)
    length = np.linalg.norm(np.diff(descent.position, axis=0), axis=-1)
    np.testing.assert_allclose(length[:, 1] / length[:, 0], 100, rtol=1e-3)
