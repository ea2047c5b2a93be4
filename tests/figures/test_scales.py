"""Which levels show values: their kind against how the values lie, their numbers against what a person would choose."""

import numpy as np
import pytest

import tbgrad
from tbgrad.figures.scales import surface_scale, value_scale


def scale_of(text, low=-2.0, high=2.0):
    f = tbgrad.resolve(text)
    return surface_scale(tbgrad.surface(f, () if f.domain else [("x", low, high), ("y", low, high)], points=61))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ripple", "linear"),
        ("sphere", "linear"),
        ("x - 2*y", "linear"),
        ("rosenbrock", "logarithmic"),
        ("himmelblau", "logarithmic"),
        ("goldstein_price", "logarithmic"),
        ("tilted_waves", "quantile"),
        ("michalewicz", "quantile"),
        ("1/(x*y)", "quantile"),
    ],
)
def test_the_kind_follows_from_how_the_values_lie(text, kind):
    assert scale_of(text).kind == kind


def test_linear_levels_are_multiples_of_a_round_number_and_hold_all_values():
    levels = scale_of("ripple").levels
    np.testing.assert_allclose(levels, np.arange(-10, 11) / 10, atol=1e-12)
    ticks, labels = scale_of("ripple").ticks()
    assert labels == ["-1", "-0.5", "0", "0.5", "1"] and ticks == pytest.approx([-1, -0.5, 0, 0.5, 1])


def test_logarithmic_levels_are_1_2_5_above_the_minimum():
    scale = scale_of("himmelblau")
    assert scale.base == 0 and scale.label == "value (logarithmic)"
    digits = {f"{level:.0e}"[0] for level in scale.levels[1:]}
    assert scale.levels[0] == 0 and digits <= {"1", "2", "5"}
    assert (np.diff(scale.levels) > 0).all() and scale.levels[-1] >= 890


def test_heights_are_above_the_known_minimum_or_the_lowest_on_the_grid():
    goldstein = scale_of("goldstein_price")
    assert goldstein.base == 3 and goldstein.label == "value above the minimum, 3 (logarithmic)"
    other = scale_of("5 + (1 - x)**2 + 100*(y - x*x)**2")
    assert other.kind == "logarithmic" and other.label.startswith("value above the lowest here, 5")
    ticks, labels = other.ticks()
    np.testing.assert_allclose([float(label.replace(",", "")) for label in labels], ticks - other.base, rtol=5e-3)


@pytest.mark.parametrize(
    "text", ["ripple", "rosenbrock", "tilted_waves", "ackley", "1e-200*x*y", "1e90*x*y", "exp(9*x)*y"]
)
def test_every_value_has_a_colour_and_the_bar_few_numbers(text):
    f = tbgrad.resolve(text)
    holds_all(tbgrad.surface(f, () if f.domain else [("x", 0.0, 1.0), ("y", 0.5, 2.0)], points=31).value)


@pytest.mark.parametrize("middle", [1.0, 1e15, -1e90])
def test_values_that_differ_in_their_last_digits_have_colours(middle):
    holds_all(middle * (1 + np.finfo(float).eps * np.arange(64).reshape(8, 8)))


def holds_all(value):
    scale = value_scale(value)
    finite = value[np.isfinite(value)].clip(-1e100, 1e100)
    assert scale.levels[0] <= finite.min() and finite.max() <= scale.levels[-1] and (np.diff(scale.levels) > 0).all()
    ticks, labels = scale.ticks()
    assert scale.levels[0] <= min(ticks) and max(ticks) <= scale.levels[-1]
    assert 2 <= len(ticks) <= 12 and len(set(labels)) == len(labels) == len(ticks)


@pytest.mark.parametrize("size", [1e-250, 1e-9, 1.0, 1e9, 1e80])
def test_the_kind_does_not_depend_on_the_unit(size):
    value = tbgrad.surface(tbgrad.resolve("himmelblau"), points=41).value
    assert value_scale(size * value, 0.0).kind == "logarithmic"
    assert value_scale(size * np.sqrt(np.sqrt(value)), 0.0).kind == "linear"


def test_plateaus_are_named_by_their_values():
    value = np.floor(np.linspace(0, 2.99, 400)).reshape(20, 20)
    ticks, labels = value_scale(value).ticks()
    assert ticks.tolist() == [0, 1, 2] and labels == ["0", "1", "2"]
