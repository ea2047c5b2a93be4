"""Stopping rules against the step at which a NumPy loop says that they hold."""

import numpy as np
import pytest

import tbgrad
from tbgrad.descent.recording import Recording
from tbgrad.descent.stopping import GradientNorm, Plateau, StoppingRule, UpdateNorm, Value, any_of, rule
from tbgrad.errors import OptionError, RangeError

STEPS, RATE = 120, 0.05
STARTS = np.array([[3.0, -2.0], [0.02, 0.01], [1e-9, 0.0], [40.0, 1.0], [0.5, 9.0]])


@pytest.fixture(scope="module")
def bowl():
    return tbgrad.resolve("x**2 + 3*y**2")


@pytest.fixture(scope="module")
def free():
    """Rows [STEPS + 1, starts, ...] of the descent that does not stop, by NumPy."""
    position = STARTS * np.array([1 - 2 * RATE, 1 - 6 * RATE]) ** np.arange(STEPS + 1)[:, None, None]
    return position, position**2 @ [1.0, 3.0], position * [2.0, 6.0]


# What each rule asks of row t of one start.
def gradient_is_small(position, value, gradient, t, tolerance):
    return np.abs(gradient[t]).max() <= tolerance * max(1, np.abs(gradient[0]).max())


def value_is_low(position, value, gradient, t, at_most):
    return value[t] <= at_most


def update_is_short(position, value, gradient, t, tolerance):
    return t > 0 and np.linalg.norm(position[t] - position[t - 1]) <= tolerance


def plateau(position, value, gradient, t, patience, least):
    lowest, waited = value[0], 0
    for v in value[1 : t + 1]:
        waited = 0 if v < lowest - least * abs(lowest) else waited + 1
        lowest = min(lowest, v) if waited == 0 else lowest
        if waited >= patience:
            return True
    return False


ASKED = {
    GradientNorm(1e-3): lambda *row: gradient_is_small(*row, 1e-3),
    GradientNorm(): lambda *row: gradient_is_small(*row, 1e-6),
    Value(1e-4): lambda *row: value_is_low(*row, 1e-4),
    UpdateNorm(1e-3): lambda *row: update_is_short(*row, 1e-3),
    Plateau(3, 0.25): lambda *row: plateau(*row, 3, 0.25),
}
SMALL, LOW, SHORT, FLAT = GradientNorm(1e-3), Value(1e-4), UpdateNorm(1e-3), Plateau(3, 0.25)
ASKED |= {
    SMALL | LOW: lambda *row: ASKED[SMALL](*row) or ASKED[LOW](*row),
    LOW & SHORT: lambda *row: ASKED[LOW](*row) and ASKED[SHORT](*row),
    (SMALL & SHORT) | FLAT: lambda *row: (ASKED[SMALL](*row) and ASKED[SHORT](*row)) or ASKED[FLAT](*row),
    SMALL & SHORT & Value(-1.0): lambda *row: False,
}


def expected_steps(rows, asked):
    """At which step each start stops, of rows [steps + 1, starts, ...]."""
    steps = len(rows[1]) - 1
    return [
        next((t for t in range(steps + 1) if asked(*(part[:, k] for part in rows), t)), steps)
        for k in range(rows[1].shape[1])
    ]


def at_stop(rows, made):
    """Those rows with each start's last one repeated from its stop on."""
    t = np.minimum(np.arange(len(rows[1]))[:, None], made)
    return [part[t, np.arange(len(made))] for part in rows]


@pytest.mark.parametrize("stop", ASKED, ids=str)
def test_each_start_stops_at_its_step_and_stays(bowl, free, stop):
    made = expected_steps(free, ASKED[stop])
    descent = tbgrad.descend(bowl, tbgrad.Optimizer("sgd", RATE), STARTS, STEPS, stop=stop)
    np.testing.assert_array_equal(descent.steps_made, made)
    assert descent.steps_made.dtype == np.int64 and descent.stop == str(stop)
    for part, expected in zip(("position", "value", "gradient"), at_stop(free, made), strict=True):
        found = getattr(descent, part)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-25)
        for k, last in enumerate(made):
            # Bit for bit, and the last row of the record is the end.
            np.testing.assert_array_equal(found[last:, k], np.broadcast_to(found[last, k], found[last:, k].shape))
        np.testing.assert_array_equal(getattr(descent.end, part), found[-1])
    for reading in descent.readings.values():
        gone = np.arange(STEPS + 1)[:, None] >= made
        if reading.of_update:
            assert np.isnan(reading.value[gone]).all() and not np.isnan(reading.value[:, 0][: made[0]]).any()
        elif reading.name != "distance":
            assert not np.isnan(reading.value).any()


def test_the_tables_are_not_empty(free):
    made = {str(stop): expected_steps(free, asked) for stop, asked in ASKED.items()}
    assert made["value 0.0001"][2] == 0 and 0 < made["value 0.0001"][1] < made["value 0.0001"][0] < STEPS
    assert len({tuple(steps) for steps in made.values()}) >= 7


@pytest.mark.parametrize("record", [7, "log", "end", Recording("every", values_only=True), Recording(7, True)], ids=str)
@pytest.mark.parametrize("stop", [(SMALL & SHORT) | FLAT, LOW & SHORT], ids=str)
def test_a_stop_is_the_same_in_every_plan(bowl, stop, record):
    optimizer = tbgrad.Optimizer("sgd", RATE)
    whole, sparse = (tbgrad.descend(bowl, optimizer, STARTS, STEPS, stop=stop, record=r) for r in ("every", record))
    np.testing.assert_array_equal(sparse.steps_made, whole.steps_made)
    np.testing.assert_array_equal(sparse.value, whole.value[sparse.step])
    for part in ("position", "gradient"):
        if getattr(sparse, part) is not None:
            np.testing.assert_array_equal(getattr(sparse, part), getattr(whole, part)[sparse.step])
        np.testing.assert_array_equal(getattr(sparse.end, part), getattr(whole.end, part))
    assert [v.sentence for v in sparse.verdicts] == [v.sentence for v in whole.verdicts]
    for name, reading in sparse.readings.items():
        np.testing.assert_array_equal(reading.value, whole.readings[name].value[sparse.step])


@pytest.mark.parametrize("optimizer", [("sgd", {"momentum": 0.9}), ("adam", {})], ids=str)
def test_in_float32_with_an_optimizer_that_remembers(optimizer):
    # What a stopped start's optimizer still gathers must not move it, and the float32 rows decide when it stops.
    f, starts = tbgrad.resolve("x**2 + 3*y**2"), STARTS[[0, 4, 3]].astype(np.float32)
    optimizer = tbgrad.Optimizer(optimizer[0], 0.05, **optimizer[1])
    free = tbgrad.descend(f, optimizer, starts, 300, instruments=())
    stopped = tbgrad.descend(f, optimizer, starts, 300, stop=Value(1e-3), instruments=())
    made = expected_steps((free.position, free.value, free.gradient), lambda p, v, g, t: v[t] <= np.float32(1e-3))
    assert stopped.value.dtype == np.float32 and 0 < min(made) < 300 and min(made) < max(made)
    np.testing.assert_array_equal(stopped.steps_made, made)
    np.testing.assert_array_equal(stopped.position, at_stop((free.position, free.value, free.gradient), made)[0])


def test_the_start_itself_may_stop(bowl):
    for stop in (Value(1e9), GradientNorm(2.0), Value(1e9) & GradientNorm(2.0)):
        descent = tbgrad.descend(bowl, tbgrad.Optimizer("sgd", RATE), STARTS, 4, stop=stop)
        assert not descent.steps_made.any() and descent.step.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_array_equal(descent.position, np.broadcast_to(STARTS, (5, 5, 2)))
        assert np.isnan(descent.readings["update_norm"].value).all()
        np.testing.assert_array_equal(descent.end.position, STARTS)


def test_a_start_that_leaves_the_floats_goes_no_further_and_the_others_do():
    f, starts = tbgrad.resolve("log(x) + x**2"), [[-1.0], [np.nan], [1.0]]
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), starts, 5, stop=Value(-1e9) | GradientNorm(0.0))
    # Below zero log is NaN and its slope is not: that start goes on, through the hole.
    assert descent.steps_made[1] < 5 and descent.steps_made[[0, 2]].tolist() == [5, 5]
    assert np.isnan(descent.value[:, 1]).all() and np.isnan(descent.value[:4, 0]).all()
    assert np.isfinite(descent.value[4:, 0]).all() and "undefined" in descent.verdicts[0].sentence
    x = 1.0
    for row in descent.position[:, 2, 0]:
        assert row == pytest.approx(x, rel=1e-13)
        x -= 0.1 * (1 / x + 2 * x)


def test_a_plateau_begins_where_numbers_begin():
    # The value is undefined while x is above 2, and its slope is not: a hole is no plateau, but waiting in it counts.
    f = tbgrad.resolve("where(x > 2, 0/0, 0) + x**2")
    for start, patience, made in [(3.0, 3, 8), (3.0, 1, 1), (30.0, 3, 3), (1.0, 1, 8)]:
        descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[start]], 8, stop=Plateau(patience))
        position = start * 0.8 ** np.minimum(np.arange(9), made)
        np.testing.assert_allclose(descent.value[:, 0], np.where(position > 2, np.nan, position**2), rtol=1e-14)
        assert descent.steps_made[0] == made


def test_equal_rules_are_equal_programs(bowl):
    f = bowl.with_parameters()
    tbgrad.descend(f, tbgrad.Optimizer("sgd", RATE), STARTS, 3, stop=Value(0.5) | Plateau(2))
    programs = set(f._programs)
    tbgrad.descend(f, tbgrad.Optimizer("sgd", RATE / 2), STARTS, 3, stop=Value(0.5) | Plateau(2))
    assert set(f._programs) == programs


def test_rules_by_name_and_in_words():
    named = [("gradient", 1e-3), ("value", -2), ("update", 0), ("plateau", 5)]
    rules = [rule(name, number) for name, number in named]
    assert rules == [GradientNorm(1e-3), Value(-2.0), UpdateNorm(0.0), Plateau(5)]
    assert str(any_of(rules[:2])) == "gradient 0.001 or value -2" and any_of([]) is None
    assert str((rules[0] | rules[1]) & rules[3]) == "(gradient 0.001 or value -2) and plateau 5"
    assert all(isinstance(r, StoppingRule) for r in rules)


@pytest.mark.parametrize(
    ("name", "number", "error"),
    [
        ("gradint", 1, OptionError),
        ("plateau", 0, RangeError),
        ("plateau", 2.5, RangeError),
        ("gradient", -1e-3, RangeError),
        ("update", float("nan"), RangeError),
    ],
)
def test_rules_that_are_none(name, number, error):
    with pytest.raises(error, match=str(name)):
        rule(name, number)
