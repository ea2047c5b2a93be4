"""tbgrad rates: lines, documents, names, tags, the same request again, and what cannot be asked."""

import json

import numpy as np
import pytest

import tbgrad

SHORT = ["--points", "7", "--steps", "150"]
ASKED = ["rates", "ellipse", "--rates", "0.01:0.4", *SHORT]
RATES = np.geomspace(0.01, 0.4, 7)
NAME = "ellipse/rates/sgd_rates0.01_0.4_points7_steps150"
ARRAYS = {"rate", "steps_to_target", "status", "value", "edge"}


def expected_steps(rates, steps, target=1e-6):
    """On x² + 10y² from (5, 1), coordinate by coordinate."""
    k = np.arange(steps + 1)
    values = [25 * (1 - 2 * rate) ** (2 * k) + 10 * (1 - 20 * rate) ** (2.0 * k) for rate in rates]
    found = [np.flatnonzero(v <= target) for v in values]
    return [float(f[0]) if f.size else None for f in found]


def told(numbers):
    """Numbers of a document, whose NaN is a string."""
    return [None if number == "NaN" else number for number in numbers]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the runs of this file lie, so that the same request is made once."""
    return tmp_path_factory.mktemp("rates")


def test_the_document(document, place):
    answer = document(*ASKED, "--logdir", place)
    assert {"function", "logdir", "run", "optimizer", "settings", "start", "steps", "target", "metrics"} <= set(answer)
    assert set(answer) >= ARRAYS and "momentum" not in answer
    assert (answer["function"], answer["optimizer"], answer["run"]) == ("ellipse", "sgd", NAME)
    assert (answer["logdir"], answer["start"], answer["steps"]) == (str(place), [5.0, 1.0], 150)
    assert answer["target"] == 1e-6 and "known minimum" in answer["target_rule"]
    assert answer["rate"] == pytest.approx(RATES, rel=1e-12)
    expected = expected_steps(RATES, 150)
    assert told(answer["steps_to_target"][0]) == expected
    assert answer["edge"] == pytest.approx([0.1], rel=1e-9)
    statuses = [answer["statuses"][code] for code in answer["status"][0]]
    assert [status == "diverged" for status in statuses] == [rate > 0.1 for rate in RATES]
    best = min(n for n in expected if n is not None)
    assert answer["metrics"]["best_steps"] == best
    assert answer["metrics"]["best_rate"] == pytest.approx(RATES[expected.index(best)])
    assert answer["metrics"]["first_diverging_rate"] == pytest.approx(RATES[RATES > 0.1][0])


def test_the_lines(typed, place):
    result = typed(*ASKED, "--quiet", "--logdir", place)
    assert (result.exit_code, result.stderr) == (0, "")
    first, best, diverging, edge, last = result.stdout.splitlines()
    assert "ellipse" in first and "sgd" in first and "(5, 1)" in first and "7 learning rates" in first
    expected = expected_steps(RATES, 150)
    assert best.startswith("best: learning rate ") and f"{int(min(filter(None, expected)))} steps" in best
    assert f"{RATES[RATES > 0.1][0]:.4g}" in diverging
    assert "0.1" in edge and "2/λ" in edge
    assert last == f"{place}/{NAME}"


def test_the_run(typed, place):
    typed(*ASKED, "--logdir", place)
    run = place / NAME
    records = tbgrad.read_run(run)
    assert set(records.images) == {"rates/steps"} and set(records.texts) == {"rates/story"}
    assert records.images["rates/steps"].image[0][:8] == b"\x89PNG\r\n\x1a\n"
    expected = expected_steps(RATES, 150)
    series = records.scalars["rates/steps_to_target"]
    assert series.step.tolist() == [k for k, n in enumerate(expected) if n is not None]
    assert series.value.tolist() == [n for n in expected if n is not None]
    np.testing.assert_array_equal(records.scalars["rates/rate"].value, RATES.astype(np.float32))
    assert {"metrics/best_steps", "metrics/best_rate", "metrics/first_diverging_rate"} <= set(records.scalars)
    assert records.hparams.values["optimizer"] == "sgd" and "learning_rate" not in records.hparams.values
    with np.load(run / "arrays.npz") as arrays:
        assert set(arrays) >= ARRAYS
        np.testing.assert_array_equal(arrays["rate"], RATES)
        assert arrays["steps_to_target"].shape == (1, 7)
    kept = json.loads((run / "run.json").read_text())
    assert kept["status"] == "complete" and kept["asked"]["command"] == "rates"


def test_the_same_request_finds_the_run(typed, document, contents, place):
    first, first_document = typed(*ASKED, "--logdir", place), document(*ASKED, "--logdir", place)
    before = contents(place)
    again = [*ASKED, "--start", "x=5,y=1", "--option", "momentum=0", "--dtype", "float64", "--logdir", place]
    assert typed(*again).stdout == first.stdout
    assert document(*again) == first_document
    assert contents(place) == before


def test_overwrite_makes_it_anew(typed, tmp_path):
    words = ["rates", "ellipse", "--points", "3", "--steps", "10", "--logdir", tmp_path]
    first = typed(*words)
    old = {path.name for path in tmp_path.rglob("events.*")}
    again = typed(*words, "--overwrite")
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    new = {path.name for path in tmp_path.rglob("events.*")}
    assert len(new) == 1 and not new & old


def test_a_map_over_the_momentum(document, typed, place):
    words = ["rates", "ellipse", "--momentum", "--rates", "0.01:0.4", "--points", "5", "--steps", "60"]
    answer = document(*words, "--target", "0.01", "--logdir", place)
    assert answer["momentum"] == pytest.approx(np.arange(100) / 100, abs=1e-12)
    assert np.shape(answer["steps_to_target"]) == np.shape(answer["status"]) == np.shape(answer["value"]) == (100, 5)
    assert told(answer["steps_to_target"][0]) == expected_steps(np.geomspace(0.01, 0.4, 5), 60, 0.01)
    assert answer["edge"] == pytest.approx((2 + 2 * np.arange(100) / 100) / 20, rel=1e-9)
    assert (answer["target"], answer["target_rule"]) == (0.01, "as given")
    assert {"best_momentum", "best_rate", "best_steps"} <= set(answer["metrics"])
    lines = typed(*words, "--target", "0.01", "--logdir", place).stdout
    assert "momentum" in lines and "(2 + 2β)/λ" in lines
    records = tbgrad.read_run(place / answer["run"])
    assert "rates/steps" in records.images and "metrics/best_momentum" in records.scalars


def test_adam_and_an_unknown_minimum(document, place):
    words = ["rates", "x**2", "--start", "3", "--optimizer", "adam", "--rates", "0.1:1", "--points", "5"]
    answer = document(*words, "--steps", "60", "--option", "beta_1=0.5", "--logdir", place)
    assert answer["settings"] == {"beta_1": 0.5} and answer["optimizer"] == "adam"
    assert "lowest" in answer["target_rule"] and answer["target"] >= 1e-6
    assert answer["edge"] == ["NaN"]


def test_nobody_reaches_it_is_no_failure(typed, document, place):
    words = ["rates", "ellipse", *SHORT, "--target", "-1", "--logdir", place]
    result = typed(*words)
    assert result.exit_code == 0
    assert "none reached it" in result.stdout and "--steps" in result.stdout
    answer = document(*words)
    assert answer["metrics"]["best_steps"] is None and set(told(answer["steps_to_target"][0])) == {None}
    assert "metrics/best_steps" not in tbgrad.read_run(place / answer["run"]).scalars


def test_all_of_them_diverge_is_no_failure(typed, place):
    result = typed("rates", "ellipse", "--rates", "1:2", *SHORT, "--logdir", place)
    assert result.exit_code == 0 and "first diverging learning rate: 1" in result.stdout


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--points", "3", "--steps", "5"], "ellipse/rates/sgd_points3_steps5"),
        (["--points", "3", "--steps", "5", "--start", "5,1"], "ellipse/rates/sgd_points3_steps5"),
        (["--points", "3", "--steps", "5", "--start", "2,1"], "ellipse/rates/sgd_start2_1_points3_steps5"),
        (["--points", "3", "--steps", "5", "--optimizer", "Adam"], "ellipse/rates/adam_points3_steps5"),
        (["--points", "3", "--steps", "5", "--option", "momentum=0.9"], "ellipse/rates/sgd_momentum0.9_points3_steps5"),
        (["--points", "3", "--steps", "5", "--dtype", "float32"], "ellipse/rates/sgd_points3_steps5_dtypefloat32"),
        (["--points", "3", "--steps", "5", "--target", "0.5"], "ellipse/rates/sgd_points3_steps5_target0.5"),
        (["--points", "3", "--steps", "5", "--run", "mine"], "mine"),
    ],
)
def test_names(typed, place, words, name):
    result = typed("rates", "ellipse", *words, "--logdir", place)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{place}/{name}"


def test_the_default_rates_lie_around_the_automatic_one(document, place):
    answer = document("rates", "ellipse", "--points", "6", "--steps", "5", "--start", "0.1,0.1", "--logdir", place)
    assert answer["rate"] == pytest.approx(0.05 * 10.0 ** np.arange(-3, 3), rel=1e-9)


WRONG = {
    "one bound": (["ellipse", "--rates", "1"], ["--rates", "LOW:HIGH"]),
    "three bounds": (["ellipse", "--rates", "1:2:3"], ["--rates"]),
    "upside down": (["ellipse", "--rates", "1:0.1"], ["1", "0.1", "low to high"]),
    "to zero": (["ellipse", "--rates", "1:0"], ["positive"]),
    "from zero": (["ellipse", "--rates", "0:1"], ["positive"]),
    "below zero": (["ellipse", "--rates", "-1:1"], ["positive"]),
    "not numbers": (["ellipse", "--rates", "a:b"], ["--rates", "a"]),
    "one rate": (["ellipse", "--rates", "0.1:1", "--points", "1"], ["points is 1"]),
    "half a rate": (["ellipse", "--points", "1.5"], ["1.5"]),
    "no steps": (["ellipse", "--steps", "0"], ["steps is 0"]),
    "a learning rate": (["ellipse", "--option", "learning_rate=1"], ["learning_rate", "--rates"]),
    "the option of others": (["ellipse", "--learning-rate", "1"], ["--learning-rate"]),
    "momentum twice": (["ellipse", "--momentum", "--option", "momentum=0.9"], ["momentum", "--option"]),
    "beta_1 twice": (["ellipse", "--momentum", "--optimizer", "adam", "--option", "beta_1=0.9"], ["beta_1"]),
    "no momentum": (["ellipse", "--momentum", "--optimizer", "adagrad"], ["adagrad", "momentum", "sgd"]),
    "target nan": (["ellipse", "--target", "nan"], ["--target", "nan"]),
    "target inf": (["ellipse", "--target", "inf"], ["--target", "inf"]),
    "target of words": (["ellipse", "--target", "low"], ["--target", "low"]),
    "no start": (["x**2 + y**2"], ["x**2 + y**2", "--start"]),
    "start too short": (["ellipse", "--start", "1"], ["x, y"]),
    "optimizer": (["ellipse", "--optimizer", "adm"], ["adm", "adam"]),
    "setting": (["ellipse", "--option", "momentm=0.9"], ["momentm", "momentum"]),
    "setting twice": (["ellipse", "--option", "nesterov=true", "--option", "nesterov=false"], ["nesterov", "twice"]),
    "function": (["elipse"], ["elipse", "ellipse"]),
    "option": (["ellipse", "--rate", "1:2"], ["--rate", "--rates"]),
    "too many steps of a map": (["x**2", "--start", "1", "--momentum", "--steps", "100000"], ["GiB", "12,100"]),
}


def mistaken(result, holds):
    assert result.exit_code == 2, result.stdout + result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    for part in holds:
        assert part in result.stderr


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_asked(typed, tmp_path, what):
    words, holds = WRONG[what]
    mistaken(typed("rates", *words, "--logdir", tmp_path / "logs"), holds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("points", ["1", "0", "-1"])
def test_too_few_default_rates(typed, logdir, points):
    mistaken(typed("rates", "ellipse", "--points", points, "--steps", "3", "--logdir", logdir), [f"points is {points}"])


def test_a_refusal_advises_what_the_command_has(typed, logdir):
    result = typed("rates", "x**2", "--start", "1", "--momentum", "--steps", "100000", "--logdir", logdir)
    mistaken(result, ["--target"])
    assert "ecord fewer" not in result.stderr
