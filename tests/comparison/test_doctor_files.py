"""Files that TensorBoard does not read, or not to their end, made on purpose; and what runs say of themselves."""

import gzip
import json

import numpy as np
import pytest
import tensorflow as tf
from doctor_samples import HEAD, NAME, VERSION, aged, ending, faults, losses, put, session, tensor, the_finding
from hand_events import event, with_metadata
from run_samples import complete
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2

import tbgrad
from tbgrad.events.tfrecord import frame
from tbgrad.records import Scalars, Texts

DAMAGED, EMPTY = "a damaged file", "an empty run"
ONE = len(frame(losses([1])[0].SerializeToString()))


def spoil(path, byte, age=3600):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(bytes(data))
    return aged(path, age)


def cut(path, by, age=3600):
    path.write_bytes(path.read_bytes()[:-by])
    return aged(path, age)


@pytest.mark.parametrize(("behind", "words"), [(0, "length's checksum"), (14, "payload's checksum")])
@pytest.mark.parametrize("age", [3600, 0])
def test_a_checksum_that_is_wrong(logdir, behind, words, age):
    """It is damage whether or not the file is still being written."""
    byte = HEAD + 3 * ONE
    spoil(put(logdir / "a", losses(range(1, 9))), byte + behind, age)
    found = the_finding(logdir, DAMAGED)
    assert found.place == f"a, file {NAME}, byte {byte}" and words in found.what


def test_a_tail_that_is_cut_off(logdir):
    cut(put(logdir / "a", losses(range(1, 9))), 5)
    found = the_finding(logdir, DAMAGED)
    assert found.place == f"a, file {NAME}, byte {HEAD + 7 * ONE}" and "cut off" in found.what


def test_a_tail_that_is_being_written_is_only_noted(logdir):
    cut(put(logdir / "a", losses(range(1, 9))), 5, age=0)
    examination = tbgrad.examine(logdir)
    assert examination.healthy and len(examination.notes) == 1
    assert examination.notes[0].place == f"a, file {NAME}, byte {HEAD + 7 * ONE}"


def test_a_run_that_is_being_written_is_healthy(logdir):
    with tbgrad.open_run(logdir / "a") as run:
        assert tbgrad.examine(logdir).healthy and len(tbgrad.examine(logdir).notes) == 1
        run.write(Scalars("loss", [0, 1], [2.0, 1.0]))
        run.flush()
        (path,) = (logdir / "a").glob("*tfevents*")
        aged(path)
        data = path.read_bytes()
        path.write_bytes(data + frame(bytes(50))[:30])
        assert tbgrad.examine(logdir).healthy and len(tbgrad.examine(logdir).notes) == 1
        path.write_bytes(data)


def test_the_tail_of_a_complete_run_is_damage_however_fresh(logdir):
    cut(next(complete(logdir / "a", 1.0, 2.0).glob("*tfevents*")), 5, age=0)
    assert faults(logdir) == [DAMAGED]


def test_an_event_that_its_plugin_cannot_hold(logdir):
    other = event(5, [tensor("loss", np.zeros((3, 3)), "histograms")])
    put(logdir / "a", [*losses(range(5)), other])
    found = the_finding(logdir, DAMAGED)
    assert f"byte {HEAD + sum(len(frame(e.SerializeToString())) for e in losses(range(5)))}" in found.place
    assert "'loss' does not hold what its plugin expects" in found.what


@pytest.mark.parametrize("dtype", [77, DT_STRING])
def test_a_scalar_of_a_type_that_is_none(logdir, dtype):
    value = with_metadata("loss", 1.0)
    value.tensor.dtype = dtype
    put(logdir / "a", [event(0, [value])])
    assert the_finding(logdir, DAMAGED).run == "a"


def test_random_bytes_never_raise(logdir):
    path = put(logdir / "a", [session(rate=0.1), *losses(range(9)), event(3, [tensor("t", np.float64(1), "scalars")])])
    data, random = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(0)
    for _ in range(100):
        spoiled = data.copy()
        where = random.integers(0, len(data), size=3)
        spoiled[where] = random.integers(0, 256, size=3)
        path.write_bytes(spoiled.tobytes())
        aged(path)
        assert tbgrad.examine(logdir).lines()
    for _ in range(100):
        # Whole frames of payloads that are anything.
        payloads = [losses([1])[0].SerializeToString(), event(3, [tensor("t", np.float64(1), "scalars")])]
        payload = bytearray(payloads[1].SerializeToString())
        payload[random.integers(0, len(payload))] = random.integers(0, 256)
        path.write_bytes(frame(VERSION.SerializeToString()) + frame(payloads[0]) + frame(bytes(payload)))
        aged(path)
        assert tbgrad.examine(logdir).lines()


def test_a_run_without_an_event(logdir):
    put(logdir / "a", [])
    put(logdir / "b", losses([1]))
    found = the_finding(logdir, EMPTY)
    assert found.place == f"a, file {NAME}"


def test_a_file_without_a_byte(logdir):
    aged(put(logdir / "a", [])).write_bytes(b"")
    aged(logdir / "a" / NAME)
    assert faults(logdir) == [EMPTY]


def test_an_empty_file_that_is_fresh_or_beside_a_full_one_is_fine(logdir):
    put(logdir / "fresh", [], age=0)
    put(logdir / "full", losses([1]))
    put(logdir / "full", [], "events.out.tfevents.2.hand")
    put(logdir / "profiled", [], "events.out.tfevents.1.host.profile-empty")
    examination = tbgrad.examine(logdir)
    assert examination.healthy and [note.run for note in examination.notes] == ["fresh"]


def test_a_graph_alone_is_something(logdir):
    with tf.summary.create_file_writer(str(logdir / "a")).as_default():
        tf.summary.graph(tf.function(tf.sin).get_concrete_function(1.0).graph)
    aged(next((logdir / "a").iterdir()))
    assert faults(logdir) == []


def test_a_compressed_file(logdir):
    path = put(logdir / "a", losses([1]))
    (logdir / "a" / f"{NAME}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    found = the_finding(logdir, "a compressed file")
    assert found.place == f"a, file {NAME}.gz" and "gunzip" in found.cure


def test_a_name_without_tfevents(logdir):
    put(logdir / "a", losses([1]))
    put(logdir / "b", losses([1]), "log.bin")
    found = the_finding(logdir, "a misnamed file")
    assert found.place == "file b/log.bin" and "events.out.tfevents.log.bin" in found.cure


def test_other_files_are_nobodys_concern(logdir):
    put(logdir / "a", losses([1]))
    (logdir / "data.tfrecord").write_bytes(frame(b"an example") * 5)
    feature = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))}
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    (logdir / "examples.tfrecord").write_bytes(frame(example.SerializeToString()) * 5)
    (logdir / "notes.txt").write_text("short")
    (logdir / "weights.bin").write_bytes(np.random.default_rng(0).bytes(5000))
    (logdir / "empty").touch()
    assert faults(logdir) == []


def test_a_launch_that_crashed(logdir):
    info = complete(logdir / "a", 1.0) / "run.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "status": "running"}))
    found = the_finding(logdir, "a run that did not end well")
    assert found.place == "a, run.json" and "crashed" in found.what


def test_a_launch_that_crashed_before_its_first_event(logdir):
    run = complete(logdir / "a", 1.0)
    (run / "run.json").write_text('{"status": "running"}')
    next(run.glob("*tfevents*")).unlink()
    assert faults(logdir) == ["a run that did not end well"]


def test_a_run_whose_event_file_is_gone(logdir):
    next(complete(logdir / "a", 1.0).glob("*tfevents*")).unlink()
    found = the_finding(logdir, EMPTY)
    assert found.place == "a" and "no event file" in found.what


def test_a_launch_that_failed(logdir):
    with pytest.raises(ZeroDivisionError), tbgrad.open_run(logdir / "a") as run:
        run.write(Scalars("loss", [0], [1.0]))
        raise ZeroDivisionError
    found = the_finding(logdir, "a run that did not end well")
    assert found.run == "a" and "'failed'" in found.what


@pytest.mark.parametrize(("status", "found"), [("FAILURE", 1), ("SUCCESS", 0), ("RUNNING", 0), ("UNKNOWN", 0)])
def test_a_session_of_somebody_elses_that_failed(logdir, status, found):
    put(logdir / "a", [session(rate=0.1), *losses([1]), ending(getattr(api_pb2, f"STATUS_{status}"))])
    assert faults(logdir) == ["a run that did not end well"] * found


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["**Vanishing gradients**: layer 3.\n\nMore."], "Vanishing gradients**: layer 3"),
        (["healthy.", "## Exploding: step 40"], "Exploding: step 40"),
        (["\n\nDead units in dense_1.\nLook."], "Dead units in dense_1"),
        (["Exploding", "**Healthy**: all layers learn."], None),
        (["healthy"], None),
        ([""], None),
    ],
)
def test_the_last_verdict_on_training(logdir, texts, found):
    with tbgrad.open_run(logdir / "a") as run:
        run.write(Texts("training/verdict", range(len(texts)), texts))
    if found is None:
        assert faults(logdir) == []
    else:
        finding = the_finding(logdir, "a verdict on training")
        assert finding.what == found and finding.place == f"a, tag 'training/verdict', step {len(texts) - 1}"
