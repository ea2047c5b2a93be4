"""Whole series at once: every reader finds each number, whatever the steps, values, tags and chunks."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from boards import served
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow.core.util import event_pb2

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.events.reader import read_run
from tbgrad.events.writer import EventWriter
from tbgrad.records import Histograms, Images, Scalars

SOME = settings(max_examples=60, deadline=None, derandomize=True)
SPECIAL = np.array([0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 0x7F800001, 1, 0x807FFFFF, 0], np.uint32)
TAGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
# Where steps begin, so that their bytes grow in number on the way; from 2^56 on there are nine, below zero ten.
BEGINNINGS = st.sampled_from([0, 1, 100, 2**14 - 70, 2**28, 2**35 - 1, 2**56 - 100, 2**63 - 10**6, -90, -(2**63)])


def numbers(count, seed):
    """Random bits, among them those that a conversion would spoil."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, count, dtype=np.uint32)
    bits[rng.integers(0, count, 8)] = SPECIAL
    return bits.view(np.float32)


@st.composite
def series(draw, tag=TAGS):
    """Steps that go on evenly or by leaps, wall times that stay or go on."""
    count, seed = draw(st.integers(1, 400)), draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    leaps = rng.integers(1, draw(st.sampled_from([2, 3, 2000])), count)
    step = draw(BEGINNINGS) + np.cumsum(leaps) - leaps[0]
    wall_time = 1.7e9 + rng.choice([0, 1e-6, 1e3]) * np.arange(count)
    return Scalars(draw(tag), step, numbers(count, seed), wall_time)


def write(directory, *writes):
    """One call of `write` for each."""
    writer = EventWriter(Path(directory))
    for records in writes:
        writer.write(records)
    writer.close()
    (path,) = Path(directory).iterdir()
    return path


def events(path):
    """What TensorFlow reads, checksums included: (step, wall time, tag, bits) of each value."""
    read = [event_pb2.Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(path))]
    assert read[0].file_version == "brain.Event:2"
    return [(e.step, e.wall_time, v.tag, tf.make_ndarray(v.tensor)) for e in read[1:] for v in e.summary.value]


def entries(record):
    return zip(record.step.tolist(), record.wall_time.tolist(), record.value, strict=True)


def same(found, expected):
    expected = list(expected)
    assert len(found) == len(expected)
    for (*one, value), (*other, wanted) in zip(found, expected, strict=True):
        assert one == other and value.dtype == np.float32 and value.shape == ()
        assert value.tobytes() == wanted.tobytes()


@SOME
@given(series())
def test_tensorflow_reads_every_number(record):
    with tempfile.TemporaryDirectory() as directory:
        found = events(write(directory, record))
    same(found, [(step, time, record.tag, value) for step, time, value in entries(record)])


@SOME
@given(series(st.just("a")), st.lists(st.integers(0, 400), max_size=4), st.booleans())
def test_chunks_are_one_series(record, cuts, at_once):
    bounds = [0, *sorted(min(cut, len(record.step)) for cut in cuts), len(record.step)]
    chunks = [
        Scalars("a", record.step[i:j], record.value[i:j], record.wall_time[i:j]) for i, j in itertools.pairwise(bounds)
    ]
    with tempfile.TemporaryDirectory() as directory:
        found = events(write(directory, *([iter(chunks)] if at_once else chunks)))
        read = read_run(directory).scalars["a"]
    same(found, [(step, time, "a", value) for step, time, value in entries(record)])
    for name in ("step", "wall_time", "value"):
        assert getattr(read, name).tobytes() == getattr(record, name).tobytes()


@SOME
@given(series(), st.lists(TAGS, min_size=1, max_size=40, unique=True))
def test_tags_with_the_same_steps_share_their_events(record, tags):
    values = numbers(len(tags) * len(record.step), 1).reshape(len(tags), -1)
    records = [Scalars(tag, record.step, value, record.wall_time) for tag, value in zip(tags, values, strict=True)]
    with tempfile.TemporaryDirectory() as directory:
        path = write(directory, records)
        found = sorted(events(path), key=lambda entry: (tags.index(entry[2]), entry[0]))
        together = sum(1 for _ in tf.data.TFRecordDataset(str(path))) - 1
        read = read_run(directory).scalars
    same(found, [(s, t, r.tag, v) for r in records for s, t, v in entries(r)])
    # At most 32 tags to an event.
    assert together == len(record.step) * -(-len(tags) // 32)
    for record in records:
        assert read[record.tag].value.tobytes() == record.value.tobytes()


def test_what_must_not_share_events_does_not(tmp_path):
    step, value, time = np.arange(100), np.ones(100), np.full(100, 5.0)
    records = [
        Scalars("a", step, value, time),
        Scalars("b", step + 1, value, time),
        Scalars("c", step + 1, value, time + 1),
        # Readers drop points of a tag that is twice in one event.
        Scalars("c", step + 1, value, time + 1),
        Images("d", [0], [b"png"], (1, 1)),
        Scalars("e", step, value, time),
    ]
    path = write(tmp_path, records)
    for raw in tf.data.TFRecordDataset(str(path)):
        assert len(event_pb2.Event.FromString(raw.numpy()).summary.value) <= 1
    assert len(read_run(tmp_path).scalars["c"].value) == 200


def test_a_generator_may_use_its_arrays_again(tmp_path):
    def chunks():
        step, value, time = np.arange(100), np.zeros(100, np.float32), np.zeros(100)
        for index in range(3):
            yield Scalars("a", step, value, time)
            step += 100
            value += 1
            time += index + 1

    write(tmp_path, chunks())
    found = read_run(tmp_path).scalars["a"]
    assert found.step.tolist() == list(range(300)) and found.value.tolist() == [i // 100 for i in range(300)]
    assert found.wall_time.tolist() == [0.0] * 100 + [1.0] * 100 + [3.0] * 100


VIEWS = {
    "strided": lambda a: a[::2],
    "reversed": lambda a: a[::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_arrays_of_any_layout_in_memory(tmp_path, view):
    step, value, time = np.arange(600) * 7, np.arange(600) / 3, np.arange(600) / 7
    record = Scalars("a", view(step), view(value), view(time))
    same(events(write(tmp_path, record)), [(s, t, "a", v) for s, t, v in entries(record)])
    assert record.step.tolist() == view(step).tolist() and record.wall_time.tolist() == view(time).tolist()


def test_what_came_before_an_error_of_a_generator_is_written(tmp_path):
    def failing():
        yield Scalars("a", [0], [1.0], 1.0)
        yield Scalars("b", [0], [2.0], 1.0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(tmp_path, failing())
    assert {tag: s.value.tolist() for tag, s in read_run(tmp_path).scalars.items()} == {"a": [1.0], "b": [2.0]}


@pytest.mark.parametrize("thing", ["text", 1.5, None])
def test_what_is_no_record_is_refused(tmp_path, thing):
    for written in (thing, [thing]):
        with pytest.raises(OptionError, match="is no record"):
            EventWriter(tmp_path).write(written)


def test_steps_in_any_order_are_kept_as_they_are(tmp_path):
    step = np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 3000)
    step[::3] = np.arange(1000)
    record = Scalars("a", step, numbers(3000, 3), 1.0)
    same(events(write(tmp_path, record)), [(s, t, "a", v) for s, t, v in entries(record)])
    assert read_run(tmp_path).scalars["a"].step.tolist() == step.tolist()


def test_metadata_stands_at_the_first_event_of_a_tag_only(tmp_path):
    step = np.arange(200)
    first, second = (Scalars("a", step + 200 * i, step, 1.0, "told") for i in range(2))
    path = write(tmp_path, first, [second, Scalars("b", second.step, step, 1.0, "too")])
    told = {}
    for raw in tf.data.TFRecordDataset(str(path)):
        event = event_pb2.Event.FromString(raw.numpy())
        for value in event.summary.value:
            if value.HasField("metadata"):
                assert value.metadata.plugin_data.plugin_name == "scalars"
                told.setdefault(value.tag, []).append((event.step, value.metadata.summary_description))
    assert told == {"a": [(0, "told")], "b": [(200, "too")]}


def test_a_series_longer_than_any_buffer(tmp_path):
    count = 140_001
    rng = np.random.default_rng(4)
    step, time = np.cumsum(rng.integers(1, 3, count)), np.cumsum(rng.exponential(0.01, count)) + 1.7e9
    records = [Scalars(tag, step, numbers(count, i), time) for i, tag in enumerate(["loss", "∂f/∂x", "r" * 300])]
    write(tmp_path, records[0], records[1:])
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    for record in records:
        found = accumulator.Tensors(record.tag)
        assert [event.step for event in found] == step.tolist()
        assert [event.wall_time for event in found] == time.tolist()
        assert b"".join(event.tensor_proto.tensor_content for event in found) == record.value.tobytes()


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Three runs, as TensorBoard's Rust data server gives them over HTTP."""
    logdir = tmp_path_factory.mktemp("runs")
    count = 3000
    values = [np.random.default_rng(i).normal(size=count).astype(np.float32) for i in range(3)]
    values[0][:3] = np.nan, np.inf, -np.inf
    even = [Scalars(f"t/{i}", np.arange(count), value, 1.7e9 + np.arange(count)) for i, value in enumerate(values)]
    leaps = [Scalars("leaps", np.cumsum(2 ** np.arange(40)) - 2**20, values[0][:40], 3.0)]
    with tbgrad.open_run(logdir / "each") as run:
        for record in even:
            run.write(record)
    with tbgrad.open_run(logdir / "packed") as run:
        run.write(even)
    with tbgrad.open_run(logdir / "leaps") as run:
        run.write(leaps)
        counts, edges = np.histogram(values[1], bins=7)
        run.write(Histograms("weights", 5, [np.stack([edges[:-1], edges[1:], counts], axis=1)], 2.0))
    written = {"each": even, "packed": even, "leaps": leaps}

    def loaded(board):
        found = board("scalars/tags")
        ends = [
            board("scalars/scalars", run=name, tag=record.tag)[-1][1] == record.step[-1]
            for name, records in written.items()
            for record in records
        ]
        return len(found) == 3 and all(ends)

    # The fast loader is the Rust server; TensorBoard may not fall back silently on its Python one.
    with served(logdir, loaded, "--load_fast=true") as board:
        yield written, board


@pytest.mark.parametrize("name", ["each", "packed", "leaps"])
def test_the_rust_data_server_reads_every_number(shown, name):
    written, board = shown
    for record in written[name]:
        times, steps, values = zip(*board("scalars/scalars", run=name, tag=record.tag), strict=True)
        assert list(steps) == record.step.tolist() and list(times) == record.wall_time.tolist()
        np.testing.assert_array_equal(np.array([float(value) for value in values], np.float32), record.value)


def test_the_rust_data_server_reads_histograms(shown):
    written, board = shown
    ((time, step, buckets),) = board("histograms/histograms", run="leaps", tag="weights")
    counts, edges = np.histogram(written["each"][1].value, bins=7)
    assert (time, step) == (2.0, 5) and [row[2] for row in buckets] == counts.tolist()
    assert [row[0] for row in buckets] == edges[:-1].tolist() and buckets[-1][1] == edges[-1]
