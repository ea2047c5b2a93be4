"""The computational graph that TensorFlow builds of a function and of its gradient, made readable.

Calls of inner functions are written out in place, operations that only pass a value on are left out, and so is what
neither value nor gradient depends on. What remains is named by what it computes.

Source: Abadi et al. (2016), TensorFlow: A System for Large-Scale Machine Learning, section 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tbgrad import naming
from tbgrad.calculus.derivatives import DTYPES, check_function, checked_value
from tbgrad.calculus.flattening import FlatGraph, Operation, tensor
from tbgrad.calculus.tapes import partial_derivatives
from tbgrad.errors import FunctionCallError, RangeError
from tbgrad.functions import notation
from tbgrad.functions.function import Function
from tbgrad.functions.operations import OPERATIONS
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
    "FloorDiv": "floordiv",
    "FloorMod": "mod",
    "SelectV2": "where",
    **{word.title().replace("_", ""): word for word in OPERATIONS},
}
# A name longer than this is not written into those that use it; they get a label such as v12 in its place.
_LONGEST = 24
_LONGEST_SHOWN = 70
_LONGEST_CONSTANT = 4
_SCOPES = (FORWARD, GRADIENT, GRADIENT_AGAIN)


def trace_graph(f: Function, *, dtype: str = "float64", gradients: int = 1) -> Graph:
    """Traces one function that gives f's value and gradient together, and reads its graph.

    Loops and branches that depend on tensors are one operation each; what happens inside them is not read.

    Args:
      f: `Function` of d variables.
      dtype: `float64` or `float32`.
      gradients: 1; or 2 to build the gradient twice from the same value, as a program does that asks for it in two
        places.

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
    traced: list[str] = []
    try:
        # Between scalars the gradient needs no broadcasting, which would fill the graph with shapes.
        operations = _trace(f, dtype, (), gradients, traced)
    except FunctionCallError:
        operations = _trace(f, dtype, (1,), gradients, traced)
    return Graph(f.subject(), operations, traces=len(traced))


def _trace(
    f: Function, dtype: str, shape: tuple[int, ...], gradients: int, traced: list[str]
) -> tuple[GraphOperation, ...]:
    """The operations for points of this shape; the program's name is added to `traced` as often as it is traced."""
    # How many operations there were when each value and each gradient was begun, and at the end.
    built: list[int] = []

    def program(*inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        graph = tf.compat.v1.get_default_graph()
        traced.append(graph.name)
        built[:] = [len(graph.get_operations())]
        outputs = []
        # One tape for each gradient: for a persistent one TensorFlow prepares second derivatives too.
        for _ in range(gradients):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                like = inputs[0]
                expected = like.shape[:-1] if f.takes_vector else like.shape
                value = checked_value(f, lambda: f.call(*inputs, **f.parameters), like.dtype, expected)
            built.append(len(graph.get_operations()))
            outputs += partial_derivatives(f, value, inputs, tape)
            built.append(len(graph.get_operations()))
        return value, *outputs

    if f.takes_vector:
        signature = [tf.TensorSpec((*shape, f.dimensions), dtype, name="position")]
    else:
        # TensorFlow takes no Greek letters, and no underscore in front.
        names = [name if name.isascii() and name[0] != "_" else f"variable_{i}" for i, name in enumerate(f.variables)]
        signature = [tf.TensorSpec(shape, dtype, name=name) for name in names]
    compiled = tf.function(program, input_signature=signature, autograph=False)
    graph = compiled.get_concrete_function().graph
    flat = _flattened(graph, built)
    ends = [flat.origin(tensor(output.name)) for output in graph.outputs]
    inputs = dict(zip([given.op.name for given in graph.inputs], f.variables, strict=False))
    if f.takes_vector:
        inputs = {graph.inputs[0].op.name: "position"}
    names = _output_names(f, _SCOPES[1 : 1 + gradients])
    return tuple(_readable(flat, ends, inputs, names, dtype))


def _flattened(graph: tf.Graph, built: Sequence[int]) -> FlatGraph:
    """The graph in its scopes; where the value was built a second time, what was built first stands for it."""
    operations = graph.get_operations()
    kinds = (FORWARD, GRADIENT, FORWARD, GRADIENT_AGAIN)
    scope_of = {o.name: kinds[sum(i >= end for end in built[1:-1])] for i, o in enumerate(operations)}
    parts = [operations[start:end] for start, end in itertools.pairwise(built)]
    first, second = parts[0], parts[2] if len(parts) > 2 else []
    same = {b.name: a.name for a, b in zip(first, second, strict=False) if a.type == b.type}
    return FlatGraph(graph.as_graph_def(), scope_of, same)


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
    # While it differentiates a loop, TensorFlow adds to the operations of its value.
    of_value = set(flat.inputs_first([ends[0][0]]))
    letter = notation.label_letter(inputs.values())
    shown: list[tuple[str, int]] = []
    taken: set[tuple[str, str]] = set()
    given = {name: _unique(variable, FORWARD, taken) for name, variable in inputs.items()}
    end_names = [(scope, _unique(name, scope, taken)) for scope, name in names]
    for i, operation in enumerate(operations):
        links = tuple((index[name], output) for name, output in flat.inputs(operation.name))
        text, binding = _text(operation, [_output(*shown[link], output) for link, output in links], inputs)
        shown.append((text, binding) if len(text) <= _LONGEST else (f"{letter}{i}", notation.ATOM))
        name = text if len(text) <= _LONGEST else _shortened(f"{letter}{i} = {text}")
        scope = FORWARD if operation.name in of_value else operation.scope
        name = given.get(operation.name) or _unique(name, scope, taken)
        yield GraphOperation(scope, name, operation.kind, links, operation.name, _dtype(operation))
    for (name, output), (scope, text) in zip(ends, end_names, strict=True):
        yield GraphOperation(scope, text, "Identity", ((index[name], output),), "", dtype)


def _output(text: str, binding: int, which: int) -> tuple[str, int]:
    """An operation's text, or that of a further output: `Unpack(position)[1]`. TensorBoard reads a colon otherwise."""
    return (f"{text}[{which}]", notation.ATOM) if which else (text, binding)


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
    if array.dtype.kind not in "iuf" or array.size > _LONGEST_CONSTANT:
        return f"constant{list(array.shape)}", notation.ATOM
    # What NumPy writes is the shortest for the dtype: 0.1 in float32 is not 0.10000000149011612.
    texts = [naming.number(float(str(x))) for x in array.ravel()]
    if array.ndim:
        return f"[{', '.join(texts)}]", notation.ATOM
    return texts[0], 3 if texts[0].startswith("-") else notation.ATOM


def _unique(text: str, scope: str, taken: set[tuple[str, str]]) -> str:
    """A name that nothing else in the scope has; a slash would open a further scope."""
    base = name = text.replace("/", "÷")
    count = 1
    while (scope, name) in taken:
        count += 1
        name = f"{base} #{count}"
    taken.add((scope, name))
    return name


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
