"""Formulas in plain Python, in NumPy and in TensorFlow: one loop, three tables of operations.

A formula is a list of nodes in which arguments stand before the operations that use them, so that
interpreting is a loop from the front. This module must not know how a formula is parsed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

Table = Mapping[str, Callable]


def interpret(nodes: Sequence, table: Table, values: Mapping[str, Any]) -> list:
    """Computes every node of a formula.

    Operations on plain numbers alone are computed in float64 by Python, whatever the table: `2*pi` is not
    rounded to the precision of an array that it meets later.

    Args:
      nodes: `Node`s in forward order; the last one is the formula's value.
      table: an operation for each name, such as `PYTHON`.
      values: what each variable and parameter stands for.

    Returns:
      The value of each node.
    """
    results: list = []
    for node in nodes:
        if node.operation == "number":
            results.append(node.value)
        elif node.operation in ("variable", "parameter"):
            results.append(values[node.name])
        else:
            arguments = [results[i] for i in node.arguments]
            constant = all(type(a) is float for a in arguments)
            results.append((PYTHON if constant else table)[node.operation](*arguments))
    return results


def _ieee(function: Callable[..., float]) -> Callable[..., float]:
    """Gives a function of `math` the floating-point answers of IEEE 754 instead of exceptions."""

    def computed(*arguments: float) -> float:
        try:
            return function(*arguments)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return computed


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    odd = b % 2 == 1 if math.isfinite(b) else False
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        if a != 0.0:
            return math.nan
        return math.copysign(math.inf, a) if odd else math.inf


def _sinh(a: float) -> float:
    try:
        return math.sinh(a)
    except OverflowError:
        return math.copysign(math.inf, a)


def _sign(a: float) -> float:
    return a if a == 0.0 or math.isnan(a) else math.copysign(1.0, a)


PYTHON: Table = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": _divide,
    "negative": operator.neg,
    "power": _power,
    "log": lambda a: -math.inf if a == 0.0 else _ieee(math.log)(a),
    "abs": math.fabs,
    "sign": _sign,
    "sinh": _sinh,
    **{
        name: _ieee(getattr(math, name))
        for name in ("sqrt", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "cosh", "tanh")
    },
}

_ARITHMETIC: Table = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "power": operator.pow,
}


def numpy_table(numpy: ModuleType) -> Table:
    """The operations on arrays, from NumPy or from a module with its names, such as `autograd.numpy`."""
    renamed = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
    return {name: _ARITHMETIC.get(name) or getattr(numpy, renamed.get(name, name)) for name in PYTHON}


def tensorflow_table() -> Table:
    """The operations on tensors. Imports TensorFlow."""
    import tensorflow as tf

    def alike(function: Callable) -> Callable:
        """Gives a number the dtype of the tensor beside it, which TensorFlow's functions do not."""

        def applied(a, b):
            a = tf.constant(a, b.dtype) if type(a) is float else a
            return function(a, tf.constant(b, a.dtype) if type(b) is float else b)

        return applied

    def power(a, b):
        # The square is exact where the general power is rounded, and much cheaper.
        return tf.square(a) if type(b) is float and b == 2.0 else alike(tf.pow)(a, b)

    table = {name: _ARITHMETIC.get(name) or getattr(tf.math, name) for name in PYTHON}
    return table | {"power": power, "atan2": alike(tf.math.atan2)}
