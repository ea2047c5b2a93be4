"""Races as results: order of arrival, names, what is told of them."""

import dataclasses

import numpy as np
import pytest
from race_samples import MORE, RACERS, STEPS, bowl, make_race, path

from tbgrad.results import FAILED


def arrivals(d, racers=RACERS, target=1e-6):
    """By NumPy, the first step of each racer at or below the target; NaN for none."""
    found = [np.flatnonzero(bowl(path(d, k, racers)) <= target) for k in range(len(racers))]
    assert d == 1 or not found[3].size
    return np.array([f[0] if f.size else np.nan for f in found])


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_steps_to_the_target(d):
    np.testing.assert_array_equal(make_race(d).steps_to_target, arrivals(d))


def test_what_failed_is_last_and_what_did_not_arrive_is_by_its_value():
    race = make_race(2)
    ends = [bowl(path(2, k)[-1]) for k in range(len(RACERS))]
    arrived = sorted((n, k) for k, n in enumerate(arrivals(2)) if np.isfinite(n))
    late = sorted((ends[k], k) for k in range(3) if not np.isfinite(arrivals(2)[k]))
    assert arrived and late
    assert race.order == (*(k for _, k in arrived), *(k for _, k in late), 3)
    assert race.failed.tolist() == [False, False, False, True] and race.verdicts[3].status in FAILED


@pytest.mark.parametrize("target", [10.0, 1.0, 0.1, 0.01, 1e-3])
def test_what_arrived_is_in_order_of_its_steps(target):
    race = dataclasses.replace(make_race(2, (*RACERS, *MORE)), target=target)
    arrived = race.steps_to_target
    expected = [np.flatnonzero(bowl(path(2, k, (*RACERS, *MORE))) <= target) for k in range(10)]
    expected = np.array([steps[0] if steps.size and k != 3 else np.nan for k, steps in enumerate(expected)])
    np.testing.assert_array_equal(arrived, expected)
    there = [k for k in race.order if np.isfinite(expected[k])]
    assert there == sorted(there, key=lambda k: (expected[k], k)) and len(there) > 2 and there != sorted(there)
    assert race.order[: len(there)] == tuple(there) and race.order[-1] == 3


def test_arrival_comes_before_any_value():
    """The one that is first at the target is first, though another ends lower."""
    race = make_race(2)
    wide = dataclasses.replace(race, target=100.0)
    # The one that flies off does not arrive where it passes.
    np.testing.assert_array_equal(wide.steps_to_target, [0, 0, 0, np.nan])
    assert wide.order == (0, 1, 2, 3)
    none = dataclasses.replace(race, target=-1.0)
    ends = [bowl(path(2, k)[-1]) for k in range(3)]
    assert none.order == (*np.argsort(ends).tolist(), 3) and np.isnan(none.steps_to_target).all()


def test_values_and_gaps():
    race = make_race(2)
    expected = np.stack([bowl(path(2, k)) for k in range(4)], axis=1)
    np.testing.assert_allclose(race.value, expected, rtol=1e-12)
    np.testing.assert_allclose(race.gap[:, :3], np.maximum(expected[:, :3], np.finfo(float).eps), rtol=1e-12)
    assert make_race(2, known=False).gap is None
    assert (len(race), race.steps, race.start.tolist()) == (4, STEPS, [4.0, 1.5])


def test_names_tell_racers_apart():
    assert make_race(2).names == ("sgd 0.02", "sgd 0.02, momentum 0.6", "adam 0.15", "sgd 0.3")
    near = (("sgd", 0.012345671, {}), ("sgd", 0.012345672, {}))
    assert make_race(2, near).names == ("sgd 0.012345671", "sgd 0.012345672")
    assert make_race(2, (("sgd", 0.0123456, {}), ("adam", 0.15, {}))).names[0] == "sgd 0.01235"
    settings = (("sgd", 0.1, {"momentum": 0.9, "nesterov": True}), ("sgd", 0.1, {"nesterov": False}))
    assert make_race(2, settings).names == ("sgd 0.1, momentum 0.9, nesterov", "sgd 0.1, no nesterov")


def test_of_many_settings_some_are_told():
    settings = {"use_ema": False, "momentum": 0.5, "nesterov": True, "a": 0.0, "b": 2.0}
    race = make_race(2, (("sgd", 0.1, settings), ("sgd", 0.1, settings | {"c": 3.0})))
    assert race.names == ("sgd 0.1, momentum 0.5, nesterov, b 2", "sgd 0.1, momentum 0.5, nesterov, b 2, …")


def test_racers_with_rates_of_their_own_are_numbered():
    race = make_race(2, MORE[:2])
    given = [dataclasses.replace(d, learning_rate=None, settings={"momentum": 0.1}) for d in race.descents]
    assert dataclasses.replace(race, descents=tuple(given)).names == ("sgd, momentum 0.1", "sgd, momentum 0.1 (2)")


def test_the_table_is_in_order_of_arrival():
    race = make_race(2)
    caption, heads, *rows = repr(race).splitlines()
    assert heads.split("  ")[0] == "racer" and "steps to target" in heads
    assert [row.split("  ")[0] for row in rows] == [race.names[k] for k in race.order]
    assert "not reached" in rows[-1] and "diverged" in rows[-1]
    assert f"  {arrivals(2)[race.order[0]]:.0f}  " in rows[0]
    for said in ("4 racers on bowl = 1*x**2 + 10*y**2", "from (4, 1.5)", "120 steps", "target 1e-06"):
        assert said in caption
    assert "<td" in race._repr_html_()


def test_places_on_the_landscape():
    race = make_race(3)
    along, across = np.array([0.6, 0, 0.8]), np.array([0, 1.0, 0])
    offset = path(3, 0) - [4.0, 1.5, -2.0]
    np.testing.assert_allclose(
        race.on_landscape(path(3, 0)), np.stack([offset @ along, offset @ across], axis=-1), atol=1e-14
    )
    flat = make_race(2)
    np.testing.assert_array_equal(flat.on_landscape(path(2, 1)), path(2, 1))
