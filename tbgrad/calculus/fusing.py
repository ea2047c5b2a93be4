"""A traced program made ready for XLA: what XLA computes slowly, or otherwise than TensorFlow, is replaced.

Sine and cosine are slow on processors. The gradients of √ and 1/√ keep a zero that comes back to them in TensorFlow,
and make NaN of it under XLA, at a root of zero; that of selu is another one at its kink. So the origin of a function
of √(x² + y²) would have another gradient among many points than among few.

This module must not know what is differentiated: it rewrites a program that TensorFlow has traced already.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tbgrad.calculus.sines import FARTHEST, cosine, sine
from tbgrad.functions.operations import SELU_ALPHA, SELU_SCALE

_SINES = {"Sin": sine, "Cos": cosine}


def _sqrt_gradient(root: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    return tf.where(gradient == 0, gradient, 0.5 * gradient / root)


def _rsqrt_gradient(rsqrt: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    return tf.where(gradient == 0, gradient, -0.5 * gradient * rsqrt**3)


def _selu_gradient(gradient: tf.Tensor, selu: tf.Tensor) -> tf.Tensor:
    return gradient * tf.where(selu < 0, selu + SELU_SCALE * SELU_ALPHA, SELU_SCALE)


_GRADIENTS = {"SqrtGrad": _sqrt_gradient, "RsqrtGrad": _rsqrt_gradient, "SeluGrad": _selu_gradient}


def ready_for_xla(program: Any, dtype: str, *, sines: bool = True) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """Returns a traced program's outputs with these operations replaced, for use inside another one.

    Args:
      program: a `ConcreteFunction` of one tensor that captures nothing else.
      dtype: of the operations, `float64` or `float32`.
      sines: whether sine and cosine become polynomials.

    Returns:
      A call that takes the tensor and gives the program's outputs; and behind them, for each argument of sines, of its
      shape, whether it is too far from zero for the polynomials: then TensorFlow's own are to be taken.
    """
    kind = tf.as_dtype(dtype)
    graph, (given,) = program.graph.as_graph_def(), program.inputs
    replacements = _GRADIENTS | (_SINES if sines else {})
    arguments: dict[str, None] = {}
    functions: dict[str, Any] = {}
    for node in graph.node:
        if node.op in replacements and node.attr["T"].type == kind.as_datatype_enum:
            if node.op in _SINES:
                arguments[node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"] = None
            inputs = sum(not name.startswith("^") for name in node.input)
            functions[node.op] = _traced(replacements[node.op], kind, inputs)
            _turn_into_call(node, functions[node.op], kind, inputs)
    for function in functions.values():
        graph.library.function.append(function.function_def)
    # What stands for the program's input must not be in the graph as well: XLA takes no placeholders.
    graph.node.remove(next(node for node in graph.node if node.name == given.op.name))
    outputs = [output.name for output in program.outputs]
    inner = [name for name in arguments if name != given.name]

    def call(tensor: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = tf.graph_util.import_graph_def(graph, {given.name: tensor}, outputs + inner, name="")
        # The input itself is no element of the imported graph.
        reduced = found[len(outputs) :] + [tensor] * (given.name in arguments)
        # XLA takes longer to compile a reduction of these than all the rest.
        return *found[: len(outputs)], *(tf.abs(x) > FARTHEST[kind] for x in reduced)

    return call


# TensorFlow forgets a function that nobody holds.
@functools.cache
def _traced(function: Callable[..., tf.Tensor], dtype: tf.DType, inputs: int) -> Any:
    signature = [tf.TensorSpec(None, dtype)] * inputs
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def _turn_into_call(node: Any, function: Any, dtype: tf.DType, inputs: int) -> None:
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["Tin"].list.type.extend([dtype.as_datatype_enum] * inputs)
    node.attr["Tout"].list.type.append(dtype.as_datatype_enum)
    node.attr["f"].func.name = function.function_def.signature.name
