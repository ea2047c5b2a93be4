"""From their published starts to their known minima: every function of the catalogue is in one of these tables."""

import numpy as np
import pytest

import tbgrad
from tbgrad.descent.recording import Recording

AUTO = ("sgd", "auto", {})

# Function: optimizer, learning rate, settings, steps. Where a name alone is given, gradient descent at the automatic
# rate arrives.
ARRIVING = """quartic sinc sphere ellipse rotated_hyper_ellipsoid booth trid zakharov gaussian_well logistic_loss ripple
    peaks himmelblau branin cross_in_tray"""
ATTAINED = dict.fromkeys(ARRIVING.split(), (*AUTO, 500)) | {
    "morse": ("adam", 0.02, {}, 3000),
    "lennard_jones": ("adam", 0.01, {}, 3000),
    "matyas": ("adam", 0.1, {}, 3000),
    "sum_of_powers": ("adam", 0.02, {}, 6000),
    "brown": ("adam", 0.05, {}, 2000),
    "rosenbrock": ("adam", 0.05, {}, 3000),
    "beale": ("adam", 0.05, {}, 2000),
    "dixon_price": ("adam", 0.1, {}, 2000),
    "wood": ("sgd", 1e-4, {"momentum": 0.99}, 6000),
    "helical_valley": ("adam", 0.1, {}, 4000),
    "dekkers_aarts": (*AUTO, 2000),
    "easom": ("sgd", 0.2, {}, 500),
    "michalewicz": ("sgd", 0.01, {}, 1000),
}

# The minimum is a kink, and a constant rate goes to and fro over it, at about its own length.
KINKS = {"absolute_value": 0.01, "ackley_2": 0.02}

UNATTAINED = {
    "it has no minimum": "gaussian logistic softplus runge hyperbolic_paraboloid monkey_saddle tilted_waves",
    "another local minimum is nearer to the start": "fading_wave double_well gramacy_lee forrester freudenstein_roth "
    "six_hump_camel three_hump_camel goldstein_price mccormick bohachevsky bird egg_crate drop_wave eggholder "
    "holder_table trefethen shubert rastrigin ackley griewank levy schwefel styblinski_tang salomon schaffer_2",
    "it goes on falling outside of the domain": "adjiman",
    "its valley has the minimum's fourth power for a slope, or bends while its walls are steep": "powell schaffer_4",
    "its valley is a kink, which is crossed at every step": "bukin_6",
}


def test_every_function_is_in_one_table():
    listed = [*ATTAINED, *KINKS, *" ".join(UNATTAINED.values()).split()]
    assert sorted(listed) == sorted(tbgrad.catalogue())


def descend(name, rule, rate, settings, steps):
    f = tbgrad.resolve(name)
    optimizer = tbgrad.Optimizer(rule, rate, **settings)
    return tbgrad.descend(f, optimizer, [f.start], steps, record=Recording("end", values_only=True), kinds=False)


def distance(descent):
    """How far the end is from the nearest known minimum, in widths of the domain."""
    width = np.array([high - low for low, high in descent.subject.domain])
    points = np.concatenate([minimum.points for minimum in descent.subject.minima])
    return np.linalg.norm((points - descent.end.position[0]) / width, axis=1).min()


@pytest.mark.parametrize("name", ATTAINED)
def test_it_ends_at_a_known_minimum(name):
    descent = descend(name, *ATTAINED[name])
    assert descent.status[0].value == "converged"
    # The gradient is a millionth of the start's: in a flat minimum that leaves more of a way than of a value.
    # The ripple's ring is known by points that lie apart.
    assert distance(descent) < {"sum_of_powers": 1e-3, "ripple": 0.01}.get(name, 1e-5)
    minimum, began = descent.subject.minimum, descent.start.value[0]
    assert -1e-12 * max(1, abs(minimum)) <= descent.end.value[0] - minimum <= 1e-8 * (began - minimum)
    np.testing.assert_array_equal(descent.value[[0, -1], 0], [began, descent.end.value[0]])


@pytest.mark.parametrize("name", KINKS)
def test_it_ends_about_a_kink(name):
    descent = descend(name, "sgd", KINKS[name], {}, 3000)
    assert descent.status[0].value == "oscillating"
    # The slope at the kink is 1, or 4 with ackley_2's.
    slope = np.abs(descent.end.gradient[0]).max()
    assert np.abs(descent.end.position[0]).max() <= 2 * KINKS[name] * max(1, slope)


LOCAL = {
    "fading_wave": (5.474971822, -0.213465045),
    "rastrigin": ((1.98991, -1.98991), 7.959662),
    "goldstein_price": ((-0.6, -0.4), 30.0),
    "freudenstein_roth": ((11.41278, -0.896805), 48.984254),
}


@pytest.mark.parametrize("name", LOCAL)
def test_it_ends_at_the_local_minimum_that_is_published(name):
    steps = ("adam", 0.1, {}, 2000) if name == "freudenstein_roth" else (*AUTO, 1000)
    descent, (position, value) = descend(name, *steps), LOCAL[name]
    assert descent.status[0].value == "converged"
    np.testing.assert_allclose(descent.end.position[0], position, atol=1e-5)
    assert descent.end.value[0] == pytest.approx(value, abs=1e-6) and descent.gap[-1, 0] > 0.1


def test_functions_without_a_minimum_are_known_to_have_none():
    for name in UNATTAINED["it has no minimum"].split():
        assert tbgrad.resolve(name).subject().minimum is None
