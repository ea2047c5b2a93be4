"""Performance profiles: the numbers of a case worked out by hand, and of runs made on purpose."""

import numpy as np
import pytest

import tbgrad
from tbgrad.records import HParams, Scalars
from tbgrad.results import Profile

# Three solvers on four problems; what was not solved is infinite. By hand: ratios of cost to each row's least.
COST = np.array([[10, 20, np.inf], [30, 15, 60], [np.inf, np.inf, np.inf], [8, 8, 16]])
RATIO = np.array([[1, 2, np.inf], [2, 1, 4], [np.inf] * 3, [1, 1, 2]])
SHARES = {1.0: [2 / 4, 2 / 4, 0], 1.99: [2 / 4, 2 / 4, 0], 2.0: [3 / 4, 3 / 4, 1 / 4], 4.0: [3 / 4, 3 / 4, 2 / 4]}


def by_hand():
    return Profile(("a", "b", "c"), ("p", "q", "r", "s"), COST, "gradients", (1, 1, 1))


def test_ratios_and_shares_by_hand():
    profile = by_hand()
    np.testing.assert_array_equal(profile.ratio, RATIO)
    for factor, expected in SHARES.items():
        np.testing.assert_allclose(profile.share(factor), expected)
    np.testing.assert_allclose(profile.share(np.array([*SHARES])), [*SHARES.values()])
    np.testing.assert_allclose(profile.share(1e300), profile.solved)
    assert profile.order == (0, 1, 2)


def test_the_picture_steps_where_the_shares_do():
    axes = tbgrad.show(by_hand()).axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert len(curves) == 3 and axes.get_xscale() == "log"
    for k, line in enumerate(curves):
        x, y = line.get_xdata(), line.get_ydata()
        for factor, expected in SHARES.items():
            assert y[np.flatnonzero(x <= factor)[-1]] == pytest.approx(expected[k])
        assert x[-1] == axes.get_xlim()[1] > 4


def log(directory, function, optimizer, first, start="0, 0", known=True, **more):
    with tbgrad.open_run(directory) as run:
        run.write(Scalars("descent/value", [0, 1], [1.0, 0.5]))
        if known:
            run.write(Scalars("descent/log10_gap", [0, 1], [0.0, -7.0 if first is not None else -2.0]))
        if first is not None:
            run.write(Scalars("metrics/steps_to_gap", 0, first))
        settings = {"function": function, "optimizer": optimizer, "start": start, **more}
        run.write(HParams(settings, succeeded=True))


def test_of_logged_runs(logdir):
    table = {"f": (10, 20, None), "g": (30, 15, 60), "h": (None, None, None)}
    for function, row in table.items():
        for optimizer, steps in zip(("sgd", "adam", "lion"), row, strict=True):
            log(logdir / function / optimizer, function, optimizer, steps)
    # A start is a problem of its own; who is there at once has asked for one gradient.
    for optimizer, steps in (("sgd", 0), ("adam", 1), ("lion", 2)):
        log(logdir / "f2" / optimizer, "f", optimizer, steps, start="5, 5")
    # Not a problem: only one was tried, or no gap can be reached.
    log(logdir / "only", "k", "sgd", 3)
    for optimizer in ("sgd", "adam", "lion"):
        log(logdir / "unknown" / optimizer, "u", optimizer, None, known=False)
    profile = tbgrad.compare([logdir]).profile
    assert profile.solvers == ("adam", "lion", "sgd") and profile.left_out == 1
    cost = dict(zip(profile.problems, profile.cost.tolist(), strict=True))
    inf = float("inf")
    assert cost == {
        "f from 0, 0": [20, inf, 10],
        "f from 5, 5": [1, 2, 1],
        "g": [15, 60, 30],
        "h": [inf, inf, inf],
    }
    assert "none was tuned" in profile.remark


def test_the_best_setting_and_the_median_seed_count(logdir):
    for function in ("f", "g"):
        for rate, steps in ((0.1, (50, 10, 20)), (0.2, (30, 30, None))):
            for seed, found in enumerate(steps):
                log(logdir / f"{function}{rate}{seed}", function, "sgd", found, learning_rate=rate, seed=seed)
        log(logdir / f"{function}adam", function, "adam", 25, learning_rate=0.5)
    profile = tbgrad.compare([logdir]).profile
    # sgd: medians 20 and 30 over the seeds, of which the better setting counts.
    assert profile.cost.tolist() == [[25, 20], [25, 20]]
    assert profile.settings == (1, 2) and "adam 1, sgd 2" in profile.remark


@pytest.mark.parametrize("by", [None, "descent/value:steps-to=0.5", "descent/value", "descent/value:min"])
def test_only_of_steps(logdir, by):
    for function in ("f", "g"):
        for optimizer in ("sgd", "adam"):
            log(logdir / function / optimizer, function, optimizer, 5)
    profile = tbgrad.compare([logdir], by).profile
    assert (profile is not None) == (by is None or "steps-to" in by)
    if profile is not None:
        assert profile.cost.tolist() == [[5, 5]] * 2 if by is None else [[1, 1]] * 2


def test_groups_are_solvers(logdir):
    for function in ("f", "g"):
        for rate, steps in ((0.1, 5), (0.2, 10)):
            log(logdir / f"{function}{rate}", function, "sgd", steps, learning_rate=rate)
    assert tbgrad.compare([logdir]).profile is None
    profile = tbgrad.compare([logdir], group_by=["learning_rate"]).profile
    assert profile.solvers == ("0.1", "0.2") and profile.cost.tolist() == [[5, 10]] * 2


def test_other_starts_are_another_problem(logdir):
    """Two starts are two starts in words, wherever they are."""
    from tbgrad.experiments.descents import log_descent
    from tbgrad.experiments.launching import Place

    def descend(function, optimizer, points):
        f = tbgrad.resolve(function)
        log_descent(f, tbgrad.Optimizer(optimizer, 0.2), Place(logdir), points=points, steps=60)

    here, there = [(1.0, 1.0), (2.0, 1.0)], [(3.0, 3.0), (-3.0, 1.0)]
    for function in ("sphere", "booth"):
        descend(function, "sgd", here)
        descend(function, "adam", there)
    assert tbgrad.compare([logdir]).profile is None
    for function in ("sphere", "booth"):
        descend(function, "adam", here)
    profile = tbgrad.compare([logdir]).profile
    assert len(profile.problems) == 2 and profile.left_out == 2 and "2 problems" in profile.remark


def test_uneven_budgets_are_told(logdir):
    for function in ("f", "g"):
        for optimizer, steps in (("sgd", 100), ("adam", 200)):
            log(logdir / function / optimizer, function, optimizer, 5, steps=steps)
    profile = tbgrad.compare([logdir]).profile
    assert profile.settings == (1, 1) and "Not all had equally many steps" in profile.remark
