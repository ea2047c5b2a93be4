"""A run is written by one process at a time; the lock dies with its process."""

import subprocess
import sys

import pytest

from tbgrad.errors import RunLockedError
from tbgrad.events.reader import read_run
from tbgrad.records import Scalars
from tbgrad.runs.opening import delete_run, open_run, read_info

# Opens the run, writes, says so, and holds it until its standard input ends.
HOLD = """
import sys
from tbgrad.runs.opening import open_run
from tbgrad.records import Scalars
run = open_run(sys.argv[1])
run.write(Scalars("loss", [0], [1.0]))
run.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(logdir):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(logdir / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("exists", ["refuse", "replace", "append"])
def test_a_run_that_another_process_writes(logdir, holder, exists):
    with pytest.raises(RunLockedError, match="another process") as caught:
        open_run(logdir / "a", exists)
    assert isinstance(caught.value, RuntimeError) and caught.value.exit_code == 1
    # Nothing of it was touched, and it can be read meanwhile.
    assert read_run(logdir / "a").scalars["loss"].value.tolist() == [1.0]
    assert read_info(logdir / "a")["status"] == "running"


def test_a_number_avoids_it(logdir, holder):
    with open_run(logdir / "a", "number") as run:
        assert run.directory.name == "a-2"


def test_it_cannot_be_deleted(logdir, holder):
    with pytest.raises(RunLockedError):
        delete_run(logdir / "a")
    assert read_run(logdir / "a").scalars


def test_the_lock_dies_with_its_process(logdir, holder):
    holder.kill()
    holder.wait(timeout=60)
    assert read_info(logdir / "a")["status"] == "running"
    # Now it is a crashed run, and replaced without being asked.
    with open_run(logdir / "a") as run:
        run.write(Scalars("loss", [0], [2.0]))
    assert read_run(logdir / "a").scalars["loss"].value.tolist() == [2.0]
    assert read_info(logdir / "a")["status"] == "complete"


def test_the_same_process_cannot_open_it_twice_either(logdir):
    with open_run(logdir / "a") as run:
        for exists in ("refuse", "replace", "append"):
            with pytest.raises(RunLockedError):
                open_run(logdir / "a", exists)
        run.write(Scalars("loss", [0], [1.0]))
    with open_run(logdir / "a", "replace") as run:
        run.write(Scalars("loss", [0], [3.0]))
    assert read_run(logdir / "a").scalars["loss"].value.tolist() == [3.0]


def test_a_failed_body_lets_go_of_the_lock(logdir):
    with pytest.raises(ValueError), open_run(logdir / "a") as run:
        run.write(Scalars("loss", [0], [1.0]))
        raise ValueError
    with open_run(logdir / "a", "replace") as run:
        run.write(Scalars("loss", [0], [2.0]))


def test_runs_side_by_side_do_not_lock_one_another(logdir):
    with open_run(logdir / "a") as one, open_run(logdir / "b") as two:
        one.write(Scalars("loss", [0], [1.0]))
        two.write(Scalars("loss", [0], [2.0]))
    assert [read_run(logdir / n).scalars["loss"].value[0] for n in "ab"] == [1.0, 2.0]
