"""tbgrad sweep: the story, the numbers, the run on the disk, its name and its tags."""

import json

import numpy as np
import pytest

import tbgrad

UNDEFINED = "fading_wave is undefined at 1 of 100 points (x = 0)"


def fading_wave(x):
    return np.cos(x) * np.sin(x) / np.sqrt(x)


def fading_slope(x):
    """By the product and quotient rules: cos 2x / √x - sin x cos x / (2 x √x)."""
    return np.cos(2 * x) / np.sqrt(x) - np.sin(x) * np.cos(x) / (2 * x * np.sqrt(x))


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The tutorial's own sweep, made once."""
    from click.testing import CliRunner

    from tbgrad.cli.main import main

    top = tmp_path_factory.mktemp("sweeps") / "logs"
    words = ["sweep", "fading_wave", "--points", "100", "--tangent", "4.1", "--logdir", str(top)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.stderr
    return top, words, result.stdout.splitlines()


def test_the_story_of_the_tutorial(tutorial):
    top, _, lines = tutorial
    assert any(line.startswith(UNDEFINED) for line in lines)
    assert any("4.1" in line and "0.232296853326314" in line and "-0.195825531572645" in line for line in lines)
    assert lines[-1] == f"{top}/fading_wave/sweep/x_points100_tangent4.1"


def test_the_run_on_the_disk(tutorial):
    _, _, lines = tutorial
    run = tutorial[0].parent / lines[-1]
    names = sorted(path.name for path in run.iterdir())
    assert {"run.json", "arrays.npz"} <= set(names)
    assert sum(name.startswith("events.out.tfevents.") for name in names) == 1
    kept = json.loads((run / "run.json").read_text())
    assert kept["status"] == "complete"
    assert kept["asked"]["function"] == "fading_wave"
    assert (kept["asked"]["dtype"], kept["asked"]["seed"]) == ("float64", 0)
    assert {"tbgrad", "tensorflow", "numpy"} <= set(kept["versions"])


def test_the_arrays_are_the_function_and_its_derivative(tutorial):
    run = tutorial[0] / "fading_wave/sweep/x_points100_tangent4.1"
    x = np.linspace(0, 2 * np.pi, 100)
    with np.load(run / "arrays.npz") as arrays:
        assert arrays["coordinate"] == pytest.approx(x, rel=1e-15)
        assert np.isnan(arrays["value"][0]) and np.isnan(arrays["slope"][0])
        assert arrays["value"][1:] == pytest.approx(fading_wave(x[1:]), rel=1e-13, abs=1e-15)
        assert arrays["slope"][1:] == pytest.approx(fading_slope(x[1:]), rel=1e-12, abs=1e-14)
        assert arrays["gradient"].shape == (100, 1)


def test_the_tags(tutorial):
    records = tbgrad.read_run(tutorial[0] / "fading_wave/sweep/x_points100_tangent4.1")
    assert {"sweep/value", "sweep/gradient/x", "sweep/slope", "sweep/coordinate"} <= set(records.scalars)
    assert {"sweep/curve", "sweep/tangent", "sweep/secant"} <= set(records.images)
    coordinate = records.scalars["sweep/coordinate"]
    assert len(coordinate.step) == 100
    assert np.abs(coordinate.step - 1000 * np.linspace(0, 2 * np.pi, 100)).max() <= 0.5
    value = records.scalars["sweep/value"]
    at = {int(step): index for index, step in enumerate(value.step)}
    x = np.linspace(0, 2 * np.pi, 100)[50]
    assert value.value[at[round(1000 * x)]] == pytest.approx(fading_wave(x), rel=1e-6)


def test_the_stationary_points_of_the_tutorial(tutorial, document):
    _, words, lines = tutorial
    # Roots of 4 x cos 2x - sin 2x, by mpmath.
    roots = [0.582780592603605654, 2.30210838860028827, 3.89494187557228610, 5.47497182427058014]
    assert "The slope is zero at 4 points: 2 minima, 2 maxima." in lines
    assert f"minimum at {roots[1]:.9g}: value {fading_wave(roots[1]):.9g}" in lines
    told = document(*words)["stationary"]
    assert [point["kind"] for point in told] == ["maximum", "minimum", "maximum", "minimum"]
    assert [point["coordinate"] for point in told] == pytest.approx(roots, rel=1e-14)
    assert [point["value"] for point in told] == pytest.approx(fading_wave(np.array(roots)), rel=1e-13)


def test_the_secants_of_the_tutorial(tutorial, document):
    _, words, _ = tutorial
    (tangent,) = document(*words)["tangents"]
    h = np.array([chord["h"] for chord in tangent["secants"]])
    np.testing.assert_allclose(h, 2.0 / 2.0 ** np.arange(10), rtol=1e-12)
    expected = (fading_wave(4.1 + h) - fading_wave(4.1)) / h
    np.testing.assert_allclose([chord["slope"] for chord in tangent["secants"]], expected, rtol=1e-10)


def test_the_second_derivative(document, logdir):
    words = ["sweep", "x**3", "--over", "x=-1:1", "--points", "5", "--second-derivative", "--logdir", logdir]
    answer = document(*words)
    assert answer["second"] == pytest.approx([-6, -3, 0, 3, 6])
    assert answer["run"].endswith("/sweep/x_over-1_1_points5_second")
    with np.load(logdir / answer["run"] / "arrays.npz") as arrays:
        assert arrays["second"].tolist() == answer["second"]
    records = tbgrad.read_run(logdir / answer["run"])
    assert records.scalars["sweep/second_derivative"].value.tolist() == [-6, -3, 0, 3, 6]
    assert document(*words)["second"] == answer["second"]
    bare = document("sweep", "x**3", "--over", "x=-1:1", "--points", "5", "--logdir", logdir)
    assert "second" not in bare and bare["run"] != answer["run"]


def test_level_stretches_and_kinks_are_told(typed, document, logdir):
    words = ["sweep", "relu(x)", "--over", "x=-1:1", "--tangent", "0", "--logdir", logdir]
    lines = typed(*words).stdout.splitlines()
    assert "The curve is level from -1 to 0." in lines
    assert "tangent at 0: value 0, slope 0; secants do not go to it: a kink or a jump" in lines
    answer = document(*words)
    assert answer["flat"] == [[-1, 0]] and answer["stationary"] == [] and answer["unsearched"] == 0


@pytest.mark.parametrize("words", [["--tangent=-1"], ["--tangent", "7", "--tangent", "1"]])
def test_a_tangent_that_would_not_be_seen_is_refused(typed, logdir, words):
    result = typed("sweep", "fading_wave", *words, "--logdir", logdir)
    assert result.exit_code == 2 and not logdir.exists()
    assert "would not be seen" in result.stderr and "--over x=" in result.stderr
    over = result.stderr.partition("--over ")[2].strip(" .\n")
    assert typed("sweep", "fading_wave", *words, "--over", over, "--logdir", logdir).exit_code == 0


def test_an_undefined_tangent_is_data(typed, logdir):
    words = ["sweep", "fading_wave", "--over", "x=-2:6", "--tangent=-1", "--logdir", logdir]
    result = typed(*words)
    assert result.exit_code == 0 and "tangent at -1: value nan, slope nan" in result.stdout


def test_json_equals_the_arrays(tutorial, document):
    top, words, _ = tutorial
    answer = document(*words[:-2], "--logdir", top)
    assert (answer["function"], answer["logdir"]) == ("fading_wave", str(top))
    assert answer["run"] == "fading_wave/sweep/x_points100_tangent4.1"
    (tangent,) = answer["tangents"]
    assert tangent["value"] == pytest.approx(0.232296853326313995, abs=1e-15)
    assert tangent["slope"] == pytest.approx(-0.195825531572645104, abs=1e-14)
    with np.load(top / answer["run"] / "arrays.npz") as arrays:
        for name in ("coordinate", "position", "value", "gradient", "slope"):
            told = np.array(answer[name], dtype=object)
            told = np.where(told == "NaN", np.nan, told).astype(float)
            assert np.array_equal(told, arrays[name], equal_nan=True), name
    assert answer["value"][0] == "NaN"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ripple"], "ripple/sweep/x"),
        (["ripple", "--over", "x=0:6"], "ripple/sweep/x"),
        (["ripple", "--points", "3"], "ripple/sweep/x_points3"),
        (["tilted_waves", "--fix", "y=1", "--points", "3"], "tilted_waves/sweep/x_y1_points3"),
        (["tilted_waves", "--fix", "x=1", "--points", "4"], "tilted_waves/sweep/y_x1_points4"),
        (["rosenbrock", "--set", "b=10", "--points", "3"], "rosenbrock/sweep/x_b10_points3"),
        (["rosenbrock", "--set", "b=100", "--points", "3"], "rosenbrock/sweep/x_points3"),
        (["ripple", "--points", "3", "--dtype", "float32"], "ripple/sweep/x_points3_dtypefloat32"),
        (["ripple", "--points", "3", "--tangent=1.5"], "ripple/sweep/x_points3_tangent1.5"),
        (["rosenbrock", "--points", "3", "--tangent=-1"], "rosenbrock/sweep/x_points3_tangent-1"),
        (["ripple", "--points", "3", "--second-derivative"], "ripple/sweep/x_points3_second"),
        (["ripple", "--points", "3", "--run", "my/own_name-1"], "my/own_name-1"),
    ],
)
def test_names(typed, logdir, words, name):
    result = typed("sweep", *words, "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{logdir}/{name}"
    assert (logdir / name / "run.json").is_file()
    assert len(list(logdir.rglob("run.json"))) == 1


@pytest.mark.parametrize("formula", ["x**2", "-x**2", "sin(2*pi*x)/x", "α**2", "x" + "+x" * 300])
def test_a_formula_has_a_name_for_the_disk(typed, logdir, formula):
    variable = "α" if "α" in formula else "x"
    result = typed("sweep", formula, "--over", f"{variable}=1:2", "--points", "3", "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    (kept,) = logdir.rglob("run.json")
    assert result.stdout.splitlines()[-1] == str(kept.parent)
    assert all(len(part) <= 100 for part in kept.relative_to(logdir).parts)


def test_spelling_a_formula_otherwise_is_the_same_run(typed, logdir):
    spellings = ["x^2+1", "x**2 + 1", "(x**2) + 1"]
    lasts = {
        typed("sweep", one, "--over", "x=0:1", "--points", "3", "--logdir", logdir).stdout.splitlines()[-1]
        for one in spellings
    }
    assert len(lasts) == 1
    assert len(list(logdir.rglob("events.*"))) == 1


def test_a_long_name_becomes_a_hash(typed, logdir):
    words = ["sweep", "rosenbrock", "--points", "3"]
    for one in (0.123456789012345, 1.123456789012345, 1.5):
        words.append(f"--tangent={one}")
    words += ["--set", "b=12.3456789012345", "--set", "a=0.123456789012345"]
    result = typed(*words, "--logdir", logdir)
    assert result.exit_code == 0, result.stderr
    (kept,) = logdir.rglob("run.json")
    name = kept.parent.name
    assert len(name) <= 80
    assert int(name.rsplit("_", 1)[1], 16) >= 0 and len(name.rsplit("_", 1)[1]) == 8


@pytest.mark.parametrize(
    ("words", "low", "high", "value"),
    [
        (["x**2", "--over", "x=-pi/2:pi"], -np.pi / 2, np.pi, lambda x: x**2),
        (["x*y", "--over", "x=0:1", "--fix", "y=-1"], 0, 1, lambda x: -x),
        (["x*y", "--over", "y=-2:-1", "--fix", "x=atan2(1,2)"], -2, -1, lambda y: y * np.arctan2(1, 2)),
        (["x**2 + y", "--from", "-3,0", "--to", "0,-4"], 0, 5, lambda d: (0.6 * d - 3) ** 2 - 0.8 * d),
        (["rosenbrock", "--set", "b=1", "--fix", "y=0"], -2.048, 2.048, lambda x: (1 - x) ** 2 + x**4),
    ],
)
def test_lines_and_axes(document, logdir, words, low, high, value):
    answer = document("sweep", *words, "--points", "5", "--logdir", logdir)
    coordinate = np.linspace(low, high, 5)
    assert answer["coordinate"] == pytest.approx(coordinate, rel=1e-14, abs=1e-14)
    assert answer["value"] == pytest.approx(value(coordinate), rel=1e-13, abs=1e-13)
    step = 1e-6
    slope = (value(coordinate + step) - value(coordinate - step)) / (2 * step)
    assert answer["slope"] == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("tangent", "slope"), [("=-1", -2.0), ("=-pi/2", -np.pi), ("=0", 0.0), ("=-1e-3", -2e-3)])
def test_tangents_at_negative_places(document, logdir, tangent, slope):
    answer = document("sweep", "x**2", "--over", "x=-2:2", "--points", "3", f"--tangent{tangent}", "--logdir", logdir)
    assert answer["tangents"][0]["slope"] == pytest.approx(slope, rel=1e-14)


def test_two_tangents(document, logdir):
    words = ["sweep", "x**2", "--over", "x=0:2", "--points", "3", "--tangent", "1", "--tangent", "2"]
    tangents = document(*words, "--logdir", logdir)["tangents"]
    assert [(one["coordinate"], one["value"], one["slope"]) for one in tangents] == [(1, 1, 2), (2, 4, 4)]
