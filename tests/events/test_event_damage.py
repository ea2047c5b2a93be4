"""Damaged files: what is whole is read, what is not is told, and nothing raises."""

import os
import struct
import tracemalloc

import numpy as np
import pytest
from google.protobuf import struct_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import plugin_data_pb2

from tbgrad.events.reader import most_events, read_run
from tbgrad.events.tfrecord import FrameFile, masked_checksum
from tbgrad.events.writer import EventWriter
from tbgrad.records import Scalars, Texts

VALUES = [0.5, 0.25, 0.125, 0.0625]


@pytest.fixture
def file(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", range(4), VALUES, wall_time=1.0))
    writer.close()
    (path,) = tmp_path.iterdir()
    return path


def offsets(data):
    """Where each frame begins, and the file's end, by the lengths alone."""
    found = [0]
    while found[-1] < len(data):
        (length,) = struct.unpack_from("<Q", data, found[-1])
        found.append(found[-1] + 12 + length + 4)
    return found


def scalars(path):
    records = read_run(path.parent)
    found = records.scalars.get("loss")
    return ([] if found is None else found.value.tolist()), records.damage


def flipped(data, place, bits=0x10):
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


def test_truncated_at_every_byte(file):
    data = file.read_bytes()
    ends = offsets(data)
    assert len(ends) == 6 and ends[-1] == len(data)
    for size in range(len(data) + 1):
        file.write_bytes(data[:size])
        whole = sum(end <= size for end in ends[1:])
        values, damage = scalars(file)
        # The first event is the file's version.
        assert values == VALUES[: max(0, whole - 1)], size
        assert most_events(file.parent) == whole
        if size in ends:
            assert damage == ()
        else:
            # A writer at work may leave the same behind, so the words leave it open.
            assert len(damage) == 1 and f"{file}, byte {ends[whole]}: {size - ends[whole]} bytes are left" in damage[0]
            assert "cut off, or still being written" in damage[0]


@pytest.mark.parametrize("which", range(5))
def test_a_flipped_byte_of_a_payload_is_told_and_passed_over(file, which):
    data = file.read_bytes()
    begin, end = offsets(data)[which : which + 2]
    for place in range(begin + 12, end):
        file.write_bytes(flipped(data, place))
        values, damage = scalars(file)
        assert damage == (f"{file}, byte {begin}: the payload's checksum is wrong",), place
        assert values == [v for i, v in enumerate(VALUES) if i != which - 1]


@pytest.mark.parametrize("which", range(5))
def test_behind_a_flipped_byte_of_a_length_the_next_event_is_found(file, which):
    data = file.read_bytes()
    begin, end = offsets(data)[which : which + 2]
    for place in range(begin, begin + 12):
        file.write_bytes(flipped(data, place))
        values, damage = scalars(file)
        assert values == [v for i, v in enumerate(VALUES) if i != which - 1], place
        goes_on = f"; reading goes on at byte {end}" if which < 4 else ""
        assert damage == (f"{file}, byte {begin}: the length's checksum is wrong{goes_on}",)


@pytest.mark.parametrize("claimed", [10**18, 2**64 - 1, 2**63, 100_000])
@pytest.mark.parametrize("which", [0, 2, 4])
def test_a_length_that_claims_more_than_there_is(file, claimed, which):
    """With the right checksum, so that nothing but the file's size can contradict it."""
    data = file.read_bytes()
    begin = offsets(data)[which]
    length = struct.pack("<Q", claimed)
    head = length + struct.pack("<I", masked_checksum(length))
    tracemalloc.start()
    file.write_bytes(data[:begin] + head + data[begin + 12 :])
    values, damage = scalars(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values == [v for i, v in enumerate(VALUES) if i != which - 1]
    assert len(damage) == 1 and f"{file}, byte {begin}: {len(data) - begin} bytes are left of the" in damage[0]
    assert ("goes on at byte" in damage[0]) == (which < 4) and peak < 2**20


def test_junk_between_events_is_passed_over(file):
    data = file.read_bytes()
    cut = offsets(data)[3]
    for junk in (b"\0", bytes(70_000), np.random.default_rng(2).bytes(200_001), data[:cut][-40:]):
        file.write_bytes(data[:cut] + junk + data[cut:])
        values, damage = scalars(file)
        assert values == VALUES and len(damage) == 1 and f"byte {cut}:" in damage[0]
        assert damage[0].endswith(f"reading goes on at byte {cut + len(junk)}")


@pytest.mark.parametrize("lost", [1, 7, 20])
def test_behind_an_event_that_lost_bytes_the_next_is_found(file, lost):
    data = file.read_bytes()
    begin, end = offsets(data)[2:4]
    file.write_bytes(data[: begin + 20] + data[begin + 20 + lost :])
    values, damage = scalars(file)
    assert values == [VALUES[0], *VALUES[2:]]
    assert damage == (f"{file}, byte {begin}: the payload's checksum is wrong; reading goes on at byte {end - lost}",)


def test_heads_that_claim_the_rest_again_and_again_come_to_an_end(file):
    count = 3000
    lengths = [12 * (count - i) for i in range(count)]
    heads = b"".join(frame(bytes(length))[:12] for length in lengths)
    file.write_bytes(file.read_bytes() + b"\0" + heads + bytes(50))
    values, damage = scalars(file)
    assert values == VALUES and len(damage) == 1


def test_a_file_truncated_while_it_is_read(file):
    file.write_bytes(np.random.default_rng(3).bytes(3 * 2**20))
    with FrameFile(file) as opened:
        os.truncate(file, 2**20 + 5000)
        assert opened.frame(0).payload is None and opened.size <= 2**20 + 5000


def test_hparams_without_a_value_are_left_out(file):
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=1.0)
    start.hparams["none"].CopyFrom(struct_pb2.Value())
    start.hparams["rate"].number_value = 0.5
    content = plugin_data_pb2.HParamsPluginData(session_start_info=start).SerializeToString()
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=content))
    value = Summary.Value(tag="_hparams_/session_start_info", metadata=metadata)
    file.write_bytes(file.read_bytes() + frame(Event(summary=Summary(value=[value])).SerializeToString()))
    assert read_run(file.parent).hparams.values == {"rate": 0.5} and scalars(file) == (VALUES, ())


def test_a_tensor_that_claims_a_petabyte(file):
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=2**44), TensorShapeProto.Dim(size=3)])
    tensor = TensorProto(dtype=DT_DOUBLE, tensor_shape=shape, double_val=[1.0])
    value = Summary.Value(tag="claims", tensor=tensor)
    file.write_bytes(file.read_bytes() + frame(Event(summary=Summary(value=[value])).SerializeToString()))
    values, damage = scalars(file)
    assert values == VALUES and len(damage) == 1 and "claims" in damage[0]


def test_the_next_file_is_read_behind_a_damaged_one(file):
    data = file.read_bytes()
    file.write_bytes(b"\0" + data[1:])
    writer = EventWriter(file.parent)
    writer.write(Texts("story", 0, "still here"))
    writer.close()
    records = read_run(file.parent)
    assert records.texts["story"].text == ("still here",) and len(records.damage) == 1


def frame(payload):
    length = struct.pack("<Q", len(payload))
    tail = struct.pack("<I", masked_checksum(payload))
    return length + struct.pack("<I", masked_checksum(length)) + payload + tail


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"\x0a", b"\x2a\x7f\x01"], ids=["junk", "cut", "short"])
def test_a_whole_frame_that_holds_no_event(file, payload):
    data = file.read_bytes()
    cut = offsets(data)[3]
    file.write_bytes(data[:cut] + frame(payload) + data[cut:])
    values, damage = scalars(file)
    assert values == VALUES and len(damage) == 1 and f"byte {cut}:" in damage[0] and "not an event" in damage[0]


def test_an_empty_event_is_passed_over(file):
    file.write_bytes(file.read_bytes() + frame(b""))
    assert scalars(file) == (VALUES, ())


EMPTY = TensorProto(dtype=DT_FLOAT)
EMPTY.tensor_shape.dim.add(size=0)
STRING = TensorProto(dtype=DT_STRING, string_val=[b"word"])


@pytest.mark.parametrize(
    ("plugin", "tensor", "content"),
    [
        ("scalars", EMPTY, b""),
        ("scalars", STRING, b""),
        ("scalars", TensorProto(dtype=99), b""),
        ("images", STRING, b""),
        ("images", EMPTY, b""),
        ("hparams", EMPTY, b"\xff\xff"),
    ],
)
def test_a_whole_event_that_its_plugin_cannot_hold(file, plugin, tensor, content):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))
    value = Summary.Value(tag="strange", tensor=tensor, metadata=metadata)
    data = file.read_bytes()
    file.write_bytes(data + frame(Event(summary=Summary(value=[value])).SerializeToString()))
    values, damage = scalars(file)
    assert values == VALUES and len(damage) == 1 and f"byte {len(data)}:" in damage[0]


def test_random_bytes_never_raise(file):
    random = np.random.default_rng(0)
    data = np.frombuffer(file.read_bytes(), np.uint8)
    for _ in range(300):
        spoiled = data.copy()
        where = random.integers(0, len(data), size=random.integers(1, 6))
        spoiled[where] = random.integers(0, 256, size=len(where))
        file.write_bytes(spoiled.tobytes())
        values, damage = scalars(file)
        assert damage or (spoiled == data).all()
        assert set(values) <= set(VALUES)


def test_bytes_that_are_no_event_file_at_all(tmp_path):
    (tmp_path / "x.tfevents").write_bytes(np.random.default_rng(1).bytes(5000))
    records = read_run(tmp_path)
    assert len(records.damage) == 1 and not records.scalars
