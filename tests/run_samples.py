"""Small runs, made on purpose."""

import numpy as np

from tbgrad.events.reader import read_run
from tbgrad.events.writer import EventWriter
from tbgrad.records import Scalars
from tbgrad.runs.opening import open_run


def loss(*values, first=0):
    return Scalars("loss", range(first, first + len(values)), values)


def losses(directory):
    return read_run(directory).scalars["loss"].value.tolist()


def complete(directory, *values, **about):
    with open_run(directory, about=about) as run:
        run.write(loss(*values))
        run.save({"value": np.array(values)})
    return directory


def foreign(directory):
    directory.mkdir(parents=True)
    writer = EventWriter(directory)
    writer.write(loss(7.0))
    writer.close()
    return directory
