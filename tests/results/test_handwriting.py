import re

import pytest

from tbgrad.calculus.backward import backward
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function
from tbgrad.functions.resolving import resolve
from tbgrad.results.handwriting import written

RIPPLE = """\
ripple = sin(sqrt(x**2 + y**2)) at x = 2, y = 0

forward: each value from the ones before it
v1 = x**2 = 4
v2 = y**2 = 0
v3 = v1 + v2 = 4
v4 = sqrt(v3) = 2
v5 = sin(v4) = 0.9092974268256817
ripple = v5 = 0.9092974268256817

backward: ∂ripple/∂(each value) from the ones after it, by the chain rule
∂ripple/∂v5 = 1
∂ripple/∂v4 = ∂ripple/∂v5 * cos(v4) = 1 * (-0.4161468365471424) = -0.4161468365471424
∂ripple/∂v3 = ∂ripple/∂v4 * (1/(2*sqrt(v3))) = (-0.4161468365471424) * 0.25 = -0.1040367091367856
∂ripple/∂v2 = ∂ripple/∂v3 * 1 = (-0.1040367091367856) * 1 = -0.1040367091367856
∂ripple/∂y = ∂ripple/∂v2 * (2*y) = (-0.1040367091367856) * 0 = 0
∂ripple/∂v1 = ∂ripple/∂v3 * 1 = (-0.1040367091367856) * 1 = -0.1040367091367856
∂ripple/∂x = ∂ripple/∂v1 * (2*x) = (-0.1040367091367856) * 4 = -0.4161468365471424

gradient
∂ripple/∂x = -0.4161468365471424
∂ripple/∂y = 0"""


def lines(f, *point):
    """The text with single spaces: how wide its columns are is a matter of taste."""
    return [re.sub(r" +", " ", line).strip() for line in written(backward(f, point))]


def test_ripple_by_hand_is_written_as_on_paper():
    assert lines(catalogue()["ripple"], 2, 0) == RIPPLE.split("\n")


def test_a_value_that_is_used_twice_sums_both_ways():
    text = "\n".join(lines(resolve("cos(x)*sin(y) + x/y"), 2, 1))
    assert "∂f/∂x = ∂f/∂v1 * (-sin(x)) + ∂f/∂v4 * (1/y) = " in text
    assert (
        "∂f/∂y = ∂f/∂v2 * cos(y) + ∂f/∂v4 * (-x/y**2) = (-0.4161468365471424) * 0.5403023058681398 + 1 * (-2)" in text
    )
    assert text.startswith("f = cos(x)*sin(y) + x/y at x = 2, y = 1\n")


@pytest.mark.parametrize("f", catalogue().values(), ids=catalogue())
def test_the_products_that_are_written_give_the_sums_that_are_written(f):
    found = [line for line in lines(f, *f.start) if line.startswith("∂") and line.count("=") == 3]
    # Where a function is one operation there is nothing to multiply.
    assert found or f.name == "absolute_value"
    for line in found:
        _, _, products, total = line.split(" = ")
        assert eval(products, {"__builtins__": {}}) == pytest.approx(float(total), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("f", catalogue().values(), ids=catalogue())
def test_columns_stand_below_one_another(f):
    forward = [line for line in written(backward(f, f.start)) if re.match(r"  v\d+ ", line)]
    assert forward
    assert len({line.index("=") for line in forward}) == 1
    assert len({line.rindex("=") for line in forward}) == 1
    assert not any(line != line.rstrip() for line in written(backward(f, f.start)))


def test_parameters_are_written_as_their_numbers():
    text = "\n".join(lines(catalogue()["rosenbrock"].with_parameters(a=2, b=7), 1, 3))
    assert text.startswith("rosenbrock = (2 - x)**2 + 7*(y - x**2)**2 at x = 1, y = 3\n")
    assert "rosenbrock/∂a" not in text
    assert "∂rosenbrock/∂y = 28" in text


def test_a_variable_alone_and_one_that_is_not_used():
    assert lines(Function.of_formula("x, y -> x", name="first"), 3, 4)[-3:] == [
        "gradient",
        "∂first/∂x = 1",
        "∂first/∂y = 0",
    ]


def test_negative_zero_is_written_as_zero():
    assert "∂f/∂x = 0" in lines(resolve("-x**2"), 0)
    assert not any("-0" in line.split() for line in lines(resolve("-x**2"), 0))
