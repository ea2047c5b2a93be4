import numpy as np
import pytest
import tensorflow as tf

from tbgrad.errors import FormulaError, OptionError, ShapeError
from tbgrad.functions.function import Function


def weighted(x, y, a=2.0):
    return a * x + y


def test_a_call_with_its_variables():
    f = Function(weighted, ("x", "y"))
    assert (f.name, f.label, f.dimensions, f.variables) == ("weighted", "weighted", 2, ("x", "y"))
    np.testing.assert_array_equal(f(tf.constant([[1.0, 2.0], [3.0, 5.0]])), [4.0, 11.0])


def test_parameters_are_passed_by_keyword():
    f = Function(weighted, ("x", "y"), parameters={"a": 10.0})
    assert f(tf.constant([1.0, 2.0])) == 12.0
    assert f.with_parameters(a=3)(tf.constant([1.0, 2.0])) == 5.0
    assert f.parameters == f.defaults == f.with_parameters(a=3).defaults == {"a": 10.0}


def test_a_function_of_a_vector():
    f = Function.of_vector(lambda p: tf.reduce_sum(p**2, axis=-1), 4)
    assert f.variables == ("x0", "x1", "x2", "x3")
    assert f.name == "lambda"
    assert f(tf.constant([1.0, 2.0, 3.0, 4.0])) == 30.0
    np.testing.assert_array_equal(f(tf.ones([3, 2, 4])), 4 * np.ones((3, 2)))


def test_a_function_of_a_vector_keeps_its_call_under_other_parameters():
    f = Function.of_vector(lambda p, a=1.0: a * tf.reduce_sum(p, axis=-1), 2, parameters={"a": 1.0})
    assert f.with_parameters(a=3)(tf.constant([1.0, 2.0])) == 9.0


def test_any_leading_shape():
    f = Function.of_formula("x*y + 1")
    assert f(tf.zeros([5, 4, 3, 2])).shape == (5, 4, 3)
    assert f(tf.zeros([2])).shape == ()


def test_a_formula_without_variables_in_its_value_is_constant():
    f = Function.of_formula("x, y -> 3")
    np.testing.assert_array_equal(f(tf.constant([[1.0, 2.0], [3.0, 4.0]])), [3.0, 3.0])


def test_formula_parameters():
    f = Function.of_formula("x, a=2, b=1 -> a*x + b", parameters={"b": 5})
    assert f.parameters == {"a": 2.0, "b": 5.0}
    assert f.defaults == {"a": 2.0, "b": 1.0}
    assert f(tf.constant([3.0])) == 11.0
    with pytest.raises(OptionError, match=r"has no parameter 'c'; its parameters are a, b"):
        Function.of_formula("x, a=2, b=1 -> a*x + b", parameters={"c": 5})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Function.of_formula("x + y", dimensions=3), ShapeError, "has 2 variables; expected 3"),
        (lambda: Function.of_formula("x, a=1 -> a*x", parameters={"a": np.nan}), OptionError, "'a' is nan; expected a"),
        (lambda: Function.of_formula("x, a=1 -> a*x").with_parameters(a=np.inf), OptionError, "'a' is inf; expected a"),
        (lambda: Function.of_formula("2*pi"), ShapeError, "has no variables"),
        (lambda: Function.of_formula("2x"), FormulaError, "needs its *"),
        (lambda: Function(weighted, ()), ShapeError, "has no variables"),
        (lambda: Function(weighted, ("x", "x")), ShapeError, "not distinct"),
        (lambda: Function.of_vector(weighted, 0), ShapeError, "has no variables"),
    ],
)
def test_what_is_no_function_is_refused(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_points_are_checked():
    f = Function.of_formula("x + y")
    assert f.check_point([1, 2]) == (1.0, 2.0)
    with pytest.raises(ShapeError, match=r"the point \(1\) has 1 coordinate; 'x \+ y' has 2: x, y\."):
        f.check_point([1])
    with pytest.raises(ShapeError, match="has 3 coordinates"):
        f.check_point([1, 2, 3])


def test_subject_is_plain_data():
    f = Function.of_formula("y, x, a=2 -> (a*x)/y", name="mine", label="Mine", remark="none", domain=((1, 2), (0, 3)))
    subject = f.subject()
    assert (subject.name, subject.label, subject.variables, subject.remark) == ("mine", "Mine", ("y", "x"), "none")
    assert (subject.formula, subject.mathtext) == ("2*x/y", r"\dfrac{2\,x}{y}")
    assert f.text() == "a*x/y"
    assert (subject.parameters, subject.domain, subject.minima) == ({"a": 2.0}, ((1, 2), (0, 3)), ())


def test_a_negative_parameter_binds_in_its_formula():
    f = Function.of_formula("x, a=2 -> a**x - a").with_parameters(a=-2)
    assert f.subject().formula == "(-2)**x - -2"
    assert [n.operation for n in f.nodes] == ["number", "variable", "power", "subtract"]


def test_a_python_functions_subject_has_no_formula():
    subject = Function(weighted, ("x", "y")).subject()
    assert (subject.formula, subject.mathtext, subject.identity) == ("", "", "weighted")


def test_requests_are_equal_where_the_mathematics_is():
    one = Function.of_formula("x*(y)", name="f")
    assert one.request() == Function.of_formula(" x * y", name="f").request()
    assert one.request() != Function.of_formula("x/y", name="f").request()
    assert one.request() != Function.of_formula("y, x -> x*y", name="f").request()
    parametric = Function.of_formula("x, a=1 -> a*x", name="f")
    assert parametric.request() != parametric.with_parameters(a=2).request()


def test_programs_are_built_once_for_each_function():
    f, built = Function.of_formula("x"), []
    for _ in range(2):
        assert f.program(("key",), lambda: built.append(1) or "program") == "program"
    assert built == [1]
    # Parameters may be baked into a program, so another function builds its own.
    f.with_parameters().program(("key",), lambda: built.append(2))
    assert built == [1, 2]
