import math

import pytest
from oracles import mp_value

from tbgrad.errors import FormulaError
from tbgrad.functions.expressions import LONGEST_TEXT, Formula, bind, constant, parse
from tbgrad.functions.floats import PYTHON
from tbgrad.functions.interpreters import interpret
from tbgrad.functions.nodes import MOST_NODES


def value(text, **values):
    return interpret(parse(text).nodes, PYTHON, values)[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3*4", 14),
        ("(2 + 3)*4", 20),
        ("2 - 3 - 4", -5),
        ("2 - (3 - 4)", 3),
        ("24/4/3", 2),
        ("24/(4/3)", 18),
        ("2*3^2", 18),
        ("2^3^2", 512),
        ("2**3**2", 512),
        ("(2^3)^2", 64),
        ("2^3**2", 512),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^-1", 0.5),
        ("2^-1^2", 0.5),
        ("--2", 2),
        ("-+-2", 2),
        ("+2", 2),
        ("3 - -2", 5),
        ("2*-3", -6),
        ("-2*-3", 6),
        ("1.5e2", 150),
        (".5 + 2.", 2.5),
        ("0x10", 16),
        ("1_000", 1000),
        ("  \t2 \n + 3 ", 5),
    ],
)
def test_precedence_of_operators(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "-x**2 + y",
        "-x^y*2",
        "x^-y",
        "x/y*2",
        "x/(y*2)",
        "x - y - 1",
        "x**y**0.5",
        "(x**y)**0.5",
        "-(x - y)/-y",
        "sin(x)^2 + cos(x)^2",
        "atan2(y, x)*2",
        "e^-x + tau*y - pi",
    ],
)
def test_precedence_is_mathematics_own(text):
    assert value(text, x=1.75, y=0.625) == pytest.approx(float(mp_value(text, x=1.75, y=0.625)), rel=1e-14)


def test_free_names_are_variables_in_alphabetical_order():
    assert parse("z + b*a + z").variables == ("a", "b", "z")
    assert parse("x10 + x2 + x1").variables == ("x1", "x10", "x2")
    assert parse("E + e").variables == ("E",)


def test_head_orders_variables_and_gives_parameters_their_defaults():
    formula = parse("y, x, a=max(1, min(0, 3)), b=2*pi -> a*x + b*y")
    assert formula.variables == ("y", "x")
    assert formula.parameters == (("a", 1.0), ("b", 2 * math.pi))
    assert [n.operation for n in formula.nodes if n.name in ("a", "b")] == ["parameter", "parameter"]


def test_head_may_name_a_variable_that_the_formula_does_not_use():
    assert parse("x, y -> x").variables == ("x", "y")
    assert parse("x, y -> 3").nodes[-1].value == 3.0


@pytest.mark.parametrize("text", ["ϕ -> ϕ**2", "µ, x -> µ*x"])
def test_letters_with_two_spellings_are_one_name(text):
    # Python's grammar normalizes names (the micro sign becomes mu); the head must do the same.
    formula = parse(text)
    assert {n.name for n in formula.nodes if n.operation == "variable"} == set(formula.variables)


@pytest.mark.parametrize(
    ("name", "expected"), [("pi", math.pi), ("π", math.pi), ("ϖ", math.pi), ("e", math.e), ("tau", math.tau)]
)
def test_constants_are_numbers(name, expected):
    formula = parse(name)
    assert formula.variables == ()
    assert formula.nodes[-1].value == expected


@pytest.mark.parametrize(("text", "names"), [("πx*2", ("πx",)), ("aπ, π0 -> π*aπ + π0", ("aπ", "π0"))])
def test_the_letter_pi_in_a_longer_name_is_part_of_it(text, names):
    formula = parse(text)
    assert formula.variables == names
    assert {n.name for n in formula.nodes if n.operation == "variable"} == set(names)


def test_a_negative_number_is_one_node():
    assert [(n.operation, n.value) for n in parse("-2.5").nodes] == [("number", -2.5)]


def test_shared_subexpressions_are_one_node():
    nodes = parse("sin(x*y) + sin(x * y)**2 + x*y").nodes
    operations = [n.operation for n in nodes]
    assert operations.count("sin") == 1
    assert operations.count("multiply") == 1
    assert operations.count("variable") == 2
    assert len(set(nodes)) == len(nodes)


def test_different_subexpressions_stay_apart():
    assert sum(n.operation == "subtract" for n in parse("(x - y)*(y - x)").nodes) == 2


def test_negative_zero_is_not_zero():
    # atan2 tells them apart: pi and -pi on the negative axis.
    assert value("atan2(0, x) - atan2(-0, x)", x=-1.0) == pytest.approx(2 * math.pi)


def test_arguments_stand_before_their_operation():
    nodes = parse("cos(x)*sin(y) + x/y").nodes
    assert all(a < i for i, n in enumerate(nodes) for a in n.arguments)
    assert nodes[-1].operation == "add"


def test_formulas_that_differ_in_spaces_are_equal_but_for_their_text():
    one, two = parse("x*y+sin( x )"), parse("  x * y + sin(x)\n")
    assert one.text != two.text
    assert one == Formula(one.text, two.variables, two.parameters, two.nodes)


def test_longest_text_and_most_nodes_are_still_read():
    text = "x" + " " * (LONGEST_TEXT - 1)
    assert parse(text).variables == ("x",)
    many = "x" + "".join(f" + {i}" for i in range(1, MOST_NODES // 2))
    assert len(parse(many).nodes) == MOST_NODES - 1
    with pytest.raises(FormulaError, match="more than 2,000 operations"):
        parse(many + " + 0.5 + 0.25")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2*pi", math.tau), ("π/2", math.pi / 2), ("-π", -math.pi), ("-1.5", -1.5), ("atan2(1, 2)", math.atan2(1, 2))],
)
def test_constant_computes_without_variables(text, expected):
    assert constant(text) == expected


def test_constant_takes_the_values_it_is_given():
    assert constant("a**2 + 1", {"a": 3.0}) == 10.0
    with pytest.raises(FormulaError, match="'b' is not one") as caught:
        constant("a + b", {"a": 3.0})
    assert caught.value.column == 4


def test_constant_points_at_the_name_and_not_at_its_letter_elsewhere():
    with pytest.raises(FormulaError) as caught:
        constant("tan(1) + a")
    assert caught.value.column == 9


def test_bind_merges_and_names_the_nearest_parameter():
    assert bind("'f'", {"a": 1.0, "b": 2.0}, {"b": 5}) == {"a": 1.0, "b": 5.0}
    given = bind("'f'", {"n": 2.5, "m": 3, "a": 2.0}, {"n": 4.0, "m": 2.5, "a": 3}, {"n": 3, "m": 3, "a": 2.0})
    assert repr(given) == "{'n': 4, 'm': 2.5, 'a': 3.0}"
    with pytest.raises(ValueError, match=r"'f' has no parameter 'condtion'.*condition.*Did you mean 'condition'\?"):
        bind("'f'", {"condition": 1.0}, {"condtion": 2.0})
    with pytest.raises(ValueError, match="it has no parameters"):
        bind("'f'", {}, {"a": 2.0})
