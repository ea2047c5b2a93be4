"""tbgrad basins: lines, documents, names, tags, the same request again, and what cannot be asked."""

import json

import numpy as np
import pytest

import tbgrad

ASKED = ["basins", "himmelblau", "--optimizer", "sgd", "--learning-rate", "0.004", "--points", "16", "--steps", "400"]
NAME = "himmelblau/basins/sgd_lr0.004_points16_steps400"
ARRAYS = {"x", "y", "position", "value", "steps_made", "status", "basin"}
TINY = ["--learning-rate", "0.004", "--points", "3", "--steps", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the runs of this file lie, so that the same request is made once."""
    return tmp_path_factory.mktemp("basins")


def test_the_document(document, place):
    answer = document(*ASKED, "--logdir", place)
    assert {"function", "logdir", "run", "optimizer", "settings", "learning_rate", "rate_rule", "ends"} <= set(answer)
    assert set(answer) >= ARRAYS
    assert (answer["function"], answer["run"], answer["logdir"]) == ("himmelblau", NAME, str(place))
    assert (answer["learning_rate"], answer["rate_rule"], answer["steps"]) == (0.004, "as given", 400)
    assert answer["axes"] == ["x", "y"] and answer["fixed"] == {} and answer["settings"] == {}
    assert answer["x"] == pytest.approx(np.linspace(-5, 5, 16)) and answer["y"] == pytest.approx(answer["x"])
    assert np.shape(answer["position"]) == (16, 16, 2) and np.shape(answer["basin"]) == (16, 16)
    assert {answer["statuses"][code] for row in answer["status"] for code in row} == {"converged"}
    assert len(answer["ends"]) == 4 and sorted(end["known"] for end in answer["ends"]) == [0, 1, 2, 3]
    assert [end["count"] for end in answer["ends"]] == np.bincount(np.ravel(answer["basin"])).tolist()
    assert {end["point"] for end in answer["ends"]} == {"minimum"}
    metrics = answer["metrics"]
    assert (metrics["share_of_global_minimum"], metrics["share_converged"]) == (1.0, 1.0)
    assert metrics["median_steps"] == np.median(answer["steps_made"])


def test_the_lines(typed, place):
    result = typed(*ASKED, "--quiet", "--logdir", place)
    assert (result.exit_code, result.stderr) == (0, "")
    first, counts, *ends, last = result.stdout.splitlines()
    assert "himmelblau" in first and "sgd" in first and "0.004" in first and "16 × 16" in first
    assert counts == "256 converged"
    assert len(ends) == 4 and all("minimum (" in line and "a known global minimum" in line for line in ends)
    assert any("(3, 2)" in line for line in ends)
    shares = [float(line.split("%")[0]) for line in ends]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(100, abs=0.03)
    assert last == f"{place}/{NAME}"


def test_the_run(typed, place):
    typed(*ASKED, "--logdir", place)
    run = place / NAME
    records = tbgrad.read_run(run)
    assert set(records.images) == {"basins/minimum", "basins/steps"}
    assert {"basins/final_value", "basins/steps_made"} == set(records.histograms)
    assert "basins/story" in records.texts
    assert set(records.scalars) == {
        "metrics/share_of_global_minimum",
        "metrics/median_steps",
        "metrics/share_converged",
    }
    assert records.hparams.values["optimizer"] == "sgd" and records.hparams.values["learning_rate"] == 0.004
    with np.load(run / "arrays.npz") as arrays:
        assert set(arrays) >= ARRAYS
        assert arrays["position"].shape == (16, 16, 2) and arrays["position"].dtype == np.float64
    kept = json.loads((run / "run.json").read_text())
    assert kept["status"] == "complete" and kept["asked"]["command"] == "basins"


def test_the_same_request_finds_the_run(typed, document, contents, place):
    first, first_document = typed(*ASKED, "--logdir", place), document(*ASKED, "--logdir", place)
    before = contents(place)
    again = [*ASKED, "--over", "x=-5:5", "--over", "y=-5:5", "--option", "momentum=0", "--logdir", place]
    assert typed(*again).stdout == first.stdout
    assert document(*again) == first_document
    assert contents(place) == before


def test_overwrite_makes_it_anew(typed, tmp_path):
    words = ["basins", "himmelblau", *TINY, "--logdir", tmp_path]
    first = typed(*words)
    old = {path.name for path in tmp_path.rglob("events.*")}
    again = typed(*words, "--overwrite")
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    new = {path.name for path in tmp_path.rglob("events.*")}
    assert len(new) == 1 and not new & old


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "himmelblau/basins/adam_lr0.004_points3_steps2"),
        (["--over", "x=0:5"], "himmelblau/basins/adam_lr0.004_x0_5_y-5_5_points3_steps2"),
        (
            ["--optimizer", "SGD", "--option", "momentum=0.5"],
            "himmelblau/basins/sgd_lr0.004_momentum0.5_points3_steps2",
        ),
        (["--dtype", "float32"], "himmelblau/basins/adam_lr0.004_points3_steps2_dtypefloat32"),
        (["--run", "my/own"], "my/own"),
    ],
)
def test_names(typed, place, words, name):
    result = typed("basins", "himmelblau", *TINY, *words, "--logdir", place)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{place}/{name}"


def test_starts_that_diverge_are_no_failure(typed, document, place):
    words = ["basins", "sphere", "--optimizer", "sgd", "--learning-rate", "1.5", "--points", "4", "--steps", "150"]
    result = typed(*words, "--logdir", place)
    assert result.exit_code == 0
    assert "16 diverged" in result.stdout and "many starts did not converge" in result.stdout
    answer = document(*words, "--logdir", place)
    assert answer["ends"] == [] and answer["metrics"]["median_steps"] is None
    assert np.unique(answer["basin"]).tolist() == [-1]
    assert "metrics/median_steps" not in tbgrad.read_run(place / answer["run"]).scalars


def test_holes_are_no_failure(document, place):
    words = ["basins", "x - log(x) + y**2", "--over", "x=-1:2", "--over", "y=-1:1", "--optimizer", "sgd"]
    answer = document(*words, "--learning-rate", "0.1", "--points", "6", "--steps", "300", "--logdir", place)
    statuses = [[answer["statuses"][code] for code in row] for row in answer["status"]]
    assert statuses == [["not_finite" if x < 0 else "converged" for x in np.linspace(-1, 2, 6)]] * 6
    assert answer["value"][0][0] == "NaN"
    (end,) = answer["ends"]
    assert end["position"] == pytest.approx([1, 0], abs=1e-5) and end["known"] is None


def test_a_third_variable_is_fixed(document, typed, place):
    words = ["basins", "x**2 + y**2 + (z - x)**2", "--over", "x=-1:1", "--over", "y=-1:1", "--fix", "z=2", "--points"]
    words += ["4", "--optimizer", "sgd", "--learning-rate", "0.1", "--steps", "300", "--logdir", place]
    answer = document(*words)
    assert answer["fixed"] == {"z": 2.0} and np.shape(answer["position"]) == (4, 4, 3)
    assert answer["ends"][0]["position"] == pytest.approx([0, 0, 0], abs=1e-5)
    assert "z2" in answer["run"] and "z = 2" in typed(*words).stdout


WRONG = {
    "one variable": (["fading_wave"], ["fading_wave", "one variable"]),
    "no domain": (["x**2 + y**2"], ["--over x=-1:1 --over y=-1:1"]),
    "part of a domain": (["x**2 + y**2", "--over", "x=-1:1"], ["--over y=-1:1"]),
    "over nothing": (["himmelblau", "--over", "z=0:1"], ["'z'", "x, y"]),
    "over one twice": (["himmelblau", "--over", "x=0:1", "--over", "x=0:2"], ["different", "x, x"]),
    "upside down": (["himmelblau", "--over", "x=1:0"], ["x=1:0", "LOW < HIGH"]),
    "no range": (["himmelblau", "--over", "x"], ["--over"]),
    "fixed and over": (["himmelblau", "--over", "x=0:1", "--over", "y=0:1", "--fix", "x=1"], ["x"]),
    "nothing left": (["himmelblau", "--fix", "x=1"], ["--over"]),
    "fix of nothing": (["himmelblau", "--fix", "z=1"], ["'z'", "x, y"]),
    "fixed twice": (["himmelblau", "--fix", "x=1", "--fix", "x=2"], ["--fix", "twice"]),
    "too many points": (["himmelblau", "--points", "100000"], ["points is 100000", "4,096"]),
    "one point": (["himmelblau", "--points", "1"], ["points is 1"]),
    "no points": (["himmelblau", "--points", "-1"], ["points is -1"]),
    "half a point": (["himmelblau", "--points", "1.5"], ["1.5"]),
    "no steps": (["himmelblau", "--points", "3", "--steps", "0"], ["steps is 0"]),
    "rate zero": (["himmelblau", "--points", "3", "--learning-rate", "0"], ["learning rate"]),
    "a learning rate": (["himmelblau", "--option", "learning_rate=1"], ["learning_rate", "--learning-rate"]),
    "optimizer": (["himmelblau", "--optimizer", "adm"], ["adm", "adam"]),
    "setting": (["himmelblau", "--option", "beta1=0.5"], ["beta1", "beta_1"]),
    "start": (["himmelblau", "--start", "1,1"], ["--start"]),
    "function": (["himelblau"], ["himelblau", "himmelblau"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_asked(typed, tmp_path, what):
    words, holds = WRONG[what]
    result = typed("basins", *words, "--logdir", tmp_path / "logs")
    assert result.exit_code == 2, result.stdout + result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    for part in holds:
        assert part in result.stderr
    assert not list(tmp_path.iterdir())
