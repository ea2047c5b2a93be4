import re
import subprocess
import sys

import pytest

from tbgrad.errors import FormulaError, FunctionImportError, ShapeError, TbgradError, UnknownFunctionError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function
from tbgrad.functions.resolving import resolve


@pytest.mark.parametrize("name", catalogue())
def test_catalogue_names(name):
    assert resolve(name) is catalogue()[name]
    assert resolve(f" {name}\n") is catalogue()[name]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("rippel", "ripple"),
        ("Ripple", "ripple"),
        ("rosenbrok", "rosenbrock"),
        ("spere", "sphere"),
        ("tilted", "tilted_waves"),
    ],
)
def test_a_mistyped_word_gets_the_nearest(word, near):
    with pytest.raises(UnknownFunctionError) as caught:
        resolve(word)
    assert f"no function named '{word}'. Did you mean '{near}'" in str(caught.value)


@pytest.mark.parametrize("word", ["alpha", "lambda", "xx", "inf", "nan", "sin", "None", "__import__"])
def test_a_bare_word_is_not_the_identity(word):
    with pytest.raises(UnknownFunctionError):
        resolve(word)


@pytest.mark.parametrize(
    ("text", "variables"), [("x", ("x",)), ("x0", ("x0",)), ("x_1", ("x_1",)), ("alpha + 0", ("alpha",))]
)
def test_what_looks_like_a_variable_is_a_formula(text, variables):
    assert resolve(text).variables == variables


def test_constants_have_nothing_to_differentiate_by():
    for text in ("pi", "e", "2*tau", "9**9**9**9"):
        with pytest.raises(ShapeError, match="no variables"):
            resolve(text)


FORMULAS = [
    "cos(x)*sin(y) + x/y",
    "x",
    "-x**2",
    "x, y, a=1 -> a*x + y",
    "é + ß",
    "(x + y)**(x/y)*x - y + (x + y)**(x/y)*x - y + (x + y)**(x/y)*x - y",
    "-(-x)",
    "../../etc/passwd*x".replace("..", "a"),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formulas_name_is_fit_for_a_directory(text):
    f = resolve(text)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", f.name)
    assert ".." not in f.name
    assert len(f.name) <= 50


def test_formulas_that_differ_in_spaces_are_one():
    one, two = resolve("cos(x)*sin(y)+x/y"), resolve("  cos( x ) * sin(y) +\tx/y ")
    assert one.name == two.name
    assert one.label == two.label == "cos(x)*sin(y) + x/y"
    assert one.request() == two.request()


def test_needless_parentheses_and_the_other_power_make_no_difference():
    assert resolve("x^2 + (y)").name == resolve("(x**2) + y").name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x - y", "x + y"),
        ("x*y", "x/y"),
        ("x**y", "x*y"),
        ("x, y -> x*y", "y, x -> x*y"),
        ("x, a=1 -> a*x", "x, a=2 -> a*x"),
        ("x, a -> a*x", "x, a=1 -> a*x"),
        ("x", "X"),
        ("-x", "x"),
    ],
)
def test_different_formulas_have_different_names_in_any_case_of_letters(one, other):
    assert resolve(one).name.lower() != resolve(other).name.lower()


def test_names_are_the_same_in_another_process():
    code = "from tbgrad.functions.resolving import resolve; print(resolve('cos(x)*sin(y) + x/y').name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == resolve("cos(x)*sin(y) + x/y").name


def test_functions_and_callables_are_taken():
    f = Function.of_formula("x")
    assert resolve(f) is f
    assert resolve(lambda x, y: x).variables == ("x", "y")


def test_import_paths_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resolved_here.py").write_text("def f(x, y):\n    return x * y\n")
    assert resolve("resolved_here:f").variables == ("x", "y")
    assert resolve("resolved_here.py:f").variables == ("x", "y")
    assert resolve(f" {tmp_path}/resolved_here.py:f ").label == "f"
    monkeypatch.delitem(sys.modules, "resolved_here")


@pytest.mark.parametrize("text", ["no_such_module:f", "no/such.py:f", "math:sine"])
def test_paths_that_lead_nowhere(text):
    with pytest.raises(FunctionImportError):
        resolve(text)


@pytest.mark.parametrize("text", ["", "  ", "2x", "x +", "ripple(x)", "ripple:", "x.real", "open('f')", "x; y"])
def test_what_is_nothing_is_an_error_of_a_formula(text):
    with pytest.raises(FormulaError):
        resolve(text)


def test_a_formula_never_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("__import__('os').mkdir('executed')", "open('executed', 'w')", "(lambda: open('executed', 'w'))()"):
        with pytest.raises(TbgradError):
            resolve(text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", ["ripple", "x*y", lambda x, y: x * y, Function.of_formula("x - y")])
def test_dimensions_are_held_against_the_variables(function):
    assert resolve(function, dimensions=2).dimensions == 2
    with pytest.raises(ShapeError, match="2 variables"):
        resolve(function, dimensions=3)


def test_dimensions_make_a_vector_of_one_argument():
    f = resolve(lambda p: p[0] * p[1], dimensions=4)
    assert f.takes_vector and f.variables == ("x0", "x1", "x2", "x3")
