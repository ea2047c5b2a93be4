"""Conditions on runs, as typed."""

from pathlib import Path

import pytest

from tbgrad.comparison.filters import Filter, admitted
from tbgrad.comparison.logged import LoggedRun
from tbgrad.errors import OptionError
from tbgrad.records import HParams, Records, Scalars


def run(name, accuracy=0.5, **hparams):
    scalars = {"metrics/accuracy": Scalars("metrics/accuracy", 0, accuracy)}
    return LoggedRun(name, Path(name), Records(scalars=scalars, hparams=HParams(hparams, succeeded=True)), {})


RUNS = [
    run("a/one", 0.25, learning_rate=0.01, optimizer="sgd", nesterov=True, seed=1.0),
    run("a/two", 0.5, learning_rate=0.1, optimizer="adam", nesterov=False, seed=2.0),
    run("b/three", 0.75, learning_rate=1.0, optimizer="adamw", seed=3.0),
    run("b/four", 1.0, optimizer="None"),
]


def kept(*conditions):
    return [one.run for one in admitted(RUNS, map(Filter.parse, conditions))]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("learning_rate<0.1", ["a/one"]),
        ("learning_rate<=1e-1", ["a/one", "a/two"]),
        ("learning_rate > .05", ["a/two", "b/three"]),
        ("learning_rate>=1", ["b/three"]),
        ("learning_rate=0.10", ["a/two"]),
        ("learning_rate==1", ["b/three"]),
        # A run without the setting fulfils nothing.
        ("learning_rate!=1", ["a/one", "a/two"]),
        ("optimizer=adam", ["a/two"]),
        ("optimizer=adam*", ["a/two", "b/three"]),
        ("optimizer!=adam?", ["a/one", "a/two", "b/four"]),
        ("optimizer=ADAM", ["a/two"]),
        ("nesterov=true", ["a/one"]),
        ("run=a/*", ["a/one", "a/two"]),
        ("accuracy>=0.75", ["b/three", "b/four"]),
        ("status=success", ["a/one", "a/two", "b/three", "b/four"]),
    ],
)
def test_conditions(condition, expected):
    assert kept(condition) == expected


def test_all_must_hold():
    assert kept("learning_rate>0.01", "optimizer=adam") == ["a/two"]


@pytest.mark.parametrize("text", ["learning_rate", "<3", "", "learning_rate~3", "=adam"])
def test_what_is_no_condition(text):
    with pytest.raises(OptionError, match="no condition"):
        Filter.parse(text)


def test_texts_have_no_order():
    with pytest.raises(OptionError, match="'adam' is no number"):
        Filter.parse("optimizer<adam")


def test_a_setting_that_no_run_has_gets_a_neighbour():
    with pytest.raises(OptionError, match=r"Did you mean 'learning_rate'.*There are: .*seed"):
        kept("learning_rat<1")


def test_nothing_left():
    with pytest.raises(OptionError, match="none of the 4 runs"):
        kept("learning_rate>5")
