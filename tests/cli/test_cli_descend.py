"""tbgrad descend: numbers against loops written by hand, statuses, exit codes, starts, names and tags."""

import json

import numpy as np
import pytest

import tbgrad
from tbgrad.cli.descend import descend
from tbgrad.descent.starts import SPREADS

PROMISED = {"start", "position", "value", "gradient_norm", "steps", "status", "point"}
READINGS = {"descent/value", "descent/gradient_norm", "descent/update_norm", "descent/decrease_ratio"}


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def slope(x, y):
    return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def descended(start, rate, steps, momentum=0.0):
    """Gradient descent with momentum, as in the books."""
    position, velocity = np.array(start, float), np.zeros(2)
    rows = [position]
    for _ in range(steps):
        velocity = momentum * velocity - rate * slope(*position)
        position = position + velocity
        rows.append(position)
    return np.array(rows)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_plain_descent_is_the_loop_by_hand(document, logdir, momentum):
    words = ["descend", "rosenbrock", "--learning-rate", "0.0005", "--steps", "40", "--logdir", logdir]
    answer = document(*words, *(["--option", "momentum=0.9"] if momentum else []))
    rows = descended([-1.2, 1.0], 0.0005, 40, momentum)
    assert {"function", "optimizer", "learning_rate", "logdir", "run", "starts"} <= set(answer)
    assert (answer["function"], answer["optimizer"], answer["learning_rate"]) == ("rosenbrock", "sgd", 0.0005)
    assert answer["logdir"] == str(logdir)
    (start,) = answer["starts"]
    assert set(start) >= PROMISED
    assert start["start"] == [-1.2, 1.0]
    assert start["position"] == pytest.approx(rows[-1], rel=1e-12)
    assert start["value"] == pytest.approx(rosenbrock(*rows[-1]), rel=1e-11)
    assert start["gradient_norm"] == pytest.approx(np.linalg.norm(slope(*rows[-1])), rel=1e-10)
    assert start["steps"] == 40
    with np.load(logdir / answer["run"] / "arrays.npz") as arrays:
        assert arrays["position"].shape == (41, 1, 2)
        assert arrays["position"][:, 0] == pytest.approx(rows, rel=1e-12)
        assert arrays["gradient"][:, 0] == pytest.approx(np.array([slope(*row) for row in rows]), rel=1e-9)
        assert arrays["position"].dtype == np.float64
        assert arrays["position"][-1, 0].tolist() == start["position"]
        assert arrays["value"][-1, 0] == start["value"]


@pytest.mark.parametrize(
    ("words", "status", "point", "code"),
    [
        (["sphere", "--start", "1,1", "--learning-rate", "0.4", "--steps", "100"], "converged", "minimum", 0),
        (["x**2 - y**2", "--start", "1,0", "--learning-rate", "0.4", "--steps", "100"], "converged", "saddle", 0),
        (["cos(x)", "--start", "0", "--learning-rate", "0.1", "--steps", "5"], "converged", "maximum", 0),
        (["ripple", "--start", "1,2", "--learning-rate", "0.5", "--steps", "300"], "converged", "undecided", 0),
        (["rosenbrock", "--learning-rate", "0.001", "--steps", "50"], "steps_used", None, 0),
        (["abs(x)", "--start", "1", "--learning-rate", "0.3", "--steps", "100"], "oscillating", None, 0),
        (["x**2", "--start", "1", "--learning-rate", "1e-300", "--steps", "20"], "stalled", None, 0),
        (["x**2", "--start", "1", "--learning-rate", "3", "--steps", "200"], "diverged", None, 3),
        (["rosenbrock", "--learning-rate", "0.01", "--steps", "20"], "diverged", None, 3),
        (["sqrt(x)", "--start", "-1", "--learning-rate", "0.1", "--steps", "5"], "not_finite", None, 3),
        (["ripple", "--start", "0,0", "--steps", "5"], "not_finite", None, 3),
    ],
)
def test_statuses_and_exit_codes(document, logdir, words, status, point, code):
    (start,) = document("descend", *words, "--logdir", logdir, exit_code=code)["starts"]
    assert (start["status"], start["point"]) == (status, point)


def test_a_diverged_run_is_complete_and_names_a_cure(typed, logdir):
    result = typed("descend", "rosenbrock", "--learning-rate", "0.01", "--steps", "20", "--logdir", logdir)
    assert result.exit_code == 3
    assert "iverged" in result.stdout and "learning rate" in result.stdout and "0.001" in result.stdout
    run = logdir / "rosenbrock/descent/sgd_lr0.01_steps20"
    assert result.stdout.splitlines()[-1] == str(run)
    assert json.loads((run / "run.json").read_text())["status"] == "complete"
    assert (run / "arrays.npz").is_file() and len(list(run.glob("events.*"))) == 1
    assert "metrics/steps_to_gap" not in tbgrad.read_run(run).scalars


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--optimizer", "adam", "--learning-rate", "0.05", "--start", "2,1"], "adam_lr0.05_start2_1"),
        (["--optimizer", "adam", "--learning-rate", "1/20", "--start", "x=2,y=1"], "adam_lr0.05_start2_1"),
        (["--optimizer", "adam", "--learning-rate", "0.05", "--start", "-1.2,1"], "adam_lr0.05"),
        (["--optimizer", "Adam", "--learning-rate", "0.050"], "adam_lr0.05"),
        (["--learning-rate", "0.001", "--option", "momentum=0.9"], "sgd_lr0.001_momentum0.9"),
        (["--learning-rate", "0.001", "--steps", "10"], "sgd_lr0.001_steps10"),
        (["--learning-rate", "1e-16", "--steps", "3"], "sgd_lr1e-16_steps3"),
    ],
)
def test_names(typed, logdir, words, name):
    result = typed("descend", "rosenbrock", *words, "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{logdir}/rosenbrock/descent/{name}"


def test_a_huge_rate_has_a_name_too(typed, logdir):
    words = ["descend", "x**2", "--start", "1", "--learning-rate", "1e16", "--steps", "2", "--logdir", logdir]
    result = typed(*words)
    assert result.exit_code == 3, result.stderr
    (kept,) = logdir.rglob("run.json")
    assert kept.parent.name.startswith("sgd_lr1e")


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        (["sphere", "--start", "0.1,0.1"], 0.5),  # 1 / the eigenvalue 2
        (["3*x**2 + y**2", "--start", "0.01,0.01"], 1 / 6),
        (["rosenbrock", "--optimizer", "adam"], 0.01 * 4.096),
        (["x**2", "--start", "3", "--optimizer", "rmsprop"], 0.01 * 3),
        (["x", "--start", "1"], 0.01),  # no curvature
    ],
)
def test_the_automatic_rate(document, typed, logdir, words, rate):
    asked = ["descend", *words, "--steps", "3", "--logdir", logdir]
    assert document(*asked)["learning_rate"] == pytest.approx(rate, rel=1e-9)
    assert "learning rate" in typed(*asked).stdout


def test_the_first_automatic_update_is_at_most_a_tenth_of_the_domain(document, logdir):
    answer = document("descend", "ripple", "--start", "1,2", "--steps", "1", "--logdir", logdir)
    (start,) = answer["starts"]
    assert np.linalg.norm(np.subtract(start["position"], start["start"])) <= 0.6 * (1 + 1e-12)


def test_two_starts_in_the_order_typed(document, logdir):
    words = ["descend", "sphere", "--start", "2,1", "--start", "-1,0.5", "--learning-rate", "0.1", "--steps", "3"]
    starts = document(*words, "--logdir", logdir)["starts"]
    assert [one["start"] for one in starts] == [[2, 1], [-1, 0.5]]
    for one in starts:
        assert one["position"] == pytest.approx(np.array(one["start"]) * 0.8**3, rel=1e-12)


def test_random_starts_are_reproducible(document, tmp_path):
    words = ["descend", "rosenbrock", "--starts", "5", "--steps", "3", "--learning-rate", "0.0001"]
    first = document(*words, "--seed", "7", "--logdir", tmp_path / "a")
    again = document(*words, "--seed", "7", "--logdir", tmp_path / "b")
    other = document(*words, "--seed", "8", "--logdir", tmp_path / "a")
    assert first["starts"] == again["starts"]
    assert first["run"] == again["run"] != other["run"]
    drawn = np.array([one["start"] for one in first["starts"]])
    assert drawn.shape == (5, 2) and np.abs(drawn).max() <= 2.048
    assert not np.array_equal(drawn, [one["start"] for one in other["starts"]])
    tags = tbgrad.read_run(tmp_path / "a" / first["run"]).scalars
    assert {"descent/value/median", "descent/value/lower", "descent/value/upper"} <= set(tags)


def test_starts_on_a_grid(document, logdir):
    words = ["descend", "himmelblau", "--starts", "9", "--steps", "3", "--learning-rate", "0.001", "--logdir", logdir]
    grid, uniform = document(*words, "--spread", "grid"), document(*words)
    corners = [[x, y] for x in (-5, 0, 5) for y in (-5, 0, 5)]
    assert [one["start"] for one in grid["starts"]] == corners
    assert grid["run"] != uniform["run"]
    assert uniform == document(*words, "--spread", "uniform")


def test_sobol_starts_are_reproducible(document, tmp_path):
    words = ["descend", "himmelblau", "--starts", "16", "--spread", "sobol", "--steps", "3", "--learning-rate", "0.001"]
    first, again = (document(*words, "--logdir", tmp_path / name) for name in "ab")
    other = document(*words, "--seed", "8", "--logdir", tmp_path / "a")
    assert first["starts"] == again["starts"] and first["run"] == again["run"] != other["run"]
    starts = np.array([one["start"] for one in first["starts"]])
    # One in each sixteenth of the domain, but for the shift.
    strata = np.round((starts - starts[0]) / 10 % 1 * 16) % 16
    np.testing.assert_array_equal(np.sort(strata, axis=0), np.tile(np.arange(16)[:, None], (1, 2)))
    assert not np.array_equal(starts, [one["start"] for one in other["starts"]])


def test_a_spread_of_two_starts_stands_in_the_name(typed, logdir):
    words = ["descend", "forrester", "--starts", "2", "--spread", "grid", "--learning-rate", "0.01", "--steps", "3"]
    result = typed(*words, "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{logdir}/forrester/descent/sgd_lr0.01_starts2_spreadgrid_steps3"


def test_the_spreads_offered_are_those_there_are():
    (option,) = [option for option in descend.params if option.name == "spread"]
    assert tuple(option.type.choices) == SPREADS and option.default == SPREADS[0]


def test_one_diverged_start_of_two_is_exit_code_3(document, logdir):
    words = ["descend", "rosenbrock", "--start", "1,1", "--start", "-1.2,1", "--learning-rate", "0.01", "--steps", "20"]
    starts = document(*words, "--logdir", logdir, exit_code=3)["starts"]
    assert [one["status"] for one in starts] == ["converged", "diverged"]
    assert starts[1]["value"] in ("NaN", "Infinity") or starts[1]["value"] > 1e12


@pytest.mark.parametrize(("function", "gap"), [("rosenbrock", True), ("tilted_waves", False)])
def test_the_tags(document, logdir, function, gap):
    answer = document("descend", function, "--learning-rate", "0.001", "--steps", "30", "--logdir", logdir)
    records = tbgrad.read_run(logdir / answer["run"])
    parts = {f"descent/{kind}/{variable}" for kind in ("position", "gradient") for variable in "xy"}
    assert READINGS | parts | {"metrics/best_value", "metrics/final_value"} <= set(records.scalars)
    assert ("descent/log10_gap" in records.scalars) == gap
    assert "descent/path" in records.images and "descent/story" in records.texts
    assert records.scalars["descent/value"].step.tolist() == list(range(31))
    assert records.scalars["descent/update_norm"].step.tolist() == list(range(30))
    assert records.scalars["metrics/final_value"].step.tolist() == [0]
    assert records.hparams.values["learning_rate"] == 0.001
    assert records.hparams.values["optimizer"] == "sgd"
