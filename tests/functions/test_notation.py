import pytest
from oracles import mp_value

from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.expressions import parse
from tbgrad.functions.notation import infix, operation_text
from tbgrad.functions.typesetting import mathtext, tex_name


def plainest(text):
    return infix(parse(text).nodes)[-1]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("((x))+(y)", "x + y"),
        ("(x*y)*z", "x*y*z"),
        ("x*(y*z)", "x*(y*z)"),
        ("x-(y-z)", "x - (y - z)"),
        ("(x-y)-z", "x - y - z"),
        ("x/(y*z)", "x/(y*z)"),
        ("(x/y)*z", "x/y*z"),
        ("x^(y^z)", "x**y**z"),
        ("(x^y)^z", "(x**y)**z"),
        ("(-x)^2", "(-x)**2"),
        ("-(x^2)", "-x**2"),
        ("(-2)^x", "(-2)**x"),
        ("x^(-2)", "x**-2"),
        ("x - -2", "x - -2"),
        ("-(x + y)", "-(x + y)"),
        ("(-x)*y", "-x*y"),
        ("-(x*y)", "-(x*y)"),
        ("2.50*x", "2.5*x"),
        ("1e-7*x", "1e-07*x"),
        ("3.141592653589793*x", "pi*x"),
        ("sin(((x)))", "sin(x)"),
        ("x, a=2 -> a*x", "a*x"),
    ],
)
def test_the_plainest_spelling(text, plain):
    assert plainest(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "-(+2)",
        "-(-2)",
        "-(2)^x",
        "-(+2)*x",
        "(-0)^x",
        "x*-0",
        "+(-(+(-3)))*x",
        "--2^x",
        "2^--x",
        "x^-y^-z",
        "x - (-y)",
        "x*(-y)*z",
        "(x*-y)^2",
        "1e22*x + 1e-5",
        "(1e-5)^x",
        "-pi^2*x",
        "(-pi)^x",
        "(-3.141592653589793)^x",
        "0.1 + x*0.30000000000000004",
        "5e-324*x + 1.7976931348623157e308",
        *(text for f in catalogue().values() for text in [f.formula.text] if "->" not in text),
    ],
)
def test_what_is_written_parses_back_to_the_same_tree(text):
    nodes = parse(text).nodes
    written = infix(nodes)[-1]
    again = parse(written).nodes
    assert again == nodes
    # repr tells -0.0 from 0.0, which are equal.
    assert repr(again) == repr(nodes)


def test_the_plainest_spelling_has_the_same_value():
    text = "-(x - y)^-2/(-x*(y/3)) - (-(x^y))^3"
    values = {"x": "1.75", "y": "0.625"}
    assert mp_value(plainest(text), **values) == pytest.approx(mp_value(text, **values), rel=1e-40)


def test_every_node_is_written():
    assert infix(parse("sin(x)*y").nodes) == ["x", "sin(x)", "y", "sin(x)*y"]


def test_names_may_be_written_as_something_longer():
    nodes = parse("u*v").nodes
    assert infix(nodes, {"u": "sin(x)", "v": "x + 1"})[-1] == "sin(x)*(x + 1)"


def test_one_operation_on_written_arguments():
    nodes = parse("atan2(x, -y) - x").nodes
    texts = [operation_text(n.operation, ["v1", "v2"][: len(n.arguments)]) for n in nodes if n.arguments]
    assert texts == ["-v1", "atan2(v1, v2)", "v1 - v2"]


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("x/y", r"\dfrac{x}{y}"),
        ("sqrt(x)", r"\sqrt{x}"),
        ("abs(x)", "|x|"),
        ("x**-2", "{x}^{-2}"),
        ("(x + y)**2", "{(x + y)}^{2}"),
        ("sin(x)**2", r"{(\sin(x))}^{2}"),
        ("log(x)", r"\ln(x)"),
        ("2*3*x", r"2 \cdot 3\,x"),
        ("1e-5*x", r"1 \times 10^{-5}\,x"),
        ("tau*x", r"\tau\,x"),
        ("-(x - y)", "-(x - y)"),
    ],
)
def test_mathtext(text, tex):
    assert mathtext(parse(text).nodes) == tex


@pytest.mark.parametrize(
    ("name", "tex"),
    [("x", "x"), ("x0", "x_{0}"), ("x_12", "x_{12}"), ("alpha", r"\alpha"), ("width", r"\mathrm{width}")],
)
def test_names_in_mathtext(name, tex):
    assert tex_name(name) == tex


@pytest.mark.parametrize("text", ["1e-5**x", "(1e-5)**2*x", "1e22**x", "(-2)**x"])
def test_the_base_of_a_power_binds_in_mathtext(text):
    # 1 × 10⁻⁵ to the x must not read as 1 × 10 to the (-5)x.
    assert mathtext(parse(text).nodes).startswith(("{(", "(", r"{\left("))


@pytest.mark.parametrize(
    ("text", "name", "written"),
    [
        ("u/v", "cos(x)*sin(y)", "u/(cos(x)*sin(y))"),
        ("u/v", "cos(x)", "u/cos(x)"),
        ("u/v", "sin(cos(x))", "u/sin(cos(x))"),
        ("u/v", "atan2(x, y + 1)", "u/atan2(x, y + 1)"),
        ("u/v", "v12", "u/v12"),
        ("u/v", "α", "u/α"),
        ("u/v", "2", "u/2"),
        ("v**2", "x + y", "(x + y)**2"),
        ("v**2", "-x", "(-x)**2"),
        ("v**2", "-2", "(-2)**2"),
        ("v**2", "(x)*(y)", "((x)*(y))**2"),
        ("-v", "x - y", "-(x - y)"),
        ("u - v", "x - y", "u - (x - y)"),
        ("sin(v)", "x - y", "sin(x - y)"),
        ("1/v**2", "sin(x)*cos(y)", "1/(sin(x)*cos(y))**2"),
    ],
)
def test_a_name_in_place_of_a_variable_has_parentheses_where_it_needs_them(text, name, written):
    nodes = parse(f"u, v -> {text}").nodes
    assert infix(nodes, {"v": name})[-1] == written


@pytest.mark.parametrize("name", ["x", "2.5", "1e-05", "-x", "x + y", "x*y", "x**y", "sin(x)*cos(y)", "sin(x)", "x/y"])
@pytest.mark.parametrize("text", ["u - v", "u/v", "v**2", "2**v", "-v", "v*v/(v - u)", "atan2(v, u - v)"])
def test_what_is_written_with_names_is_what_it_says(text, name):
    values = {"x": "1.75", "y": "0.625", "u": "3.5"}
    written = infix(parse(f"u, v -> {text}").nodes, {"v": name})[-1]
    expected = mp_value(text, v=mp_value(name, **values), **values)
    assert mp_value(written, **values) == pytest.approx(expected, rel=1e-40)


def test_decimals_need_no_parentheses():
    assert infix(parse("u, v -> u/v").nodes, {"v": "2.5"})[-1] == "u/2.5"
