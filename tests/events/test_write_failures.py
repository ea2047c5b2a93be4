"""What cannot be written is told, with the file's path and how many events are safe; the file stays valid."""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.errors import WriteError
from tbgrad.events.reader import read_run
from tbgrad.events.writer import EventWriter
from tbgrad.records import Images, Scalars

STEP = np.arange(20_000)


@contextlib.contextmanager
def files_of_at_most(size):
    """The kernel writes what still fits and refuses the rest, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def frames(path):
    """TensorFlow's reader raises where a record is cut off."""
    return sum(1 for _ in tf.data.TFRecordDataset(str(path)))


def told(error):
    return int(re.search(r"; (\d+) events are safe in it\.$", str(error.value)).group(1))


@pytest.mark.parametrize("size", [5000, 300_000, 700_001])
def test_a_full_disk_in_a_long_series(tmp_path, size):
    writer = EventWriter(tmp_path)
    with files_of_at_most(size), pytest.raises(WriteError, match="too large") as error:
        writer.write(Scalars("loss", STEP, STEP, STEP / 3))
    (path,) = tmp_path.iterdir()
    assert str(path) in str(error.value) and isinstance(error.value, OSError)
    assert path.stat().st_size <= size
    safe, found = told(error), read_run(tmp_path)
    assert found.damage == () and frames(path) == safe + 1
    assert found.scalars["loss"].value.tolist() == STEP[:safe].tolist()
    # When there is room again, writing goes on behind what was saved.
    writer.write(Scalars("loss", STEP + 20_000, STEP, 1.0))
    writer.close()
    assert len(read_run(tmp_path).scalars["loss"].value) == safe + 20_000 and frames(path) == safe + 20_001


@pytest.mark.parametrize("size", [0, 30])
def test_a_full_disk_before_the_first_event(tmp_path, size):
    writer = EventWriter(tmp_path)
    with files_of_at_most(size), pytest.raises(WriteError, match="too large") as error:
        writer.write(Scalars("loss", STEP, STEP, STEP / 3))
    assert told(error) == 0 and list(tmp_path.iterdir()) == []
    writer.write(Scalars("loss", 0, 1.0))
    writer.close()
    (path,) = tmp_path.iterdir()
    assert frames(path) == 2 and read_run(tmp_path).scalars["loss"].value.tolist() == [1.0]


def test_the_plugin_of_a_tag_that_was_told_in_a_lost_event_is_told_again(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", 0, 1.0))
    (path,) = tmp_path.iterdir()
    with files_of_at_most(path.stat().st_size), pytest.raises(WriteError):
        writer.flush()
    assert b"scalars" not in path.read_bytes()
    writer.write(Scalars("loss", 1, 0.5))
    writer.close()
    assert b"scalars" in path.read_bytes() and read_run(tmp_path).scalars["loss"].value.tolist() == [0.5]


def test_a_full_disk_in_small_records(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", 0, 0.5))
    writer.flush()
    with files_of_at_most(10_000):
        with pytest.raises(WriteError) as error:
            for step in range(1, 2000):
                writer.write(Scalars("loss", step, step))
            writer.flush()
        # What was lost is lost: closing has nothing left to fail at.
        writer.close()
    safe, found = told(error), read_run(tmp_path)
    assert 100 < safe < 300 and len(found.scalars["loss"].value) == safe and found.damage == ()


def test_a_large_picture_on_a_full_disk_leaves_what_was_before(tmp_path):
    with (
        pytest.raises(WriteError) as error,
        tbgrad.open_run(tmp_path / "run") as run,
        files_of_at_most(100_000),
    ):
        run.write(Scalars("loss", [0, 1], [1.0, 0.5]))
        run.write(Images("picture", [0], [bytes(2**20)], (1, 1)))
    assert told(error) == 2
    found = read_run(tmp_path / "run")
    assert found.scalars["loss"].value.tolist() == [1.0, 0.5] and not found.images and found.damage == ()


def test_of_two_errors_the_first_is_told(tmp_path):
    """When the disk is full, run.json cannot be written either."""
    with (
        files_of_at_most(100_000),
        pytest.raises(WriteError, match=r"tfevents.*; [1-9]\d* events are safe in it") as error,
        tbgrad.open_run(tmp_path / "run") as run,
    ):
        # What run.json is to say when the run closes does not fit either.
        run.note(text="∂" * 100_000)
        run.write(Scalars("loss", STEP, STEP, 1.0))
        pytest.fail("it was written")
    assert len(read_run(tmp_path / "run").scalars["loss"].value) == told(error)


def test_a_run_that_cannot_be_opened_leaves_nothing(tmp_path):
    with files_of_at_most(0), pytest.raises(WriteError, match=r"run.*File too large"):
        tbgrad.open_run(tmp_path / "a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_taken_away(tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    writer = EventWriter(directory)
    writer.write(Scalars("loss", 0, 1.0))
    writer.flush()
    (path,) = directory.iterdir()
    path.unlink()
    directory.rmdir()
    with pytest.raises(WriteError, match="No such file") as error:
        writer.write(Scalars("loss", STEP, STEP))
    assert told(error) == 0 and str(path) in str(error.value)


def test_a_directory_that_never_was(tmp_path):
    with pytest.raises(WriteError, match=r"absent.*No such file.*; 0 events are safe"):
        EventWriter(tmp_path / "absent").write(Scalars("loss", 0, 1.0))


def test_flushing_says_that_the_directory_was_taken_away(tmp_path):
    run = tbgrad.open_run(tmp_path / "run")
    run.write(Scalars("loss", 0, 1.0))
    run.flush()
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(WriteError, match="; 0 events are safe"):
        run.flush()


def test_the_users_error_is_told_and_the_lock_let_go(tmp_path):
    for write in (False, True):
        with pytest.raises(ZeroDivisionError), tbgrad.open_run(tmp_path / "run") as run:
            if write:
                run.write(Scalars("loss", 0, 1.0))
            shutil.rmtree(tmp_path / "run")
            raise ZeroDivisionError
        tbgrad.open_run(tmp_path / "run").close()
        shutil.rmtree(tmp_path / "run")


FORKED = """
import os, sys, tbgrad
from tbgrad.records import Scalars
run = tbgrad.open_run(sys.argv[1])
run.write(Scalars("loss", 0, 0.5))
if os.fork() == 0:
    del run
    sys.exit()
os.wait()
run.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_process_does_not_write_what_its_parent_writes(tmp_path):
    subprocess.run([sys.executable, "-c", FORKED, str(tmp_path / "run")], check=True, timeout=120)
    assert read_run(tmp_path / "run").scalars["loss"].value.tolist() == [0.5]


@contextlib.contextmanager
def as_nobody():
    """Root may write everywhere, and so becomes nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_directory_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with as_nobody(), pytest.raises(WriteError, match="Permission denied; 0 events") as error:
        EventWriter(tmp_path).write(Scalars("loss", 0, 1.0))
    assert str(tmp_path) in str(error.value)


def test_a_closed_writer_says_so(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", 0, 1.0))
    writer.close()
    writer.close()
    for record in (Scalars("loss", 1, 1.0), Scalars("loss", STEP, STEP)):
        with pytest.raises(WriteError, match="closed") as error:
            writer.write(record)
        assert told(error) == 1
    assert read_run(tmp_path).scalars["loss"].value.tolist() == [1.0]


KILLED = """
import os, signal, sys, numpy as np, tbgrad
from tbgrad.records import Scalars
run = tbgrad.open_run(sys.argv[1])
for step in range(100):
    run.write(Scalars("loss", step, step))
run.flush()
run.write(Scalars("loss", np.arange(100, 100_100), np.arange(100_000)))
run.write(Scalars("late", 0, 0))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_nothing_that_was_flushed(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "run")], check=False, timeout=120)
    assert done.returncode == -9
    found = read_run(tmp_path / "run")
    assert found.scalars["loss"].step.tolist() == list(range(100_100)) and found.damage == ()


def test_what_is_forgotten_to_be_closed_is_written_when_the_process_ends(tmp_path):
    code = "import sys, tbgrad\nfrom tbgrad.records import Scalars\nrun = tbgrad.open_run(sys.argv[1])\n"
    code += "run.write(Scalars('loss', 0, 0.5))\n"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False, timeout=120)
    assert done.returncode == 0 and read_run(tmp_path / "run").scalars["loss"].value.tolist() == [0.5]


def test_a_run_that_stays_open_shows_what_was_written_by_itself(tmp_path, monkeypatch):
    """After some seconds, at the next write."""
    with tbgrad.open_run(tmp_path / "run") as run:
        run.write(Scalars("loss", 0, 1.0))
        assert "loss" not in read_run(tmp_path / "run").scalars
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 60)
        run.write(Scalars("loss", 1, 0.5))
        assert read_run(tmp_path / "run").scalars["loss"].value.tolist() == [1.0, 0.5]
