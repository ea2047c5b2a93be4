"""Basins and their ends: shares and medians of a known partition, and how ends are spelled."""

import numpy as np
import pytest
from html_tables import cells
from plane_samples import make_basins

from tbgrad.results import End, Status


def test_shares_and_medians_are_those_of_the_partition():
    basins = make_basins()
    # 80 columns from -2 to 2: those below -0.5 are the first 30.
    inner = 38 * 80
    assert basins.starts == 40 * 80 and basins.converged.sum() == inner and basins.failed.sum() == 80
    assert basins.counted(Status.STEPS_USED) == 80 and basins.counted(Status.STALLED) == 0
    assert [basins.share(i) for i in (0, 1)] == [38 * 50 / 3200, 38 * 30 / 3200]
    assert (basins.median_steps(0), basins.median_steps(1)) == (20.5, 100.5)
    assert basins.median_steps() == 21 and basins.global_share == inner / 3200
    assert basins.unreached == () and basins.where == "80 × 40 starts, x from -2 to 2, y from -1 to 1"


def test_without_known_minima_there_is_no_global_share():
    basins = make_basins(minima=())
    assert basins.global_share is None and basins.unreached == ()


def test_a_notebook_shows_a_row_for_each_end():
    _, first, _ = cells(make_basins())
    assert first[0] == "minimum (1, 0)" and "59.4%" in first


@pytest.mark.parametrize(
    ("end", "label"),
    [
        (End((3.0, 2.0), 0.0, 5, "minimum"), "minimum (3, 2)"),
        (End((-2.8051180869, 3.1313125182), 0.0, 5, "minimum"), "minimum (-2.805, 3.131)"),
        (End((1e-9, -2e-12), 0.0, 5, "maximum"), "maximum (0, 0)"),
        (End((0.00012345, 1e-9), 0.0, 5, "saddle"), "saddle (0.000123, 0)"),
        (End((1e-8, 420.9687463), 0.0, 5, "undecided"), "flat point (0, 420.969)"),
        (End((4.7, 0.0), -1.0, 5, "undecided", 0.9, 0, (0.01, -0.02)), "a set of minima around (0, 0)"),
        (End((4.7, 0.0), -1.0, 5, "undecided", 0.9, None, (0.31, 0.0)), "a set of flat points around (0.3, 0)"),
        (End((4.7, 0.0), -1.0, 5, "saddle", 0.9), "a set of saddles around (4.7, 0)"),
    ],
)
def test_an_end_is_spelled_in_few_letters(end, label):
    assert end.label == label


def test_the_statuses_are_in_the_order_of_their_codes():
    basins = make_basins()
    assert basins.statuses == tuple(Status) and basins.statuses[basins.status[-1, 0]] is Status.DIVERGED
    assert basins.statuses[basins.status[0, 0]] is Status.STEPS_USED
    np.testing.assert_array_equal(basins.basin >= 0, basins.converged)
