"""The command line that asks for a descent again, from its request in run.json."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

# What a request says otherwise than by an option of the same name.
_OTHERWISE = ("command", "function", "variables", "parameters", "formula", "fingerprint", "settings", "points")
_OPTIONS = ("optimizer", "learning_rate", "steps", "dtype", "seed", "starts", "spread", "record", "noise")
_DEFAULTS = {"steps": 2000, "dtype": "float64", "seed": 0}
_STOPS = ("gradient", "value", "update", "plateau")
# The names of formulas end so; which text was typed is not known.
_OF_FORMULA = re.compile(r".*_[0-9a-f]{8}")
# A function of any dimension has so many variables unless it is told.
_USUAL_DIMENSIONS = 2


def command_line(asked: Mapping[str, Any]) -> str:
    """The command that makes the same request; empty where it cannot be told faithfully.

    That is so for other commands, formulas and Python functions, and for whatever this module does not know.
    """
    if asked.get("command") != "descend" or asked.get("fingerprint") or not isinstance(asked.get("variables"), list):
        return ""
    if _OF_FORMULA.fullmatch(str(asked.get("function", ""))):
        return ""
    words = [*_words(asked)]
    return "" if None in words else shlex.join(words)


def _words(asked: Mapping[str, Any]) -> Iterator[str | None]:
    """The words of the command; None where something has no word."""
    yield from ("tbgrad", "descend", str(asked.get("function")))
    if len(asked["variables"]) > _USUAL_DIMENSIONS:
        yield from ("--dimensions", str(len(asked["variables"])))
    for option, pairs in (("--set", asked.get("parameters")), ("--option", asked.get("settings"))):
        for name, value in (pairs or {}).items():
            yield from (option, f"{name}={_number(value)}") if _number(value) else (None,)
    for point in asked.get("points") or ():
        yield from ("--start", ",".join(map(repr, point)))
    for name, value in asked.items():
        if name in _OPTIONS:
            if value != _DEFAULTS.get(name):
                told = value if isinstance(value, str) else _number(value)
                yield from (f"--{name.replace('_', '-')}", told or None)
        elif name in _STOPS:
            yield from ("--stop", f"{name}={_number(value)}")
        elif name == "instruments":
            for instrument in str(value).split("-"):
                yield from ("--instrument", instrument)
        elif name not in _OTHERWISE:
            yield None


def _number(value: Any) -> str:
    """A number or a truth value as the command line reads it; empty where it is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else ""
