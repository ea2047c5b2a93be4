"""Memory goes by the series asked for and by the largest event, not by the file and its damage."""

import tracemalloc

import numpy as np
import pytest

from tbgrad.events.reader import read_run
from tbgrad.events.writer import EventWriter
from tbgrad.records import Images, Scalars


def test_damage_everywhere_takes_no_more_memory(tmp_path):
    step = np.arange(50_000)
    writer = EventWriter(tmp_path)
    writer.write(Scalars("loss", step, step, step / 3))
    writer.close()
    (path,) = tmp_path.iterdir()
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    data[3000::600] ^= 1
    path.write_bytes(data.tobytes())
    tracemalloc.start()
    try:
        found = read_run(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.damage) > 3000 and len(found.scalars["loss"].value) > 45_000 and peak < 8 * len(data)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Seven tags of 200,000 scalars, and 20 MB of pictures."""
    directory = tmp_path_factory.mktemp("large")
    writer = EventWriter(directory)
    step = np.arange(200_000)
    writer.write(Scalars(f"tag_{i}", step, step, step / 3) for i in range(6))
    writer.write(Images("picture", range(20), [bytes(2**20)] * 20, (1, 1)))
    writer.write(Scalars("few", step[::100], step[::100], 1.0))
    writer.close()
    return directory


@pytest.mark.parametrize(("tags", "most"), [(["few"], 8), (["tag_1"], 8 + 4 * 4), (None, 100)])
def test_memory_is_bounded_by_what_is_asked_for(large, tags, most):
    (path,) = large.iterdir()
    assert path.stat().st_size > 2**25
    read_run(large, tags=["few"])
    tracemalloc.start()
    try:
        found = read_run(large, tags)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.scalars) == (7 if tags is None else 1) and peak < most * 2**20, peak / 2**20


def test_memory_of_a_writer_does_not_grow_with_what_is_written(tmp_path):
    def chunks(count):
        for start in range(0, count, 5000):
            step = np.arange(start, start + 5000)
            yield Scalars("loss", step, step, step / 3)

    peaks = []
    for count in (50_000, 500_000):
        writer = EventWriter(tmp_path)
        tracemalloc.start()
        try:
            writer.write(chunks(count))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
            writer.close()
    assert peaks[1] < 1.2 * peaks[0] < 2**24
