"""The passes by hand as records: the numbers on the nodes against mpmath, the names, the page."""

import ast
import re

import numpy as np
import pytest
from oracles import mp_gradient, mp_value

import tbgrad
from tbgrad.functions.function import Function
from tbgrad.records import GraphRecord, Texts

CATALOGUE = tbgrad.catalogue()
TEXTS = [
    "x*x",
    "sin(x*y) + cos(x*y)",
    "x/y*(x/y/2)*abs(x)",
    "1/(cos(x)*sin(y))",
    "exp(sin(x*y))/(x + y)",
    "(x + y)**(x*y) - sin(2*pi*x)*y",
    "x - -2*y + (-x)**2",
    "v*v1 + sin(v*v1)/(v - v1)",
    "(x + 1.25)*(y - 2.5)/(1 + (x + 1.25)*(y - 2.5)) + atan2(x + 1.25, x*y)",
]
FUNCTIONS = {**CATALOGUE, **{text: Function.of_formula(text) for text in TEXTS}}
POINT = (0.7, 1.3, 0.4, 1.1)


def summarized(f, point=POINT):
    passes = tbgrad.backward(f, point[: f.dimensions])
    graph, page = tbgrad.summarize(passes)
    assert isinstance(graph, GraphRecord) and isinstance(page, Texts)
    return passes, graph, page


def one_text(text, *point):
    return summarized(Function.of_formula(text), point or POINT)


class Replaced(ast.NodeTransformer):
    """Puts a name in the place of every part of a formula that is written like this one."""

    def __init__(self, part):
        self.part = ast.dump(ast.parse(part, mode="eval").body)

    def visit(self, node):
        return ast.Name("part_") if ast.dump(node) == self.part else self.generic_visit(node)


def derivative_by(part, text, **values):
    """The derivative of a formula's text by one of its parts, at 50 digits."""
    by_name = ast.unparse(Replaced(part).visit(ast.parse(text, mode="eval")))
    assert "part_" in by_name
    return mp_gradient(by_name, ["part_"], [mp_value(part, **values)], **values)[0]


def local_derivatives(text, **values):
    """(syntax of an argument, derivative by it) for each argument of a text's outermost operation."""
    outermost = ast.parse(text, mode="eval").body
    fields = {ast.BinOp: ["left", "right"], ast.UnaryOp: ["operand"]}.get(type(outermost), [])
    arguments = [getattr(outermost, field) for field in fields] or list(outermost.args)
    names = [f"part_{i}_" for i in range(len(arguments))]
    for field, name in zip(fields, names, strict=False):
        setattr(outermost, field, ast.Name(name))
    if not fields:
        outermost.args = [ast.Name(name) for name in names]
    texts = [ast.unparse(argument) for argument in arguments]
    found = mp_gradient(ast.unparse(outermost), names, [mp_value(text, **values) for text in texts])
    return [(ast.dump(ast.parse(text)), derivative) for text, derivative in zip(texts, found, strict=True)]


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_value_and_gradient_on_every_node(f):
    passes, graph, _ = summarized(f)
    values = dict(zip(f.variables, POINT, strict=False))
    for node, by_hand in zip(graph.nodes, passes.nodes, strict=True):
        text = by_hand.full
        assert float(node.attributes["value"]) == pytest.approx(float(mp_value(text, **values)), rel=1e-13)
        if node.operation != "number":
            expected = float(derivative_by(text, passes.nodes[-1].full, **values))
            assert float(node.attributes["gradient"]) == pytest.approx(expected, rel=1e-12, abs=1e-14), text


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_names_inputs_and_local_derivatives(f):
    passes, graph, _ = summarized(f)
    names = [node.name for node in graph.nodes]
    assert len(set(names)) == len(names) and not any("/" in name for name in names)
    values = dict(zip(f.variables, POINT, strict=False))
    labels = {n.label: mp_value(n.full, **values) for n in passes.nodes if n.arguments}
    full = {name: node.full for name, node in zip(names, passes.nodes, strict=True)}
    for i, node in enumerate(graph.nodes):
        assert all(name in names[:i] for name in node.inputs) and node.shape == ()
        told = {key for key in node.attributes if key.startswith("derivative by ")}
        assert told <= {f"derivative by {name}" for name in node.inputs}
        # A number is held fixed: it has no gradient to show.
        assert set(node.attributes) == told | ({"value"} if node.operation == "number" else {"value", "gradient"})
        for key in told:
            name = ast.dump(ast.parse(full[key.removeprefix("derivative by ")]))
            parts = node.attributes[key].split("; ")
            for part in parts:
                formula, _, number = part.partition(" = ")
                expected = float(mp_value(formula, **values, **labels))
                assert float(number or formula) == pytest.approx(expected, rel=1e-12, abs=1e-14)
            expected = [float(d) for argument, d in local_derivatives(full[node.name], **values) if argument == name]
            assert [float(part.split(" = ")[-1]) for part in parts] == pytest.approx(expected, rel=1e-12, abs=1e-14)
        numbers = {name for name in node.inputs if graph.nodes[names.index(name)].operation == "number"}
        assert told == {f"derivative by {name}" for name in node.inputs if name not in numbers}


def test_the_kinds_of_nodes():
    _, graph, _ = one_text("x**2 + sin(y)*pi")
    kinds = {node.name: node.operation for node in graph.nodes}
    assert kinds == {
        "x": "variable",
        "2": "number",
        "x**2": "power",
        "y": "variable",
        "sin(y)": "sin",
        "pi": "number",
        "sin(y)*pi": "multiply",
        "x**2 + sin(y)*pi": "add",
    }


def test_a_part_that_occurs_twice_is_one_node():
    _, graph, _ = one_text("sin(x*y) + cos(x*y)")
    names = [node.name for node in graph.nodes]
    assert sorted(names) == sorted(["x", "y", "x*y", "sin(x*y)", "cos(x*y)", "sin(x*y) + cos(x*y)"])
    assert [node.name for node in graph.nodes if "x*y" in node.inputs] == ["sin(x*y)", "cos(x*y)"]


def test_the_same_argument_twice_has_a_derivative_for_each_place():
    _, graph, _ = one_text("x*x", 3.0)
    assert graph.nodes[-1].inputs == ("x", "x")
    assert graph.nodes[-1].attributes == {"value": "9", "gradient": "1", "derivative by x": "x = 3; x = 3"}
    assert graph.nodes[0].attributes == {"value": "3", "gradient": "6"}


def test_a_long_node_is_called_by_its_label_and_what_it_computes():
    passes, graph, _ = one_text("sin((x + 1.25)*(y - 2.5)/x*y)/2")
    long = {n.name for n, by_hand in zip(graph.nodes, passes.nodes, strict=True) if len(by_hand.full) > 24}
    # A label stands for a node that bears it, so that one finds the way.
    assert long == {"v6 = sin((x + 1.25)*(y - 2.5)÷x*y)", "v7 = v6÷2"}
    assert graph.nodes[-1].inputs == ("v6 = sin((x + 1.25)*(y - 2.5)÷x*y)", "2")


@pytest.mark.parametrize(("name", "parameter"), [("rosenbrock", {"a": 2.0}), ("ellipse", {"condition": 2.0})])
def test_a_parameter_that_equals_another_number_is_one_node_with_it(name, parameter):
    f = CATALOGUE[name].with_parameters(**parameter)
    passes, graph, _ = summarized(f)
    names = [node.name for node in graph.nodes]
    assert len(set(names)) == len(names) and names.count("2") == 1
    expected = mp_gradient(f.formula.text.split("->")[1].strip(), f.variables, POINT[: f.dimensions], **f.parameters)
    assert passes.gradient == pytest.approx([float(g) for g in expected], rel=1e-12)


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_page_has_both_passes_with_their_numbers(f):
    passes, _, page = summarized(f)
    assert page.tag == "graph/backward" and page.step.tolist() == [0]
    (text,) = page.text
    _, forward, backward, gradient = re.split(r"\*\*(?:Forward|Backward|The gradient)\*\*", text)
    computed = [node for node in passes.nodes if node.arguments]
    rows = [row for row in forward.splitlines() if row.startswith("| `")]
    assert len(rows) == len(computed)
    for row, node in zip(rows, computed, strict=True):
        label, formula, value = (cell.strip(" `") for cell in row.strip("|").split(" | "))
        assert (label, formula, float(value)) == (node.label, node.text, node.value)
    rows = [row for row in backward.splitlines() if row.startswith("| `")]
    # From the value backward: every intermediate value and every variable.
    last = [n for n in passes.nodes if n.arguments or n.label in f.variables][::-1]
    assert len(rows) == len(last) and rows[0].endswith("| `1` |  |")
    for row, node in zip(rows[1:], last[1:], strict=True):
        left, _, numbers = (cell.strip(" `") for cell in row.strip("|").split(" | "))
        assert left.endswith(f"/∂{node.label}")
        products, total = numbers.split(" = ")
        assert float(total) == node.gradient
        assert eval(products, {"__builtins__": {}}) == pytest.approx(node.gradient, rel=1e-14, abs=1e-300)
    rows = [row for row in gradient.split("**Where to look**")[0].splitlines() if row.startswith("| `")]
    np.testing.assert_array_equal([float(row.split("|")[2]) for row in rows], passes.gradient)


def test_what_is_not_finite_is_told_as_computed():
    _, graph, page = one_text("1/x + y", 0.0, 1.0)
    attributes = {node.name: node.attributes for node in graph.nodes}
    assert (attributes["1÷x"]["value"], attributes["x"]["gradient"]) == ("inf", "-inf")
    assert "the value is inf, the gradient (-inf, 1)." in page.text[0]
