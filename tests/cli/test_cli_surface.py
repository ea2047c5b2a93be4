"""tbgrad surface: pictures, mesh and story, the numbers, the names, and what is refused."""

import io
import re
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from oracles import mp_gradient, mp_value
from PIL import Image

import tbgrad
from tbgrad.cli.main import main

SMALL = ["--points", "3", "--view", "45,30"]
FLAT = ["surface/contour", "surface/contour3d", "surface/gradient_norm"]
VIEWS = ["surface/relief/30_-60", "surface/relief/60_90", "surface/relief/90_90"]


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """The surface of tilted_waves with nothing asked for, made once: log directory, words, lines of stdout."""
    top = tmp_path_factory.mktemp("surfaces") / "logs"
    words = ["surface", "tilted_waves", "--logdir", str(top)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.stderr
    return top, words, result.stdout.splitlines()


def numbers(told):
    return np.vectorize(float)(np.array(told, dtype=object))  # Python reads "NaN" and "-Infinity"


def refused(result):
    """Exit code 2, and one line on stderr for a person."""
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert len(result.stderr.splitlines()) == 1 and "Traceback" not in result.stderr
    return result.stderr


def partials(axes):
    return [f"surface/gradient/{name}" for name in axes]


def only_run(logdir):
    return next(logdir.rglob("run.json")).parent


def holds_the_function(arrays, formula, axes, tolerance=1e-13, **fixed):
    """Value and gradient at some points of the grid, [y, x] of the first and the second axis, against mpmath."""
    first, second = (np.asarray(arrays[name], dtype=float) for name in "xy")
    value, gradient = numbers(arrays["value"]), numbers(arrays["gradient"])
    variables = sorted({*axes, *fixed})
    assert value.shape == (len(second), len(first)) and gradient.shape == (*value.shape, len(variables))
    for j, i in {(0, 0), (0, len(first) - 1), (len(second) - 1, 0), (len(second) // 3, len(first) // 3)}:
        at = {axes[0]: first[i], axes[1]: second[j], **fixed}
        assert value[j, i] == pytest.approx(float(mp_value(formula, **at)), rel=tolerance, abs=tolerance)
        expected = [float(one) for one in mp_gradient(formula, variables, [at[name] for name in variables])]
        assert gradient[j, i] == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_what_is_said_of_a_function_with_a_hole(waves):
    top, _, lines = waves
    assert any("undefined at y = 0" in line for line in lines)
    assert any("heights are cut below" in line for line in lines)
    assert lines[-1] == f"{top}/tilted_waves/surface/x-y"
    (story,) = tbgrad.read_run(lines[-1]).texts["surface/story"].text
    assert "y = 0" in story and "cut" in story


def test_heights_are_cut_at_quantiles(waves):
    top, _, lines = waves
    value = tbgrad.read_arrays(top / "tilted_waves/surface/x-y")["value"]
    (cut,) = [line.split("are cut")[1] for line in lines if "are cut" in line]
    told = [float(number) for number in re.findall(r"-?[0-9.]+", cut)]
    assert told == pytest.approx(np.percentile(value[np.isfinite(value)], [5, 95]), rel=5e-3)


def test_the_pictures_and_the_mesh(waves):
    records = tbgrad.read_run(waves[0] / "tilted_waves/surface/x-y")
    assert sorted(records.images) == sorted([*FLAT, *partials("xy"), *VIEWS])
    for images in records.images.values():
        (picture,) = images.image
        with Image.open(io.BytesIO(picture)) as opened:
            assert opened.format == "PNG" and opened.size == images.size and min(opened.size) >= 200
            assert len(opened.convert("RGB").getcolors(1 << 24)) > 10
    mesh = records.meshes["surface/mesh"]
    (vertices,), (faces,) = mesh.vertices, mesh.faces
    assert np.isfinite(vertices).all() and 0 < len(vertices) <= 65536
    assert faces.min() >= 0 and faces.max() < len(vertices)


def test_the_arrays_are_the_function_and_its_gradient(waves):
    arrays = tbgrad.read_arrays(waves[0] / "tilted_waves/surface/x-y")
    for name in "xy":
        assert arrays[name] == pytest.approx(np.linspace(-6, 6, 101), abs=1e-14)
    x, y = np.meshgrid(np.delete(arrays["x"], 50), np.delete(arrays["y"], 50))
    value, gradient = (np.delete(np.delete(arrays[name], 50, 0), 50, 1) for name in ("value", "gradient"))
    assert value == pytest.approx(np.cos(x) * np.sin(y) + x / y, rel=1e-13, abs=1e-14)
    assert gradient[..., 0] == pytest.approx(-np.sin(x) * np.sin(y) + 1 / y, rel=1e-13, abs=1e-13)
    assert gradient[..., 1] == pytest.approx(np.cos(x) * np.cos(y) - x / y**2, rel=1e-12, abs=1e-13)
    assert not np.isfinite(arrays["value"][50]).any()


def test_json_equals_the_arrays(waves, document):
    top, words, _ = waves
    answer = document(*words)
    assert (answer["function"], answer["logdir"], answer["axes"]) == ("tilted_waves", str(top), ["x", "y"])
    assert answer["run"] == "tilted_waves/surface/x-y"
    arrays = tbgrad.read_arrays(f"{top}/{answer['run']}")  # a path in words, as the last line prints it
    for name in ("x", "y", "value", "gradient"):
        assert np.array_equal(numbers(answer[name]), arrays[name], equal_nan=True), name
    row = answer["value"][50]
    assert row[50] == "NaN" and set(row) <= {"NaN", "Infinity", "-Infinity"}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ripple", "--points", "3", "--over", "x=0:6", "--over", "y=-6:6"], "x-y_points3"),
        (["ripple", *SMALL, "--view", "90,-90"], "x-y_points3_view45_30_view90_-90"),
        (
            ["ripple", *SMALL, "--over", "x=0:1", "--over", "y=-1:pi"],
            "x-y_over0_1_over-1_3.141592653589793_points3_view45_30",
        ),
        (["ripple", *SMALL, "--over", "y=0:1", "--over", "x=-1:0"], "y-x_over0_1_over-1_0_points3_view45_30"),
        (
            ["x*y*z", *SMALL, "--over", "x=0:1", "--over", "z=0:1", "--fix", "y=2"],
            "x-z_over0_1_over0_1_y2_points3_view45_30",
        ),
        (["ripple", *SMALL, "--over", "y=0:1"], "x-y_over0_6_over0_1_points3_view45_30"),
        (["rosenbrock", *SMALL, "--set", "b=10"], "x-y_b10_points3_view45_30"),
        (["sphere", *SMALL, "--dtype", "float32"], "x-y_points3_view45_30_dtypefloat32"),
        (
            ["ripple", *SMALL, "--tangent", "2,-1", "--tangent", "y=0,x=pi", "--streamlines"],
            "x-y_points3_view45_30_tangent2_-1_tangent3.141592653589793_0_streamlines",
        ),
    ],
)
def test_names_and_views(typed, logdir, words, name):
    result = typed("surface", *words, "--logdir", logdir)
    run = only_run(logdir)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, str(run))
    assert (run.parent.name, run.name) == ("surface", name)
    views = [f"surface/relief/{view.replace(',', '_')}" for word, view in pairwise(words) if word == "--view"]
    axes = name.partition("_")[0].split("-")
    assert sorted(tbgrad.read_run(run).images) == sorted([*FLAT, *partials(axes), *(views or VIEWS)])


@pytest.mark.parametrize(
    ("words", "formula", "axes", "fixed"),
    [
        (["ripple"], "sin(sqrt(x**2 + y**2))", "xy", {}),
        (["rosenbrock", "--set", "b=10"], "(1 - x)**2 + 10*(y - x**2)**2", "xy", {}),
        (["x^2*y", "--over", "y=-2:1", "--over", "x=1:pi"], "x**2*y", "yx", {}),
        (["x*y + exp(z)", "--over", "x=0:1", "--over", "y=2:3", "--fix", "z=-1"], "x*y + exp(z)", "xy", {"z": -1}),
        (["x*y + exp(z)", "--over", "z=0:1", "--over", "x=2:3", "--fix", "y=1/2"], "x*y + exp(z)", "zx", {"y": 0.5}),
    ],
)
def test_values_and_gradients(document, logdir, words, formula, axes, fixed):
    answer = document("surface", *words, "--points", "7", "--view", "45,30", "--logdir", logdir)
    assert answer["axes"] == list(axes)
    holds_the_function(tbgrad.read_arrays(only_run(logdir)), formula, axes, **fixed)


def test_tangent_planes(document, logdir):
    words = ["tilted_waves", "--points", "4", "--view", "45,30", "--tangent", "2,1", "--tangent", "2,0"]
    answer = document("surface", *words, "--logdir", logdir)
    first, second = answer["tangents"]
    assert first["point"] == [2.0, 1.0] and second["point"] == [2.0, 0.0]
    at, text = {"x": 2.0, "y": 1.0}, "cos(x)*sin(y) + x/y"
    assert first["value"] == pytest.approx(float(mp_value(text, **at)), rel=1e-14)
    expected = [float(slope) for slope in mp_gradient(text, "xy", [2.0, 1.0])]
    assert first["slope"] == pytest.approx(expected, rel=1e-14)
    assert not np.isfinite(numbers(second["value"]))
    assert document("surface", *words, "--logdir", logdir) == answer


def test_tangent_planes_are_told(typed, logdir):
    result = typed("surface", "x^2*y*z", "--over", "z=0:2", "--over", "x=-1:1", "--fix", "y=3", *SMALL,
                   "--tangent", "z=1,x=.5", "--logdir", logdir)  # fmt: skip
    told = [line for line in result.stdout.splitlines() if "tangent plane" in line]
    assert told == ["tangent plane at (1, 0.5): f = 0.75, ∂f/∂z = 0.75, ∂f/∂x = 3"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["ripple", "--tangent", "9,1"],
            "x = 9, outside of 0:6: choose one within, or a wider range, for example --over",
        ),
        (["ripple", "--tangent", "1,2,3"], "touches at two coordinates, x and y, which the surface spans; got 3"),
        (["ripple", "--tangent", "x=1,z=2"], "touches at x and y, which the surface spans, as in x=2,y=1; got x, z"),
        (["ripple", "--tangent", "1,1", "--tangent", "x=1,y=1"], "tangent plane at 1, 1 is asked for twice"),
        (
            ["x*y*z", "--over", "x=0:1", "--over", "y=0:1", "--fix", "z=1", "--tangent", "x=1,y=1,z=1"],
            "touches at x and y, which the surface spans",
        ),
    ],
)
def test_tangent_planes_that_there_cannot_be(typed, logdir, words, told):
    assert told in refused(typed("surface", *words, "--logdir", logdir))


def test_float32(document, logdir):
    answer = document("surface", "sphere", *SMALL, "--dtype", "float32", "--logdir", logdir)
    holds_the_function(answer, "x**2 + y**2", "xy", tolerance=1e-6)
    assert np.array_equal(numbers(answer["value"]), np.float32(answer["value"]))


def test_a_mesh_of_many_points_is_thinned(typed, logdir):
    assert typed("surface", "sphere", "--points", "300", "--view", "90,90", "--logdir", logdir).exit_code == 0
    (vertices,) = tbgrad.read_run(only_run(logdir)).meshes["surface/mesh"].vertices
    assert 1000 < len(vertices) <= 65536
    assert tbgrad.read_arrays(only_run(logdir))["value"].shape == (300, 300)


@pytest.mark.parametrize("again", [[], ["--over", "x=0:6", "--over", "y=-6:2*3"], ["--json"]])
def test_the_same_request_again(typed, contents, logdir, again):
    words = ["surface", "ripple", *SMALL, "--logdir", logdir]
    first = typed(*words)
    before = contents(logdir)
    second = typed(*words, *again)
    assert second.exit_code == 0 and contents(logdir) == before
    assert (second.stdout == first.stdout) == ("--json" not in again)
    assert len(second.stderr.splitlines()) == 1 and "ripple/surface/x-y_points3_view45_30" in second.stderr


def test_another_request_under_the_same_name(typed, contents, logdir):
    assert typed("surface", "ripple", *SMALL, "--run", "my/own", "--logdir", logdir).exit_code == 0
    before = contents(logdir)
    other = ["surface", "sphere", *SMALL, "--run", "my/own", "--logdir", logdir]
    message = refused(typed(*other))
    assert "my/own" in message and "--overwrite" in message
    assert contents(logdir) == before
    replaced = typed(*other, "--overwrite")
    assert (replaced.exit_code, replaced.stdout.splitlines()[-1]) == (0, f"{logdir}/my/own")
    (events,) = logdir.rglob("events.*")
    assert str(events.relative_to(logdir)) not in before
    assert tbgrad.read_arrays(logdir / "my/own")["value"][1, 1] == 0


MISTAKES = "fading_wave|x|x*y|riple||ripple extra|ripple --over x=0:1 --over x=0:2"
MISTAKES += "|ripple --over x=0:1 --over q=0:1|ripple --over x=1:0 --over y=0:1|ripple --over x=1:1 --over y=0:1"
MISTAKES += "|ripple --over x=0 --over y=0:1|x*y*z --over x=0:1 --over y=0:1 --over z=0:1|ripple --points 1"
MISTAKES += "|ripple --points 0|ripple --points 2.5|ripple --points 100000|ripple --view 45|ripple --view a,b"
MISTAKES += "|ripple --view 1,2,3|ripple --view nan,0|ripple --view 45,30 --view 45,30.0|ripple --fix x=1 --fix y=1"
MISTAKES += "|x*y --over x=0:1 --over y=0:1 --fix x=1|ripple --fix q=1|log(x-100)+y --over x=0:1 --over y=0:1"
MISTAKES += "|log(x-0.999)*y --over x=0:1 --over y=0:1"
MISTAKES += "|ripple --tangent 1|ripple --tangent a,b|ripple --tangent x=1,2|ripple --tangent nan,0|ripple --tangent"
MISTAKES += "|ripple --pionts 3|ripple --points|ripple --set b=1|ripple --dtype float16|ripple --run ../mine"


@pytest.mark.parametrize("line", MISTAKES.split("|"))
def test_mistakes(typed, logdir, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TBGRAD_LOGDIR", str(logdir))
    refused(typed("surface", *line.split()))
    assert list(tmp_path.iterdir()) == []
