"""One launch a directory: found again, refused, replaced, and never half-written."""

import json

import numpy as np
import pytest

from tbgrad.errors import LogdirError, OptionError, RunExistsError
from tbgrad.events.reader import read_run
from tbgrad.experiments.launching import Place, Product, launch
from tbgrad.records import Scalars, Texts
from tbgrad.summaries.pages import page


def product(value=1.0, exit_code=0):
    records = [Scalars("t", [0], [value])]
    return Product(records, {"value": np.array([value])}, {"value": value}, [f"value {value}"], exit_code)


@pytest.fixture
def place(logdir):
    return Place(logdir)


def files(directory):
    return {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}


def test_the_same_request_is_found(place):
    first = launch(place, "f/x/y", {"a": 1}, lambda: product(float("inf"), exit_code=3))
    before = files(place.logdir / "f/x/y")
    again = launch(place, "f/x/y", {"a": 1}, lambda: pytest.fail("computed again"))
    assert (again.lines, again.report, again.exit_code) == (first.lines, first.report, 3)
    assert again.report["value"] == "Infinity"
    assert "--overwrite" in again.notes[0]
    assert files(place.logdir / "f/x/y") == before


def test_the_last_line_is_the_place(place):
    assert launch(place, "f/x/y", {}, product).lines[-1] == str(place.logdir / "f/x/y")


def test_another_request_is_refused(place):
    launch(place, "f/x/y", {"a": 1}, product)
    with pytest.raises(RunExistsError, match="another request"):
        launch(place, "f/x/y", {"a": 2}, lambda: pytest.fail("computed"))


def test_overwrite_replaces_under_a_new_name(place):
    launch(place, "f/x/y", {"a": 1}, product)
    old = next((place.logdir / "f/x/y").glob("*tfevents*"))
    launch(Place(place.logdir, overwrite=True), "f/x/y", {"a": 2}, product)
    new = list((place.logdir / "f/x/y").glob("*tfevents*"))
    assert len(new) == 1 and new[0].name != old.name


def test_a_failure_leaves_what_was_there(place):
    launch(place, "f/x/y", {"a": 1}, product)
    before = files(place.logdir / "f/x/y")

    def fails():
        raise OptionError("no")

    with pytest.raises(OptionError):
        launch(Place(place.logdir, overwrite=True), "f/x/y", {"a": 2}, fails)
    assert files(place.logdir / "f/x/y") == before


def test_a_failure_leaves_nothing(place):
    with pytest.raises(ZeroDivisionError):
        launch(place, "f/x/y", {}, lambda: 1 / 0)
    assert not place.logdir.exists()


@pytest.mark.parametrize("status", ["running", "failed"])
def test_an_unfinished_run_is_made_anew(place, status):
    launch(place, "f/x/y", {"a": 1}, product)
    info = place.logdir / "f/x/y/run.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "status": status}))
    assert launch(place, "f/x/y", {"a": 1}, lambda: product(2.0)).report["value"] == 2.0


@pytest.mark.parametrize("name", ["../out", "/abs", "a//b", "", "a b", "a/../b", "ä"])
def test_names_stay_below_the_log_directory(place, name):
    with pytest.raises(OptionError):
        launch(Place(place.logdir, run=name or None), name, {}, product)


def test_a_file_is_no_log_directory(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for logdir in (file, file / "below"):
        with pytest.raises(LogdirError, match="is a file"):
            launch(Place(logdir), "f/x/y", {}, product)


def test_the_arrays_of_a_report_are_kept_at_full_precision_and_only_once(place):
    values = np.array([1 / 3, np.nan, np.inf])

    def work():
        return Product([Scalars("t", [0], [1.0])], {"value": values}, {"value": values, "few": [1.0]}, ["done"])

    first = launch(place, "f/x/y", {"a": 1}, work)
    again = launch(place, "f/x/y", {"a": 1}, work)
    for outcome in (first, again):
        np.testing.assert_array_equal(outcome.report["value"], values)
        assert outcome.report["few"] == [1.0] and list(outcome.report)[:2] == ["value", "few"]
    assert str(1 / 3) not in (place.logdir / "f/x/y/run.json").read_text()


def test_pages_are_called_by_the_runs_name(place):
    def work():
        text = page("Heading", ["What came out."], [("How?", "Images", "t")])
        return Product([Texts("t/story", [0], [text]), Scalars("t", [0], [1.0])], {}, {}, [])

    launch(place, "f/x/y_lr0.1", {}, work)
    found = read_run(place.logdir / "f/x/y_lr0.1")
    (text,) = found.texts["t/story"].text
    assert text.count("regexInput=%28%5E%7C/%29f/x/y_lr0%5C.1%24&") == 2 and "=&" not in text
