"""Thinning against a plain loop over the buckets."""

import math

import numpy as np
import pytest

from tbgrad.comparison.page.thinning import in_order, thin


def by_loop(step, value, most):
    """What the docstring of `thin` promises, point by point."""
    n = len(step)
    if n <= most:
        return list(range(n))
    holes = [i for i in range(n) if not math.isfinite(value[i])]
    gaps = set()
    for i in holes:
        if i == 0 or math.isfinite(value[i - 1]):
            gaps |= {i} | ({i - 1} if i else set())
        if i + 1 < n and math.isfinite(value[i + 1]):
            gaps.add(i + 1)
    few = len(gaps) <= most // 2
    buckets = max(1, (most - 2 - len(gaps)) // 2 if few else (most - 2) // 3)
    held = {}
    for i in range(n):
        share = (float(step[i]) - float(step[0])) / (float(step[-1]) - float(step[0]))
        held.setdefault(min(int(share * buckets), buckets - 1), []).append(i)
    kept = {0, n - 1} | (gaps if few else set())
    for members in held.values():
        finite = [i for i in members if math.isfinite(value[i])]
        if finite:
            kept |= {min(finite, key=lambda i: (value[i], i)), min(finite, key=lambda i: (-value[i], i))}
        if not few:
            kept |= {*[i for i in members if not math.isfinite(value[i])][:1]}
    return sorted(kept)


def curves():
    rng = np.random.default_rng(0)
    even = np.arange(3000)
    yield "noise", even, rng.standard_normal(3000)
    yield "ties", even, rng.integers(0, 3, 3000).astype(float)
    yield "uneven", np.unique(rng.integers(-(10**9), 10**9, 2000)), np.sin(np.arange(2000) / 50)[:2000]
    yield "logarithmic", np.unique(np.logspace(0, 6, 900).astype(np.int64)), None
    yield "far", np.array([-(2**62), *range(500), 2**62]), rng.standard_normal(502)
    gaps = rng.standard_normal(3000)
    gaps[[0, 1, 500, 1500, 1501, 1502, 2999]] = np.nan, np.inf, np.nan, -np.inf, np.nan, np.nan, np.inf
    yield "gaps", even, gaps
    torn = rng.standard_normal(3000)
    torn[::2] = np.nan
    yield "torn", even, torn
    yield "nothing finite", even, np.full(3000, np.nan)
    spikes = np.zeros(3000)
    spikes[[701, 1702]] = 1e30, -1e30
    yield "spikes", even, spikes


@pytest.mark.parametrize("most", [8, 9, 40, 333])
@pytest.mark.parametrize(("name", "step", "value"), [*curves()], ids=lambda x: x if isinstance(x, str) else "")
def test_thinned_as_by_a_loop(name, step, value, most):
    value = np.random.default_rng(1).standard_normal(len(step)) if value is None else value[: len(step)]
    value = value.astype(np.float32)
    kept = thin(step, value, most)
    assert kept.tolist() == by_loop(step, value, most)
    assert len(kept) <= most


def test_extremes_stay_bit_for_bit():
    value = (np.random.default_rng(2).standard_normal(100_000) ** 7).astype(np.float32)
    kept = thin(np.arange(100_000), value, 200)
    assert len(kept) <= 200
    assert {value.argmin(), value.argmax(), 0, 99_999} <= {*kept.tolist()}


def test_short_curves_stay_whole():
    assert thin(np.arange(50), np.full(50, np.nan), 50).tolist() == list(range(50))
    assert thin(np.arange(0), np.zeros(0), 50).tolist() == []


def test_a_gap_stays_a_gap():
    value = np.ones(1000, np.float32)
    value[400:600] = np.nan
    kept = thin(np.arange(1000), value, 20)
    assert {399, 400, 600} <= {*kept.tolist()}


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([0, 1, 2, 1, 2, 3], [0, 3, 4, 5]),
        ([5, 5, 5], [2]),
        ([0, 10, 5], [0, 2]),
        ([], []),
    ],
)
def test_a_step_that_goes_back_replaces_what_was_there(step, kept):
    assert in_order(np.array(step, np.int64)).tolist() == kept
