"""Text to Function: a catalogue name, an import path, a file, or a formula."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tbgrad.errors import FunctionImportError
from tbgrad.functions import catalogue, expressions, imports
from tbgrad.functions.function import Function

_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*|.*\.py:[A-Za-z_][\w.]*", re.DOTALL)


def resolve(function: str | Function | Callable[..., Any], dimensions: int | None = None) -> Function:
    """Finds what is meant by FUNCTION.

    Args:
      function: a catalogue name (`ripple`), a formula (`cos(x)*sin(y) + x/y`), an import path
        (`package.module:name`), a file (`path/to/file.py:name`), a Python callable, or a `Function`.
      dimensions: how many variables it is to have; by default what it says, 2 for a function of any dimension. A
        Python function with one argument, f(p), then takes a vector of so many numbers.

    Returns:
      The `Function`. A formula's name in runs is its slug and a hash of its tree.

    Raises:
      UnknownFunctionError: a word that no function of the catalogue is called.
      FormulaError: a formula does not parse.
      FunctionImportError: a path that leads to no function.
      ShapeError: the function has another number of variables.
    """
    if isinstance(function, Function):
        return function.with_dimensions(dimensions)
    if callable(function):
        return imports.from_callable(function, dimensions=dimensions)
    if not isinstance(function, str):
        raise FunctionImportError(f"expected a name, a formula or a function; got {function!r}.")
    text = function.strip()
    if text in catalogue.catalogue():
        return catalogue.lookup(text).with_dimensions(dimensions)
    if _IMPORT_PATH.fullmatch(text):
        return imports.import_function(text, dimensions)
    # A longer word alone is taken for a catalogue name, so that a mistyped one is not read as the identity.
    if (
        text.isidentifier()
        and len(text) > 1
        and text not in expressions.CONSTANTS
        and not re.fullmatch(r"[A-Za-z]_?\d+", text)
    ):
        return catalogue.lookup(text)
    if text.endswith(".py"):
        raise FunctionImportError(f"name the function in the file, as in {text}:f.")
    return Function.of_formula(function, dimensions)
