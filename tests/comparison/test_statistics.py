"""What is said of few numbers, against SciPy, NumPy, and counting all cases one by one."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tbgrad.comparison import statistics

SHARES = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]
SIZES = [(1, 1), (1, 4), (3, 3), (5, 8), (10, 10), (24, 26), (40, 60), (200, 300)]


def samples(n, m, seed=0, shift=0.5):
    generator = np.random.default_rng(seed)
    return generator.normal(size=n), generator.normal(shift, 1.5, size=m)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_quantiles_are_numpys(numbers):
    expected = np.quantile(np.array(numbers), SHARES)
    np.testing.assert_allclose(statistics.quantile(np.array(numbers), SHARES), expected, rtol=1e-12, atol=1e-9)


def test_quantiles_of_columns():
    table = np.random.default_rng(0).normal(size=(7, 5))
    np.testing.assert_allclose(statistics.quantile(table, [0.25, 0.5]), np.quantile(table, [0.25, 0.5], axis=0))


def test_what_never_arrived_is_later_than_all_others():
    late = np.array([1.0, 2.0, 3.0, np.inf])
    assert statistics.quantile(late, [0.5, 0.75, 1.0]).tolist() == [2.5, math.inf, math.inf]
    # Exactly on a number, the infinite neighbour does not count.
    assert statistics.quantile(np.array([1.0, 2.0, np.inf]), [0.5])[0] == 2.0
    assert statistics.quantile(np.full(3, np.inf), [0.25, 0.5]).tolist() == [math.inf] * 2
    assert statistics.quantile(np.array([-np.inf, -np.inf, 1.0, 2.0]), [0.25, 0.5]).tolist() == [-math.inf] * 2
    assert np.isnan(statistics.quantile(np.array([1.0, np.nan]), [0.5])[0])


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, math.inf]), min_size=1, max_size=12))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_ranks_are_scipys(numbers):
    assert statistics.ranks(numbers) == scipy.stats.rankdata(numbers, method="min").tolist()


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_rank_test_is_scipys(n, m):
    for seed in range(5):
        one, other = samples(n, m, seed)
        method = "exact" if n + m <= 50 else "asymptotic"
        expected = scipy.stats.mannwhitneyu(one, other, method=method).pvalue
        assert statistics.rank_test(one, other) == pytest.approx(expected, rel=1e-9)


def test_rank_test_of_many_with_ties_is_scipys():
    one, other = (np.round(part, 1) for part in samples(60, 70))
    expected = scipy.stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert statistics.rank_test(one, other) == pytest.approx(expected, rel=1e-9)
    assert statistics.rank_test(np.ones(60), np.ones(60)) == 1.0


@pytest.mark.parametrize("infinite", [0, 3])
@pytest.mark.parametrize("seed", range(4))
def test_rank_test_with_ties_counts_all_choices(seed, infinite):
    generator = np.random.default_rng(seed)
    both = generator.integers(0, 5, 11).astype(float)
    both[:infinite] = np.inf
    one, other = both[:5], both[5:]
    rank = scipy.stats.rankdata(both)
    sums = np.array([rank[list(chosen)].sum() for chosen in itertools.combinations(range(11), 5)])
    far = np.abs(sums - 30) >= abs(rank[:5].sum() - 30) - 1e-9
    assert statistics.rank_test(one, other) == pytest.approx(far.mean(), rel=1e-12)


def test_the_least_p_value_is_that_of_no_overlap():
    for n, m in ((1, 1), (2, 2), (3, 3), (4, 5)):
        apart = statistics.rank_test(np.arange(n), 10.0 + np.arange(m))
        assert statistics.least_p(n, m) == pytest.approx(apart)
    assert statistics.least_p(3, 3) == pytest.approx(0.1)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (6, 9), (20, 31), (101, 100)])
def test_interval_is_scipys_bootstrap(n, m):
    one, other = samples(n, m, seed=n)

    def difference(a, b, axis):
        return np.median(a, axis=axis) - np.median(b, axis=axis)

    expected = scipy.stats.bootstrap((one, other), difference, method="percentile", n_resamples=20_000, rng=1)
    low, high = statistics.median_difference_interval(one, other)
    # Two random resamplings of a few numbers differ by little; the ends lie on few distinct values.
    spread = expected.standard_error
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.12 * spread)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.12 * spread)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_medians_of_resamples_are_distributed_as_those_of_drawn_ones(n):
    sample = np.random.default_rng(n).normal(size=n)
    drawn = np.random.default_rng(1).choice(sample, (200_000, n))
    found = statistics._resampled_medians(sample, np.random.default_rng(2))
    distance = scipy.stats.ks_2samp(found, np.median(drawn, axis=1)).statistic
    # Of 10,000 against 200,000 the distance exceeds 0.0195 once in a thousand.
    assert distance < 0.0195


def test_interval_covers_the_true_difference_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        one, other = generator.normal(1.0, 1.0, 25), generator.normal(0.0, 1.0, 25)
        low, high = statistics.median_difference_interval(one, other)
        covered += low <= 1.0 <= high
    assert 0.91 < covered / 300 <= 0.995


def test_infinite_medians_do_not_differ():
    never = np.array([5.0, np.inf, np.inf])
    assert statistics.median_difference(never, never) == 0.0
    assert statistics.median_difference(never, np.arange(3.0)) == math.inf
    low, high = statistics.median_difference_interval(never, np.array([1.0, 2.0, 3.0]))
    assert 2 <= low < high == math.inf


def test_holm_by_hand():
    # Holm (1979): the smallest times 3, the next times 2, the last once, and never below one before.
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert statistics.holm([]) == []
    # Two of six tests are told: the smallest times 6, the next times 5.
    assert statistics.holm([0.01, 0.001], 6) == pytest.approx([0.05, 0.006])
