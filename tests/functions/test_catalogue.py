import dataclasses
import re
import subprocess
import sys

import pytest
from oracles import mp_value
from searching import body, named

from tbgrad.calculus.derivatives import evaluate
from tbgrad.errors import OptionError, ShapeError, UnknownFunctionError
from tbgrad.functions.catalogue import FAMILIES, catalogue, lookup
from tbgrad.functions.function import Function, Minimum

CATALOGUE = catalogue()
ALL = pytest.mark.parametrize("f", CATALOGUE.values(), ids=CATALOGUE)
PROMISED = """
    tilted_waves ripple fading_wave rosenbrock himmelblau beale booth matyas easom ackley rastrigin griewank levy
    schwefel styblinski_tang michalewicz six_hump_camel three_hump_camel goldstein_price branin eggholder cross_in_tray
    drop_wave bukin_6 mccormick dixon_price zakharov powell trid sum_of_powers monkey_saddle
"""
ANY_NUMBER = """
    sphere rotated_hyper_ellipsoid sum_of_powers zakharov gaussian_well dixon_price shubert rastrigin ackley griewank
    levy schwefel styblinski_tang michalewicz salomon
"""
# The least number of variables, and of what it must be a multiple.
SIZES = dict.fromkeys(ANY_NUMBER.split(), (1, 1)) | dict.fromkeys(("trid", "brown", "rosenbrock"), (2, 1))
SIZES |= {"powell": (4, 4)}


def test_the_promised_functions_are_there():
    assert set(PROMISED.split()) <= set(CATALOGUE)
    assert len(CATALOGUE) == sum(len(family.FUNCTIONS) for family in FAMILIES) >= 45


@ALL
def test_an_entry_is_complete(f):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", f.name)
    assert f.source
    assert f.formula is not None
    assert len(f.domain) == f.dimensions
    assert all(low < high for low, high in f.domain)
    assert len(f.start) == f.dimensions
    assert all(low <= x <= high for x, (low, high) in zip(f.start, f.domain, strict=True))
    assert len({m.position for m in f.minima}) == len(f.minima)
    assert all(len(m.position) == f.dimensions for m in f.minima)
    # A sentence each: they are joined where both are shown.
    assert all(text == "" or re.fullmatch(r"\S.*\.", text) for text in (f.kinks, f.remark))
    assert f.source[-1] != "."


@ALL
def test_any_number_of_variables_means_any(f):
    assert (f.family is not None) == (f.name in SIZES)
    if f.family is None:
        with pytest.raises(ShapeError, match=f.name):
            f.with_dimensions(f.dimensions + 4)
        return
    least, step = SIZES[f.name]
    assert f.dimensions == max(2, least)
    for n in (least, least + step, 12):
        made = f.with_dimensions(n)
        assert (made.name, made.dimensions, len(made.domain), len(made.start)) == (f.name, n, n, n)
        assert all(len(m.position) == n for m in made.minima)
        assert made.with_dimensions(f.dimensions).text() == f.text()
    for n in (0, least - 1, *range(least + 1, least + step)):
        with pytest.raises(ShapeError, match=f.name):
            f.with_dimensions(n)


def test_parameters_move_the_minimum():
    f = CATALOGUE["rosenbrock"].with_parameters(a=2)
    (minimum,) = f.known_minima()
    assert (minimum.points, minimum.value) == (((2.0, 4.0),), 0.0)
    assert f.subject().minima == (minimum,)
    assert float(mp_value(body(f), **named(f, (2.0, 4.0)))) == 0.0
    assert evaluate(f, [[1.0, 1.0]]).value == [float(mp_value(body(f), **named(f, (1.0, 1.0))))]
    assert f.defaults == {"a": 1.0, "b": 100.0}


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("rosenbrock", "b"), ("ellipse", "condition"), ("morse", "depth"), ("lennard_jones", "depth")],
)
@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_an_invalid_parameter_leaves_no_known_minimum(name, parameter, value):
    f = CATALOGUE[name].with_parameters(**{parameter: value})
    assert f.known_minima() == ()
    assert f.subject().minimum is None


def test_parameters_do_not_leak_into_a_program_that_is_compiled_already():
    f = CATALOGUE["rosenbrock"]
    before = evaluate(f, [[0.5, 0.5]]).value
    assert evaluate(f.with_parameters(b=1), [[0.5, 0.5]]).value == 0.25 + 0.0625
    assert evaluate(f, [[0.5, 0.5]]).value == before == 0.25 + 6.25


def test_a_wrong_parameter_is_refused():
    f = CATALOGUE["ellipse"]
    with pytest.raises(OptionError, match="Did you mean 'condition'"):
        f.with_parameters(conditon=3)
    with pytest.raises(OptionError, match="finite"):
        f.with_parameters(condition=float("nan"))


def test_a_minimum_may_depend_on_parameters_in_value_too():
    f = Function.of_formula("x, c=2 -> x**2 + c", minima=(Minimum((0.0,), "c"),))
    assert f.with_parameters(c=5).subject().minimum == 5.0


def test_lookup_names_the_nearest():
    assert lookup("ripple") is catalogue()["ripple"]
    with pytest.raises(UnknownFunctionError) as caught:
        lookup("spere")
    assert str(caught.value) == (
        f"no function named 'spere'. Did you mean 'sphere'? 'tbgrad functions' lists all {len(CATALOGUE)}."
    )
    assert isinstance(caught.value, LookupError)


def test_a_definition_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE["ripple"].name = "other"


@pytest.mark.parametrize("module", ["tbgrad.functions.catalogue", "tbgrad.functions.resolving", "tbgrad"])
def test_importing_the_catalogue_loads_neither_tensorflow_nor_matplotlib(module):
    code = (
        f"import sys, {module}; from tbgrad.functions.catalogue import catalogue; catalogue();"
        "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'tensorboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
