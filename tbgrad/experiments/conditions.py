"""How the settings of a request are spelled in its run's name: those that differ from their defaults."""

from __future__ import annotations

from typing import Any

from tbgrad import naming
from tbgrad.functions.function import Function


def parameters(f: Function) -> list[tuple[str, str]]:
    """The function's parameters that were set, and its number of variables where that is not the usual one."""
    changed = ((name, value) for name, value in f.parameters.items() if value != f.defaults.get(name))
    settings = [(name, naming.number(value)) for name, value in changed]
    return [("dimensions", str(f.dimensions)), *settings] if f.resized else settings


def common(dtype: str, seed: int) -> list[tuple[str, str]]:
    """The settings that every command with numbers has."""
    asked = (("dtype", dtype, "float64"), ("seed", seed, 0))
    return [(name, str(value)) for name, value, default in asked if value != default]


def setting(name: str, value: Any) -> tuple[str, str]:
    """A setting with its value, such as an optimizer's keyword argument."""
    return name, naming.number(value) if isinstance(value, float) else str(value).lower()
