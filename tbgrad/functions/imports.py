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
from tbgrad.errors import FunctionImportError, nearest
from tbgrad.functions.function import Function


def import_function(path: str) -> Function:
    """Imports a function.

    Args:
      path: `package.module:name` or `path/to/file.py:name`, where name leads to a `Function` or to a callable with one
        positional argument for each variable; arguments with a number as default are parameters.

    Raises:
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
        return dataclasses.replace(found, name=unique, fingerprint=_fingerprint(module))
    return from_callable(found, unique)


def from_callable(call: Any, name: str = "") -> Function:
    """Wraps a callable `f(x, y, a=1.0)`: x and y become variables, a a parameter.

    Raises:
      FunctionImportError: its arguments cannot be told, or it takes none.
    """
    try:
        # A tf.function keeps its Python function, whose signature and source are the ones that count.
        plain = inspect.unwrap(getattr(call, "python_function", call))
        arguments = inspect.signature(plain).parameters.values()
    except (TypeError, ValueError):
        raise FunctionImportError(f"the arguments of {call!r} cannot be told; wrap it in a function f(x, y).") from None
    variables = [a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD) and _required(a)]
    parameters = {a.name: float(a.default) for a in arguments if _is_number(a.default) and a.kind != a.POSITIONAL_ONLY}
    if not variables:
        label = name or getattr(call, "__name__", "the function")
        raise FunctionImportError(f"{label} takes no variables; expected arguments without defaults, as in f(x, y).")
    return Function(
        call,
        tuple(variables),
        name=name or getattr(plain, "__name__", "function").strip("<>"),
        label=getattr(plain, "__name__", "").strip("<>"),
        parameters=parameters,
        source=(inspect.getdoc(plain) or "").partition("\n")[0],
        fingerprint=_fingerprint(plain),
    )


def _required(argument: inspect.Parameter) -> bool:
    return argument.default is inspect.Parameter.empty


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
