"""tbgrad race: the document against NumPy's loops, racers as runs of their own, exit codes, and what cannot race."""

import json

import numpy as np
import pytest
from oracles import adam, sgd

import tbgrad

STEPS = 200
RACERS = ["--racer", "sgd,0.001", "--racer", "sgd, 0.001, momentum=0.9", "--racer", "Adam,0.2", "--racer", "sgd,0.05"]
ASKED = ["race", "rosenbrock", *RACERS, "--steps", STEPS]


def value(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def slope(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return np.stack([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], axis=-1)


def paths():
    start = (-1.2, 1.0)
    return [sgd(slope, start, 0.001, STEPS), sgd(slope, start, 0.001, STEPS, 0.9), adam(slope, start, 0.2, STEPS)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the runs of this file lie, so that the same request is made once."""
    return tmp_path_factory.mktemp("race")


@pytest.fixture
def answer(document, place):
    return document(*ASKED, "--logdir", place, exit_code=3)


def test_the_document(answer, place):
    assert {"function", "logdir", "run", "start", "steps", "target", "target_rule", "racers"} <= set(answer)
    assert (answer["function"], answer["logdir"], answer["steps"]) == ("rosenbrock", str(place), STEPS)
    assert answer["start"] == [-1.2, 1.0] and answer["target"] == 1e-6
    ends = [value(path[-1]) for path in paths()]
    order = np.argsort(ends).tolist()
    settings = [("sgd", 0.001, {}), ("sgd", 0.001, {"momentum": 0.9}), ("adam", 0.2, {})]
    told = [(r["optimizer"], r["learning_rate"], r["settings"]) for r in answer["racers"]]
    # Nobody arrives: the lowest at the end is first, what diverges last.
    assert told == [*(settings[k] for k in order), ("sgd", 0.05, {})]
    for racer, k in zip(answer["racers"], order, strict=False):
        assert racer["position"] == pytest.approx(paths()[k][-1], rel=1e-8)
        assert racer["metrics"]["final_value"] == pytest.approx(ends[k], rel=1e-7)
        assert racer["steps_to_target"] is None and racer["metrics"]["steps_to_gap"] is None
    assert [r["status"] for r in answer["racers"]] == ["steps_used"] * 3 + ["diverged"]


def test_each_racer_is_a_descent_of_its_own(answer, document, place):
    runs = {racer["run"] for racer in answer["racers"]}
    assert len(runs) == 4 and all(run.startswith("rosenbrock/descent/") for run in runs)
    for racer in answer["racers"]:
        records = tbgrad.read_run(place / racer["run"])
        assert {"descent/value", "descent/log10_gap"} <= set(records.scalars) and records.hparams
    # The same asked of `descend` is the same run.
    words = ["--optimizer", "adam", "--learning-rate", "0.2", "--steps", STEPS, "--logdir", place]
    before = (place / "rosenbrock/descent").stat().st_mtime_ns
    assert document("descend", "rosenbrock", *words)["run"] in runs
    assert (place / "rosenbrock/descent").stat().st_mtime_ns == before


def test_the_run_of_the_race(answer, place):
    run = place / answer["run"]
    assert answer["run"].startswith("rosenbrock/race/sgd-sgd-adam-sgd_")
    records = tbgrad.read_run(run)
    assert set(records.images) == {"race/paths", "race/animation", "race/value"}
    assert set(records.texts) == {"race/story"} and records.hparams is None and not records.scalars
    with np.load(run / "arrays.npz") as arrays:
        expected = np.stack([value(path) for path in paths()], axis=1)
        assert arrays["value"].shape == (STEPS + 1, 4)
        np.testing.assert_allclose(arrays["value"][:, :3], expected, rtol=1e-7)
    kept = json.loads((run / "run.json").read_text())
    assert kept["status"] == "complete" and kept["asked"]["command"] == "race"


def test_the_lines(answer, typed, place):
    result = typed(*ASKED, "--quiet", "--logdir", place)
    assert (result.exit_code, result.stderr) == (3, "")
    lines = result.stdout.splitlines()
    assert "4 racers from (-1.2, 1), 200 steps" in lines[0]
    assert [line.split()[0] for line in lines[1:5]] == ["1.", "2.", "3.", "4."]
    assert "diverged" in lines[4] and "untuned" in result.stdout and "No racer arrives" in result.stdout
    assert lines[-1] == str(place / answer["run"])


def test_the_same_race_finds_all_runs(answer, typed, document, contents, place):
    before = contents(place)
    again = [*ASKED, "--start", "x=-1.2,y=1", "--dtype", "float64", "--logdir", place]
    assert document(*again, exit_code=3) == answer
    assert typed(*again).stderr.count("found the complete run") == 5
    assert contents(place) == before


def test_another_order_is_another_race_of_the_same_runs(answer, document, place):
    words = ["--racer", "adam,0.2", "--racer", "sgd,0.001", "--steps", STEPS, "--logdir", place]
    other = document("race", "rosenbrock", *words)
    assert other["run"] != answer["run"]
    assert {r["run"] for r in other["racers"]} < {r["run"] for r in answer["racers"]}
    assert [r["optimizer"] for r in other["racers"]] == ["adam", "sgd"]
    named = document("race", "rosenbrock", *words, "--run", "mine")
    assert named["run"] == "mine" and named["racers"] == other["racers"]


def test_a_racer_that_arrives_and_rates_of_their_own(document, tmp_path):
    words = ["--racer", "sgd,0.1", "--racer", "sgd", "--start", "0.5,-0.5", "--steps", "60", "--logdir", tmp_path]
    answer = document("race", "sphere", *words)
    first, second = answer["racers"]
    # The automatic rate is 1 / 2: one step leads there.
    assert (first["learning_rate"], first["steps_to_target"]) == (0.5, 1) and "eigenvalue" in first["rate_rule"]
    expected = int(np.flatnonzero(0.5 * 0.8 ** (2.0 * np.arange(61)) <= 1e-6)[0])
    assert (second["learning_rate"], second["steps_to_target"]) == (0.1, expected)
    assert second["metrics"]["steps_to_gap"] == expected


def test_overwriting_makes_everything_anew(typed, tmp_path):
    words = ["race", "x**2", "--start", "1", "--racer", "sgd,0.1", "--racer", "sgd,0.2", "--steps", "5"]
    first = typed(*words, "--logdir", tmp_path)
    old = {path.name for path in tmp_path.rglob("events.*")}
    again = typed(*words, "--logdir", tmp_path, "--overwrite")
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    new = {path.name for path in tmp_path.rglob("events.*")}
    assert len(old) == len(new) == 3 and not new & old


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "2 to 10 racers, such as sgd and adam; got none"),
        (["--racer", "sgd"], "got 1"),
        (["--racer", "sgd"] * 11, "got 11"),
        (["--racer", "sgd,0.1", "--racer", "sgd,0.1"], "sgd with learning rate 0.1 races twice"),
        (["--racer", "sgd", "--racer", "adm"], "Did you mean 'adam'"),
        (["--racer", "sgd", "--racer", ",0.1"], "',0.1' is no racer; expected OPTIMIZER"),
        (["--racer", "sgd", "--racer", "adam,0.1,0.2"], "as in sgd,0.001,momentum=0.9"),
        (["--racer", "sgd", "--racer", "adam,beta_1=0.5,0.2"], "is no racer"),
        (["--racer", "sgd", "--racer", "adam,fast"], "'fast' is not one"),
        (["--racer", "sgd", "--racer", "adam,0"], "expected a positive number"),
        (["--racer", "sgd", "--racer", "adam,learning_rate=0.1"], "the rate stands behind the name"),
        (["--racer", "sgd", "--racer", "sgd,0.1,momentum=0.9,momentum=0.8"], "--racer sets momentum twice"),
        (["--racer", "sgd", "--racer", "sgd,0.1,momentm=0.9"], "Did you mean 'momentum'"),
        (["--racer", "adam", "--racer", "sgd,0.1,momentum=2"], "momentum"),
        (["--racer", "adam", "--racer", "sgd", "--steps", "0"], "steps is 0"),
        (["--racer", "adam", "--racer", "sgd", "--start", "1,2", "--start", "2,1"], "one point; got 2"),
        (["--racer", "adam", "--racer", "sgd", "--start", "1"], "'rosenbrock'"),
    ],
)
def test_what_cannot_race(typed, tmp_path, words, said):
    result = typed("race", "rosenbrock", *words, "--logdir", tmp_path / "logs")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr and len(result.stderr.splitlines()) == 1
    # Nobody has moved.
    assert not (tmp_path / "logs").exists()


def test_a_race_without_a_start_is_asked_for_one(typed, tmp_path):
    result = typed("race", "x*y", "--racer", "sgd", "--racer", "adam", "--logdir", tmp_path)
    assert result.exit_code == 2 and "--start 1,1" in result.stderr
