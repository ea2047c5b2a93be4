"""tbgrad grad: what a user types, and the numbers they get."""

import json
import math

import pytest

RIPPLE = (0.9092974268256817, [-0.4161468365471424, 0.0])


def test_the_document_of_the_interface(typed):
    result = typed("grad", "ripple", "--at", "2,0", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "function": "ripple",
        "variables": ["x", "y"],
        "dtype": "float64",
        "points": [{"position": [2.0, 0.0], "value": RIPPLE[0], "gradient": RIPPLE[1], "status": "finite"}],
    }
    assert len(result.stdout.splitlines()) == 1


def test_the_report_shows_every_digit(typed):
    result = typed("grad", "ripple", "--at", "2,0")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0.9092974268256817" in result.stdout
    assert "-0.4161468365471424" in result.stdout


def test_by_hand_agrees(typed, document):
    point = document("grad", "ripple", "--at", "2,0", "--by-hand")["points"][0]
    assert point["value"] == pytest.approx(RIPPLE[0], rel=1e-15)
    assert point["gradient"] == pytest.approx(RIPPLE[1], rel=1e-15)
    shown = typed("grad", "tilted_waves", "--at", "2,1", "--by-hand").stdout
    assert "forward" in shown and "backward" in shown
    # cos(2) sin(1) + 2, and its partial derivatives 1/y - sin(x) sin(y), cos(x) cos(y) - x/y².
    value, dx, dy = math.cos(2) * math.sin(1) + 2, 1 - math.sin(2) * math.sin(1), math.cos(2) * math.cos(1) - 2
    for number in (value, dx, dy):
        assert f"{number:.12f}"[:-1] in shown


@pytest.mark.parametrize(
    ("words", "position", "value", "gradient"),
    [
        (["-x**2", "--at", "-1"], [-1], -1, [2]),
        (["-x**2", "--at=-1"], [-1], -1, [2]),
        (["--at", "-1", "-x**2"], [-1], -1, [2]),
        (["x^2 + 3*x", "--at", "1"], [1], 4, [5]),
        (["x", "--at", "2*pi"], [2 * math.pi], 2 * math.pi, [1]),
        (["x", "--at", "-pi/2"], [-math.pi / 2], -math.pi / 2, [1]),
        (["x + y", "--at", "atan2(1,2),-1"], [math.atan2(1, 2), -1], math.atan2(1, 2) - 1, [1, 1]),
        (["x + y", "--at", "x=-1,y=atan2(1,2)"], [-1, math.atan2(1, 2)], math.atan2(1, 2) - 1, [1, 1]),
        (["x*y", "--at", "x=2,y=3"], [2, 3], 6, [3, 2]),
        (["x*y", "--at", "y=3,x=2"], [2, 3], 6, [3, 2]),
        (["x - y", "--at", "-2,-3"], [-2, -3], 1, [1, -1]),
        (["b*a**2", "--at", "2,3"], [2, 3], 12, [12, 4]),
        (["y, x -> y*x**2", "--at", "2,3"], [2, 3], 18, [9, 12]),
        (["x, y, a=1 -> a*x + y", "--at", "2,3"], [2, 3], 5, [1, 1]),
        (["x, y, a=1 -> a*x + y", "--at", "2,3", "--set", "a=-5"], [2, 3], -7, [-5, 1]),
        (["rosenbrock", "--at", "2,1"], [2, 1], 901, [2402, -600]),
        (["rosenbrock", "--at", "2,1", "--set", "b=10"], [2, 1], 91, [242, -60]),
        (["rosenbrock", "--at", "2,1", "--set", "b=10", "--set", "a=2"], [2, 1], 90, [240, -60]),
        (["x, m=3 -> sum(x[i] for i in range(m))", "--set", "m=5", "--at", "1,2,3,4,5"], [1, 2, 3, 4, 5], 15, [1] * 5),
        (["x, m=3 -> sum(x[i] for i in range(m))", "--set", "m=2", "--at", "1,2"], [1, 2], 3, [1, 1]),
        (["x**2", "--at", "1e154"], [1e154], 1e308, [2e154]),
    ],
)
def test_points_formulas_and_settings(document, words, position, value, gradient):
    (point,) = document("grad", *words)["points"]
    assert point["position"] == pytest.approx(position, rel=1e-15)
    assert point["value"] == pytest.approx(value, rel=1e-14)
    assert point["gradient"] == pytest.approx(gradient, rel=1e-14)
    assert point["status"] == "finite"


@pytest.mark.parametrize(
    ("formula", "value", "slope"),
    [
        ("e**x", math.exp(0.5), math.exp(0.5)),
        ("2**x", math.sqrt(2), math.sqrt(2) * math.log(2)),
        ("sqrt(2)**(2*x)", math.sqrt(2), math.sqrt(2) * math.log(2)),
        ("x, a=2 -> a**x", math.sqrt(2), math.sqrt(2) * math.log(2)),
        ("x**x", math.sqrt(0.5), math.sqrt(0.5) * (math.log(0.5) + 1)),
        ("x**pi", 0.5**math.pi, math.pi * 0.5 ** (math.pi - 1)),
        ("x**-1", 2.0, -4.0),
        ("atan2(1, x)", math.atan(2), -0.8),
        ("atan2(x, 1)", math.atan(0.5), 0.8),
        ("2 - x", 1.5, -1.0),
        ("1/x", 2.0, -4.0),
        ("log(2)*sin(1)*abs(-3)*x", math.log(2) * math.sin(1) * 1.5, math.log(2) * math.sin(1) * 3),
    ],
)
@pytest.mark.parametrize(("how", "rel"), [((), 1e-14), (("--by-hand",), 1e-14), (("--dtype", "float32"), 1e-6)])
def test_constants_stand_on_either_side(document, formula, value, slope, how, rel):
    (point,) = document("grad", formula, "--at", "1/2", *how)["points"]
    assert point["value"] == pytest.approx(value, rel=rel)
    assert point["gradient"] == pytest.approx([slope], rel=rel)


def test_points_come_in_the_order_typed(document):
    points = document("grad", "x**2", "--at", "-3", "--at", "1", "--at", "-2")["points"]
    assert [(point["position"], point["gradient"]) for point in points] == [([-3], [-6]), ([1], [2]), ([-2], [-4])]


@pytest.mark.parametrize(("function", "at"), [("ripple", "0,0"), ("tilted_waves", "1,0"), ("fading_wave", "0")])
def test_no_gradient_is_a_string_and_a_status(document, function, at):
    (point,) = document("grad", function, "--at", at)["points"]
    assert point["status"] == "undefined"
    assert set(point["gradient"]) & {"NaN", "Infinity", "-Infinity"}


@pytest.mark.parametrize(("formula", "value"), [("1/x", "Infinity"), ("-1/x", "-Infinity"), ("0/x", "NaN")])
def test_infinities_are_strings(document, formula, value):
    (point,) = document("grad", formula, "--at", "0")["points"]
    assert (point["value"], point["status"]) == (value, "undefined")


def test_float32_says_so(document):
    answer = document("grad", "x/3", "--at", "1", "--dtype", "float32")
    assert answer["dtype"] == "float32"
    (point,) = answer["points"]
    assert 1e-10 < abs(point["value"] - 1 / 3) < 1e-7


def test_a_python_file(tmp_path, document):
    (tmp_path / "mine.py").write_text("def square(x):\n    return x * x\n")
    (point,) = document("grad", f"{tmp_path / 'mine.py'}:square", "--at", "-3")["points"]
    assert (point["value"], point["gradient"]) == (9, [-6])


def test_grad_writes_nothing(tmp_path, monkeypatch, typed, logdir):
    monkeypatch.chdir(tmp_path)
    assert typed("grad", "ripple", "--at", "2,0", "--by-hand").exit_code == 0
    assert list(tmp_path.iterdir()) == []
