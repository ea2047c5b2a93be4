"""tbgrad export: what goes to stdout, what to files, and what is refused."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest
from run_samples import complete

import tbgrad
from tbgrad.cli.export import _FORMATS
from tbgrad.comparison.exports.exporting import FORMATS
from tbgrad.records import HParams, Scalars


@pytest.fixture
def runs(logdir):
    for name, rate in (("a", 0.1), ("b", 0.01)):
        with tbgrad.open_run(logdir / name) as run:
            run.write([Scalars("loss", [0, 1, 5], [0.1, np.nan, -np.inf], 1.5), HParams({"rate": rate})])
            run.write(Scalars("train/x, y", 7, rate, 0.1 + 0.2))
    return logdir


TIDY = """run,tag,step,wall_time,value
a,loss,0,1.5,0.1
a,loss,1,1.5,NaN
a,loss,5,1.5,-Infinity
a,"train/x, y",7,0.30000000000000004,0.1
b,loss,0,1.5,0.1
b,loss,1,1.5,NaN
b,loss,5,1.5,-Infinity
b,"train/x, y",7,0.30000000000000004,0.01
"""


def test_tidy_to_stdout(typed, runs, contents):
    before = contents(runs)
    result = typed("export", runs)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", TIDY)
    assert typed("export", runs, "--output", "-").stdout == TIDY
    assert contents(runs) == before


def test_selections(typed, runs):
    rows = TIDY.splitlines(keepends=True)
    assert typed("export", runs, "--tag", "train/*").stdout == rows[0] + rows[4] + rows[8]
    assert typed("export", runs, "--tag", "l*", "--tag", "train/*", "--where", "rate<0.05").stdout == "".join(
        [rows[0], *rows[5:]]
    )
    one = typed("export", runs / "b", "--tag", "loss").stdout.splitlines()
    assert len(one) == 4 and one[1] == f"{(runs / 'b').as_posix()},loss,0,1.5,0.1"


def test_the_default_place(typed, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert typed("export").stdout == TIDY
    monkeypatch.setenv("TBGRAD_LOGDIR", str(runs / "a"))
    assert typed("export").stdout.count("\n") == 5


def test_to_a_file(typed, document, runs, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    result = typed("export", runs, "--output", out)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"8 scalars, 4 series of 2 runs\n{out}\n"
    assert out.read_bytes().decode() == TIDY
    answer = document("export", runs, "--output", out)
    assert answer == {"runs": 2, "series": 4, "scalars": 8, "output": str(out)}


def test_tensorboards_form(typed, document, runs, tmp_path):
    words = ["export", runs, "--format", "tensorboard"]
    one = typed(*words, "--tag", "loss", "--where", "rate=0.1")
    assert one.stdout == "Wall time,Step,Value\n1.5,0,0.1\n1.5,1,NaN\n1.5,5,-Infinity\n"
    assert document(*words, "--output", tmp_path / "all")["series"] == 4
    files = {path.relative_to(tmp_path / "all").as_posix() for path in (tmp_path / "all").rglob("*.csv")}
    assert files == {f"{run}/{name}.csv" for run in "ab" for name in ("loss", "train__x, y")}
    assert (tmp_path / "all/a/loss.csv").read_text() == one.stdout


def test_numpy(document, runs, tmp_path):
    out = tmp_path / "values"
    assert document("export", runs, "--format", "numpy", "--output", out)["output"] == str(out)
    with np.load(out) as arrays:
        found = [*zip(arrays["runs"][arrays["run"]], arrays["tags"][arrays["tag"]], arrays["step"], strict=True)]
    assert found == [(row["run"], row["tag"], int(row["step"])) for row in csv.DictReader(io.StringIO(TIDY))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "values"]


def test_formats_are_those_of_python():
    assert tuple(_FORMATS) == FORMATS


def test_a_pipe_that_closes_is_no_error(runs):
    complete(runs / "long", *range(200_000))
    code = "from tbgrad.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "export", str(runs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"run,tag,step,wall_time,value\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(60)


def test_notes_go_to_stderr(typed, runs):
    (file,) = (runs / "a").glob("*tfevents*")
    file.write_bytes(file.read_bytes() + b"\x00\x01")
    result = typed("export", runs, "--tag", "loss", "--tag", "losss")
    assert result.exit_code == 0 and result.stdout.count("\n") == 7
    notes = result.stderr.splitlines()
    assert len(notes) == 2 and all(note.startswith("note: ") for note in notes)
    assert str(file) in notes[0] and "'losss'. Did you mean 'loss'?" in notes[1]
    assert typed("export", runs, "--quiet").stderr == ""


WRONG = {
    "place": (["nowhere"], ["there is no directory 'nowhere'"]),
    "no runs": (["empty"], ["there are no runs in 'empty'"]),
    "tag": (["logs", "--tag", "los"], ["'los'", "Did you mean 'loss'"]),
    "tag to a file": (["logs", "--tag", "los", "--output", "out.csv"], ["Did you mean 'loss'"]),
    "condition": (["logs", "--where", "rate"], ["'rate' is no condition"]),
    "setting": (["logs", "--where", "rte<1"], ["'rte'", "'rate'"]),
    "nobody": (["logs", "--where", "rate>1"], ["none of the 2 runs"]),
    "format": (["logs", "--format", "xls"], ["xls", "tensorboard"]),
    "several to stdout": (["logs", "--format", "tensorboard"], ["--output", "'loss' of 'a'"]),
    "several to a file": (["logs", "--format", "tensorboard", "--output", "file"], ["'file' is a file"]),
    "arrays to stdout": (["logs", "--format", "numpy"], ["--output"]),
    "two on stdout": (["logs", "--json"], ["--json", "--output"]),
    "two on stdout, said": (["logs", "--json", "--output", "-"], ["--json", "--output"]),
    "directory": (["logs", "--output", "empty"], ["cannot write 'empty': it is a directory"]),
    "no directory": (["logs", "--output", "nowhere/out.csv"], ["nowhere/out.csv"]),
    "below a file": (["logs", "--format", "tensorboard", "--output", "file/out"], ["file/out"]),
    "no output": (["logs", "--output", ""], ["--output"]),
    "option": (["logs", "--tags", "loss"], ["--tags", "--tag"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_mistakes(typed, runs, tmp_path, monkeypatch, contents, what):
    words, holds = WRONG[what]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    before = contents(tmp_path)
    result = typed("export", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    for part in holds:
        assert part in result.stderr
    assert contents(tmp_path) == before
