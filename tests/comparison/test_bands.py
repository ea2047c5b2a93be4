"""Median and quartiles of several runs' series."""

import numpy as np

from tbgrad.comparison.bands import MOST_STEPS, band


def test_of_equal_steps_it_is_numpys_quantiles():
    values = np.random.default_rng(0).normal(size=(9, 40))
    steps = np.arange(40) * 5
    found = band("a", "loss", [(steps, row) for row in values])
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_array_equal(found.step, steps)
    for series, expected in ((found.lower, lower), (found.median, median), (found.upper, upper)):
        np.testing.assert_allclose(series, expected)
    assert (found.count, found.first_end, found.tag) == (9, 195, "loss")


def test_between_its_steps_and_behind_its_end_a_series_stands_still():
    series = [(np.array([0, 2, 4]), np.array([8.0, 4.0, 2.0])), (np.array([1, 3]), np.array([7.0, 3.0]))]
    found = band("a", "loss", series)
    # From step 1 on both have begun: (8, 7), (4, 7), (4, 3), (2, 3).
    assert found.step.tolist() == [1, 2, 3, 4] and found.first_end == 3
    assert found.median.tolist() == [7.5, 5.5, 3.5, 2.5]


def test_what_left_the_floats_is_worst():
    steps = np.arange(2)
    series = [(steps, np.array([1.0, np.nan])), (steps, np.array([1.0, 2.0])), (steps, np.array([1.0, 3.0]))]
    assert band("a", "loss", series).median.tolist() == [1.0, 3.0]
    assert band("a", "loss", series, prefers_high=True).median.tolist() == [1.0, 2.0]


def test_of_very_many_steps_some_are_kept():
    steps = np.arange(20_001)
    found = band("a", "loss", [(steps, steps.astype(float)), (steps, steps + 2.0)])
    assert len(found.step) == MOST_STEPS and (found.step[0], found.step[-1]) == (0, 20_000)
    np.testing.assert_array_equal(found.median, found.step + 1.0)
