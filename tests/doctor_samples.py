"""Runs that are ill on purpose, written event by event, and what the doctor says of them."""

import os
import time

import numpy as np
from hand_events import event, simple
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util

import tbgrad
from tbgrad.events.tfrecord import frame

NAME = "events.out.tfevents.1.hand"
VERSION = Event(file_version="brain.Event:2", wall_time=1.7e9)
HEAD = len(frame(VERSION.SerializeToString()))


def losses(steps, tag="loss", sign=1):
    """An event for each step, as tf.compat.v1 and torch spell it."""
    return [event(int(step), [simple(tag, sign * float(step) / 8)]) for step in steps]


def put(directory, events, name=NAME, age=3600):
    """Writes an event file that was last changed so many seconds ago."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_bytes(b"".join(frame(one.SerializeToString()) for one in [VERSION, *events]))
    return aged(path, age)


def aged(path, seconds=3600):
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def tensor(tag, array, plugin="", content=b""):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))
    value = Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(array))
    if plugin:
        value.metadata.CopyFrom(metadata)
    return value


def session(trial="", /, **settings):
    """The start of a session with these hparams; None is written as protobuf's null."""
    start = plugin_data_pb2.SessionStartInfo(group_name=trial, start_time_secs=1.0)
    for name, value in settings.items():
        if value is None:
            start.hparams[name].null_value = 0
        else:
            kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
            setattr(start.hparams[name], kind, value)
    return _hparams("session_start_info", start)


def ending(status):
    return _hparams("session_end_info", plugin_data_pb2.SessionEndInfo(status=status))


def experiment(hparams, metrics):
    infos = [api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_FLOAT64) for name in hparams]
    wanted = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metrics]
    return _hparams("experiment", api_pb2.Experiment(hparam_infos=infos, metric_infos=wanted))


def _hparams(kind, message):
    data = plugin_data_pb2.HParamsPluginData(**{kind: message}).SerializeToString()
    return event(0, [tensor(f"_hparams_/{kind}", np.float32(0), "hparams", data)])


def the_finding(logdir, fault):
    """The only finding, which is of this fault."""
    found = tbgrad.examine(logdir).findings
    assert [finding.fault for finding in found] == [fault], found
    return found[0]


def faults(logdir):
    return [finding.fault for finding in tbgrad.examine(logdir).findings]
