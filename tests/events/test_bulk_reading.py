"""Reading in blocks gives what reading event by event gives, whoever wrote the file and whatever interrupts it."""

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hand_events import (
    SPELLINGS,
    badly_spelled,
    content,
    double,
    event,
    float_val,
    one_by_one,
    put,
    same,
    simple,
    with_metadata,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

from tbgrad.events.reader import read_run
from tbgrad.events.tfrecord import FrameFile, frame
from tbgrad.events.writer import EventWriter
from tbgrad.records import Images, Scalars, Texts


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("together", [True, False], ids=["packed", "each"])
def test_every_spelling_of_a_number_is_read_in_blocks(tmp_path, parts, monkeypatch, spelling, together):
    value = np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32)
    spell = SPELLINGS[spelling]
    payloads = []
    for step, row in enumerate(value):
        values = [spell(f"tag{'_' * i}", number) for i, number in enumerate(row)]
        for group in [values] if together else [[v] for v in values]:
            payloads.append(event(step, group).SerializeToString())
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    for i in range(3):
        series = found.scalars[f"tag{'_' * i}"]
        assert series.value.tobytes() == value[:, i].tobytes() and series.step.tolist() == list(range(3000))
        assert series.wall_time.tolist() == [1.7e9 + step / 7 for step in range(3000)]
    assert found.damage == () and parts["blocks"] > 0 and parts["events"] < len(payloads) / 5
    same(found, one_by_one(tmp_path, monkeypatch))


@pytest.mark.parametrize("period", [["a", "a", "b"], ["a", "b", "a", "c", "a"], ["b", "bb", "b", "bb", "b"]])
def test_a_tag_that_comes_several_times_in_a_period(tmp_path, parts, monkeypatch, period):
    numbers = np.random.default_rng(1).normal(size=(500, len(period))).astype(np.float32)
    payloads = [
        event(300 + 10 * row + place, [simple(tag, numbers[row, place])]).SerializeToString()
        for row in range(500)
        for place, tag in enumerate(period)
    ]
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    for tag in set(period):
        places = [place for place, other in enumerate(period) if other == tag]
        assert found.scalars[tag].value.tobytes() == numbers[:, places].tobytes()
        assert found.scalars[tag].step.tolist() == [300 + 10 * row + place for row in range(500) for place in places]
    assert parts["blocks"] > 0 and parts["events"] < 200
    same(found, one_by_one(tmp_path, monkeypatch))


def test_many_tags_at_each_step_are_read_in_blocks(tmp_path, parts):
    tags = [f"layer_{i}/norm" for i in range(150)]
    put(tmp_path, [event(200 + s, [simple(t, s)]).SerializeToString() for s in range(60) for t in tags])
    found = read_run(tmp_path)
    assert all(found.scalars[tag].value.tolist() == list(range(60)) for tag in tags)
    assert parts["blocks"] > 0 and parts["events"] < 1000


@pytest.mark.parametrize("spell", [double, None], ids=["double", "badly spelled"])
def test_what_has_no_layout_is_read_event_by_event(tmp_path, parts, spell):
    if spell:
        payloads = [event(step, [spell("a", step / 2)]).SerializeToString() for step in range(300)]
    else:
        payloads = [badly_spelled(event(step, [simple("a", step / 2)])) for step in range(300)]
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    assert found.scalars["a"].value.tolist() == [step / 2 for step in range(300)]
    assert found.scalars["a"].step.tolist() == list(range(300))
    assert found.damage == () and parts == {"blocks": 0, "events": 300}


@pytest.mark.parametrize("spell", [simple, content, float_val, with_metadata])
@pytest.mark.parametrize("count", [3, 300], ids=["events", "blocks"])
def test_every_bit_of_a_number_is_kept(tmp_path, spell, count):
    """Also those that Python's numbers lose: which NaN it is."""
    bits = np.random.default_rng(5).integers(0, 2**32, count, dtype=np.uint32)
    bits[:3] = 0x7F800001, 0xFFC12345, 0x80000000
    marker = struct.pack("<f", 1.2345)
    payloads = []
    for step, pattern in enumerate(bits):
        payload = event(200 + step, [spell("a", np.float32(1.2345))]).SerializeToString()
        assert payload.count(marker) == 1
        payloads.append(payload.replace(marker, struct.pack("<I", pattern)))
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    assert found.scalars["a"].value.tobytes() == bits.tobytes() and found.damage == ()


@st.composite
def loops(draw):
    """What training loops write: some tags often, some seldom, pictures between, in any spelling."""
    tags = draw(st.lists(st.text("ab/", max_size=3), min_size=1, max_size=5, unique=True))
    every = [draw(st.sampled_from([1, 1, 1, 2, 10, 97])) for _ in tags]
    spell = [draw(st.sampled_from([*SPELLINGS.values(), double])) for _ in tags]
    start = draw(st.sampled_from([0, 100, 2**14 - 50, -120, 2**56 - 60]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    text_every = draw(st.sampled_from([50, 10**9]))
    payloads = []
    for step in range(draw(st.integers(1, 300))):
        drawn = zip(tags, every, spell, rng.normal(size=len(tags)), strict=True)
        due = [f(tag, number) for tag, n, f, number in drawn if step % n == 0]
        if due and draw(st.booleans()) and len(due) > 1:
            payloads.append(event(start + step, due))
        else:
            payloads += [event(start + step, [value]) for value in due]
        if step % text_every == 7:
            tensor = tensor_util.make_tensor_proto(b"text")
            payloads.append(event(start + step, [Summary.Value(tag="text", tensor=tensor)]))
    return [payload.SerializeToString() for payload in payloads]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(loops(), st.data())
def test_blocks_and_events_agree_also_on_damaged_files(payloads, data):
    frames = [frame(payload) for payload in payloads]
    spoiled = bytearray(b"".join(frames))
    for _ in range(data.draw(st.integers(0, 3))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(spoiled)))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        (Path(directory) / "a.tfevents").write_bytes(spoiled[: cut or None])
        found, expected = read_run(directory), one_by_one(directory, patch)
    same(found, expected)
    assert set(found.texts) == set(expected.texts)


def test_a_flipped_bit_in_a_long_series_costs_one_event(tmp_path):
    count = 40_000
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", np.arange(count), np.arange(count), np.arange(count) / 8))
    writer.close()
    (path,) = tmp_path.iterdir()
    data, offsets = path.read_bytes(), [0]
    while offsets[-1] < len(data):
        offsets.append(offsets[-1] + 16 + struct.unpack_from("<Q", data, offsets[-1])[0])
    for index in (1, 2, 130, 20_000, 39_999, count):
        for place in (0, 9, 12, 20, 25, 40, offsets[index + 1] - offsets[index] - 1):
            spoiled = bytearray(data)
            spoiled[offsets[index] + place] ^= 0x40
            path.write_bytes(spoiled)
            found = read_run(tmp_path)
            assert len(found.damage) == 1 and f"{path}, byte {offsets[index]}:" in found.damage[0]
            assert found.scalars["loss"].value.tolist() == [i for i in range(count) if i != index - 1]


def test_a_file_that_grows_is_read_as_far_as_it_goes(tmp_path):
    writer = EventWriter(tmp_path)
    for count in (1, 10, 100, 1000, 10_000):
        writer.write(Scalars("loss", np.arange(count) + 10 * count, np.ones(count), 1.0))
        writer.flush()
        assert read_run(tmp_path).scalars["loss"].step[-1] == 11 * count - 1
    (path,) = tmp_path.iterdir()
    with FrameFile(path) as file:
        size = file.size
        writer.write(Scalars("loss", [200_000], [1.0], 1.0))
        writer.close()
        assert file.size == size < path.stat().st_size and file.frame(size) is None
    with FrameFile(path) as file:
        path.write_bytes(b"")
        assert file.frame(0).payload is None and file.size == 0


def test_only_the_tags_asked_for(tmp_path):
    step = np.arange(500)
    writer = EventWriter(tmp_path)
    writer.write([Scalars(tag, step, step, 1.0) for tag in ("a", "b", "c")])
    writer.write([Texts("story", 0, "text"), Images("picture", [0], [b"png"], (1, 1))])
    writer.close()
    found = read_run(tmp_path, tags=["b", "story", "absent"])
    assert set(found.scalars) == {"b"} and set(found.texts) == {"story"} and not found.images
    assert found.scalars["b"].value.tolist() == step.tolist()
    assert set(read_run(tmp_path, tags="a").scalars) == {"a"}
    assert not read_run(tmp_path, tags=[]).scalars
