"""Rate sweeps: the best and the first diverging rate, against closed forms for the quadratic."""

import dataclasses

import numpy as np
import pytest
from html_tables import cells
from plane_samples import make_sweep

from tbgrad.results import Status

RATES = np.geomspace(1e-3, 1.0, 61)


@pytest.fixture(scope="module")
def curve():
    return make_sweep(RATES)


@pytest.fixture(scope="module")
def plane():
    return make_sweep(RATES, np.linspace(0, 0.9, 19))


def test_the_best_rate_is_near_that_of_theory(curve, plane):
    # Nocedal & Wright (2006), section 3.3: 2 / (λ1 + λn); Goh (2017): (2 / (√λ1 + √λn))².
    assert curve.best_rate == pytest.approx(2 / 22, rel=0.15) and curve.best_momentum is None
    assert plane.best_steps < 0.5 * curve.best_steps
    optimal = ((np.sqrt(10) - 1) / (np.sqrt(10) + 1)) ** 2
    assert plane.best_momentum == pytest.approx(optimal, abs=0.1)
    row, column = plane.best
    assert plane.steps_to_target[row, column] == np.nanmin(plane.steps_to_target)


def test_the_first_diverging_rate_follows_the_edge(plane):
    first = plane.first_diverging
    assert (first >= plane.edge).all() and (first <= plane.edge * RATES[1] / RATES[0]).all()


def test_of_equal_steps_the_smallest_rate_is_best(curve):
    equal = dataclasses.replace(curve, steps_to_target=np.where(curve.reached, 7.0, np.nan))
    assert equal.best == (0, int(np.flatnonzero(curve.reached[0])[0])) and equal.best_steps == 7


def test_nothing_reached_and_nothing_diverged():
    sweep = make_sweep(np.array([1e-5, 2e-5]), steps=5)
    assert sweep.best is None and sweep.best_rate is None and sweep.best_steps is None
    assert np.isnan(sweep.first_diverging).all() and not sweep.failed.any()
    assert len(cells(sweep)) == 3


def test_what_left_the_definition_counts_as_diverging(curve):
    status = curve.status.copy()
    status[0, 20] = list(Status).index(Status.NOT_FINITE)
    assert dataclasses.replace(curve, status=status).first_diverging[0] == RATES[20]


def test_the_words(curve, plane):
    assert curve.where == "61 learning rates from 0.001 to 1" and curve.from_where == "from (5, 1)"
    assert plane.where == "61 learning rates from 0.001 to 1, 19 values of momentum from 0 to 0.9"


def test_a_notebook_shows_the_fastest_of_a_map(plane):
    heads, first, *rest = cells(plane)
    assert len(rest) == 19 and "momentum" in heads
    assert first[heads.index("steps to target")] == str(plane.best_steps)
