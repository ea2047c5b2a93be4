"""Python functions by import path (`package.module:name`) and by file (`path/to/file.py:name`).

Importing runs the module, as any import does. The current directory is searched first, as `python -m` does it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tbgrad import naming
from tbgrad.errors import FunctionImportError, ShapeError, nearest
from tbgrad.functions.expansion import MOST_DIMENSIONS
from tbgrad.functions.function import Function


def import_function(path: str, dimensions: int | None = None) -> Function:
    """Imports a function.

    Args:
      path: `package.module:name` or `path/to/file.py:name`, where name leads to a `Function` or to a callable as
        `from_callable` takes it.
      dimensions: how many variables it must have; a callable with one argument then takes a vector of that length.

    Raises:
      ShapeError: the function has another number of variables.
      FunctionImportError: module, file or name is not there, the module raised an error, or what is found is no
        function of numbers.
    """
    place, _, name = path.rpartition(":")
    module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    found = _attribute(module, name, place)
    if not callable(found):
        raise FunctionImportError(f"'{path}' is a {type(found).__name__}; expected a function such as f(x, y).")
    stem = Path(place).stem if place.endswith(".py") else place
    unique = f"{naming.slug(f'{stem}.{name}')}_{naming.short_hash(path)}"
    if isinstance(found, Function):
        return dataclasses.replace(found.with_dimensions(dimensions), name=unique, fingerprint=_fingerprint(module))
    return from_callable(found, unique, dimensions)


def from_callable(call: Any, name: str = "", dimensions: int | None = None) -> Function:
    """Wraps a callable: a function, a tf.function, a partial, a method, an object with `__call__`, a Keras layer.

    Args:
      call: `f(x, y, a=1.0)`: x and y become variables, a becomes a parameter. With `dimensions`, one argument `f(p)` is
        a vector of so many numbers, and `f(*x)` takes so many.
      name: of the function in runs; by default the callable's own.
      dimensions: how many variables there are, or None for one to each argument.

    Raises:
      FunctionImportError: its arguments cannot be told, or it takes none, or needs one that is no variable.
      ShapeError: `dimensions` is not the number of its arguments, or not from 1 to 10,000.
    """
    plain = _plain(call)
    try:
        arguments = inspect.signature(plain).parameters.values()
    except (TypeError, ValueError):
        raise FunctionImportError(f"the arguments of {call!r} cannot be told; wrap it in a function f(x, y).") from None
    variables = [a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD) and _required(a)]
    parameters = {
        a.name: _number(a.default) for a in arguments if _is_number(a.default) and a.kind != a.POSITIONAL_ONLY
    }
    label = _label(plain)
    needed = [a.name for a in arguments if a.kind == a.KEYWORD_ONLY and _required(a)]
    if needed:
        raise FunctionImportError(
            f"{label} takes {naming.listed(needed)} by keyword only; expected a default, as in {needed[0]}=1.0, or a "
            "variable before the '*'."
        )
    known = {
        "name": name or naming.word(label),
        "label": label,
        "parameters": parameters,
        "source": (inspect.getdoc(plain) or "").partition("\n")[0],
        "fingerprint": _fingerprint(plain),
    }
    if dimensions is not None and not 1 <= dimensions <= MOST_DIMENSIONS:
        raise ShapeError(f"dimensions is {dimensions}; expected 1 to {MOST_DIMENSIONS:,}.")
    if dimensions is not None and len(variables) == 1:
        return Function.of_vector(call, dimensions, **known)
    if not variables and any(a.kind == a.VAR_POSITIONAL for a in arguments):
        if dimensions is None:
            raise FunctionImportError(
                f"{label} takes any number of variables; say how many, by --dimensions or dimensions=2."
            )
        variables = [f"x{i}" for i in range(dimensions)]
    if not variables:
        raise FunctionImportError(f"{label} takes no variables; expected arguments without defaults, as in f(x, y).")
    return Function(call, tuple(variables), **known).with_dimensions(dimensions)


def _plain(call: Any) -> Any:
    """What holds a callable's signature, documentation and source."""
    # A tf.function keeps its Python function; a Keras layer's own __call__ takes anything and hands it to `call`.
    call = inspect.unwrap(getattr(call, "python_function", call))
    is_layer = any(base.__name__ == "Layer" and base.__module__.startswith("keras") for base in type(call).__mro__)
    return call.call if is_layer else call


def _label(call: Any) -> str:
    # A partial's name is that of what it calls, a layer's is its own, an object's that of its class.
    call = getattr(call, "func", call)
    layer = getattr(call, "__self__", None) if getattr(call, "__name__", "") == "call" else None
    return str(getattr(layer, "name", "") or getattr(call, "__name__", type(call).__name__)).strip("<>")


def _required(argument: inspect.Parameter) -> bool:
    return argument.default is inspect.Parameter.empty


def _is_number(value: object) -> bool:
    # An int that no float64 holds stays the function's own.
    return isinstance(value, float) or (_is_whole(value) and abs(value) <= sys.float_info.max)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: float) -> float:
    """A plain number; an int stays one, as it may be a range's or an index."""
    return int(value) if _is_whole(value) else float(value)


def _fingerprint(call: Any) -> str:
    """A hash of the file that holds the function, so that a changed function is another request."""
    try:
        return hashlib.sha256(Path(inspect.getfile(call)).read_bytes()).hexdigest()[:16]
    except (TypeError, OSError):
        return ""


@contextlib.contextmanager
def _current_directory_first() -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


def _import_module(name: str) -> ModuleType:
    try:
        with _current_directory_first():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise FunctionImportError(f"no module named '{error.name}'; looked in {os.getcwd()} first.") from None
        raise _broken(name) from error
    except (Exception, SystemExit) as error:
        raise _broken(name) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FunctionImportError(f"no file '{path}'.")
    name = f"tbgrad_file_{naming.short_hash(str(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _current_directory_first():
            sys.path.insert(0, str(path.resolve().parent))
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(str(path)) from error
    return module


def _broken(name: str) -> FunctionImportError:
    lines = [line for line in traceback.format_exc(limit=-1).splitlines() if line.strip()]
    return FunctionImportError("\n".join([f"'{name}' raised an error while it was imported:", *lines[1:]]))


def _attribute(module: ModuleType, name: str, place: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = [n for n in dir(found) if not n.startswith("_")]
            raise FunctionImportError(f"'{place}' has no '{name}'.{nearest(part, public)}")
        found = getattr(found, part)
    return found
