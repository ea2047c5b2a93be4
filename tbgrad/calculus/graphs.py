"""The computational graph that TensorFlow builds of a function and of its gradient, made readable.

Calls of inner functions are written out in place, operations that only pass a value on are left out, and so is what
neither value nor gradient depends on. What remains is named by what it computes.

Source: Abadi et al. (2016), TensorFlow: A System for Large-Scale Machine Learning, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tbgrad import naming
from tbgrad.calculus.derivatives import DTYPES, check_function, checked_value, no_gradient
from tbgrad.calculus.flattening import FlatGraph, Operation, tensor
from tbgrad.errors import FunctionCallError, RangeError
from tbgrad.functions import notation
from tbgrad.functions.function import Function
from tbgrad.results import Graph, GraphOperation
from tbgrad.results.graphs import FORWARD, GRADIENT, GRADIENT_AGAIN

# TensorFlow's operations that formulas have a word for.
_WORDS = {
    "Add": "add",
    "AddV2": "add",
    "AddN": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "RealDiv": "divide",
    "Neg": "negative",
    "Pow": "power",
    **{name.title(): name for name in ("sqrt", "exp", "log", "abs", "sign", "sin", "cos", "tan", "sinh", "cosh")},
    **{name.title(): name for name in ("tanh", "asin", "acos", "atan", "atan2")},
}
# A name longer than this is not written into those that use it; they get a label such as v12 in its place.
_LONGEST = 24
_LONGEST_SHOWN = 70


def trace_graph(f: Function, *, dtype: str = "float64", gradients: int = 1) -> Graph:
    """Traces one function that gives f's value and gradient together, and reads its graph.

    Args:
      f: `Function` of d variables.
      dtype: `float64` or `float32`.
      gradients: 1; or 2 to build the gradient twice, as a program does that asks for it in two places.

    Returns:
      `Graph` of f at one point.

    Raises:
      RangeError: dtype or `gradients` is something else.
      FunctionCallError: f raised an error.
      NoGradientError: f's value does not depend on its variables by differentiable operations.
    """
    check_function(f)
    if dtype not in DTYPES or gradients not in (1, 2):
        raise RangeError(f"dtype is {dtype} and gradients is {gradients}; expected float64 or float32, and 1 or 2.")
    try:
        # Between scalars the gradient needs no broadcasting, which would fill the graph with shapes.
        return _trace(f, dtype, (), gradients)
    except FunctionCallError:
        return _trace(f, dtype, (1,), gradients)


def _trace(f: Function, dtype: str, shape: tuple[int, ...], gradients: int) -> Graph:
    built: list[int] = []

    def program(*inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        graph = tf.compat.v1.get_default_graph()
        with tf.GradientTape(persistent=gradients > 1) as tape:
            tape.watch(inputs)
            like = inputs[0]
            expected = like.shape[:-1] if f.takes_vector else like.shape
            value = checked_value(f, lambda: f.call(*inputs, **f.parameters), like.dtype, expected)
        outputs = [value]
        built.append(len(graph.get_operations()))
        for _ in range(gradients):
            partials = tape.gradient(value, inputs)
            if f.formula is None and all(p is None for p in partials):
                raise no_gradient(f)
            outputs += [tf.zeros_like(x) if p is None else p for p, x in zip(partials, inputs, strict=True)]
            built.append(len(graph.get_operations()))
        return tuple(outputs)

    if f.takes_vector:
        signature = [tf.TensorSpec((*shape, f.dimensions), dtype, name="position")]
    else:
        # TensorFlow takes no Greek letters.
        names = [name if name.isascii() else f"variable_{i}" for i, name in enumerate(f.variables)]
        signature = [tf.TensorSpec(shape, dtype, name=name) for name in names]
    compiled = tf.function(program, input_signature=signature, autograph=False)
    graph = compiled.get_concrete_function().graph
    scopes = (FORWARD, GRADIENT, GRADIENT_AGAIN)
    scope_of = {
        operation.name: scopes[sum(i >= end for end in built[:-1])]
        for i, operation in enumerate(graph.get_operations())
    }
    flat = FlatGraph(graph.as_graph_def(), scope_of)
    ends = [flat.origin(tensor(output.name)) for output in graph.outputs]
    inputs = dict(zip([given.op.name for given in graph.inputs], f.variables, strict=False))
    if f.takes_vector:
        inputs = {graph.inputs[0].op.name: "position"}
    names = _output_names(f, scopes[1 : 1 + gradients])
    operations = tuple(_readable(flat, ends, inputs, names, dtype))
    return Graph(f.subject(), operations, compiled.experimental_get_tracing_count())


def _output_names(f: Function, scopes: Sequence[str]) -> list[tuple[str, str]]:
    """(scope, name) of what the function returns: the value, then the partial derivatives."""
    partials = ["∇f"] if f.takes_vector else [f"∂f÷∂{variable}" for variable in f.variables]
    return [(FORWARD, "value"), *((scope, name) for scope in scopes for name in partials)]


def _readable(
    flat: FlatGraph,
    ends: Sequence[tuple[str, int]],
    inputs: dict[str, str],
    names: Sequence[tuple[str, str]],
    dtype: str,
) -> Iterator[GraphOperation]:
    """The operations that the ends depend on, named by what they compute, and the ends themselves."""
    order = list(flat.inputs_first([*inputs, *(name for name, _ in ends)]))
    operations, index = [flat.operations[name] for name in order], {name: i for i, name in enumerate(order)}
    letter = notation.label_letter(inputs.values())
    shown: list[tuple[str, int]] = []
    taken: set[tuple[str, str]] = set(names)
    for i, operation in enumerate(operations):
        links = tuple((index[name], output) for name, output in flat.inputs(operation.name))
        text, binding = _text(operation, [shown[link] for link, _ in links], inputs)
        shown.append((text, binding) if len(text) <= _LONGEST else (f"{letter}{i}", notation.ATOM))
        name = text if len(text) <= _LONGEST else _shortened(f"{letter}{i} = {text}")
        yield _named(operation, _unique(name, operation.scope, taken), links)
    for (name, output), (scope, text) in zip(ends, names, strict=True):
        yield GraphOperation(scope, text, "Identity", ((index[name], output),), "", dtype)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _text(operation: Operation, arguments: Sequence[tuple[str, int]], inputs: dict[str, str]) -> tuple[str, int]:
    """What an operation computes, with how tightly its text binds."""
    if operation.name in inputs:
        return inputs[operation.name], notation.ATOM
    if operation.kind == "Const":
        return _constant(operation)
    if operation.kind == "Square":
        return notation.infix_operation("power", [*arguments, ("2", notation.ATOM)])
    word = _WORDS.get(operation.kind)
    if word == "add" and len(arguments) != 2:
        return " + ".join(text for text, _ in arguments), 1
    if word is not None:
        return notation.infix_operation(word, arguments)
    return f"{operation.kind}({', '.join(text for text, _ in arguments)})", notation.ATOM


def _constant(operation: Operation) -> tuple[str, int]:
    array = tf.make_ndarray(operation.attributes["value"].tensor)
    if array.size != 1 or array.dtype.kind not in "biuf":
        return f"constant{list(array.shape)}", notation.ATOM
    text = naming.number(array.item())
    return text, 3 if text.startswith("-") else notation.ATOM


def _unique(text: str, scope: str, taken: set[tuple[str, str]]) -> str:
    """A name that nothing else in the scope has; a slash would open a further scope."""
    base = name = text.replace("/", "÷")
    count = 1
    while (scope, name) in taken:
        count += 1
        name = f"{base} #{count}"
    taken.add((scope, name))
    return name


def _named(operation: Operation, name: str, links: tuple[tuple[int, int], ...]) -> GraphOperation:
    return GraphOperation(operation.scope, name, operation.kind, links, operation.name, _dtype(operation))


def _dtype(operation: Operation) -> str:
    """The dtype of an operation's first output, which its definition gives or an attribute of its node."""
    output = op_def_registry.get(operation.kind).output_arg[:1]
    if not output:
        return ""
    attributes, kind = operation.attributes, output[0].type
    if output[0].type_attr:
        kind = attributes[output[0].type_attr].type
    elif output[0].type_list_attr and attributes[output[0].type_list_attr].list.type:
        kind = attributes[output[0].type_list_attr].list.type[0]
    return tf.dtypes.as_dtype(kind).name if kind else ""
