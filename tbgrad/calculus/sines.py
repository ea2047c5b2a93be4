"""Sine and cosine by polynomials, for programs that XLA compiles for the processor.

XLA calls the C library for each single sine of a float64; polynomials run in vector registers, fused with all that
surrounds them, and are some five times faster. The argument is reduced to r = x - hπ in [-π/2, π/2], with π in three
parts whose products with h are exact, so that r keeps its digits also where x is near a multiple of π; then
sin(r) = r + r³P(r²), with P the minimax polynomial of the relative error (2.8e-19 and 6.1e-9, below half a rounding).
Beyond `_FARTHEST` the products are not exact; the program says so, and TensorFlow's own sine is to be taken.

This module must not know what is differentiated: it rewrites a program that TensorFlow has traced already.

Source: Cody & Waite (1980), Software Manual for the Elementary Functions, chapter 8; Muller (2016), Elementary
Functions, chapters 4 (Remez) and 11 (range reduction). The coefficients are from our own Remez exchange in 60 digits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# π in parts of 33 and 11 bits, the last one rounded.
_PI = {
    tf.float64: (3.1415926534682512, 1.2154201012607932e-10, 4.044532497591901e-21),
    tf.float32: (3.140625, 0.0009675025939941406, 1.5099579909783765e-07),
}
# A product is cheaper than a quotient.
_TURNS = 1 / math.pi
# P, from the constant term.
_COEFFICIENTS = {
    tf.float64: (
        -0.16666666666666666,
        0.008333333333333194,
        -0.00019841269841209218,
        2.7557319211137373e-06,
        -2.50521068728172e-08,
        1.6058939706844759e-10,
        -7.642991517461677e-13,
        2.7211752843270664e-15,
    ),
    tf.float32: (-0.16666659550397264, 0.008333066245654719, -0.00019809602878231882, 2.6057805903714665e-06),
}
# Up to here h, a half-integer, has so few bits that its products with the parts of π are exact.
_FARTHEST = {tf.float64: 1e6, tf.float32: 1e4}


def sine(x: tf.Tensor) -> tf.Tensor:
    """The sine of `[...]`, float64 or float32, for |x| ≤ 1e6 or 1e4."""
    turns = tf.round(x * _TURNS)
    return _alternating(turns) * _sine_near_zero(x, turns)


def cosine(x: tf.Tensor) -> tf.Tensor:
    """The cosine of `[...]`, likewise."""
    turns = tf.round(x * _TURNS - 0.5)
    return -_alternating(turns) * _sine_near_zero(x, turns + 0.5)


def _alternating(turns: tf.Tensor) -> tf.Tensor:
    """1 for even numbers, -1 for odd ones; whole numbers in vector registers are slower."""
    return 1 + 4 * tf.floor(turns / 2) - 2 * turns


def _sine_near_zero(x: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    high, middle, low = _PI[x.dtype]
    r = ((x - turns * high) - turns * middle) - turns * low
    square = r * r
    *coefficients, last = _COEFFICIENTS[x.dtype]
    p = tf.constant(last, x.dtype)
    for coefficient in reversed(coefficients):
        p = p * square + coefficient
    return r + r * square * p


_REPLACEMENTS = {"Sin": sine, "Cos": cosine}


def with_polynomial_sines(program: Any, dtype: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """Returns a traced program's outputs with every sine and cosine replaced, for use inside another one.

    Args:
      program: a `ConcreteFunction` of one tensor that captures nothing else.
      dtype: of its sines, `float64` or `float32`.

    Returns:
      A call that takes the tensor and gives the program's outputs, and behind them for each argument of sines, of its
      shape, whether it is too far from zero.
    """
    kind = tf.as_dtype(dtype)
    graph, (given,) = program.graph.as_graph_def(), program.inputs
    arguments: dict[str, None] = {}
    functions: dict[str, Any] = {}
    for node in graph.node:
        if node.op in _REPLACEMENTS and node.attr["T"].type == kind.as_datatype_enum:
            arguments[node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"] = None
            functions[node.op] = _traced(_REPLACEMENTS[node.op], kind)
            _turn_into_call(node, functions[node.op], kind)
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
        return *found[: len(outputs)], *(tf.abs(x) > _FARTHEST[kind] for x in reduced)

    return call


# TensorFlow forgets a function that nobody holds.
@functools.cache
def _traced(function: Callable[[tf.Tensor], tf.Tensor], dtype: tf.DType) -> Any:
    traced = tf.function(function, input_signature=[tf.TensorSpec(None, dtype)], autograph=False)
    return traced.get_concrete_function()


def _turn_into_call(node: Any, function: Any, dtype: tf.DType) -> None:
    node.op = "PartitionedCall"
    node.attr.clear()
    for name in ("Tin", "Tout"):
        node.attr[name].list.type.append(dtype.as_datatype_enum)
    node.attr["f"].func.name = function.function_def.signature.name
