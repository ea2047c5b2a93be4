"""Events made by hand, as writers of all kinds spell them, and read in both ways."""

from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.util import tensor_util

from tbgrad.events.reader import read_run
from tbgrad.events.scanning import KnownLayouts
from tbgrad.events.tfrecord import frame

METADATA = create_summary_metadata(display_name="", description="")


def simple(tag, number):
    return Summary.Value(tag=tag, simple_value=number)


def content(tag, number):
    tensor = tensor_util.make_tensor_proto(np.float32(0))
    tensor.ClearField("float_val")
    tensor.tensor_content = np.float32(number).tobytes()
    return Summary.Value(tag=tag, tensor=tensor)


def float_val(tag, number):
    return Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(np.float32(number)))


def with_metadata(tag, number):
    return Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(np.float32(number)), metadata=METADATA)


def double(tag, number):
    return Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(np.float64(number)), metadata=METADATA)


def badly_spelled(event):
    """Valid protobuf that no library writes: the step last, and with a byte too many."""
    step = event.step
    event.ClearField("step")
    return event.SerializeToString() + b"\x10" + bytes([step & 127 | 128, step >> 7 & 127 | 128, step >> 14 | 128, 0])


def event(step, values):
    return Event(wall_time=1.7e9 + step / 7, step=step, summary=Summary(value=values))


def put(directory, payloads):
    path = Path(directory) / "events.out.tfevents.1.hand"
    path.write_bytes(b"".join(map(frame, payloads)))
    return path


def one_by_one(directory, monkeypatch):
    """What protobuf finds alone."""
    with monkeypatch.context() as patched:
        patched.setattr(KnownLayouts, "learn", lambda *_: None)
        return read_run(directory)


def same(found, expected):
    assert list(found.scalars) == list(expected.scalars) and found.damage == expected.damage
    for tag, record in expected.scalars.items():
        for name in ("step", "wall_time", "value"):
            assert getattr(found.scalars[tag], name).tobytes() == getattr(record, name).tobytes(), (tag, name)


SPELLINGS = {f.__name__: f for f in (simple, content, float_val, with_metadata)}
