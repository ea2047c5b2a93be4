"""Formulas in plain Python, in NumPy and in TensorFlow: one loop, three tables of operations.

A formula is a list of nodes in which arguments stand before the operations that use them, so that
interpreting is a loop from the front. This module must not know how a formula is parsed.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tbgrad.functions.floats import PYTHON
from tbgrad.functions.operations import SELU_ALPHA, SELU_SCALE

Table = Mapping[str, Callable]


def interpret(nodes: Sequence, table: Table, values: Mapping[str, Any]) -> list:
    """Computes every node of a formula.

    Operations on plain numbers alone are computed in float64 by Python, whatever the table: `2*pi` is not
    rounded to the precision of an array that it meets later.

    Args:
      nodes: `Node`s of an expanded formula in forward order; the last one is the formula's value.
      table: an operation for each name, such as `PYTHON`.
      values: what each variable, parameter and condition stands for; the vector's name for an array `[n, ...]`.

    Returns:
      The value of each node.
    """
    results: list = []
    for node in nodes:
        if node.operation == "number":
            results.append(node.value)
        elif node.operation in ("variable", "parameter", "condition"):
            results.append(values[node.name])
        elif node.operation == "elements":
            results.append(_elements(np.array(node.many), values[node.name], table))
        elif node.operation == "numbers":
            results.append(table["numbers"](np.array(node.many)))
        else:
            arguments = [results[i] for i in node.arguments]
            constant = all(type(a) in (float, bool) for a in arguments)
            results.append((PYTHON if constant else table)[node.operation](*arguments))
    return results


def _elements(which: np.ndarray, vector: Any, table: Table) -> Any:
    """Some elements of a vector `[n, ...]`, in this shape; evenly spaced ones are a slice, which costs little."""
    flat = which.ravel()
    step = int(flat[1] - flat[0]) if flat.size > 1 else 1
    if flat.size != max(which.shape) or step < 1 or (np.diff(flat) != step).any():
        return table["gather"](vector, which)
    rows = vector[int(flat[0]) : int(flat[-1]) + 1 : step]
    return rows[(slice(None), *[None] * (which.ndim - 1))] if which.ndim > 1 else rows


_ARITHMETIC: Table = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "power": operator.pow,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


@functools.cache
def numpy_table(numpy: ModuleType, rank: int = 0) -> Table:
    """The operations on arrays, from NumPy or from a module with its names, such as `autograd.numpy`.

    Args:
      numpy: the module.
      rank: of the arrays that stand for variables; behind it, as an axis in front, come the indices of sums.
    """
    renamed = {"divide": "true_divide", "round": "rint"}
    renamed |= {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")}
    own = {
        name: np.vectorize(PYTHON[name], otypes=[float]) for name in ("erf", "erfc", "lgamma", "digamma", "polygamma")
    }

    def sigmoid(a):
        return 1 / (1 + numpy.exp(-a))

    def softplus(a):
        return numpy.logaddexp(a, 0.0)

    return {
        **{name: _ARITHMETIC.get(name) or getattr(numpy, renamed.get(name, name), None) for name in PYTHON},
        **own,
        "floordiv": lambda a, b: numpy.floor(a / b),
        "rsqrt": lambda a: 1 / numpy.sqrt(a),
        "sigmoid": sigmoid,
        "log_sigmoid": lambda a: -softplus(-a),
        "softplus": softplus,
        "softsign": lambda a: a / (1 + numpy.abs(a)),
        "relu": lambda a: numpy.maximum(a, 0.0),
        "elu": lambda a: numpy.where(a > 0, a, numpy.expm1(numpy.minimum(a, 0.0))),
        "selu": lambda a: SELU_SCALE * numpy.where(a > 0, a, SELU_ALPHA * numpy.expm1(numpy.minimum(a, 0.0))),
        "gelu": lambda a: 0.5 * a * own["erfc"](-a / 2**0.5),
        "silu": lambda a: a * sigmoid(a),
        "sum": lambda a: numpy.sum(a, axis=0),
        "prod": lambda a: numpy.prod(a, axis=0),
        "gather": lambda a, which: a[which],
        "numbers": lambda a: a.reshape(a.shape + (1,) * rank),
    }


def tensorflow_table(like: Any) -> Table:
    """The operations on tensors of this dtype and rank. Imports TensorFlow."""
    import tensorflow as tf

    dtype, rank = like.dtype, like.shape.rank

    def alike(function: Callable) -> Callable:
        """Gives numbers the dtype of the tensors beside them, which TensorFlow's functions do not."""
        return lambda *arguments: function(*(tf.constant(a, dtype) if type(a) is float else a for a in arguments))

    @tf.custom_gradient
    def exponent(b, a):
        # TensorFlow's own gradient by the exponent is 0 where the base is negative, and so there is none.
        return tf.identity(b), lambda gradient: (tf.where(a < 0, tf.constant(np.nan, dtype), gradient), None)

    def power(a, b):
        # The square is exact where the general power is rounded, and much cheaper.
        if type(b) is float and b == 2.0:
            return tf.square(a)
        varies = tf.is_tensor(b) and (tf.executing_eagerly() or b.op.type != "Const")
        return alike(tf.pow)(a, exponent(b, alike(tf.identity)(a)) if varies else b)

    @alike
    def erf(a):
        # Beyond 1e154 TensorFlow's is NaN; beyond 30 it is 1 and flat.
        return tf.math.erf(tf.clip_by_value(a, tf.constant(-30.0, dtype), tf.constant(30.0, dtype)))

    def numbers(a: np.ndarray) -> Any:
        shaped = a.reshape(a.shape + (1,) * rank)
        return tf.constant(shaped) if a.dtype == bool else tf.constant(shaped, dtype)

    own = {
        "power": power,
        "cbrt": lambda a: tf.sign(a) * tf.pow(tf.abs(a), tf.constant(1 / 3, dtype)),
        "log2": lambda a: tf.math.log(a) / tf.constant(np.log(2.0), dtype),
        "log10": lambda a: tf.math.log(a) / tf.constant(np.log(10.0), dtype),
        "where": alike(tf.where),
        "erf": erf,
        # TensorFlow's own holds a constant in float32, and its erf loses the digits of the left tail.
        "gelu": lambda a: 0.5 * a * tf.math.erfc(-a / tf.constant(2**0.5, dtype)),
        "sum": lambda a: tf.reduce_sum(a, axis=0),
        "prod": lambda a: tf.reduce_prod(a, axis=0),
        "gather": lambda a, which: tf.gather(a, which),
        "numbers": numbers,
    }
    renamed = {"floordiv": "floordiv", "mod": "floormod"}
    activations = ("relu", "elu", "selu", "silu")
    plain = {name: getattr(tf.nn if name in activations else tf.math, renamed.get(name, name), None) for name in PYTHON}
    plain = {name: function if name in _ARITHMETIC else alike(function) for name, function in plain.items() if function}
    return plain | _ARITHMETIC | own
