"""Series that TensorBoard shows in part, wrongly or not at all, made on purpose; and their healthy neighbours."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from doctor_samples import HEAD, NAME, aged, faults, losses, put, tensor, the_finding
from hand_events import METADATA, double, event, float_val, simple, with_metadata
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

import tbgrad
from tbgrad.records import Histograms, Images, Meshes, Scalars, Texts

LAUNCHES = "two launches in one directory"
BACK = "steps that go back or repeat"
CAPS = "samples above the caps"


def age_all(logdir):
    for path in logdir.rglob("*tfevents*"):
        aged(path)


def write(directory, *records):
    with tbgrad.open_run(directory) as run:
        run.write(records)


def test_two_files_whose_steps_overlap(logdir):
    put(logdir / "a", [*losses(range(10)), *losses(range(10), "other")], "events.out.tfevents.1.a")
    put(logdir / "a", [*losses(range(6)), *losses(range(3, 6), "other")], "events.out.tfevents.2.a")
    put(logdir / "b", losses(range(10)))
    found = the_finding(logdir, LAUNCHES)
    assert (found.run, found.tag) == ("a", "loss")
    assert found.place == "a, tag 'loss', file events.out.tfevents.2.a, step 0"
    assert "'loss' and 1 other tag" in found.what and "hides the 10 points of 'loss'" in found.what
    assert "events.out.tfevents.1.a" in found.what and "directory of its own" in found.cure


def test_a_launch_that_begins_where_the_other_ended(logdir):
    """The step that both have is one that is hidden."""
    put(logdir / "a", losses(range(10)), "events.out.tfevents.1.a")
    put(logdir / "a", losses(range(9, 12)), "events.out.tfevents.2.a")
    assert "hides the 1 point of 'loss'" in the_finding(logdir, LAUNCHES).what


def test_files_that_go_on_or_have_other_tags_are_fine(logdir):
    put(logdir / "a", losses(range(10)), "events.out.tfevents.1.a")
    put(logdir / "a", losses(range(10, 20)), "events.out.tfevents.2.a")
    put(logdir / "a", losses(range(5), "other"), "events.out.tfevents.3.a")
    assert faults(logdir) == []


def test_keras_twice_into_one_directory(logdir):
    """The way it comes about: the same script is run again."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    for epochs in (4, 2):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        callback = keras.callbacks.TensorBoard(str(logdir), histogram_freq=1)
        model.fit(x, x[:, :1], epochs=epochs, validation_split=0.5, verbose=0, callbacks=[callback])
        age_all(logdir)
        if epochs == 4:
            assert faults(logdir) == []
    found = tbgrad.examine(logdir).findings
    assert {finding.fault for finding in found} == {LAUNCHES}
    assert {finding.run for finding in found} == {"train", "validation"}


def test_two_launches_in_one_file(logdir):
    put(logdir / "a", [*losses(range(10)), *losses(range(4))])
    found = the_finding(logdir, LAUNCHES)
    assert found.place == f"a, tag 'loss', file {NAME}, step 0" and "hides the 10 points" in found.what


def test_three_launches_in_one_file(logdir):
    put(logdir / "a", [*losses(range(9)), *losses(range(4)), *losses(range(2))])
    assert "hides the 9 points" in the_finding(logdir, LAUNCHES).what


@pytest.mark.parametrize("steps", [[3, 1, 2], [5, 4, 3, 2], [0, 1, 2, 3, 2, 0]])
def test_steps_in_disorder_are_no_launches(logdir, steps):
    put(logdir / "a", losses(steps))
    assert faults(logdir) == [BACK]


def test_steps_that_go_back(logdir):
    put(logdir / "a", [*losses(range(10)), *losses([3, 4, 5, 6])])
    found = the_finding(logdir, BACK)
    assert found.place == f"a, tag 'loss', file {NAME}, step 3"
    assert "comes after step 9" in found.what and "hides 7 points" in found.what


@pytest.mark.parametrize(("steps", "hidden"), [([0, 1, 2, 2], 1), ([0, 0, 0], 2), ([5, 6, 6, 7, 7, 7], 3)])
def test_steps_that_repeat(logdir, steps, hidden):
    put(logdir / "a", losses(steps))
    found = the_finding(logdir, BACK)
    repeated = next(step for step, following in itertools.pairwise(steps) if step == following)
    assert f"step {repeated} comes again" in found.what and f"hides {hidden} point" in found.what


def test_what_is_logged_without_a_step_is_all_at_one_step(logdir):
    """Which is how torch and tensorboardX take a missing step."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(logdir / "a"))
    for value in (1.0, 2.0, 3.0):
        writer.add_scalar("loss", value)
    writer.close()
    found = the_finding(logdir, BACK)
    assert (found.run, found.tag) == ("a", "loss") and found.where.endswith("step 0")


def test_pictures_and_texts_have_steps_too(logdir):
    write(logdir / "a", Texts("story", [3, 1, 2], ["a", "b", "c"]), Histograms("h", [5, 5], [[[0, 1, 2.0]]] * 2))
    found = tbgrad.examine(logdir).findings
    assert [(finding.fault, finding.tag) for finding in found] == [(BACK, "h"), (BACK, "story")]


def test_the_same_tag_twice_in_one_event(logdir):
    put(logdir / "a", [event(step, [simple("loss", step), simple("loss", -step)]) for step in range(200)])
    found = the_finding(logdir, "a tag twice in one event")
    assert found.place == f"a, tag 'loss', file {NAME}, byte {HEAD}, step 0" and "hides 200 points" in found.what


@pytest.mark.parametrize("step", [2**53 + 1, -(2**53) - 1])
def test_steps_that_a_browser_rounds(logdir, step):
    put(logdir / "a", losses([step]))
    put(logdir / "b", losses([-(2**53), 0, 2**53]))
    found = the_finding(logdir, "steps that are too large")
    assert found.place == f"a, tag 'loss', file {NAME}, step {step}"


@pytest.mark.parametrize(
    ("values", "words"),
    [([np.nan] * 3, "all of its 3 points are NaN"), ([np.nan, np.inf], "NaN or infinite"), ([-np.inf], "is infinite")],
)
def test_a_tag_without_a_finite_number(logdir, values, words):
    write(logdir / "a", Scalars("loss", range(7, 7 + len(values)), values))
    found = the_finding(logdir, "a tag with only NaN")
    assert found.place == "a, tag 'loss', step 7" and words in found.what


def test_a_tag_with_one_number_among_nans_is_fine(logdir):
    write(logdir / "a", Scalars("loss", [0, 1, 2], [np.nan, 1.0, np.nan]))
    put(logdir / "b", [event(0, [simple("loss", np.nan)])], "events.out.tfevents.1.a")
    put(logdir / "b", [event(1, [simple("loss", 1.0)])], "events.out.tfevents.2.a")
    assert faults(logdir) == []


def test_a_histogram_of_nan(logdir):
    with tf.summary.create_file_writer(str(logdir / "a")).as_default():
        for step in range(4):
            tf.summary.histogram("weights", [1.0, 2.0, np.nan if step == 2 else 3.0], step=step)
    age_all(logdir)
    found = the_finding(logdir, "a histogram of NaN")
    assert found.tag == "weights" and found.where.endswith("step 2") and "1 of 4 histograms" in found.what


@pytest.mark.parametrize(
    ("count", "record"),
    [
        (1000, lambda n: Scalars("t", range(n), range(n))),
        (10, lambda n: Images("t", range(n), [b"\x89PNG"] * n, (1, 1))),
        (100, lambda n: Histograms("t", range(n), [[[0.0, 1.0, 2.0]]] * n)),
        (100, lambda n: Texts("t", range(n), ["a"] * n)),
        (100, lambda n: Meshes("t", range(n), [np.zeros((3, 3))] * n)),
    ],
    ids=["scalars", "images", "histograms", "texts", "meshes"],
)
def test_more_samples_than_are_kept(logdir, count, record):
    write(logdir / "full", record(count))
    assert faults(logdir) == []
    write(logdir / "a b", record(count + 1))
    found = the_finding(logdir, CAPS)
    assert (
        (found.run, found.tag) == ("a b", "t") and f"{count + 1:,} " in found.what and f"keeps {count:,} " in found.what
    )
    assert f"tbgrad board {logdir}" in found.cure


def test_samples_of_several_files_count_together(logdir):
    put(logdir / "a", losses(range(600)), "events.out.tfevents.1.a")
    put(logdir / "a", losses(range(600, 1200)), "events.out.tfevents.2.a")
    assert "1,200 scalars" in the_finding(logdir, CAPS).what


def test_a_tensor_that_names_no_plugin(logdir):
    put(logdir / "a", [event(step, [float_val("loss", step)]) for step in range(5)])
    put(logdir / "b", [event(0, [tensor("note", [b"text"])])])
    found = tbgrad.examine(logdir).findings
    assert [finding.fault for finding in found] == ["a tag without a plugin"] * 2
    assert found[0].place == f"a, tag 'loss', file {NAME}, byte {HEAD}, step 0" and found[1].tag == "note"


def test_the_plugin_is_named_at_the_first_event_only(logdir):
    put(logdir / "a", [event(0, [with_metadata("loss", 0)]), *[event(i, [float_val("loss", i)]) for i in range(1, 90)]])
    put(logdir / "a", [event(i, [float_val("loss", i)]) for i in range(90, 95)], "events.out.tfevents.2.hand")
    assert faults(logdir) == []


def numbers(array):
    return Summary.Value(tag="loss", tensor=tensor_util.make_tensor_proto(array), metadata=METADATA)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (double("loss", 1.0), "float64"),
        (numbers(np.int32(1)), "int32"),
        (numbers(np.float32([1])), "float32 of shape [1]"),
    ],
)
def test_scalars_that_are_none(logdir, value, words):
    put(logdir / "a", [*[event(i, [with_metadata("loss", i)]) for i in range(3)], event(3, [value])])
    found = the_finding(logdir, "scalars of another type")
    assert found.tag == "loss" and f"holds {words};" in found.what and found.where.endswith("step 3")
