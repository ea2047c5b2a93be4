"""tbgrad check: verdicts and exit codes, the JSON document, the run on the disk, mistakes."""

import json
import math

import numpy as np
import pytest

import tbgrad

USERS = """
import numpy as np
import tensorflow as tf

@tf.custom_gradient
def _cube(x):
    return x**3, lambda up: -3 * up * x**2

def flipped(x, y):
    return _cube(x) + tf.sin(y)

def square(x):
    return x**2

def by_numpy(x):
    return tf.numpy_function(np.sin, [x], tf.float64)

def raises(x):
    raise ValueError("broken on purpose")

def two(x):
    return tf.stack([x, x], axis=-1)
"""


@pytest.fixture
def users(tmp_path):
    path = tmp_path / "users.py"
    path.write_text(USERS)
    return lambda name: f"{path}:{name}"


def test_a_right_gradient(typed, logdir):
    result = typed("check", "rosenbrock", "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "agrees at all 100 points" in lines[0] and "its domain" in lines[1] and "digits" in lines[2]
    assert lines[-1] == f"{logdir}/rosenbrock/check"


def test_a_wrong_gradient_is_exit_code_1_with_its_cause(typed, users, logdir):
    result = typed("check", users("flipped"), "--points", "20", "--logdir", logdir)
    assert result.exit_code == 1
    assert "disagrees at all 20 points" in result.stdout and "∂f/∂x is -1 times" in result.stdout
    assert (logdir / result.stdout.splitlines()[-1].removeprefix(f"{logdir}/") / "run.json").is_file()
    again = typed("check", users("flipped"), "--points", "20", "--logdir", logdir)
    assert again.exit_code == 1 and again.stdout == result.stdout and "found the complete run" in again.stderr


def test_no_path_back_is_told(typed, users, logdir):
    result = typed("check", users("by_numpy"), "--at", "1", "--logdir", logdir)
    assert result.exit_code == 1 and "has no gradient" in result.stdout


def test_the_document(document, logdir):
    answer = document("check", "abs(x)", "--at", "0", "--at", "1", "--logdir", logdir)
    assert set(answer) == {"function", "verdict", "cause", "points", "logdir", "run"}
    assert (answer["function"], answer["verdict"]) == ("abs(x)", "not differentiable here")
    assert "kink" in answer["cause"]
    kink, smooth = answer["points"]
    assert set(kink) == {"position", "verdict", "reverse", "differences", "step", "error"}
    assert kink["position"] == [0.0] and kink["verdict"] == "not differentiable here"
    assert smooth["verdict"] == "agrees" and smooth["reverse"] == [1.0]
    assert smooth["differences"] == pytest.approx([1.0], rel=1e-12) and smooth["error"] < 1e-9
    assert math.log2(smooth["step"]) % 1 == 0


@pytest.mark.parametrize(
    ("points", "verdict", "code"),
    [
        (["1"], "agrees", 0),
        (["1", "0"], "not differentiable here", 0),
        (["1", "0", "-1"], "undefined here", 0),
        (["1", "0", "-1", "-800"], "undefined here", 0),
    ],
)
def test_the_verdict_is_the_worst_points(document, logdir, points, verdict, code):
    words = [word for point in points for word in ("--at", point)]
    assert document("check", "sqrt(x)", *words, "--logdir", logdir, exit_code=code)["verdict"] == verdict


def test_disagreeing_is_worse_than_undefined(document, logdir):
    words = ["check", "1/(1 + exp(-x)) + 0*log(x + 1000)", "--at", "-800", "--at", "-2000"]
    answer = document(*words, "--logdir", logdir, exit_code=1)
    assert [p["verdict"] for p in answer["points"]] == ["disagrees", "undefined here"]
    assert answer["verdict"] == "disagrees" and answer["points"][0]["reverse"] == ["NaN"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ripple", "--points", "3"], "ripple/check_points3"),
        (["ripple", "--at", "1,2"], "ripple/check_at1_2"),
        (["rosenbrock", "--set", "b=10", "--points", "3"], "rosenbrock/check_b10_points3"),
        (["ripple", "--points", "3", "--dtype", "float32", "--seed", "4"], "ripple/check_points3_dtypefloat32_seed4"),
        (["ripple", "--at", "x=1,y=2", "--run", "mine"], "mine"),
    ],
)
def test_names(typed, logdir, words, name):
    result = typed("check", *words, "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{logdir}/{name}"


def test_the_run_holds_the_v(typed, logdir):
    typed("check", "ripple", "--points", "20", "--logdir", logdir)
    records = tbgrad.read_run(logdir / "ripple/check_points20")
    assert set(records.scalars) == {"check/error"} and set(records.images) == {"check/v_curve"}
    assert set(records.texts) == {"check/table"}
    error = records.scalars["check/error"]
    assert (np.diff(error.step) == 1).all() and "h = 2^k" in error.description
    best = error.step[np.argmin(error.value)]
    assert -26 < best < -10 and error.value[0] > 1e3 * error.value.min() and error.value[-1] > 1e3 * error.value.min()
    kept = json.loads((logdir / "ripple/check_points20/run.json").read_text())
    assert kept["status"] == "complete" and kept["asked"]["points"] == 20
    with np.load(logdir / "ripple/check_points20/arrays.npz") as arrays:
        assert arrays["position"].shape == arrays["reverse"].shape == (20, 2)
        np.testing.assert_allclose(arrays["differences"], arrays["reverse"], rtol=1e-8, atol=1e-10)


def test_the_seed_draws_the_points(document, logdir):
    drawn = [document("check", "ripple", "--points", "3", "--seed", s, "--logdir", logdir)["points"] for s in (0, 1)]
    assert drawn[0][0]["position"] != drawn[1][0]["position"]


def test_without_a_domain_the_region_is_told(typed, users, logdir):
    result = typed("check", "log(x)*y", "--points", "10", "--logdir", logdir)
    assert result.exit_code == 0 and "agrees at all 10 points" in result.stdout
    assert "from -3 to 3" in result.stdout and "left out" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["rosenbrock", "--at", "1"], 2, "has 1 coordinate"),
        (["rosenbrock", "--at", "z=1,y=2"], 2, "no variable 'z'"),
        (["rosenbrock", "--at", "1,2", "--points", "5"], 2, "leave one of the two out"),
        (["rosenbrock", "--points", "0"], 2, "at least 1"),
        (["rosenbrok"], 2, "Did you mean 'rosenbrock'"),
        (["rosenbrock", "--ponts", "5"], 2, "--points"),
        (["{raises}", "--at", "1"], 1, "broken on purpose"),
        (["{two}", "--at", "1"], 1, "expected one value for each point"),
    ],
)
def test_mistakes(typed, users, logdir, words, code, says):
    words = [users(word.strip("{}")) if word.startswith("{") else word for word in words]
    result = typed("check", *words, "--logdir", logdir)
    assert result.exit_code == code and says in result.stderr and "Traceback" not in result.stderr
    assert not logdir.exists()
