"""What is said of each start: one descent for each status, and the thresholds to the step."""

import itertools

import numpy as np
import pytest

import tbgrad
from tbgrad import Status
from tbgrad.descent.verdicts import judge
from tbgrad.descent.watching import Watch


def run(text, rate, start, steps, dtype="float64", **settings):
    f = tbgrad.resolve(text)
    return tbgrad.descend(f, tbgrad.Optimizer("sgd", rate, **settings), [start], steps, dtype=dtype)


def verdict(*arguments, **options):
    return run(*arguments, **options).verdicts[0]


@pytest.mark.parametrize(
    ("text", "rate", "start", "point"),
    [
        ("x**2 + 3*y**2", 0.1, (1.0, 1.0), "minimum"),
        ("x**2 - y**2", 0.1, (1.0, 0.0), "saddle"),
        ("x*y", 0.1, (1.0, 1.0), "saddle"),
        ("-x**2 - y**2", 0.1, (0.0, 0.0), "maximum"),
        ("ripple", 0.1, (1.0, 2.0), "undecided"),
        ("x**2 + 0*y", 0.1, (1.0, 5.0), "undecided"),
        ("x**4", 0.1, (0.0,), "undecided"),
    ],
)
def test_converged(text, rate, start, point):
    found = verdict(text, rate, start, 500)
    assert found.status is Status.CONVERGED and found.point == point
    assert found.sentence.startswith("Converged") and point in found.sentence and "Hessian" in found.sentence


@pytest.mark.parametrize("share", [1e-5, 1e-7])
def test_an_eigenvalue_below_a_millionth_of_the_largest_is_zero(share):
    found = verdict(f"x**2 + {share}*y**2", 0.1, (1.0, 0.0), 200)
    assert found.point == ("minimum" if share > 1e-6 else "undecided")


# With rate 1/4 on x² the gradient halves at each step; it begins at twice the start.
@pytest.mark.parametrize(
    ("start", "dtype", "steps", "expected"),
    [
        (4.0, "float64", 19, Status.STEPS_USED),
        (4.0, "float64", 20, Status.CONVERGED),
        (0.25, "float64", 18, Status.STEPS_USED),
        (0.25, "float64", 19, Status.CONVERGED),
        (4.0, "float32", 13, Status.STEPS_USED),
        (4.0, "float32", 14, Status.CONVERGED),
    ],
)
def test_converged_to_the_step(start, dtype, steps, expected):
    assert verdict("x**2", 0.25, (start,), steps, dtype).status is expected


def test_it_converges_by_its_largest_partial_derivative():
    # One partial derivative is zero all along, the other is not small.
    assert verdict("0*x + y**2", 0.001, (1.0, 1.0), 10).status is Status.STEPS_USED


def test_stalled():
    found = verdict("x**2 + y**2", 1e-9, (4.0, 3.0), 50, "float32")
    assert found.status is Status.STALLED and found.point is None
    assert "rounding" in found.sentence and "larger learning rate, or float64" in found.sentence
    assert "8.0e+00" in found.sentence


def test_the_same_in_float64_is_not_stalled():
    assert verdict("x**2 + y**2", 1e-9, (4.0, 3.0), 50).status is Status.STEPS_USED


@pytest.mark.parametrize(("text", "rate", "start"), [("abs(x)", 0.1, 0.35), ("x**2", 1.0, 3.0), ("x**4", 0.5, 1.0)])
def test_oscillating(text, rate, start):
    found = verdict(text, rate, (start,), 101)
    assert found.status is Status.OSCILLATING
    assert "last 20 steps" in found.sentence and "kink" in found.sentence and "smaller rate" in found.sentence


@pytest.mark.parametrize("steps", [100, 400, 2000])
def test_diverged(steps):
    # The value grows fourfold at each step: by growth first, then out of the floats.
    found = verdict("x**2", 1.5, (1.0,), steps)
    assert found.status is Status.DIVERGED and found.point is None
    assert "learning rate a tenth, such as 0.1" in found.sentence and "curvature" in found.sentence
    if steps == 2000:
        assert "beyond the floats" in found.sentence


def test_leaving_the_floats_is_dated():
    descent = run("x**2", 1.5, (1.0,), 2000)
    finite = np.isfinite(descent.value[:, 0]) & np.isfinite(descent.position[:, 0, 0])
    assert f"from step {np.argmin(finite)} " in descent.verdicts[0].sentence


@pytest.mark.parametrize(("start", "steps"), [(1.0, 19), (100.0, 19)])
def test_diverged_to_the_step(start, steps):
    # 4^19 < 1e12 < 4^20, in units of the value at the start.
    assert verdict("x**2", 1.5, (start,), steps).status is not Status.DIVERGED
    assert verdict("x**2", 1.5, (start,), steps + 1).status is Status.DIVERGED


def test_a_position_can_diverge_under_a_bounded_value():
    found = verdict("1e-13*x", 1e25, (0.0,), 2)
    assert found.status is Status.DIVERGED


@pytest.mark.parametrize(
    ("text", "rate", "start", "steps", "cure"),
    [
        ("log(x)", 0.5, 1.0, 2, "smaller learning rate"),
        ("sqrt(x)", 0.2, 0.1, 50, "smaller learning rate"),
        ("log(x)", 0.1, -1.0, 3, "another start"),
        ("1/x", 0.1, 0.0, 50, "another start"),
    ],
)
def test_not_finite(text, rate, start, steps, cure):
    descent = run(text, rate, (start,), steps)
    found = descent.verdicts[0]
    assert found.status is Status.NOT_FINITE and found.point is None
    assert cure in found.sentence and "undefined" in found.sentence
    row = np.argmin(np.isfinite(descent.value[:, 0]) & np.isfinite(descent.gradient[:, 0, 0]))
    assert f"at step {row}, at ({descent.position[row, 0, 0]:.6g})" in found.sentence


def test_a_start_that_is_not_finite():
    assert verdict("x**2", 0.1, (float("nan"),), 5).status is Status.NOT_FINITE


def test_steps_used():
    found = verdict("rosenbrock", 0.00125, (-1.2, 1.0), 2000)
    assert found.status is Status.STEPS_USED and found.point is None
    assert "2000 steps" in found.sentence and "more steps, or a larger learning rate" in found.sentence


@pytest.mark.parametrize(
    ("net", "expected"), [(0.1, Status.OSCILLATING), (0.4, Status.STEPS_USED), (-5.0, Status.OSCILLATING)]
)
def test_oscillating_looks_at_the_last_fifth(net, expected):
    # 100 steps; over the last 20 the changes sum to about 20, the net drop is `net`. Before, it goes down fast.
    value = np.concatenate([np.linspace(1000, 100, 81), 100 + np.resize([1.0, 0.0], 20)])
    value[-1] = 100 - net
    position = np.arange(101.0)
    f = tbgrad.resolve("x**2")
    rows = position[:, None, None], value[:, None], np.ones((101, 1, 1))
    for ends in ((101,), (7, 81, 82, 101), range(2, 102)):
        # However the steps are cut into blocks, the verdict is the same.
        watch = Watch([part[0] for part in rows], np.array([80]))
        for first, end in itertools.pairwise((1, *ends)):
            block = [part[first:end] for part in rows]
            watch.see(block[1], [part[-1] for part in block], lambda block=block: block)
        (found,) = judge(f, 0.1, watch.way(np.array([100]), np.array([False])))
        assert found.status is expected


def test_every_start_has_its_own_verdict():
    f = tbgrad.resolve("x**4 + x**2")
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[0.1], [100.0], [float("nan")], [0.0]], 200)
    assert descent.status == (Status.CONVERGED, Status.DIVERGED, Status.NOT_FINITE, Status.CONVERGED)
    assert [v.point for v in descent.verdicts] == ["minimum", None, None, "minimum"]
    assert descent.best_start == 3


def test_statuses_are_spelled_as_promised():
    spelled = ["diverged", "not_finite", "converged", "stalled", "oscillating", "steps_used"]
    assert [status.value for status in Status] == spelled
