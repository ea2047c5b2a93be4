"""What is recorded: every plan keeps some of the same rows, and nothing that is said depends on it."""

import numpy as np
import pytest

import tbgrad
from tbgrad.descent.recording import Recording, as_recording
from tbgrad.descent.stopping import GradientNorm, Plateau, Value
from tbgrad.errors import OptionError, RangeError

PLANS = [3, 7, "log", "end", Recording("every", values_only=True), Recording("end", True), Recording(5, True)]


def assert_same_rows(sparse, whole, **tolerance):
    """All that the sparse one holds is in the whole one: equal bits, or up to a tolerance."""
    parts = [
        (getattr(sparse, part), getattr(whole, part)[sparse.step])
        for part in ("position", "value", "gradient")
        if getattr(sparse, part) is not None
    ]
    parts += [(getattr(sparse.end, p), getattr(whole.end, p)) for p in ("position", "value", "gradient")]
    parts += [(getattr(sparse.start, p), getattr(whole.start, p)) for p in ("position", "value", "gradient")]
    # A reading is a quotient of differences, which roundings change more.
    parts += [
        (r.value, whole.readings[name].value[sparse.step]) for name, r in sparse.readings.items() if not tolerance
    ]
    for found, expected in parts:
        np.testing.assert_allclose(found, expected, **({"rtol": 0} | tolerance))
    np.testing.assert_array_equal(sparse.steps_made, whole.steps_made)


@pytest.fixture(scope="module")
def waves():
    return tbgrad.resolve("tilted_waves")


@pytest.mark.parametrize("starts", [1, 3])
def test_the_rows_of_every_plan_are_those_of_every_step(waves, starts):
    optimizer = tbgrad.Optimizer("adam", 0.05)
    points = np.random.default_rng(2).uniform(0.5, 3, (starts, 2))
    whole = tbgrad.descend(waves, optimizer, points, 211)
    for plan in PLANS:
        sparse = tbgrad.descend(waves, optimizer, points, 211, record=plan)
        assert_same_rows(sparse, whole)
        assert [v.sentence for v in sparse.verdicts] == [v.sentence for v in whole.verdicts]
        assert bool(sparse.readings) == (sparse.position is not None)


@pytest.mark.parametrize("starts", [2000, 4097, 5000])
def test_more_starts_than_a_tile_and_more_steps_than_a_block(waves, starts):
    # A program for tiles of another size may round otherwise; within one tile all bits agree.
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if starts > 2048 else {}
    optimizer = tbgrad.Optimizer("sgd", 0.1, momentum=0.5)
    points = np.random.default_rng(3).uniform(0.5, 3, (starts, 2))
    whole = tbgrad.descend(waves, optimizer, points, 150, instruments=(), kinds=False)
    np.testing.assert_array_equal(whole.end.position, whole.position[-1])
    for plan in (50, "end", Recording("every", values_only=True)):
        sparse = tbgrad.descend(waves, optimizer, points, 150, record=plan, instruments=(), kinds=False)
        assert_same_rows(sparse, whole, **tolerance)
        np.testing.assert_array_equal(sparse.verdicts.codes, whole.verdicts.codes)


# Each function and rate with starts that fare differently, and the statuses that are met.
FATES = [
    ("abs(x) + x**4/4", 0.1, [0.35, 100.0, np.nan, 0.0, 2.5], "float64", "oscillating diverged not_finite converged"),
    ("log(x) + x", 0.5, [0.1, -1.0, 3.0], "float64", "not_finite"),
    ("x**2", 1.0, [4.0, 1e-3, 0.0], "float64", "oscillating converged"),
    ("x**2 + 3*x**4", 1e-9, [4.0, 1e-3, 1.0], "float32", "stalled steps_used"),
    ("-x**2 + 0*x", 0.4, [0.0, 1.0, -1e-3], "float64", "converged diverged"),
]


@pytest.mark.parametrize(
    ("text", "rate", "starts", "dtype", "statuses"), FATES, ids=lambda v: v if type(v) is str else ""
)
def test_verdicts_do_not_depend_on_the_plan(text, rate, starts, dtype, statuses):
    f, optimizer, points = tbgrad.resolve(text), tbgrad.Optimizer("sgd", rate), np.array(starts)[:, None]
    whole = tbgrad.descend(f, optimizer, points, 203, dtype=dtype)
    assert set(statuses.split()) <= {s.value for s in whole.status}
    for plan in (2, 50, "log", "end", Recording("every", values_only=True)):
        sparse = tbgrad.descend(f, optimizer, points, 203, dtype=dtype, record=plan)
        assert list(sparse.verdicts) == list(whole.verdicts)
        assert_same_rows(sparse, whole)


@pytest.mark.parametrize("stop", [Plateau(7), GradientNorm(1e-3) | Value(0.01)], ids=str)
def test_nor_do_they_where_a_rule_stops(stop):
    text, rate, starts, _, _ = FATES[0]
    f, optimizer, points = tbgrad.resolve(text), tbgrad.Optimizer("sgd", rate), np.array(starts)[:, None]
    whole = tbgrad.descend(f, optimizer, points, 203, stop=stop)
    for plan in (2, 50, "end", Recording("every", values_only=True)):
        sparse = tbgrad.descend(f, optimizer, points, 203, record=plan, stop=stop)
        assert list(sparse.verdicts) == list(whole.verdicts)
        assert_same_rows(sparse, whole)


@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 100, 2000, 123_457])
def test_the_steps_of_the_plans(steps):
    assert Recording("every").steps(steps).tolist() == list(range(steps + 1))
    assert Recording("end").steps(steps).tolist() == [0, steps]
    assert Recording(4).steps(steps).tolist() == sorted({*range(0, steps + 1, 4), steps})
    log = Recording("log").steps(steps)
    assert log.dtype == np.int64 and log[0] == 0 and log[1] == 1 and log[-1] == steps and (np.diff(log) > 0).all()
    # About ten for each power of ten: no gap is longer than a factor of 10^(1/10), but for whole numbers.
    assert (log[2:] <= np.ceil(log[1:-1] * 10**0.1) + 1).all() and len(log) <= 3 + 10 * max(1, np.log10(steps))


@pytest.mark.parametrize("rows", [0, -3, 2.5, True, "always", None, "Every"])
def test_plans_that_are_none(rows):
    with pytest.raises(OptionError, match="every, a whole number n"):
        as_recording(rows)


def test_plans_by_another_name():
    assert as_recording(np.int64(3)) == Recording(3) or as_recording(np.int64(3)).rows == 3
    plan = Recording("log", values_only=True)
    assert as_recording(plan) is plan


def test_values_alone_hold_no_positions(waves):
    descent = tbgrad.descend(waves, "sgd", [[2.0, 1.0]], 30, record=Recording("every", values_only=True))
    assert descent.position is None and descent.gradient is None and not descent.readings
    assert descent.value.shape == (31, 1) and descent.end.position.shape == (1, 2)
    with pytest.raises(OptionError, match="only values"):
        plan = Recording("every", values_only=True)
        tbgrad.descend(waves, "sgd", [[2.0, 1.0]], 30, record=plan, instruments=tbgrad.descent.loops.INSTRUMENTS)


# Five numbers a row: a position and a gradient of two variables, and a value.
@pytest.mark.parametrize(
    ("steps", "starts", "plan", "says"),
    [
        (10**6, 100, "every", ["1,000,000 steps of 100 starts in 2 variables", "1,000,001 rows", "3.7 GiB"]),
        (10**6, 1000, 2, ["500,001 rows", "18.6 GiB", "53,686 rows of them would fit"]),
        (10**6, 400, Recording("every", values_only=True), ["1,000,001 rows", "3.0 GiB"]),
    ],
)
def test_what_takes_too_much_memory_is_refused_with_the_numbers(waves, steps, starts, plan, says):
    with pytest.raises(RangeError) as caught:
        tbgrad.descend(waves, "sgd", np.ones((starts, 2)), steps, record=plan, instruments=())
    for words in (*says, "at most 2", "Record fewer rows, for example log or end"):
        assert words in str(caught.value)


def test_one_row_that_is_too_much():
    with pytest.raises(RangeError, match="one row of them is too much"):
        Recording("end").check_memory(10, (10**8, 2), 8, 0)


def test_float32_and_instruments_count():
    # 2 GiB are 2^31 bytes: rows of 2^20 starts take 5 numbers, and each reading one more.
    for itemsize, readings, rows in [(8, 0, 51), (4, 0, 102), (8, 3, 32)]:
        Recording("every").check_memory(rows - 1, (2**20, 2), itemsize, readings)
        with pytest.raises(RangeError, match=f"{rows - 1} rows of them would fit|{rows} rows of them would fit"):
            Recording("every").check_memory(rows, (2**20, 2), itemsize, readings)
