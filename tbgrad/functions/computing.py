"""A formula in so many variables, computed by TensorFlow and by NumPy.

This module must not import TensorFlow before it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tbgrad.errors import ShapeError
from tbgrad.functions.expansion import MOST_DIMENSIONS, expand, least_dimensions
from tbgrad.functions.expressions import Formula
from tbgrad.functions.interpreters import Table, interpret, numpy_table, tensorflow_table
from tbgrad.functions.operations import OPERATIONS

# What a formula of any number of variables has where nobody says.
DIMENSIONS = 2


def dimensions(formula: Formula, asked: int | None, parameters: Mapping[str, float]) -> int:
    """How many variables a formula has: as many as are asked for, or what it says.

    Raises:
      ShapeError: it has another number of them.
    """
    if formula.is_of_any_dimension:
        asked = DIMENSIONS if asked is None else asked
        if not 1 <= asked <= MOST_DIMENSIONS:
            raise ShapeError(f"dimensions is {asked}; expected 1 to {MOST_DIMENSIONS:,}.")
        return asked
    own = least_dimensions(formula, parameters) if formula.vector else len(formula.variables)
    if formula.vector and asked is not None and own <= asked <= MOST_DIMENSIONS:
        return asked
    if asked is not None and asked != own:
        raise ShapeError(f"'{formula.text}' has {own} variable{'s'[: own != 1]}; expected {asked}.")
    return own


def variables(formula: Formula, d: int) -> tuple[str, ...]:
    """The names of its variables; those of a vector x are x0, x1, ..."""
    return tuple(f"{formula.vector}{i}" for i in range(d)) if formula.vector else formula.variables


def tensorflow_call(formula: Formula, d: int) -> Callable[..., Any]:
    """What TensorFlow calls: with one tensor for each variable, or one `[..., d]` for a vector."""

    def of_columns(*columns: Any, **parameters: float) -> Any:
        return compute(formula, d, columns, parameters, tensorflow_table(columns[0]))

    # A parameter may bear any name, also that of the argument.
    def of_vector(position: Any, /, **parameters: float) -> Any:
        import tensorflow as tf

        # The vector's elements in front: x[i] is a slice, and an index an axis before those of the points.
        last = position.shape.rank - 1
        rows = tf.transpose(position, [last, *range(last)])
        return compute(formula, d, rows, parameters, tensorflow_table(rows[0]))

    return of_vector if formula.vector else of_columns


def numpy_value(formula: Formula, parameters: Mapping[str, float], position: np.ndarray) -> np.ndarray:
    """The value `[...]` at positions `[..., d]`, real or complex."""
    rows = np.moveaxis(position, -1, 0)
    with np.errstate(all="ignore"):
        return compute(formula, len(rows), rows, parameters, numpy_table(np, rows.ndim - 1))


def is_analytic(formula: Formula, d: int, parameters: Mapping[str, float]) -> bool:
    """Whether all its operations are analytic, also with complex arguments."""
    known = (OPERATIONS.get(node.operation) for node in expand(formula, d, parameters))
    return all(operation is None or operation.analytic for operation in known)


def compute(formula: Formula, d: int, rows: Any, parameters: Mapping[str, float], table: Table) -> Any:
    """The value of a formula.

    Args:
      formula: a parsed formula.
      d: the number of variables.
      rows: an array `[d, ...]`, or d arrays of equal shape, one for each variable.
      parameters: the value of each.
      table: the operations on these arrays.

    Returns:
      An array of the shape of a row.
    """
    nodes = expand(formula, d, parameters)
    if formula.vector:
        names = {node.name for node in nodes if node.operation == "variable"}
        values = {name: rows[int(name[len(formula.vector) :])] for name in names} | {formula.vector: rows}
    else:
        values = dict(zip(formula.variables, rows, strict=True))
    value = interpret(nodes, table, values)[-1]
    return value if hasattr(value, "dtype") else value + 0.0 * rows[0]
