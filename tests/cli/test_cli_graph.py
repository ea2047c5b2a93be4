"""tbgrad graph: TensorFlow's graph and the graph by hand, their numbers, names and runs."""

import math
import re

import mpmath
import pytest
from oracles import mp_gradient, mp_value

import tbgrad

TILTED, RIPPLE = "cos(x)*sin(y) + x/y", "sin(sqrt(x**2 + y**2))"
PI_2 = math.pi / 2
AT = [  # what is typed: function, point; what the oracle is told: formula, position
    ("tilted_waves", "2,1", TILTED, [2, 1]),
    ("ripple", "x=2,y=0", RIPPLE, [2, 0]),
    ("ripple", "y=-3,x=1.5", RIPPLE, [1.5, -3]),
    ("fading_wave", "4.1", "cos(x)*sin(x)/sqrt(x)", [4.1]),
    ("x^3 - 2*x", "-1", "x**3 - 2*x", [-1]),
    ("-x**2", "-pi/2", "-x**2", [-PI_2]),
    ("sin(x)*exp(y)", "pi/2,0", "sin(x)*exp(y)", [PI_2, 0]),
    ("atan2(x, y)*log(z)", "1,-2,e", "atan2(x, y)*log(z)", [1, -2, math.e]),
]
SOURCE = "import tensorflow as tf\n\n\n@tf.function\ndef bowl(x, y):\n    return tf.sin(x) * y**2\n"


def nodes(run):
    return tbgrad.read_run(run).graphs[""].nodes


def last(result):
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()[-1]


def count(graph, scope):
    return sum(node.name.startswith(f"{scope}/") for node in graph)


def close(told, expected):
    assert [float(one) for one in told] == pytest.approx([float(one) for one in expected], rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("formula", ["ripple", "rosenbrock", "x", TILTED])
def test_the_graph_and_what_is_said_of_it(typed, logdir, formula):
    result = typed("graph", formula, "--logdir", logdir)
    graph = nodes(last(result))
    assert "once" in result.stdout
    for scope in ("forward", "gradient"):
        assert count(graph, scope) and re.search(rf"\b{scope} {count(graph, scope)}\b", result.stdout)
    assert {node.name.split("/")[0] for node in graph} == {"forward", "gradient"}
    assert not any("PartitionedCall" in node.operation for node in graph)
    assert {source for node in graph for source in node.inputs} <= {node.name for node in graph}


@pytest.mark.parametrize(("function", "point", "formula", "position"), AT)
def test_json_is_one_document(document, logdir, function, point, formula, position):
    answer = document("graph", function, "--at", point, "--logdir", logdir)
    assert (answer["logdir"], answer["traces"]) == (str(logdir), 1)
    assert answer["by_hand"] == f"{answer['run']}_by_hand"
    graph = nodes(logdir / answer["run"])
    assert answer["counts"] == {scope: count(graph, scope) for scope in ("forward", "gradient")}
    variables = "xyz"[: len(position)]
    value = mp_value(formula, **dict(zip(variables, position, strict=True)))
    close([answer["value"], *answer["gradient"]], [value, *mp_gradient(formula, variables, position)])


@pytest.mark.parametrize(("function", "point", "formula", "position"), AT)
def test_by_hand_each_node_is_the_value_of_its_name(typed, logdir, function, point, formula, position):
    run = last(typed("graph", function, "--at", point, "--logdir", logdir))
    variables = "xyz"[: len(position)]
    values = dict(zip(variables, position, strict=True))
    by_name = {node.name.replace("÷", "/"): node for node in nodes(f"{run}_by_hand")}
    assert {*variables, formula} <= set(by_name)
    for name, node in by_name.items():
        close([node.attributes["value"]], [mp_value(name, **values)])
        assert set(node.inputs) <= {one.name for one in by_name.values()}
    close([by_name[name].attributes["gradient"] for name in variables], mp_gradient(formula, variables, position))
    assert float(by_name[formula].attributes["gradient"]) == 1


@pytest.mark.parametrize(
    ("function", "node", "outer"),
    [
        ("tilted_waves", "cos(x)", "u*sin(y) + x/y"),
        ("ripple", "x**2 + y**2", "sin(sqrt(u))"),
        ("ripple", "sqrt(x**2 + y**2)", "sin(u)"),
        ("exp(x*y)*x", "x*y", "exp(u)*x"),
    ],
)
def test_by_hand_the_gradient_of_a_node_between(typed, logdir, function, node, outer):
    run = last(typed("graph", function, "--at", "2,1", "--logdir", logdir))
    (found,) = [one for one in nodes(f"{run}_by_hand") if one.name.replace("÷", "/") == node]
    close([found.attributes["gradient"]], mp_gradient(outer, ["u"], [mp_value(node, x=2, y=1)], x=2, y=1))
    assert any(name.startswith("derivative by ") for name in found.attributes)


@pytest.mark.parametrize(("function", "point", "formula", "position"), AT[:3])
def test_the_passes_as_a_table(typed, logdir, function, point, formula, position):
    run = last(typed("graph", function, "--at", point, "--logdir", logdir))
    text = tbgrad.read_run(run).texts["graph/backward"].text[-1]
    cells = [cell.strip(" `") for line in text.splitlines() if line.startswith("|") for cell in line.split("|")]
    told = [float(cell) for cell in cells if re.fullmatch(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", cell)]
    value = mp_value(formula, x=position[0], y=position[1])
    for expected in (value, *mp_gradient(formula, ["x", "y"], position)):
        assert min(abs(mpmath.mpf(one) - expected) for one in told) < 1e-14 * max(1, abs(expected))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["ripple"], ["ripple/graph"]),
        (["ripple", "--at", "2,0"], ["ripple/graph_at2_0", "ripple/graph_at2_0_by_hand"]),
        (["rosenbrock", "--set", "b=10"], ["rosenbrock/graph_b10"]),
        (["rosenbrock", "--set", "b=100", "--dtype", "float32"], ["rosenbrock/graph_dtypefloat32"]),
        (["fading_wave", "--at", "4.1"], ["fading_wave/graph_at4.1", "fading_wave/graph_at4.1_by_hand"]),
        (["ripple", "--at=-1,0", "--run", "my/own"], ["my/own", "my/own_by_hand"]),
    ],
)
def test_names(typed, logdir, words, names):
    result = typed("graph", *words, "--logdir", logdir)
    assert last(result) == f"{logdir}/{names[0]}"
    assert sorted(str(kept.parent.relative_to(logdir)) for kept in logdir.rglob("run.json")) == names
    assert ("_by_hand" in result.stdout) == (len(names) == 2)


def test_types_and_parameters_reach_the_graph(typed, logdir):
    words = ["graph", "rosenbrock", "--set", "b=10", "--logdir", logdir]
    graph = nodes(last(typed(*words, "--dtype", "float32")))
    assert {node.attributes["dtype"] for node in graph if "dtype" in node.attributes} == {"float32"}
    at = {node.name: node.attributes for node in nodes(f"{last(typed(*words, '--at', '1,2'))}_by_hand")}
    close([at[name]["gradient"] for name in "xy"], mp_gradient("(1 - x)**2 + 10*(y - x**2)**2", "xy", [1, 2]))


@pytest.mark.parametrize(("formula", "point"), [("log(x)", "-1"), ("sqrt(x)", "-1"), (TILTED, "0,0")])
def test_where_it_is_undefined_is_data(document, logdir, formula, point):
    answer = document("graph", formula, "--at", point, "--logdir", logdir)
    assert answer["value"] == "NaN"
    (whole,) = [node for node in nodes(logdir / answer["by_hand"]) if node.name.replace("÷", "/") == formula]
    assert math.isnan(float(whole.attributes["value"]))
    assert tbgrad.read_run(logdir / answer["run"]).texts["graph/backward"].text


@pytest.mark.parametrize("again", [["--at", "2,0"], ["--at", "x=2,y=0"], ["--at", "4/2,0*pi", "--dtype", "float64"]])
def test_the_same_request_again(typed, contents, logdir, again):
    first = typed("graph", "ripple", "--at", "2,0", "--logdir", logdir)
    before = contents(logdir)
    second = typed("graph", "ripple", *again, "--logdir", logdir)
    assert (second.exit_code, second.stdout) == (0, first.stdout)
    assert len(second.stderr.splitlines()) == 1 and "ripple/graph_at2_0" in second.stderr
    assert contents(logdir) == before


def test_a_graph_by_hand_that_is_gone_is_made_again(typed, contents, logdir):
    typed("graph", "ripple", "--at", "2,0", "--run", "mine", "--logdir", logdir)
    (logdir / "mine_by_hand").rename(logdir.parent / "elsewhere")
    assert last(typed("graph", "ripple", "--at", "2,0", "--run", "mine", "--logdir", logdir)) == f"{logdir}/mine"
    assert (logdir / "mine_by_hand/run.json").is_file()


@pytest.mark.parametrize("taken", ["mine", "mine_by_hand"])
def test_another_request_under_the_same_name(typed, contents, logdir, taken):
    assert typed("graph", "sphere", "--run", taken, "--logdir", logdir).exit_code == 0
    before = contents(logdir)
    words = ["graph", "ripple", "--at", "2,0", "--run", "mine", "--logdir", logdir]
    refused = typed(*words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert taken in refused.stderr and "--overwrite" in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert contents(logdir) == before
    assert last(typed(*words, "--overwrite")) == f"{logdir}/mine"
    for name in ("mine", "mine_by_hand"):
        assert len(list((logdir / name).glob("events.out.tfevents.*"))) == 1
        assert not {f"{name}/{path.name}" for path in (logdir / name).glob("events.*")} & set(before)
    assert [node for node in nodes(logdir / "mine_by_hand") if node.name.startswith("sin")]


def test_made_anew_without_a_point_the_graph_by_hand_goes(typed, logdir):
    words = ["--run", "mine", "--logdir", logdir]
    assert typed("graph", "x*y", "--at", "1,2", *words).exit_code == 0
    assert typed("graph", "x*y", "--run", "mine_too", "--logdir", logdir).exit_code == 0
    assert last(typed("graph", "x + y", *words, "--overwrite")) == f"{logdir}/mine"
    assert sorted(kept.parent.name for kept in logdir.rglob("run.json")) == ["mine", "mine_too"]
    # Where the successor fails, what is there stays.
    assert typed("graph", "x*y", "--at", "1,2", *words, "--overwrite").exit_code == 0
    source = logdir.parent / "broken.py"
    source.write_text("def broken(x):\n    return x.no_such_method()\n")
    assert typed("graph", f"{source}:broken", *words, "--overwrite").exit_code != 0
    assert (logdir / "mine_by_hand/run.json").is_file()
    assert typed("graph", "x + y", *words, "--overwrite").exit_code == 0
    assert not (logdir / "mine_by_hand").exists()
    # A run of somebody's own choosing with that name stays.
    assert typed("graph", "x - y", "--run", "mine_by_hand", "--logdir", logdir).exit_code == 0
    assert typed("graph", "x*y", *words, "--overwrite").exit_code == 0
    assert (logdir / "mine_by_hand/run.json").is_file()


def test_a_refused_graph_leaves_nothing_behind(typed, contents, logdir):
    (logdir / "foreign").mkdir(parents=True)
    (logdir / "foreign/events.out.tfevents.1").write_bytes(b"")
    (logdir / "holder/inside").mkdir(parents=True)
    (logdir / "holder/inside/run.json").write_text("{}")
    before = contents(logdir)
    for name, message in (("foreign", "did not write"), ("holder", "one run cannot hold another")):
        refused = typed("graph", "x*y", "--at", "1,2", "--run", name, "--logdir", logdir, "--overwrite")
        assert (refused.exit_code, refused.stdout) == (2, "") and message in refused.stderr
    assert contents(logdir) == before


def test_a_python_function(typed, document, contents, logdir, tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    words = ["graph", f"{tmp_path / 'mine.py'}:bowl", "--logdir", logdir]
    refused = typed(*words, "--at", "1,2")
    assert (refused.exit_code, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert not logdir.exists()
    answer = document(*words)
    assert (answer["traces"], answer["by_hand"]) == (1, None)
    graph = nodes(logdir / answer["run"])
    assert "Sin" in {node.operation for node in graph}
    assert not any("PartitionedCall" in node.operation for node in graph)
    before = contents(logdir)
    assert typed(*words, "--at", "1,2").exit_code == 2
    assert contents(logdir) == before


MISTAKES = "graph|graph riple|graph ripple x|graph ripple --at|graph ripple --at 2|graph ripple --at 2,0,1"
MISTAKES += "|graph ripple --at a,b|graph ripple --at x=2|graph ripple --at x=2,z=0|graph ripple --at nan,0"
MISTAKES += "|graph ripple --att 2,0|graph ripple --set b=1|graph ripple --dtype float16|graph no_file.py:f|graph 3"
MISTAKES += "|graph ripple --run=|graph ripple --logdir=|graph ripple --run tour/mine|graph ripple --run tour"
MISTAKES += "|sweep ripple --over x=0:1 --over y=0:1|graph ripple --jsn|graph --at 2,0|graph ripple --set"
MISTAKES += "|sweep x*y --over x=1:1.0000000000000002|graph ripple --run ../mine"


@pytest.mark.parametrize("line", MISTAKES.split("|"))
def test_mistakes(typed, logdir, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TBGRAD_LOGDIR", str(logdir))
    result = typed(*line.split())
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert len(result.stderr.splitlines()) == 1 and "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
