"""What becomes of unlucky starts, each with its cause and its cure, alone and among the others."""

import numpy as np
import pytest

import tbgrad
from tbgrad import Status
from tbgrad.descent.recording import Recording

# f has a different fate for each start along x; the rate is 0.1.
#   above 10   -x⁴ has no bottom                 | at 0.35  the kink of |x|, which is jumped over
#   below -10  the logarithm of a negative number  | at 0     the kink itself, where the gradient is zero
FATES = "where(x > 10, -x**4, where(x < -10, -log(x + 10), abs(x)))"
STARTS = [[20.0], [-11.0], [0.35], [0.0], [float("nan")], [8.0]]
EXPECTED = ["diverged", "not_finite", "oscillating", "converged", "not_finite", "steps_used"]


@pytest.fixture(scope="module")
def fates():
    return tbgrad.resolve(FATES)


@pytest.mark.parametrize("plan", ["every", "end", Recording("every", values_only=True)], ids=str)
def test_all_fates_together_are_those_of_each_alone(fates, plan):
    optimizer = tbgrad.Optimizer("sgd", 0.1)
    together = tbgrad.descend(fates, optimizer, STARTS, 61, record=plan)
    assert [s.value for s in together.status] == EXPECTED
    for k, start in enumerate(STARTS):
        alone = tbgrad.descend(fates, optimizer, [start], 61, record=plan)
        assert alone.verdicts[0] == together.verdicts[k]
        np.testing.assert_array_equal(alone.value[:, 0], together.value[:, k])
        np.testing.assert_array_equal(alone.end.position[0], together.end.position[k])
    counts = together.verdicts.counts()
    assert counts[Status.NOT_FINITE] == 2 and sum(counts.values()) == len(STARTS)
    assert together.verdicts.has(Status.DIVERGED) and not together.verdicts.has(Status.STALLED)


CURES = {
    "diverged": ("Diverged: from step ", "the function seems unbounded below"),
    "not_finite": ("Not finite: at step 0, at (", "undefined; choose another start"),
    "oscillating": ("Oscillating: over the last 12 steps", "Try a smaller rate"),
    "converged": ("Converged to a ", "the largest partial derivative is 0.0e+00"),
    "steps_used": ("Still going down after 61 steps (by 1.2 over the last 12)", "try more steps, or a larger"),
}


def test_each_sentence_names_the_cause_and_the_cure(fates):
    descent = tbgrad.descend(fates, tbgrad.Optimizer("sgd", 0.1), STARTS, 61)
    for verdict in descent.verdicts:
        cause, cure = CURES[verdict.status.value]
        assert verdict.sentence.startswith(cause) and cure in verdict.sentence
    assert "(-11)" in descent.verdicts[1].sentence and "(nan)" in descent.verdicts[4].sentence


def judged(text, start, rate, steps=100, dtype="float64", **settings):
    f = tbgrad.resolve(text)
    return tbgrad.descend(f, tbgrad.Optimizer("sgd", rate, **settings), [start], steps, dtype=dtype)


def test_a_saddle_start_runs_into_the_saddle():
    descent = judged("x**2 - y**2", (1.0, 0.0), 0.1)
    (verdict,) = descent.verdicts
    assert (verdict.status, verdict.point) == (Status.CONVERGED, "saddle") and "-2, 2" in verdict.sentence
    np.testing.assert_array_equal(descent.position[..., 1], 0)
    # A hair beside the axis it falls off.
    assert judged("x**2 - y**2", (1.0, 1e-9), 0.1, 400).status == (Status.DIVERGED,)


def test_a_maximum_start_stays():
    descent = judged("-x**2 - 2*y**2", (0.0, 0.0), 0.1)
    assert (descent.verdicts[0].status, descent.verdicts[0].point) == (Status.CONVERGED, "maximum")
    np.testing.assert_array_equal(descent.position, np.zeros((101, 1, 2)))


def test_a_kink_start_goes_to_and_fro():
    descent = judged("abs(x)", (0.35,), 0.1, 60)
    assert descent.status == (Status.OSCILLATING,)
    tail = descent.position[10:, 0, 0]
    np.testing.assert_allclose(np.abs(np.diff(tail)), 0.1, rtol=1e-12)
    assert (tail[1:] * tail[:-1] < 0).all()


def test_what_has_no_bottom_is_said_to_have_none():
    descent = judged("-x**2", (1.0,), 0.4)
    assert descent.status == (Status.DIVERGED,) and "unbounded below" in descent.verdicts[0].sentence
    # A slope without an end has not grown far enough, and is on its way.
    assert judged("-x", (1.0,), 0.1).status == (Status.STEPS_USED,)
    assert "unbounded" not in judged("x**2", (1.0,), 1.5).verdicts[0].sentence


def test_what_grew_and_then_has_no_value_diverged():
    # Beyond 1e103, x³ - 3xy² is the difference of two infinities: no infinite value comes before the NaN.
    descent = judged("x**3 - 3*x*y**2", (1.5, 0.1), 0.06, 200)
    finite = np.isfinite(descent.value[:, 0])
    assert np.isnan(descent.value[np.argmin(finite), 0]) and np.abs(descent.value[finite]).max() < 1e300
    assert descent.status == (Status.DIVERGED,) and f"from step {np.argmin(finite)} on" in descent.verdicts[0].sentence


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_stalled_in_float32_alone(momentum):
    # An update of 1e-9 is lost beside 4, whose neighbours are 2.4e-7 away.
    short, long = (judged("x", (4.0,), 1e-9, 100, dtype, momentum=momentum) for dtype in ("float32", "float64"))
    assert short.status == (Status.STALLED,) and long.status == (Status.STEPS_USED,)
    assert "lost in rounding" in short.verdicts[0].sentence and "float64" in short.verdicts[0].sentence
    np.testing.assert_array_equal(short.position, np.full((101, 1, 1), 4, np.float32))


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_few_steps(steps):
    # The last part is at least one update, and a single one that goes down is progress.
    down = judged("x**2", (1.0,), 0.1, steps)
    assert down.status == (Status.STEPS_USED,)
    assert f"over the last {max(1, steps // 5)})" in down.verdicts[0].sentence
    assert judged("x**2", (1.0,), 1.0, steps).status == (Status.OSCILLATING,)
    assert judged("x**2", (0.0,), 1.0, steps).status == (Status.CONVERGED,)


@pytest.mark.parametrize("plan", ["every", "end"])
def test_a_period_of_two_does_not_look_like_standing_still(plan):
    # An even number of steps ends where it began: in float32 as in float64 that is oscillating, not stalled.
    f = tbgrad.resolve("x**2")
    for dtype in ("float32", "float64"):
        descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 1.0), [[3.0]], 100, dtype=dtype, record=plan)
        assert descent.end.position == 3.0 and descent.status == (Status.OSCILLATING,)


def test_divergence_is_dated_and_the_rate_of_that_start_is_named():
    f = tbgrad.resolve("x**2")
    rates = np.array([0.1, 1.5, 3.0])
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", rates), [[1.0]] * 3, 600)
    assert [s.value for s in descent.status] == ["converged", "diverged", "diverged"]
    # The position grows by |1 - 2·rate| each step; the first is still a number, the value of which is infinite or not.
    assert "such as 0.1" in descent.verdicts[1].sentence and "such as 0.3" in descent.verdicts[2].sentence
    with np.errstate(over="ignore"):
        last = np.argmax(np.isinf(25.0 ** np.arange(601)))
    assert f"from step {last} on" in descent.verdicts[2].sentence
