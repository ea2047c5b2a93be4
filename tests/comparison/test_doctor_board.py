"""What the doctor names is what TensorBoard shows: asked over HTTP, with its default data server and sampling."""

import numpy as np
import pytest
from boards import served
from doctor_samples import HEAD, faults, losses, put, session
from hand_events import METADATA, double, event, float_val, simple
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

import tbgrad
from tbgrad.comparison.examination.series import KEPT
from tbgrad.records import Histograms, Images, Meshes, Texts

RUNS = {
    "two launches in one directory": "launches",
    "steps that go back or repeat": "back",
    "a tag twice in one event": "twice",
    "a tag without a plugin": "nameless",
    "scalars of another type": "double",
    "samples above the caps": "many",
    "a damaged file": "damaged",
    "an empty run": "empty",
    "a misnamed file": "misnamed",
}


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("doctor") / "logs"
    put(logdir / "launches", losses(range(10)), "events.out.tfevents.1.a")
    put(logdir / "launches", losses(range(6), sign=-1), "events.out.tfevents.2.a")
    put(logdir / "back", [*losses(range(10)), *losses([3, 4], sign=-1)])
    put(logdir / "twice", [event(step, [simple("loss", step), simple("loss", -step)]) for step in range(5)])
    put(logdir / "nameless", [event(step, [float_val("loss", step)]) for step in range(5)])
    put(logdir / "double", [event(step, [double("loss", step)]) for step in range(5)])
    for name, number in {"ranked": np.float32([1]), "half": np.float16(1), "int": np.int32(1)}.items():
        one = Summary.Value(tag="loss", tensor=tensor_util.make_tensor_proto(number), metadata=METADATA)
        put(logdir / name, [event(step, [one]) for step in range(5)])
    put(logdir / "many", losses(range(3000)))
    with tbgrad.open_run(logdir / "others") as run:
        run.write(Texts("t", range(150), ["a"] * 150))
        run.write(Images("t/image", range(150), [b"\x89PNG"] * 150, (1, 1)))
        run.write(Histograms("t/histogram", range(150), [[[0.0, 1.0, 2.0]]] * 150))
        run.write(Meshes("t/mesh", range(150), [np.zeros((3, 3))] * 150))
    damaged = put(logdir / "damaged", losses(range(1, 9)))
    data = bytearray(damaged.read_bytes())
    data[HEAD + 3 * (len(data) - HEAD) // 8] ^= 1
    damaged.write_bytes(bytes(data))
    put(logdir / "damaged", [], "events.out.tfevents.0.old")
    put(logdir / "empty", [])
    put(logdir / "misnamed", losses(range(3)), "log.bin")
    put(logdir / "a", [session("one", rate=0.1, dropout=0.5, name="x"), *losses(range(3))])
    put(logdir / "b", [session("one", rate=0.2, dropout=None, name=1.0), *losses(range(3))])
    healthy = logdir / "healthy"
    put(healthy, losses(range(5)), "events.out.tfevents.1.a")
    put(healthy, losses(range(5, 9)), "events.out.tfevents.2.a")

    def loaded(board):
        return (
            len(board("scalars/tags").get("many", {}))
            and "others" in board("mesh/tags")
            and "healthy" in board("scalars/tags")
        )

    with served(logdir, loaded, "--samples_per_plugin=") as asked:
        asked.logdir = logdir
        yield asked


def steps(board, run):
    return [step for _, step, _ in board("scalars/scalars", run=run, tag="loss")]


def test_each_of_them_is_named(board):
    found = faults(board.logdir)
    assert set(RUNS) <= set(found), set(RUNS) - set(found)


def test_of_two_launches_a_part_is_hidden(board):
    shown = board("scalars/scalars", run="launches", tag="loss")
    assert [(step, value) for _, step, value in shown] == [(step, -step / 8) for step in range(6)]


def test_behind_a_step_that_goes_back_all_is_hidden(board):
    assert steps(board, "back") == [0, 1, 2, 3, 4]


def test_of_a_tag_twice_in_an_event_the_last_is_shown(board):
    assert [value for *_, value in board("scalars/scalars", run="twice", tag="loss")] == [0, -1, -2, -3, -4]


@pytest.mark.parametrize("run", ["nameless", "double", "ranked", "half", "int", "empty", "misnamed"])
def test_nothing_is_shown(board, run):
    assert not board("scalars/tags").get(run)


def test_more_samples_than_are_kept(board):
    assert len(steps(board, "many")) == KEPT["scalars"]
    asked = {
        "texts": ("text/text", "t"),
        "images": ("images/images", "t/image"),
        "histograms": ("distributions/distributions", "t/histogram"),
        "meshes": ("mesh/meshes", "t/mesh"),
    }
    for kind, (path, tag) in asked.items():
        assert len(board(path, run="others", tag=tag, sample=0)) == KEPT[kind], kind


def test_behind_a_damaged_length_nothing_is_shown(board):
    assert steps(board, "damaged") == [1, 2, 3]


def test_files_that_go_on_are_shown_whole(board):
    assert steps(board, "healthy") == list(range(9))


def test_hparams(board):
    """One row for two runs, with the settings of one; what is text and number is text; None is nothing."""
    wanted = {"allowedStatuses": ["STATUS_UNKNOWN"], "colParams": [], "startIndex": 0, "sliceSize": 9}
    (group,) = board("hparams/session_groups", wanted)["sessionGroups"]
    assert len(group["sessions"]) == 2 and group["hparams"]["rate"] in (0.1, 0.2)
    infos = {info["name"]: info for info in board("hparams/experiment", {})["hparamInfos"]}
    assert infos["name"]["type"] == "DATA_TYPE_STRING" and infos["rate"]["type"] == "DATA_TYPE_FLOAT64"
    # The range that HParams offers begins at the zero that None is taken for.
    assert infos["dropout"]["domainInterval"]["minValue"] == 0.0
