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
    with pytest.raises(
        OptionError, match=r"none of the 4 runs fulfils 'learning_rate>5': learning_rate is 0.01, 0.1, 1\.$"
    ):
        kept("learning_rate>5")


def test_the_condition_that_leaves_nothing_is_told():
    with pytest.raises(
        OptionError, match=r"none of the 2 runs with 'run=a\*' fulfils 'optimizer=adamw': .* adam, sgd\."
    ):
        kept("run=a*", "optimizer=adamw", "seed=1")
    with pytest.raises(
        OptionError, match=r"the only run with 'run=b/four' does not fulfil 'seed>0': they have no seed"
    ):
        kept("run=b/four", "seed>0")
    mixed = [run("a", rate="0.5"), run("b", rate=0.25), run("c", rate="auto")]
    with pytest.raises(OptionError, match=r"rate is 0.25, 0.5, auto\."):
        admitted(mixed, [Filter.parse("rate=none")])


def test_a_name_that_no_run_has_is_told_before_a_condition_that_leaves_nothing():
    with pytest.raises(OptionError, match="no run has a setting 'sede'"):
        kept("seed=7", "sede=1")


LISTS = [run("two", layers="[64, 64]"), run("three", layers="[64, 64, 32]"), run("set", layers="{a|b}\n.")]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("layers=[64, 64]", ["two"]),
        ("layers=[64, 64*]", ["two", "three"]),
        ("layers=?64, 64?", ["two"]),
        ("layers!=[64, 64]", ["three", "set"]),
        ("layers={a|b}*.", ["set"]),
        ("layers=6", []),
    ],
)
def test_only_stars_and_question_marks_are_wildcards(condition, expected):
    assert [one.run for one in LISTS if Filter.parse(condition).admits(one)] == expected


@pytest.mark.parametrize(
    "text", ["learning_rate='0.1'", 'learning_rate = "0.1"', "'learning_rate'=0.1", "optimizer='adam'"]
)
def test_quotes_are_taken_off(text):
    assert kept(text) == ["a/two"]


@pytest.mark.parametrize("value", ["'", "'adam", "'adam\""])
def test_quotes_that_do_not_match_are_kept(value):
    assert Filter.parse(f"optimizer={value}").value == value


@pytest.mark.parametrize(
    ("text", "right"),
    [("lr=<0.2", "lr<=0.2"), ("lr => 3", "lr>=3"), ("lr<>3", "lr!=3"), ("lr=!3", "lr!=3"), ("lr==<1e-3", "lr<=1e-3")],
)
def test_misspelled_relations_get_the_right_one(text, right):
    with pytest.raises(OptionError, match=f"'{right}'"):
        Filter.parse(text)


def test_a_text_may_begin_as_a_relation_does():
    assert Filter.parse("function=<lambda>").admits(run("one", function="<lambda>"))
