"""HParams as TensorBoard tells it over HTTP: the types of settings, the names of trials, how sessions ended."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from boards import served

import tbgrad
from tbgrad.experiments.basins import log_basins
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.launching import Place
from tbgrad.experiments.races import log_race
from tbgrad.experiments.rates import log_rates
from tbgrad.records import HParams, Scalars

SUCCESS, FAILURE, UNKNOWN = "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN"
ASKED = {"experimentName": "", "allowedStatuses": [SUCCESS, FAILURE, UNKNOWN, "STATUS_RUNNING"], "colParams": [],
         "startIndex": 0, "sliceSize": 1000}  # fmt: skip
TYPES = {bool: "DATA_TYPE_BOOL", float: "DATA_TYPE_FLOAT64", str: "DATA_TYPE_STRING"}
START = [[0.5, 0.5]]


def log(directory, *, fails=False, exists="refuse", **hparams):
    """A run by hand that says of itself nothing but its settings and a metric."""
    try:
        with tbgrad.open_run(directory, exists) as run:
            run.write([HParams(hparams), Scalars("metrics/final_value", 0, hparams.get("learning_rate", 0.0))])
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass


def log_by_hand(directory, optimizer, starts=START, **asked):
    f = tbgrad.resolve("rosenbrock")
    with tbgrad.open_run(directory) as run:
        run.write(tbgrad.summarize(tbgrad.descend(f, optimizer, starts, 5, **asked)))


def log_all_ways(place):
    """One run of each command, and of each way to say an optimizer's settings."""
    f, optimizer = tbgrad.resolve("rosenbrock"), tbgrad.Optimizer
    log_descent(f, optimizer("sgd", 0.001, momentum=0.9, nesterov=True), place, steps=5)
    log_descent(f, optimizer("sgd", 0.01), place, steps=30)
    log_descent(f, optimizer("adam", 0.05, weight_decay=None, clipnorm=1), place, points=[(0, 0), (1, 2)], steps=5)
    log_descent(f, optimizer("adam"), place, random_starts=4, steps=5, seed=3, stop=[("gradient", 1e-3)])
    log_descent(f.with_parameters(b=10), optimizer("sgd", 0.001), place, steps=5, noise=1, dtype="float32")
    log_descent(tbgrad.resolve("x**2"), optimizer("sgd", 0.1), place, points=[(3,)], steps=5)
    log_rates(f, optimizer("sgd"), place, points=3, steps=5)
    log_rates(f, optimizer("adam"), place, points=3, steps=5, momentum=True)
    log_basins(f, optimizer("adam", 0.05), place, points=6, steps=5)
    log_race(f, [optimizer("adam", 0.05), optimizer("rmsprop", 0.01)], place, steps=6)
    rates, momenta = np.array([0.001, 0.002]), np.array([0.5, 0.9])
    log_by_hand(place.logdir / "hand/arrays", optimizer("sgd", rates, momentum=momenta), [*START, *START])
    log_by_hand(place.logdir / "hand/numpy", optimizer("sgd", np.float32(1e-3), weight_decay=np.float32(0.1)), seed=5)
    log_by_hand(place.logdir / "hand/given", keras.optimizers.SGD(0.001, momentum=0.5, use_ema=True))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    log_by_hand(place.logdir / "hand/schedule", optimizer("adam", schedule))


CRASH = """
import os, sys, tbgrad
from tbgrad.records import HParams
run = tbgrad.open_run(sys.argv[1])
run.write(HParams({"optimizer": "mine"}))
run.flush()
os._exit(1)
"""


def log_endings(top):
    log(top / "ended/well", optimizer="mine")
    log(top / "ended/badly", optimizer="mine", fails=True)
    subprocess.run([sys.executable, "-c", CRASH, str(top / "ended/never")], check=False, timeout=60)
    with tbgrad.open_run(top / "ended/told") as run:
        run.write(HParams({"optimizer": "mine"}, succeeded=False))
    for kind in ("grown", "torn"):
        log(top / f"ended/{kind}", optimizer="mine", learning_rate=1.0)
    log(top / "ended/grown", optimizer="mine", learning_rate=2.0, exists="append")
    with pytest.raises(ZeroDivisionError), tbgrad.open_run(top / "ended/torn", "append") as run:
        run.write(Scalars("more", 0, 1.0))
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """The parent of two log directories that have a run of the same name, and runs with equal settings."""
    top = tmp_path_factory.mktemp("hparams")
    log_all_ways(Place(top / "one"))
    log_descent(tbgrad.resolve("rosenbrock"), tbgrad.Optimizer("sgd", 0.01), Place(top / "two"), steps=30)
    log_endings(top)
    return top


@pytest.fixture(scope="module")
def sessions(logdir):
    """Runs that have settings, by the names that TensorBoard has for them."""
    found = {str(p.parent.relative_to(logdir)): tbgrad.read_run(p.parent).hparams for p in logdir.rglob("run.json")}
    return {name: hparams for name, hparams in found.items() if hparams}


@pytest.fixture(scope="module")
def board(logdir, sessions):
    def loaded(board):
        # A run's settings come last in its file, behind its metrics; the end of a session comes behind these.
        groups = board("hparams/session_groups", ASKED).get("sessionGroups", [])
        ended = [s["name"] for group in groups for s in group["sessions"] if s["status"] != UNKNOWN]
        return len(ended) >= len(sessions) - 1

    with served(logdir, loaded) as found:
        yield found


@pytest.fixture(scope="module")
def groups(board):
    return board("hparams/session_groups", ASKED)["sessionGroups"]


def test_each_setting_has_one_type_in_all_runs(board, sessions):
    types = {}
    for hparams in sessions.values():
        for name, value in hparams.values.items():
            types.setdefault(name, set()).add(TYPES[type(value)])
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}
    # TensorBoard makes text of what is mixed: so it says the same types, and all of the names.
    told = board("hparams/experiment", {"experimentName": ""})["hparamInfos"]
    assert {info["name"]: {info["type"]} for info in told} == types
    numbers = {"learning_rate", "momentum", "weight_decay", "clipnorm", "noise", "steps", "seed", "parameter_b"}
    assert {name for name, kinds in types.items() if kinds == {"DATA_TYPE_FLOAT64"}} >= numbers
    assert types["nesterov"] == types["use_ema"] == {"DATA_TYPE_BOOL"}
    assert {"learning_rate_range", "momentum_range", "beta_1_range"} <= set(types)


def test_tensorboard_finds_each_text_by_its_checkbox(board, groups):
    for info in board("hparams/experiment", {"experimentName": ""})["hparamInfos"]:
        if info["type"] == "DATA_TYPE_STRING":
            held = {group["hparams"][info["name"]] for group in groups if info["name"] in group["hparams"]}
            assert set(info["domainDiscrete"]) == held


def test_what_every_descent_has_is_in_every_descent(sessions):
    descents = [hparams.values for name, hparams in sessions.items() if "/descent/" in name]
    usual = {"function", "optimizer", "learning_rate", "start", "steps", "noise", "stop", "seed", "dtype"}
    assert len(descents) > 6 and all(usual <= set(values) for values in descents)
    assert sorted({values["seed"] for values in descents}) == [0, 3]


def test_no_two_runs_are_one_trial(groups, sessions):
    assert sorted(group["name"] for group in groups) == sorted(sessions)
    for group in groups:
        assert [session["name"] for session in group["sessions"]] == [group["name"]]
    same = "rosenbrock/descent/sgd_lr0.01_steps30"
    assert {f"one/{same}", f"two/{same}"} <= set(sessions)


def test_each_trial_has_its_own_settings_and_metrics(groups, sessions, logdir):
    assert {group["name"]: group["hparams"] for group in groups} == {n: dict(h.values) for n, h in sessions.items()}
    checked = 0
    for group in groups:
        scalars = tbgrad.read_run(logdir / group["name"]).scalars
        told = {m["name"]["tag"]: float(m["value"]) for m in group["metricValues"]}
        ours = {tag: float(series.value[-1]) for tag, series in scalars.items() if tag.startswith("metrics/")}
        assert {tag: value for tag, value in told.items() if tag.startswith("metrics/")} == pytest.approx(
            ours, nan_ok=True
        )
        checked += len(ours)
    assert checked > 30


def test_the_metrics_stand_together(board):
    told = board("hparams/experiment", {"experimentName": ""})["metricInfos"]
    ours = [info["name"]["tag"].startswith("metrics/") for info in told]
    assert sum(ours) >= 5 and all(ours[ours.index(True) : ours.index(True) + sum(ours)])


def test_how_each_session_ended(groups, logdir):
    status = {group["name"]: group["sessions"][0]["status"] for group in groups}
    by_hand = {name.removeprefix("ended/"): how for name, how in status.items() if name.startswith("ended/")}
    assert by_hand == {
        "well": SUCCESS,
        "badly": FAILURE,
        "never": UNKNOWN,
        "told": FAILURE,
        "grown": SUCCESS,
        "torn": SUCCESS,
    }
    diverged = {name for name in status if json.loads((logdir / name / "run.json").read_text()).get("outcome", {}).get(
        "exit_code") == 3}  # fmt: skip
    assert len(diverged) == 2
    assert {name for name, how in status.items() if how == FAILURE} == diverged | {"ended/badly", "ended/told"}
