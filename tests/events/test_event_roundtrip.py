"""The law: what `read_run` gives is what was written, bit for bit."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs, most_events, read_run
from tbgrad.events.writer import EventWriter
from tbgrad.records import Histograms, HParams, Images, Scalars, Texts

FEW = settings(max_examples=150, deadline=None, derandomize=True)
TAGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
STEPS = st.integers(-(2**63), 2**63 - 1)
# All 2^32 bit patterns, with those that a conversion would spoil made likely.
BITS = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 0x7F800001, 0xFFC12345, 0x007FFFFF]),
)
TIMES = st.floats(allow_nan=False, width=64)


def written(directory, *records):
    writer = EventWriter(Path(directory))
    writer.write(records)
    writer.close()
    return read_run(directory)


def bits(array):
    return array.dtype, array.shape, array.tobytes()


@st.composite
def series(draw):
    entries = draw(st.lists(st.tuples(STEPS, BITS, TIMES), min_size=1, max_size=20))
    steps, patterns, times = zip(*entries, strict=True)
    value = np.array(patterns, dtype=np.uint32).view(np.float32)
    return np.array(steps, dtype=np.int64), value, np.array(times)


@FEW
@given(st.dictionaries(TAGS, st.tuples(series(), TAGS), min_size=1, max_size=4))
def test_scalars_of_every_bit_pattern(contents):
    records = [Scalars(tag, *entries, description=about) for tag, (entries, about) in contents.items()]
    with tempfile.TemporaryDirectory() as directory:
        read = written(directory, *records)
    assert set(read.scalars) == set(contents) and read.damage == ()
    assert not read.images and not read.texts and read.hparams is None
    for record in records:
        found = read.scalars[record.tag]
        for name in ("step", "value", "wall_time"):
            assert bits(getattr(found, name)) == bits(getattr(record, name)), name
        assert (found.tag, found.description) == (record.tag, record.description)


@FEW
@given(TAGS, st.lists(st.tuples(STEPS, st.binary(max_size=50), TIMES), min_size=1, max_size=5), TAGS)
def test_images_keep_every_byte(tag, entries, about):
    steps, images, times = zip(*entries, strict=True)
    with tempfile.TemporaryDirectory() as directory:
        found = written(directory, Images(tag, steps, images, (640, 480), times, about)).images[tag]
    assert found.image == images and found.size == (640, 480) and found.description == about
    assert found.step.tolist() == list(steps)
    assert bits(found.wall_time) == bits(np.array(times))


DOUBLES = st.integers(0, 2**64 - 1)


@FEW
@given(TAGS, st.lists(st.tuples(STEPS, st.lists(st.tuples(*[DOUBLES] * 3)), TIMES), min_size=1, max_size=4), TAGS)
def test_histograms_keep_every_bit(tag, entries, about):
    steps, patterns, times = zip(*entries, strict=True)
    buckets = [np.array(rows, np.uint64).reshape(-1, 3).view(np.float64) for rows in patterns]
    with tempfile.TemporaryDirectory() as directory:
        found = written(directory, Histograms(tag, steps, buckets, times, about)).histograms[tag]
    assert [bits(array) for array in found.buckets] == [bits(array) for array in buckets]
    assert found.step.tolist() == list(steps) and found.description == about
    assert bits(found.wall_time) == bits(np.array(times))


@FEW
@given(TAGS, st.lists(st.tuples(STEPS, TAGS, TIMES), min_size=1, max_size=5), TAGS)
def test_texts_keep_every_character(tag, entries, about):
    steps, texts, times = zip(*entries, strict=True)
    with tempfile.TemporaryDirectory() as directory:
        found = written(directory, Texts(tag, steps, texts, times, about)).texts[tag]
    assert found.text == texts and found.step.tolist() == list(steps) and found.description == about
    assert bits(found.wall_time) == bits(np.array(times))


@FEW
@given(
    st.dictionaries(TAGS, st.one_of(st.booleans(), st.floats(), st.integers(-(2**53), 2**53), TAGS), max_size=6),
    st.sampled_from([None, True, False]),
)
def test_hparams(values, succeeded):
    times = (1.5, None if succeeded is None else 2.5)
    record = HParams(values, "trial-1", succeeded, times)
    with tempfile.TemporaryDirectory() as directory:
        found = written(directory, record).hparams
    assert (found.trial, found.succeeded, found.wall_time) == ("trial-1", succeeded, times)
    assert set(found.values) == set(values)
    for name, value in values.items():
        # A number comes back as float64, but a bool stays a bool.
        same = type(value) if isinstance(value, bool | str) else float
        assert type(found.values[name]) is same
        assert found.values[name] == value or (value != value and found.values[name] != found.values[name])


def test_all_kinds_of_records_in_one_file(tmp_path):
    records = [
        Texts("story", 0, "# ∂f/∂x\n\n| a | b |"),
        Scalars("loss", [0, 1], [0.5, 0.25]),
        Images("picture", 3, [b"\x89PNG"], (1, 2)),
        HParams({"a": 1.0}),
        Histograms("weights", 3, [[[0.0, 1.0, 5.0]]]),
        Scalars("loss", [2, 3], [0.125, 0.0625]),
    ]
    read = written(tmp_path, *records)
    # A series that is written in parts is one series.
    np.testing.assert_array_equal(read.scalars["loss"].value, [0.5, 0.25, 0.125, 0.0625])
    np.testing.assert_array_equal(read.scalars["loss"].step, range(4))
    assert read.texts["story"].text == ("# ∂f/∂x\n\n| a | b |",)
    assert read.histograms["weights"].buckets[0].tolist() == [[0.0, 1.0, 5.0]]
    assert read.images["picture"].image == (b"\x89PNG",) and read.hparams.values == {"a": 1.0}


def test_files_are_read_in_the_order_in_which_they_were_written(tmp_path):
    for part in range(5):
        read = written(tmp_path, Scalars("loss", [part], [part]))
    assert read.scalars["loss"].step.tolist() == list(range(5))
    names = [file.name for file in tmp_path.iterdir()]
    assert len(set(names)) == 5 and all("tfevents" in name for name in names)
    assert most_events(tmp_path) == 10


def test_a_writer_without_records_leaves_no_file(tmp_path):
    writer = EventWriter(tmp_path)
    writer.flush()
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_flushed_can_be_read_while_writing_goes_on(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", range(10), np.arange(10)))
    writer.flush()
    assert len(read_run(tmp_path).scalars["loss"].value) == 10
    writer.write(Scalars("loss", [10], [10]))
    writer.close()
    writer.close()
    assert len(read_run(tmp_path).scalars["loss"].value) == 11


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / "absent", lambda p: p / "folder.tfevents"])
def test_a_directory_without_event_files_is_no_run(tmp_path, make):
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "folder.tfevents").mkdir()
    with pytest.raises(NotARunError, match="no event file") as caught:
        read_run(make(tmp_path))
    assert isinstance(caught.value, FileNotFoundError) and str(make(tmp_path)) in str(caught.value)


def test_runs_are_found_at_every_depth(tmp_path):
    for name in ("b/two", "a", "b/one"):
        (tmp_path / name).mkdir(parents=True)
        written(tmp_path / name, Scalars("loss", [0], [0]))
    (tmp_path / "empty").mkdir()
    assert [str(run.relative_to(tmp_path)) for run in find_runs(tmp_path)] == ["a", "b/one", "b/two"]
