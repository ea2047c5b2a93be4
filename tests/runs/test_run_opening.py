"""Opening runs: what happens where one is already."""

import contextlib
import json

import numpy as np
import pytest
from run_samples import complete, foreign, loss, losses

import tbgrad
from tbgrad.errors import OptionError, RunExistsError
from tbgrad.events.reader import event_files
from tbgrad.records import Scalars
from tbgrad.runs.opening import open_run, read_arrays, read_info

MODES = ["refuse", "replace", "append", "number"]


def crash(directory):
    """What is left of a process that died: run.json still says running, and nobody holds the lock."""
    complete(directory, 9.0)
    info = read_info(directory) | {"status": "running"}
    (directory / "run.json").write_text(json.dumps(info))
    return directory


def tree(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize("exists", MODES)
def test_a_new_run_is_made_with_its_parents(logdir, exists):
    with open_run(logdir / "f/descent/x", exists) as run:
        assert run.directory == logdir / "f/descent/x"
        run.write(loss(1.0, 2.0))
    assert losses(logdir / "f/descent/x") == [1.0, 2.0]


def test_it_is_public_and_takes_text(logdir):
    with tbgrad.open_run(str(logdir / "mine")) as run:
        run.write([loss(1.0), Scalars("other", [0], [2.0])])
    assert set(tbgrad.read_run(str(logdir / "mine")).scalars) == {"loss", "other"}


def test_refuse(logdir):
    complete(logdir / "a", 1.0)
    before = (logdir / "a/run.json").read_text()
    with pytest.raises(RunExistsError, match="already") as caught:
        open_run(logdir / "a")
    assert isinstance(caught.value, FileExistsError) and str(logdir / "a") in str(caught.value)
    assert losses(logdir / "a") == [1.0] and (logdir / "a/run.json").read_text() == before
    # Refusing lets go of the lock.
    complete(logdir / "b", 1.0)
    with open_run(logdir / "a", "append"):
        pass


def test_replace(logdir):
    complete(logdir / "a", 1.0, seed=1)
    (old,) = event_files(logdir / "a")
    with open_run(logdir / "a", "replace", {"seed": 2}) as run:
        # What is replaced goes only when there is something to put in its place.
        assert losses(logdir / "a") == [1.0]
        run.write(loss(2.0))
        assert read_arrays(logdir / "a") == {}
    (new,) = event_files(logdir / "a")
    # A running TensorBoard never reopens a file of a name it knows.
    assert new.name != old.name and new.name > old.name
    assert losses(logdir / "a") == [2.0] and read_info(logdir / "a")["seed"] == 2
    assert "value" not in read_arrays(logdir / "a")


def test_append(logdir):
    complete(logdir / "a", 1.0)
    with open_run(logdir / "a", "append") as run:
        run.write(loss(2.0, first=1))
    assert losses(logdir / "a") == [1.0, 2.0] and len(event_files(logdir / "a")) == 2
    np.testing.assert_array_equal(read_arrays(logdir / "a")["value"], [1.0])
    assert read_info(logdir / "a")["status"] == "complete"


def test_append_goes_on_with_a_crashed_run(logdir):
    crash(logdir / "a")
    with open_run(logdir / "a", "append") as run:
        run.write(loss(2.0, first=1))
    assert losses(logdir / "a") == [9.0, 2.0]


def test_number(logdir):
    names = []
    for value in (1.0, 2.0, 3.0):
        with open_run(logdir / "a", "number") as run:
            run.write(loss(value))
        names.append(run.directory.name)
    assert names == ["a", "a-2", "a-3"]
    assert [losses(logdir / name) for name in names] == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("exists", ["Refuse", "", "overwrite", None])
def test_another_mode(logdir, exists):
    with pytest.raises(OptionError, match="refuse, replace, append or number"):
        open_run(logdir / "a", exists)
    assert not logdir.exists()


@pytest.mark.parametrize("exists", ["refuse", "replace"])
def test_a_crashed_run_is_replaced(logdir, exists):
    (old,) = event_files(crash(logdir / "a"))
    with open_run(logdir / "a", exists) as run:
        run.write(loss(2.0))
    assert losses(logdir / "a") == [2.0] and not old.exists()
    assert "value" not in read_arrays(logdir / "a")


@pytest.mark.parametrize("modes", [["refuse"], ["replace"], ["number"], ["append", "replace"]], ids="-".join)
@pytest.mark.parametrize("info", [None, "not json", "[1]"])
def test_a_foreign_run_is_never_deleted(logdir, modes, info):
    (theirs,) = event_files(foreign(logdir / "theirs"))
    if info is not None:
        (logdir / "theirs/run.json").write_text(info)
    data = theirs.read_bytes()
    for exists in modes:
        with contextlib.suppress(RunExistsError), open_run(logdir / "theirs", exists) as run:
            run.write(loss(1.0))
    assert theirs.exists() and theirs.read_bytes() == data


@pytest.mark.parametrize("exists", ["refuse", "replace"])
def test_a_foreign_run_is_refused(logdir, exists):
    foreign(logdir / "theirs")
    with pytest.raises(RunExistsError):
        open_run(logdir / "theirs", exists)
    assert losses(logdir / "theirs") == [7.0]


def test_refusing_a_foreign_run_leaves_nothing_in_it(logdir):
    foreign(logdir / "theirs")
    before = tree(logdir)
    with pytest.raises(RunExistsError, match="did not write"):
        open_run(logdir / "theirs", "replace")
    assert tree(logdir) == before


@pytest.mark.parametrize("exists", MODES)
@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a")])
def test_one_run_cannot_hold_another(logdir, exists, first, second):
    complete(logdir / first, 1.0)
    before = tree(logdir)
    if exists == "number" and second == "a":
        with open_run(logdir / second, exists) as run:
            assert run.directory.name == "a-2"
        return
    with pytest.raises(RunExistsError, match="one run cannot hold another"):
        open_run(logdir / second, exists)
    assert tree(logdir) == before
