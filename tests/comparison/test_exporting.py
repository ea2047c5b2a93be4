"""Exports read back by csv and NumPy, bit for bit what was written: runs of ours, of TensorFlow, of tensorboardX."""

import csv
import io
import os

import numpy as np
import pytest
import tensorflow as tf
from run_samples import complete
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

import tbgrad
from tbgrad.comparison.exports.csv_rows import _ROWS
from tbgrad.comparison.exports.exported_files import FileNames
from tbgrad.errors import LogdirError, NotARunError, OptionError, UnknownTagError, WriteError
from tbgrad.events.writer import EventWriter
from tbgrad.records import HParams, Scalars

NAN = np.float32(np.nan)
AWKWARD = np.array(
    [0.1, -0.0, 0.0, 0.0, -0.0, NAN, NAN, np.inf, -np.inf, 1e-45, -1e-38, 3.4028235e38, 16777217, 1e16, 1 / 3, 1e-5],
    np.float32,
)
STEPS = np.array([-(2**63), -(2**53) - 1, -7, *range(12), 2**63 - 1], np.int64)
WALLS = np.array([0.1 + 0.2, *[1.7e9] * 13, 1.7e9 + 1e-6, 5e-324])
TIDY = ["run", "tag", "step", "wall_time", "value"]


@pytest.fixture
def runs(logdir):
    """Two runs of ours."""
    rng = np.random.default_rng(3)
    with tbgrad.open_run(logdir / "a/adam") as run:
        run.write([Scalars("descent/value", STEPS, AWKWARD, WALLS), Scalars('odd, "tag"\nhere', [1, 2], [3, 4], 1.5)])
        run.write([Scalars("metrics/best_value", 0, 0.5), HParams({"optimizer": "adam", "learning_rate": 0.1})])
    random = rng.integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with tbgrad.open_run(logdir / "a/sgd") as run:
        run.write(Scalars("descent/value", range(3000), random, 1.7e9 + np.cumsum(rng.random(3000))))
        run.write([Scalars("metrics/best_value", 0, 2.5), HParams({"optimizer": "sgd", "learning_rate": 0.01})])
    return logdir


def written(top):
    """What the runs hold, by run and tag."""
    found = {}
    for run in ("a/adam", "a/sgd"):
        for tag, series in tbgrad.read_run(top / run).scalars.items():
            found[run, tag] = series
    return found


def bits(values):
    """The bits of float32 values, those of one NaN for all of them."""
    values = np.asarray(values, np.float32)
    return np.where(np.isnan(values), NAN, values).view(np.uint32)


def parsed(text):
    """Rows of a tidy CSV, by run and tag."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == TIDY
    found = {}
    for run, tag, step, wall_time, value in rows[1:]:
        found.setdefault((run, tag), []).append((int(step), float(wall_time), np.float32(value)))
    return found


def exported(places, **choice):
    stream = io.BytesIO()
    return tbgrad.export_scalars(places, stream, **choice), stream.getvalue()


def test_tidy_holds_all_bit_for_bit(runs):
    done, content = exported(runs)
    found, expected = parsed(content.decode()), written(runs)
    assert list(found) == list(expected)
    for name, rows in found.items():
        steps, walls, values = zip(*rows, strict=True)
        assert list(steps) == expected[name].step.tolist(), name
        assert np.array(walls).tobytes() == expected[name].wall_time.tobytes(), name
        np.testing.assert_array_equal(bits(values), bits(expected[name].value), str(name))
    assert (done.runs, done.series, done.scalars) == (2, 5, sum(len(s.step) for s in expected.values()))
    assert done.output == "" and done.notes == ()


def test_what_was_written_is_what_the_oracle_has(runs):
    rows = parsed(exported(runs, tags=["descent/value"])[1].decode())["a/adam", "descent/value"]
    assert [step for step, *_ in rows] == STEPS.tolist()
    assert np.array([wall for _, wall, _ in rows]).tobytes() == WALLS.tobytes()
    np.testing.assert_array_equal(bits([value for *_, value in rows]), bits(AWKWARD))


def test_values_are_as_short_as_can_be(runs):
    lines = exported(runs / "a/adam", tags="descent/value")[1].decode().splitlines()[1:]
    values = [line.rsplit(",", 1)[1] for line in lines]
    assert values[:4] == ["0.1", "-0.0", "0.0", "0.0"] and values[5:9] == ["NaN", "NaN", "Infinity", "-Infinity"]
    assert values[9] == "1e-45" and values[14] == "0.33333334"
    for text, value in zip(values, AWKWARD, strict=True):
        digits = text.partition("e")[0].replace(".", "").strip("-0")
        if np.isfinite(value) and len(digits) > 1:
            assert np.float32(f"{value:.{len(digits) - 2}e}") != value, text


def test_numpys_ways_of_old_change_nothing(runs):
    expected = exported(runs)[1]
    with np.printoptions(legacy="1.13", precision=2):
        assert exported(runs)[1] == expected


@pytest.mark.parametrize("length", [_ROWS - 1, _ROWS, _ROWS + 1, 2 * _ROWS])
def test_blocks_of_rows_join(logdir, length):
    values = np.random.default_rng(length).integers(0, 3, length)
    with tbgrad.open_run(logdir / "long") as run:
        run.write(Scalars("loss", range(length), values))
    ((_, rows),) = parsed(exported(logdir)[1].decode()).items()
    assert [step for step, *_ in rows] == list(range(length))
    assert [value for *_, value in rows] == values.tolist()


def test_numpy_file(runs, tmp_path):
    done = tbgrad.export_scalars([runs], tmp_path / "all.npz", "numpy")
    expected = written(runs)
    with np.load(tmp_path / "all.npz") as arrays:
        a = dict(arrays)
    assert {name: array.dtype.name for name, array in a.items() if array.dtype.kind != "U"} == {
        "run": "int32",
        "tag": "int32",
        "step": "int64",
        "wall_time": "float64",
        "value": "float32",
    }
    assert done.output == str(tmp_path / "all.npz") and done.scalars == len(a["value"]) == len(a["step"])
    for (run, tag), series in expected.items():
        here = (a["runs"][a["run"]] == run) & (a["tags"][a["tag"]] == tag)
        for name in ("step", "wall_time", "value"):
            assert a[name][here].tobytes() == getattr(series, name).tobytes(), (run, tag, name)


def test_tensorboards_header_and_files(runs, tmp_path):
    done = tbgrad.export_scalars(runs, tmp_path / "out", "tensorboard")
    names = {("a/adam", 'odd, "tag"\nhere'): "a/adam/odd, _tag__here.csv"}
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.csv")}
    expected = {n: names.get(n, f"{n[0]}/{n[1].replace('/', '__')}.csv") for n in written(runs)}
    assert files == set(expected.values()) and done.series == len(files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "out"]
    for name, series in written(runs).items():
        head, *rows = csv.reader(io.StringIO((tmp_path / "out" / expected[name]).read_text()))
        assert head == ["Wall time", "Step", "Value"]
        assert [(float(w), int(s)) for w, s, _ in rows] == [*zip(series.wall_time, series.step, strict=True)]
        np.testing.assert_array_equal(bits([np.float32(v) for *_, v in rows]), bits(series.value))
    (note,) = done.notes
    assert "a/adam/odd, _tag__here.csv" in note


def test_one_series_in_tensorboards_form(runs, tmp_path):
    _, content = exported(runs / "a/adam", tags=["metrics/*"], format="tensorboard")
    tbgrad.export_scalars(runs / "a/adam", tmp_path / "one.csv", "tensorboard", tags=["metrics/*"])
    assert (tmp_path / "one.csv").read_bytes() == content
    assert content.decode().splitlines()[0] == "Wall time,Step,Value" and content.count(b"\n") == 2
    for place in ("folder/", tmp_path / "there"):
        (tmp_path / "there").mkdir(exist_ok=True)
        output = f"{tmp_path}/{place}" if isinstance(place, str) else place
        tbgrad.export_scalars(runs, output, "tensorboard", tags=["metrics/*"], where=["optimizer=adam"])
        assert [path.name for path in (tmp_path / output).rglob("*.csv")] == ["metrics__best_value.csv"]


def test_runs_of_others(logdir, tmp_path):
    values = np.random.default_rng(5).normal(size=40).astype(np.float32)
    with tf.summary.create_file_writer(str(logdir / "tf")).as_default():
        for step, value in enumerate(values):
            tf.summary.scalar("loss", value, step=3 * step)
        tf.summary.text("story", "no number", step=0)
    with SummaryWriter(str(logdir / "x")) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("loss", value, step, walltime=1e9 + step / 7)
        writer.add_scalar("loss", float("nan"), 99)
        writer.add_histogram("weights", values, 0)
    found = parsed(exported(logdir)[1].decode())
    assert set(found) == {("tf", "loss"), ("x", "loss")}
    for run in ("tf", "x"):
        accumulator = EventAccumulator(str(logdir / run), size_guidance={"scalars": 0, "tensors": 0}).Reload()
        if run == "x":
            events = [(e.step, e.wall_time, e.value) for e in accumulator.Scalars("loss")]
        else:
            events = [(e.step, e.wall_time, tf.make_ndarray(e.tensor_proto)) for e in accumulator.Tensors("loss")]
        rows = found[run, "loss"]
        assert [row[:2] for row in rows] == [event[:2] for event in events]
        np.testing.assert_array_equal(bits([row[2] for row in rows]), bits([event[2] for event in events]))


def test_tags_and_conditions(runs):
    choices = {
        ("descent/*",): {("a/adam", "descent/value"), ("a/sgd", "descent/value")},
        ("metrics/*", "odd*"): {("a/adam", "metrics/best_value"), ("a/adam", 'odd, "tag"\nhere')},
    }
    for tags, expected in choices.items():
        where = ["learning_rate>=0.1"] if len(tags) == 2 else []
        assert set(parsed(exported(runs, tags=tags, where=where)[1].decode())) == expected
    assert {run for run, _ in parsed(exported(runs, where=["best_value>1"])[1].decode())} == {"a/sgd"}
    assert {run for run, _ in parsed(exported(f"{runs}/*/s*")[1].decode())} == {(runs / "a/sgd").as_posix()}


def test_a_tag_with_brackets_is_itself(logdir):
    with tbgrad.open_run(logdir / "r") as run:
        run.write([Scalars("grad[0]", 0, 1), Scalars("grad0", 0, 2)])
    assert [tag for _, tag in parsed(exported(logdir, tags=["grad[0]"])[1].decode())] == ["grad[0]", "grad0"]


def test_a_pattern_that_matches_nothing_beside_one_that_does(runs):
    done, _ = exported(runs, tags=["descent/value", "descent/valeu"])
    (note,) = done.notes
    assert "'descent/valeu'" in note and "Did you mean 'descent/value'" in note


def test_damage_is_told_and_passed_over(runs):
    (file,) = (runs / "a/sgd").glob("*tfevents*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    done, exact = exported(runs)
    (note,) = done.notes
    assert "damaged" in note and str(file) in note
    rows = parsed(exact.decode())["a/sgd", "descent/value"]
    assert 2900 < len(rows) < 3000


@pytest.mark.parametrize(
    ("choice", "kind", "message"),
    [
        ({"tags": ["descent/valeu"]}, UnknownTagError, "Did you mean 'descent/value'"),
        ({"tags": ["x", "zz*"]}, UnknownTagError, "'x' or 'zz\\*'"),
        ({"where": ["optimizer=lion"]}, OptionError, "none of the 2 runs"),
        ({"where": ["rate<1"]}, OptionError, "no run has a setting 'rate'"),
        ({"where": ["rate"]}, OptionError, "no condition"),
        ({"format": "xls"}, OptionError, "tidy, tensorboard, numpy"),
        ({"format": "tensorboard"}, OptionError, "several series: 'descent/value' of 'a/adam' and"),
        ({"format": "numpy", "tags": ["x"]}, UnknownTagError, "no scalar"),
    ],
)
def test_bad_input_writes_nothing(runs, tmp_path, choice, kind, message):
    stream = io.BytesIO()
    with pytest.raises(kind, match=message):
        tbgrad.export_scalars(runs, stream, **choice)
    assert stream.getvalue() == b""
    if "several" not in message:
        (tmp_path / "out.csv").write_text("as it was")
        with pytest.raises(kind, match=message):
            tbgrad.export_scalars(runs, tmp_path / "out.csv", **choice)
        assert (tmp_path / "out.csv").read_text() == "as it was"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "out.csv"]


def test_no_runs_and_no_scalars(logdir, tmp_path):
    with pytest.raises(NotARunError, match="nowhere"):
        tbgrad.export_scalars(tmp_path / "nowhere", tmp_path / "out.csv")
    with SummaryWriter(str(logdir)) as writer:
        writer.add_text("story", "no number")
    with pytest.raises(UnknownTagError, match="no scalars"):
        tbgrad.export_scalars(logdir, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@pytest.mark.parametrize("format", ["tidy", "numpy", "tensorboard"])
def test_what_is_in_the_way(runs, tmp_path, format):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    blocked = tmp_path / "folder" if format != "tensorboard" else tmp_path / "file"
    for output in (blocked, tmp_path / "nowhere/out", tmp_path / "file/out"):
        message = "is a file, and several series need a directory" if output.is_file() else str(output)
        with pytest.raises(LogdirError, match=message):
            tbgrad.export_scalars(runs, output, format)
    assert sorted(path.name for path in tmp_path.rglob("*") if "logs" not in path.parts) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("obstacle", ["a/adam/descent__value.csv/x", "a/adam"])
def test_a_folder_that_cannot_take_all_takes_nothing(runs, tmp_path, obstacle):
    path = tmp_path / "out" / obstacle
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(LogdirError, match="out/a/adam"):
        tbgrad.export_scalars(runs, tmp_path / "out", "tensorboard")
    assert [found for found in (tmp_path / "out").rglob("*") if found.is_file()] == [path]
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == ["a"]


def test_files_are_replaced_whole(runs, tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    tbgrad.export_scalars(runs, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "real.csv").read_text().startswith("run,tag")
    for _ in range(2):
        tbgrad.export_scalars(runs, tmp_path / "out", "tensorboard")
    assert len([*(tmp_path / "out").rglob("*.csv")]) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "logs", "out", "real.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_told(runs, tmp_path):
    with pytest.raises(WriteError, match="/dev/full"):
        tbgrad.export_scalars(runs, "/dev/full")
    assert os.path.exists("/dev/full")


@pytest.fixture
def small_files():
    """No file may grow beyond 20 kB, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("format", ["tidy", "tensorboard", "numpy"])
@pytest.mark.parametrize("before", [None, "old"])
def test_half_an_export_is_none(runs, tmp_path, small_files, format, before):
    if before:
        (tmp_path / "out").mkdir() if format == "tensorboard" else (tmp_path / "out").write_text(before)
    with pytest.raises(WriteError, match=f"cannot write '{tmp_path}/out' to the end"):
        tbgrad.export_scalars(runs, tmp_path / "out", format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", *(["out"] if before else [])]
    if before:
        left = (tmp_path / "out").iterdir() if format == "tensorboard" else (tmp_path / "out").read_text()
        assert [*left] == [*(before if format != "tensorboard" else "")]


def test_every_series_has_a_file_of_its_own():
    names, series = FileNames(), []
    for run in ("a", "A", "a/loss.csv", "../a", "/a", ".", "a/../b", "ä", "a\u0308", "x" * 250, "x" * 251):
        for tag in (
            "loss",
            "Loss",
            "a/b",
            "a__b",
            "",
            "..",
            "a\\b",
            "a:b",
            "y" * 300,
            "y" * 300 + "z",
            "LOSS-2",
            "straße",
        ):
            series.append(names.name(run, tag))
    seen = [name.casefold().replace("a\u0308", "ä") for name in series]
    assert len(set(seen)) == len(seen)
    for name in series:
        parts = name.split("/")
        assert not {"", ".", ".."} & set(parts) and all(len(os.fsencode(p)) <= 255 for p in parts), name
        assert not set('\\:<>"|?*') & set(name) and name.endswith(".csv")
    folders = {"/".join(name.split("/")[:i]).casefold() for name in series for i in range(1, name.count("/") + 1)}
    assert not folders & {name.casefold() for name in series}
    assert FileNames().name("a/b", "c/d") == "a/b/c__d.csv"


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_is_no_folder(order):
    names = FileNames()
    series = [("a", "LOSS"), ("a/loss.csv", "x"), ("a/Loss.csv/b", "x")][::order]
    files = [names.name(*one).lower() for one in series]
    folders = {"/".join(name.split("/")[:i]) for name in files for i in range(1, name.count("/") + 1)}
    assert len({*files}) == 3 and not folders & {*files}


def test_a_run_above_the_place_stays_below_the_output(tmp_path, monkeypatch):
    complete(tmp_path / "logs/one", 1.0)
    complete(tmp_path / "logs/two", 2.0)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    tbgrad.export_scalars(["../logs/one", "../logs/two"], "out", "tensorboard")
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.csv"))
    assert found == ["work/out/__/logs/one/loss.csv", "work/out/__/logs/two/loss.csv"]


def test_steps_that_go_back_are_exported_as_they_are(logdir):
    logdir.mkdir()
    writer = EventWriter(logdir)
    for steps in ([0, 1, 2], [1, 2, 3]):
        writer.write(Scalars("loss", steps, steps))
    writer.close()
    (rows,) = parsed(exported(logdir)[1].decode()).values()
    assert [step for step, *_ in rows] == [0, 1, 2, 1, 2, 3]
