"""TensorFlow's graph of value and gradient: what stands in it, and that running it operation by operation is right."""

import math
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from oracles import mp_gradient, mp_value

import tbgrad
from tbgrad.errors import FunctionCallError, NoGradientError, OptionError, RangeError
from tbgrad.functions.function import Function
from tbgrad.functions.imports import from_callable

CATALOGUE = tbgrad.catalogue()
PLAIN = {name: f for name, f in CATALOGUE.items() if not f.takes_vector}
FORMULAS = [
    "exp(sin(x*y))/(x + y)",
    "tanh(x)*log(y) - abs(x)",
    "y, x -> y/x - x**3*y**-2",
    "α*β + β/α",
    "x*X - α*variable_3",
]

# What TensorFlow's documentation says of each kind, in plain Python.
KINDS = {
    "Identity": lambda a: a,
    "AddV2": lambda a, b: a + b,
    "AddN": lambda *terms: math.fsum(terms),
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "RealDiv": lambda a, b: a / b,
    "Neg": lambda a: -a,
    "Square": lambda a: a * a,
    "Pow": math.pow,
    "Reciprocal": lambda a: 1 / a,
    "ZerosLike": lambda a: 0.0,
    "Abs": abs,
    "Atan2": math.atan2,
    "Sign": lambda a: math.copysign(1.0, a),
    "SqrtGrad": lambda root, upstream: upstream * 0.5 / root,
    "TanhGrad": lambda value, upstream: upstream * (1 - value * value),
    **{name.title(): getattr(math, name) for name in ("sqrt", "sin", "cos", "exp", "log", "tanh")},
}


def run_graph(graph, **point):
    """Runs the listed operations one after the other; a constant's value is its name. Ends by scope and name."""
    results = []
    for operation in graph.operations:
        if operation.kind == "Placeholder":
            results.append(point[operation.name])
        elif operation.kind == "Const":
            results.append(float(operation.name.partition(" #")[0]))
        else:
            assert all(output == 0 for _, output in operation.inputs)
            results.append(KINDS[operation.kind](*(results[i] for i, _ in operation.inputs)))
    return {(o.scope, o.name): r for o, r in zip(graph.operations, results, strict=True)}


def holds(graph, text, variables, point, **parameters):
    found = run_graph(graph, **dict(zip(variables, point, strict=True)))
    value = float(mp_value(text, **dict(zip(variables, point, strict=True)), **parameters))
    assert found["forward", "value"] == pytest.approx(value, rel=1e-12)
    scopes = [scope for scope in graph.counts if scope != "forward"]
    assert scopes
    for scope in scopes:
        partials = [found[scope, f"∂f÷∂{v}"] for v in variables]
        expected = [float(g) for g in mp_gradient(text, variables, point, **parameters)]
        np.testing.assert_allclose(partials, expected, rtol=1e-11, atol=1e-13)


def well_made(graph, ends, scopes=("forward", "gradient")):
    operations = graph.operations
    kinds = {operation.kind for operation in operations}
    assert not any("PartitionedCall" in kind for kind in kinds)
    assert set(graph.counts) == set(scopes)
    assert sum(graph.counts.values()) == len(operations)
    for i, operation in enumerate(operations):
        assert all(0 <= source < i and output >= 0 for source, output in operation.inputs)
        assert operation.name and "/" not in operation.name
    names = [(operation.scope, operation.name) for operation in operations]
    assert len(set(names)) == len(names)
    # The forward pass takes nothing from the gradient, and every operation is used by something or is an end.
    assert all(operations[i].scope == "forward" for o in operations if o.scope == "forward" for i, _ in o.inputs)
    used = {i for operation in operations for i, _ in operation.inputs}
    found = {(o.scope, o.name) for i, o in enumerate(operations) if i not in used and o.kind != "Placeholder"}
    assert found == {("forward", "value"), *((scope, end) for scope in scopes[1:] for end in ends)}


@tf.function
def inner(a, b):
    return a - b, a / b


@tf.function
def nested(x, y):
    difference, quotient = inner(y, tf.sin(x))
    return quotient * x + inner(difference, x)[0]


@tf.function
def branching(x, y):
    if tf.reduce_sum(x) > 0:
        return x * y
    return y


@tf.function
def counted_loop(x, y):
    for _ in tf.range(3):
        x = x * y
    return x


@tf.function
def while_loop(x, y):
    while tf.reduce_sum(x) > 0.0:
        x = x - y
    return x * y


def bare_loop(x, y):
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * y), (0, x))[1]


@tf.custom_gradient
def product(x, y):
    return x * y, lambda upstream: (upstream * y, upstream * x)


@tf.function(jit_compile=True)
def jitted(x, y, a=3.0):
    return tf.sin(a * x) * y


def of_rows_only(p):
    return p[:, 0] * p[:, 1]


def of_any_shape(p):
    return tf.reduce_sum(p**2, axis=-1)


def of_unstacked(p):
    x, y = tf.unstack(p, axis=-1)
    return x - 2 * y


CALLABLES = [
    nested,
    branching,
    counted_loop,
    while_loop,
    bare_loop,
    product,
    jitted,
    lambda x, y: tf.where(x > 1.0, x * y, y),
]


@pytest.mark.parametrize("gradients", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("f", CATALOGUE.values(), ids=CATALOGUE)
def test_graphs_of_the_catalogue(f, dtype, gradients):
    graph = tbgrad.trace_graph(f, dtype=dtype, gradients=gradients)
    scopes = ("forward", "gradient", "gradient_again")[: 1 + gradients]
    # A vector is one input and its gradient one output, whose elements are taken by whole numbers.
    inputs = ["position"] if f.takes_vector else list(f.variables)
    well_made(graph, ["∇f"] if f.takes_vector else [f"∂f÷∂{v}" for v in f.variables], scopes)
    assert [o.name for o in graph.operations if o.kind == "Placeholder"] == inputs
    # A general power's gradient asks where its base is zero.
    others = {"int32"} if f.takes_vector else set()
    others |= {"bool"} if f.name == "brown" else set()
    assert {o.dtype for o in graph.operations} - others == {dtype}
    assert graph.subject == f.subject()


@pytest.mark.parametrize("f", PLAIN.values(), ids=PLAIN)
def test_running_the_graph_gives_value_and_gradient(f):
    point = [x + 0.25 for x in f.start]
    text = f.formula.text.split("->")[-1].strip()
    for changed in ({}, {name: value + 1.5 for name, value in f.parameters.items()}):
        g = f.with_parameters(**changed)
        holds(tbgrad.trace_graph(g, gradients=2), text, f.variables, point, **g.parameters)


@pytest.mark.parametrize("text", FORMULAS)
def test_running_the_graph_of_a_formula(text):
    f = Function.of_formula(text)
    graph = tbgrad.trace_graph(f)
    well_made(graph, [f"∂f÷∂{v}" for v in f.variables])
    holds(graph, text.split("->")[-1].strip(), f.variables, [0.4, 1.1, 0.7, 1.6][: f.dimensions])


@pytest.mark.parametrize("gradients", [1, 2])
def test_running_the_graph_of_nested_compiled_functions(gradients):
    graph = tbgrad.trace_graph(from_callable(nested), gradients=gradients)
    holds(graph, "y/sin(x)*x + (y - sin(x)) - x", ("x", "y"), (0.4, 1.1))


def test_running_the_graph_of_a_python_function_with_a_parameter():
    holds(tbgrad.trace_graph(from_callable(jitted)), "sin(3*x)*y", ("x", "y"), (0.4, 1.1))


@pytest.mark.parametrize("gradients", [1, 2])
@pytest.mark.parametrize("call", CALLABLES, ids=lambda call: getattr(call, "__name__", "where"))
def test_graphs_of_python_functions(call, gradients):
    scopes = ("forward", "gradient", "gradient_again")[: 1 + gradients]
    well_made(tbgrad.trace_graph(from_callable(call), gradients=gradients), ["∂f÷∂x", "∂f÷∂y"], scopes)


@pytest.mark.parametrize("call", [of_rows_only, of_any_shape])
def test_graphs_of_functions_of_a_vector(call):
    graph = tbgrad.trace_graph(Function.of_vector(call, 3))
    well_made(graph, ["∇f"])
    assert [o.name for o in graph.operations if o.kind == "Placeholder"] == ["position"]


@pytest.mark.parametrize(
    "f",
    [*CATALOGUE.values(), *map(from_callable, (nested, while_loop, bare_loop, jitted, product))],
    ids=lambda f: f.label,
)
def test_asked_in_two_places_the_gradient_is_built_twice(f):
    once, twice = tbgrad.trace_graph(f).counts, tbgrad.trace_graph(f, gradients=2).counts
    assert twice == once | {"gradient_again": once["gradient"]}
    kinds = {scope: Counter() for scope in twice}
    for operation in tbgrad.trace_graph(f, gradients=2).operations:
        kinds[operation.scope][operation.kind] += 1
    assert kinds["gradient"] == kinds["gradient_again"]


def test_names_say_what_is_computed_and_original_names_what_tensorflow_calls_it():
    operations = tbgrad.trace_graph(CATALOGUE["tilted_waves"]).operations
    forward = {o.name: o for o in operations if o.scope == "forward"}
    kinds = {"cos(x)": "Cos", "sin(y)": "Sin", "cos(x)*sin(y)": "Mul", "x÷y": "RealDiv", "cos(x)*sin(y) + x÷y": "AddV2"}
    assert {name: forward[name].kind for name in kinds} == kinds
    assert list(forward) == ["x", "y", *kinds, "value"]
    assert forward["sin(y)"].original_name == "Sin" and forward["value"].original_name == ""
    sines = [o for o in operations if o.scope == "gradient" and o.kind in ("Sin", "Cos")]
    assert sorted(o.name for o in sines) == ["cos(y)", "sin(x)"]
    assert all(o.original_name.startswith("gradient_tape/") for o in sines)


def test_equal_names_are_numbered_within_their_scope():
    names = [o.name for o in tbgrad.trace_graph(CATALOGUE["rosenbrock"]).operations if o.scope == "gradient"]
    assert [name for name in names if name.startswith("2")] == ["2", "2 #2", "2 #3"]


def test_labels_of_long_operations_are_no_names_of_variables():
    names = [o.name for o in tbgrad.trace_graph(Function.of_formula("sin(sqrt(x**2 + v7**2))**2*v7")).operations]
    labels = {name.partition(" = ")[0] for name in names if " = " in name}
    assert labels and not labels & {"x", "v7"}


def test_the_dtype_is_that_of_the_first_output():
    where, loop = (tbgrad.trace_graph(from_callable(f)).operations for f in (CALLABLES[-1], while_loop))
    assert [o.dtype for o in where if o.kind == "Greater"] == ["bool"]
    assert {o.dtype for o in loop if o.kind == "Identity"} == {"float64"}


def test_a_partial_derivative_that_is_zero_stands_in_the_graph():
    found = run_graph(tbgrad.trace_graph(from_callable(lambda x, y: x * x)), x=3.0, y=4.0)
    assert (found["gradient", "∂f÷∂x"], found["gradient", "∂f÷∂y"]) == (6.0, 0.0)


@pytest.mark.parametrize(("f", "traces"), [(of_any_shape, 1), (of_rows_only, 2)])
def test_traces_are_how_often_the_python_code_was_run(f, traces):
    shapes = []
    graph = tbgrad.trace_graph(Function.of_vector(lambda p: shapes.append(p.shape) or f(p), 3), dtype="float32")
    assert len(shapes) == graph.traces == traces


def test_further_outputs_are_told_apart():
    names = {o.name: o for o in tbgrad.trace_graph(Function.of_vector(of_unstacked, 2)).operations}
    assert {"2*Unpack(position)[1]", "v4 = Unpack(position) - 2*Unpack(position)[1]"} <= set(names)
    # TensorBoard would read a name that ends so as another node's output.
    assert not [name for name in names if ":" in name]


def test_a_slice_says_which():
    names = [o.name for o in tbgrad.trace_graph(Function.of_vector(of_rows_only, 2)).operations]
    assert any("StridedSlice(position, [0, 0], [0, 1], [1, 1])" in name for name in names)
    assert any("StridedSlice(position, [0, 1], [0, 2], [1, 1])" in name for name in names)


def test_a_stopped_gradient_is_seen():
    graph = tbgrad.trace_graph(from_callable(lambda x, y: tf.stop_gradient(x) * y + x))
    assert "StopGradient(x)*y + x" in [o.name for o in graph.operations]
    assert "StopGradient" in [o.kind for o in graph.operations if o.scope == "forward"]


def test_a_custom_gradient_only_passes_its_values_on():
    graph = tbgrad.trace_graph(from_callable(product))
    holds(graph, "x*y", ("x", "y"), (0.4, 1.1))
    assert "x*y" in [o.name for o in graph.operations]


@pytest.mark.parametrize("text", ["f*value", "value, gradient -> value**2 - gradient", "forward + sin(backward)"])
def test_variables_keep_their_names(text):
    f = Function.of_formula(text)
    graph = tbgrad.trace_graph(f)
    inputs = [o for o in graph.operations if o.kind == "Placeholder"]
    assert [o.name for o in inputs] == list(f.variables)
    (value,) = [o for o in graph.operations if o.kind == "Identity" and o.scope == "forward"]
    assert value.name == ("value #2" if "value" in f.variables else "value")


def test_constants_are_spelled_in_their_own_dtype():
    names = [o.name for o in tbgrad.trace_graph(Function.of_formula("0.1*x"), dtype="float32").operations]
    assert "0.1" in names and "0.1*x" in names


@pytest.mark.parametrize("options", [{"gradients": 3}, {"gradients": 0}, {"dtype": "int32"}, {"dtype": "float16"}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(RangeError, match="expected float64 or float32, and 1 or 2") as caught:
        tbgrad.trace_graph(CATALOGUE["sphere"], **options)
    assert str(next(iter(options.values()))) in str(caught.value)


def test_what_is_no_function_is_refused():
    with pytest.raises(OptionError, match="resolve"):
        tbgrad.trace_graph("sphere")


@pytest.mark.parametrize("call", [lambda x, y: tf.round(x), lambda x, y: tf.stop_gradient(x * y)])
def test_a_function_without_gradient_is_refused(call):
    with pytest.raises(NoGradientError, match="has no gradient"):
        tbgrad.trace_graph(from_callable(call))


def test_an_error_in_the_function_shows_the_users_own_line():
    def broken(x, y):
        return x + y.no_such_method()

    with pytest.raises(FunctionCallError, match=r"test_graphs\.py, line \d+: return x \+ y\.no_such_method\(\)"):
        tbgrad.trace_graph(from_callable(broken))
    with pytest.raises(FunctionCallError, match="gives float32"):
        tbgrad.trace_graph(from_callable(lambda x, y: tf.cast(x, tf.float32)))
