"""What writers should not write and some do: told or kept alike, in blocks and event by event."""

import numpy as np
import pytest
from hand_events import content, event, float_val, one_by_one, put, same, simple, with_metadata
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.util import tensor_util

from tbgrad.events.reader import read_run


def test_other_plugins_values_are_told_alike(tmp_path, monkeypatch):
    """Numbers under a tag that began as a text or a histogram: damage, in blocks as well as alone."""
    for name, tensor in {
        "text": tensor_util.make_tensor_proto(b"text"),
        "histograms": tensor_util.make_tensor_proto(np.zeros((1, 3))),
    }.items():
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=name))
        first = event(1, [Summary.Value(tag="a", tensor=tensor, metadata=metadata)])
        more = [event(300 + i, [content("a", i)]).SerializeToString() for i in range(100)]
        put(tmp_path, [first.SerializeToString(), *more])
        found = read_run(tmp_path)
        assert len(found.damage) == 100 and not found.scalars and len(found.texts) + len(found.histograms) == 1
        same(found, one_by_one(tmp_path, monkeypatch))


@pytest.mark.parametrize("count", [5, 200])
@pytest.mark.parametrize("shape", [[3], [0], [1]])
def test_a_tensor_that_claims_another_number_of_values(tmp_path, monkeypatch, shape, count):
    values = [with_metadata("a", 1.5) for _ in range(count)]
    for value in values:
        for size in shape:
            value.tensor.tensor_shape.dim.add(size=size)
    put(tmp_path, [event(300 + i, [value]).SerializeToString() for i, value in enumerate(values)])
    found = read_run(tmp_path)
    assert len(found.damage) == (0 if shape == [1] else count) and ("a" in found.scalars) == (shape == [1])
    same(found, one_by_one(tmp_path, monkeypatch))


@pytest.mark.parametrize("step", [-(2**40), 2**60])
def test_a_step_whose_sign_does_not_go_with_its_length(tmp_path, monkeypatch, step):
    """Its ninth byte says that a tenth follows, or does not, and the opposite is so: protobuf refuses that."""
    payloads = [event(step + i, [simple("a", i)]).SerializeToString() for i in range(200)]
    spoiled = bytearray(payloads[150])
    spoiled[spoiled.index(b"\x10", 9) + 9] ^= 0x80
    put(tmp_path, [*payloads[:150], bytes(spoiled), *payloads[151:]])
    found = read_run(tmp_path)
    same(found, one_by_one(tmp_path, monkeypatch))
    assert found.scalars["a"].step.tolist()[:150] == [step + i for i in range(150)] and len(found.damage) == 1


def test_a_tag_twice_in_one_event_is_kept_twice(tmp_path, monkeypatch):
    payloads = [event(300 + i, [simple("a", i), simple("a", -i)]).SerializeToString() for i in range(200)]
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    assert found.scalars["a"].value.tolist() == [sign * i for i in range(200) for sign in (1, -1)]
    same(found, one_by_one(tmp_path, monkeypatch))


def test_numbers_of_a_plugin_of_somebody_elses_are_no_scalars(tmp_path, parts):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="theirs"))
    payloads = [
        event(300 + i, [Summary.Value(tag="a", tensor=float_val("a", i).tensor, metadata=metadata)]).SerializeToString()
        for i in range(200)
    ]
    put(tmp_path, payloads)
    found = read_run(tmp_path)
    assert not found.scalars and found.damage == () and parts["blocks"] > 0
