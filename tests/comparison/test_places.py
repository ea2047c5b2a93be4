"""Where runs are: links, loops, two names of one directory, names that are none."""

import os
from pathlib import Path

import pytest

import tbgrad
from tbgrad.comparison.logged import read_logs
from tbgrad.comparison.places import find_places
from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs
from tbgrad.records import HParams, Scalars


def log(directory, loss=1.0, **hparams):
    with tbgrad.open_run(directory) as run:
        run.write([Scalars("loss", [0, 1], [2.0, loss]), HParams(hparams, succeeded=True)])


@pytest.fixture
def linked(logdir):
    """A run in the tree, and one elsewhere to which a link leads."""
    log(logdir / "own")
    log(logdir.parent / "elsewhere/deep/run")
    (logdir / "link").symlink_to("../elsewhere", target_is_directory=True)
    return logdir


def found(top):
    return [path.relative_to(top).as_posix() for path in find_runs(top)]


def test_links_are_followed(linked):
    assert found(linked) == ["link/deep/run", "own"]
    assert {run.run for run in tbgrad.compare([linked]).runs} == {"link/deep/run", "own"}
    assert list(find_places([linked / "link"]).values()) == ["deep/run"]


def test_links_in_a_circle_end(linked):
    (linked / "up").symlink_to("..", target_is_directory=True)
    (linked / "own/self").symlink_to("self")
    (linked / "own/here").symlink_to(".", target_is_directory=True)
    (linked / "broken").symlink_to("nowhere")
    # What lies in the tree, or is reached by a link before, goes by its first name.
    assert found(linked) == ["link/deep/run", "own"]


def test_a_run_goes_by_its_own_name(logdir):
    log(logdir / "z/run")
    (logdir / "a").symlink_to("z", target_is_directory=True)
    assert found(logdir) == ["z/run"]


def test_a_linked_event_file_makes_a_run(linked):
    (file,) = (linked / "own").glob("*tfevents*")
    (linked / "by_file").mkdir()
    (linked / "by_file" / file.name).symlink_to(file)
    assert found(linked) == ["by_file", "link/deep/run", "own"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may read everything is not kept out")
def test_a_directory_that_may_not_be_read_is_passed_over(linked):
    (linked / "closed").mkdir(mode=0)
    assert found(linked) == ["link/deep/run", "own"]


def test_doctor_follows_links(linked):
    log(linked.parent / "elsewhere/gone")
    for file in (linked.parent / "elsewhere/gone").glob("*tfevents*"):
        file.rename(file.with_name("lost"))
    examination = tbgrad.examine(linked)
    assert examination.runs == 3
    assert {finding.run for finding in examination.findings} == {"link/gone"}
    assert any("link/gone/lost" in str(finding) for finding in examination.findings)


def test_two_names_of_a_directory_count_once(linked, monkeypatch):
    monkeypatch.chdir(linked.parent)
    places = ["logs/own", linked, Path("logs"), "elsewhere", "logs/../logs"]
    assert list(find_places(places)) == [Path("logs/own"), linked / "link/deep/run"]
    assert len(tbgrad.compare(["logs/*", str(linked)]).runs) == 2


@pytest.mark.parametrize("kind", [str, Path])
def test_one_place_may_be_given_as_it_is(linked, kind):
    place = kind(linked)
    assert find_places(place) == find_places([linked])
    assert [run.run for run in read_logs(place)] == [run.run for run in read_logs([linked])]
    assert len(tbgrad.compare(place).runs) == 2


def test_one_setting_and_one_condition_may_be_given_as_they_are(logdir):
    for seed in range(2):
        log(logdir / f"run{seed}", kind="a", seed=seed)
    comparison = tbgrad.compare(logdir, group_by="kind", where="seed=0")
    assert [run.run for run in comparison.runs] == ["run0"] and comparison.group_by == ("kind",)
    assert comparison.rankings[0].groups[0].settings == {"kind": "a"}


@pytest.mark.parametrize("places", ["", [""], ["logs", ""]])
def test_an_empty_name_is_no_place(linked, monkeypatch, places):
    monkeypatch.chdir(linked.parent)
    with pytest.raises(NotARunError, match=r"write '\.'"):
        tbgrad.compare(places)
