"""How a run ends: run.json, the status, what stays behind, and deleting."""

import contextlib
import datetime
import json
import os
import time

import numpy as np
import pytest
from run_samples import complete, foreign, loss, losses

from tbgrad.errors import LogdirError, RunExistsError, WriteError
from tbgrad.events.reader import read_run
from tbgrad.records import HParams
from tbgrad.runs.opening import delete_run, open_run, read_arrays, read_info


def tree(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_what_run_json_says_while_open_and_after(logdir):
    begin = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    asked = {"asked": {"function": "ripple", "∂": [1.5, None]}, "seed": 0, "dtype": "float64"}
    with open_run(logdir / "a", about=asked) as run:
        open_info = json.loads((logdir / "a/run.json").read_text(encoding="utf-8"))
        run.write(loss(1.0))
        run.note(report={"lines": ["done"]})
    info = json.loads((logdir / "a/run.json").read_text(encoding="utf-8"))
    assert open_info["status"] == "running" and info["status"] == "complete" and "finished" not in open_info
    for name, value in asked.items():
        assert open_info[name] == info[name] == value
    assert info["report"] == {"lines": ["done"]} and read_info(logdir / "a") == info
    started, finished = (datetime.datetime.fromisoformat(info[name]) for name in ("started", "finished"))
    assert begin <= started <= finished
    assert sorted(p.name.split(".")[0] for p in (logdir / "a").iterdir()) == ["events", "run", "run"]


def test_closing_twice_changes_nothing(logdir):
    run = open_run(logdir / "a")
    run.write(loss(1.0))
    run.close()
    before = (logdir / "a/run.json").read_text()
    run.close("failed")
    run.__exit__(None, None, None)
    assert (logdir / "a/run.json").read_text() == before


def failing():
    raise ZeroDivisionError
    yield


@pytest.mark.parametrize("use", [lambda run: run.write(failing()), lambda run: run.write([]), lambda run: run.flush()])
def test_what_is_replaced_stays_until_there_is_something_in_its_place(logdir, use):
    complete(logdir / "a", 1.0)
    with pytest.raises(ZeroDivisionError), open_run(logdir / "a", "replace") as run:
        use(run)
        raise ZeroDivisionError
    assert losses(logdir / "a") == [1.0] and read_info(logdir / "a")["status"] == "complete"
    assert read_arrays(logdir / "a")


@pytest.mark.parametrize("given_up", [True, False])
def test_a_run_that_is_over_takes_nothing_more(logdir, given_up):
    complete(logdir / "a", 1.0)
    run = open_run(logdir / "a", "replace")
    if given_up:
        run.__exit__(ValueError, ValueError(), None)
    else:
        run.write(loss(2.0))
        run.close()
    for use in (lambda: run.write(loss(3.0)), lambda: run.save({"x": np.zeros(1)})):
        with pytest.raises(WriteError, match="closed"):
            use()
    assert losses(logdir / "a") == ([1.0] if given_up else [2.0])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_after_writing_marks_the_run_as_failed(logdir, error):
    with pytest.raises(error), open_run(logdir / "a") as run:
        run.write(loss(1.0))
        raise error
    assert read_info(logdir / "a")["status"] == "failed" and losses(logdir / "a") == [1.0]
    with pytest.raises(RunExistsError):
        open_run(logdir / "a")


def test_an_error_after_saving_arrays_alone_marks_it_too(logdir):
    with pytest.raises(ValueError), open_run(logdir / "a") as run:
        run.save({"x": np.zeros(2)})
        raise ValueError
    assert read_info(logdir / "a")["status"] == "failed" and read_arrays(logdir / "a")["x"].shape == (2,)


@pytest.mark.parametrize("name", ["a", "f/a", "f/descent/a"])
def test_nothing_is_left_of_a_run_in_which_nothing_was_written(logdir, name):
    logdir.mkdir()
    (logdir / "README").touch()
    with pytest.raises(ValueError), open_run(logdir / name):
        raise ValueError
    assert tree(logdir) == ["README"]


@pytest.mark.parametrize("name", ["a", "f/a"])
def test_directories_that_were_there_before_stay(logdir, name):
    logdir.mkdir()
    with pytest.raises(ValueError), open_run(logdir / name):
        raise ValueError
    assert logdir.exists() and tree(logdir) == []


def test_appending_nothing_leaves_the_run_as_it_was(logdir):
    with open_run(logdir / "a", about={"seed": 3}) as run:
        run.write(loss(1.0))
    with pytest.raises(ValueError), open_run(logdir / "a", "append"):
        raise ValueError
    info = read_info(logdir / "a")
    assert info is not None and info["status"] in ("complete", "failed")
    assert losses(logdir / "a") == [1.0]


def test_appending_keeps_what_was_asked(logdir):
    complete(logdir / "a", 1.0, seed=3)
    with open_run(logdir / "a", "append", {"more": 1}) as run:
        run.write(loss(2.0, first=1))
    info = read_info(logdir / "a")
    assert info["seed"] == 3 and info["more"] == 1


def test_arrays_keep_every_bit(logdir):
    arrays = {"value": np.random.default_rng(0).normal(size=(5, 2)), "status": np.array(["converged", "∂"])}
    arrays["nan"] = np.array([np.nan, -0.0, np.inf], dtype=np.float32)
    with open_run(logdir / "a") as run:
        run.save(arrays)
    read = read_arrays(logdir / "a")
    assert set(read) == set(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].tobytes()) == (array.dtype, array.tobytes())
    assert read_arrays(logdir / "absent") == {}


def test_deleting_takes_only_what_tbgrad_wrote(logdir):
    complete(logdir / "f/a", 1.0)
    complete(logdir / "f/b", 1.0)
    (logdir / "f/b/notes.txt").touch()
    foreign(logdir / "theirs")
    before = tree(logdir / "theirs")
    for name in ("f/a", "f/b", "theirs", "absent"):
        delete_run(logdir / name)
    assert not (logdir / "f/a").exists() and tree(logdir / "f/b") == ["notes.txt"]
    assert tree(logdir / "theirs") == before


def test_a_log_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LogdirError, match="file") as caught:
        open_run(tmp_path / "file/run")
    assert isinstance(caught.value, OSError) and "Choose another" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_log_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(LogdirError):
        open_run(tmp_path / "locked/run")


def settings_of(directory):
    found = read_run(directory).hparams
    return found.values, found.succeeded, found.wall_time


@pytest.mark.parametrize("write", [lambda run, r: run.write(r), lambda run, r: run.write(x for x in [r, loss(1.0)])])
@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_settings_that_were_going_on_end_as_the_run_does(logdir, write, error):
    with pytest.raises(error) if error else contextlib.nullcontext(), open_run(logdir / "a") as run:
        write(run, HParams({"rate": 0.5}, wall_time=(1.0, None)))
        run.flush()
        assert settings_of(logdir / "a") == ({"rate": 0.5}, None, (1.0, None))
        before = time.time()
        if error:
            raise error
    values, succeeded, (began, ended) = settings_of(logdir / "a")
    assert (values, succeeded, began) == ({"rate": 0.5}, error is None, 1.0) and before <= ended <= time.time()


@pytest.mark.parametrize("succeeded", [True, False])
def test_settings_whose_end_was_told_keep_it(logdir, succeeded):
    with pytest.raises(ZeroDivisionError), open_run(logdir / "a") as run:
        run.write(HParams({"rate": 0.5}, wall_time=(1.0, None)))
        run.write(HParams({"rate": 0.5}, "", succeeded, (1.0, 2.0)))
        raise ZeroDivisionError
    assert settings_of(logdir / "a") == ({"rate": 0.5}, succeeded, (1.0, 2.0))


def test_a_run_without_settings_gets_none(logdir):
    with open_run(logdir / "a") as run:
        run.write(loss(1.0))
    assert read_run(logdir / "a").hparams is None
