"""What options hold: functions, points, ranges, assignments, numbers. Nothing here loads TensorFlow."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import click
from click.shell_completion import CompletionItem

from tbgrad.errors import TbgradError


class LogdirType(click.Path):
    """A directory for runs; an empty name would be the current one."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The directory, as a path."""
        if value == "":
            self.fail("an empty name is no directory; for the current one write '.'.", parameter, context)
        return super().convert(value, parameter, context)


class FunctionType(click.ParamType):
    """The text of a FUNCTION, resolved by the command; completes names of the catalogue."""

    name = "function"

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The catalogue's names."""
        from tbgrad.functions.catalogue import catalogue

        return [CompletionItem(n, help=f.text()) for n, f in catalogue().items() if n.startswith(incomplete)]


class OptimizerType(click.ParamType):
    """The name of a Keras optimizer."""

    name = "name"

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Keras's names."""
        from tbgrad.descent.optimizers import OPTIMIZERS

        return [CompletionItem(name) for name in OPTIMIZERS if name.startswith(incomplete.lower())]


class NumberType(click.ParamType):
    """A number or a constant formula, such as 2*pi."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Computes it."""
        if isinstance(value, float | int):
            return float(value)
        if not value.strip():
            self.fail("expected a number; got nothing.", param, context)
        from tbgrad.functions.expressions import constant

        try:
            number = constant(value)
        except TbgradError as error:
            # The value stands on the command line right above: one line is enough.
            self.fail(f"'{value}': {str(error).splitlines()[0]}", param, context)
        if not math.isfinite(number):
            self.fail(f"'{value}' is {number}; expected a finite number.", param, context)
        return number


class RateType(NumberType):
    """A learning rate: a number, or auto."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float | str:
        """Computes it."""
        return "auto" if value == "auto" else super().convert(value, param, context)


class PointType(click.ParamType):
    """A point: `2,0` or `x=2,y=0`; a tuple of numbers, or a dict of them by variable."""

    name = "point"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads the coordinates."""
        if not isinstance(value, str):
            return value
        parts = _split(value)
        named = [part.partition("=") for part in parts]
        if not any(equals for _, equals, _ in named):
            return tuple(NUMBER.convert(part, param, context) for part in parts)
        if not all(equals for _, equals, _ in named):
            self.fail(f"'{value}' mixes x=2 with 2; name all coordinates or none.", param, context)
        names = [_name(name) for name, _, _ in named]
        if len(set(names)) < len(names):
            self.fail(f"'{value}' names a variable twice.", param, context)
        return {name: NUMBER.convert(text, param, context) for name, (_, _, text) in zip(names, named, strict=True)}


class ViewType(click.ParamType):
    """A point of view: `60,90`; (elevation, azimuth) in degrees."""

    name = "elevation,azimuth"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads the two angles."""
        if not isinstance(value, str):
            return value
        parts = _split(value)
        if len(parts) != 2:
            self.fail(f"'{value}' is no view; expected ELEVATION,AZIMUTH in degrees, as in 60,90.", param, context)
        return tuple(NUMBER.convert(part, param, context) for part in parts)


class RangeType(click.ParamType):
    """A range: `x=0:6`; (variable, low, high)."""

    name = "variable=low:high"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads the range."""
        if not isinstance(value, str):
            return value
        name, equals, bounds = value.partition("=")
        low, colon, high = bounds.partition(":")
        if not (equals and colon and name.strip()):
            self.fail(f"'{value}' is no range; expected VARIABLE=LOW:HIGH, as in x=0:6.", param, context)
        return _name(name), NUMBER.convert(low, param, context), NUMBER.convert(high, param, context)


class BoundsType(click.ParamType):
    """Two numbers: `0.001:1`; (low, high)."""

    name = "low:high"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads both."""
        if not isinstance(value, str):
            return value
        low, colon, high = value.partition(":")
        if not colon:
            self.fail(f"'{value}' is no range; expected LOW:HIGH, as in 0.001:1.", param, context)
        return NUMBER.convert(low, param, context), NUMBER.convert(high, param, context)


class RecordType(click.ParamType):
    """Which steps to record: every, a whole number n, log, end or values."""

    name = "every|n|log|end|values"
    _words = ("every", "log", "end", "values")

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int | str:
        """A word, or the number."""
        if value in self._words or isinstance(value, int):
            return value
        if not value.isdecimal() or int(value) < 1:
            words = "every, log, end, values or a whole number n for every n-th step"
            self.fail(f"'{value}' says not what to record; expected {words}.", param, context)
        return int(value)

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words."""
        return [CompletionItem(word) for word in self._words if word.startswith(incomplete)]


class InstrumentType(click.ParamType):
    """The name of an instrument, or all."""

    name = "name"

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """All names, each with what it measures."""
        from tbgrad.instruments import ALL_INSTRUMENTS

        items = [CompletionItem(i.name, help=i.description) for i in ALL_INSTRUMENTS]
        return [item for item in [*items, CompletionItem("all")] if item.value.startswith(incomplete)]


class AssignmentType(click.ParamType):
    """A setting: `b=10`; (name, number)."""

    name = "name=number"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads name and number."""
        if not isinstance(value, str):
            return value
        name, text = _assignment(self, value, param, context)
        return name, NUMBER.convert(text, param, context)


class SettingType(click.ParamType):
    """A keyword argument: `momentum=0.9`, `nesterov=true`; (name, bool, number or text)."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads name and value."""
        if not isinstance(value, str):
            return value
        name, text = _assignment(self, value, param, context)
        words = {"true": True, "false": False, "none": None}
        if text.lower() in words:
            return name, words[text.lower()]
        try:
            return name, int(text)
        except ValueError:
            pass
        from tbgrad.functions.expressions import constant

        try:
            return name, constant(text)
        except TbgradError:
            return name, text


class RacerType(OptimizerType):
    """An optimizer in one word: `sgd,0.001,momentum=0.9`; (name, rate or auto, settings)."""

    name = "optimizer[,rate][,name=value]..."

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Reads name, rate and settings."""
        if not isinstance(value, str):
            return value
        name, *others = (part.strip() for part in _split(value))
        rates = [part for part in others if "=" not in part]
        if not name or "=" in name or "" in others or len(rates) > 1 or (rates and rates[0] != others[0]):
            expected = "expected OPTIMIZER, its RATE if you choose one, and settings NAME=VALUE, separated by commas"
            self.fail(f"'{value}' is no racer; {expected}, as in sgd,0.001,momentum=0.9.", param, context)
        rate = RATE.convert(rates[0], param, context) if rates else "auto"
        settings = tuple(SETTING.convert(part, param, context) for part in others if part not in rates)
        if "learning_rate" in dict(settings):
            self.fail(f"'{value}': the rate stands behind the name, as in sgd,0.001.", param, context)
        return name, rate, settings


def _assignment(
    kind: click.ParamType, value: str, param: click.Parameter | None, context: click.Context | None
) -> tuple[str, str]:
    name, equals, text = value.partition("=")
    if not (equals and name.strip() and text.strip()):
        kind.fail(f"'{value}' is no setting; expected NAME=VALUE.", param, context)
    return _name(name), text.strip()


def _name(text: str) -> str:
    """A name in the normal form in which formulas have theirs."""
    return unicodedata.normalize("NFKC", text.strip())


def _split(text: str) -> list[str]:
    """Splits at commas outside parentheses: `atan2(1,2),3` has two parts."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


FUNCTION, OPTIMIZER, NUMBER, RATE = FunctionType(), OptimizerType(), NumberType(), RateType()
POINT, VIEW, RANGE, BOUNDS = PointType(), ViewType(), RangeType(), BoundsType()
RECORD, INSTRUMENT = RecordType(), InstrumentType()
ASSIGNMENT, SETTING, RACER = AssignmentType(), SettingType(), RacerType()
