"""Text to formula, without executing anything: the head with variables and parameters, and the tree behind it.

This module must not know what computes a formula on arrays, and must not import TensorFlow.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tbgrad.errors import FormulaError, OptionError, nearest
from tbgrad.functions.expansion import expand
from tbgrad.functions.floats import PYTHON
from tbgrad.functions.interpreters import interpret
from tbgrad.functions.nodes import LOOPS, Node, SharedNodes
from tbgrad.functions.operations import CONSTANTS, FUNCTIONS
from tbgrad.functions.syntax import Reader

LONGEST_TEXT = 10_000
LONGEST_NAME = 64
# Not the e in a number such as 1e5.
_LONG_NAME = re.compile(rf"(?<!\w)[^\W\d]\w{{{LONGEST_NAME},}}")


@dataclass(frozen=True)
class Formula:
    """A parsed formula; two that are written alike but for spaces are equal in all but `text`.

    Attributes:
      text: as it was given.
      variables: in order; alphabetical unless the text says otherwise.
      parameters: names with their defaults.
      nodes: in the order of the forward pass; the last is the value.
      vector: the variable whose elements x[i] it is made of; empty for a formula of single variables.
      places: for each node where it first stands in the text.
    """

    text: str
    variables: tuple[str, ...]
    parameters: tuple[tuple[str, float], ...]
    nodes: tuple[Node, ...]
    vector: str = ""
    places: tuple[int, ...] = field(default=(), compare=False)

    @property
    def is_of_any_dimension(self) -> bool:
        """Whether it says `n` for the number of its variables."""
        return any(node.operation == "dimension" for node in self.nodes)


def parse(text: str) -> Formula:
    """Reads a formula such as `cos(x)*sin(y) + x/y` or `x, y, a=1 -> a*x + y`.

    Args:
      text: at most 10,000 characters, 64 in a name. `^` is `**`. Every name that is no constant (`pi`, `e`, `tau`) is a
        variable, in alphabetical order; a head before `->` sets the order, and its names with a default are parameters.
        One variable may be a vector, whose elements are `x[0]`, `x[i + 1]`; then `n` is their number. Sums and products
        are written `sum(x[i]**2 for i in range(n))` and `prod(...)`.

    Returns:
      The `Formula`, of at most 2,000 nodes.

    Raises:
      FormulaError: it does not parse; the message points at the place.
    """
    if len(text) > LONGEST_TEXT:
        raise FormulaError(f"the formula has {len(text):,} characters; at most {LONGEST_TEXT:,} are read.")
    long = _LONG_NAME.search(text)
    if long:
        message = f"this name has {len(long.group()):,} characters; at most {LONGEST_NAME} are read."
        raise FormulaError(message, text, long.start())
    arrow = text.find("->")
    if arrow < 0:
        variables, parameters, reader = None, {}, Reader(text, 0, None)
    else:
        variables, parameters = _head(text, arrow)
        kinds = dict.fromkeys(variables, "variable") | dict.fromkeys(parameters, "parameter")
        reader = Reader(text, arrow + 2, kinds)
    nodes = reader.nodes()
    if variables is None:
        variables = [reader.vector] if reader.vector else sorted({n.name for n in nodes if n.operation == "variable"})
    elif reader.vector and variables != [reader.vector]:
        others = ", ".join(name for name in variables if name != reader.vector)
        raise FormulaError(
            f"beside the vector {reader.vector} stand only parameters; {others} has no default.", text, 0
        )
    return Formula(text, tuple(variables), tuple(parameters.items()), nodes, reader.vector, tuple(reader.places))


def constant(text: str, values: Mapping[str, float] | None = None) -> float:
    """Computes a formula without variables, such as `2*pi` or `-1.5`, in float64.

    Args:
      text: the formula.
      values: names that it may use besides the constants.

    Raises:
      FormulaError: it does not parse, or holds another name.
    """
    formula = parse(text)
    for name in formula.variables:
        if name not in (values or {}):
            place = re.search(rf"\b{re.escape(name)}\b", text)
            raise FormulaError(f"expected a number, but '{name}' is not one.", text, place.start() if place else 0)
    return float(interpret(expand(formula, 0, dict(formula.parameters), by_hand=True), PYTHON, values or {})[-1])


def bind(
    kind: str, known: Mapping[str, float], given: Mapping[str, float], defaults: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Merges given parameters into known ones.

    Args:
      kind: whose parameters they are, for errors.
      known: the present value of each.
      given: new values. A whole number stays an int where the default is one: it may be a range's or an index.
      defaults: by default what is known.

    Raises:
      OptionError: a given name is not known, or a value is not finite.
    """
    for name, value in given.items():
        if name not in known:
            has = f"its parameters are {', '.join(known)}." if known else "it has no parameters."
            raise OptionError(f"{kind} has no parameter '{name}'; {has}{nearest(name, known)}")
        if not math.isfinite(value):
            raise OptionError(f"parameter '{name}' is {value}; expected a finite number.")
    defaults = known if defaults is None else defaults
    whole = {n for n, value in given.items() if isinstance(defaults.get(n), int) and float(value).is_integer()}
    return {**known, **{name: int(value) if name in whole else float(value) for name, value in given.items()}}


def filled_in(nodes: Sequence[Node], values: Mapping[str, float]) -> tuple[Node, ...]:
    """The nodes with numbers for the parameters; a parameter that equals another number is one node with it."""
    shared, places = SharedNodes(), []
    for node in nodes:
        if node.operation == "parameter":
            node = Node("number", value=values[node.name])
        places.append(shared.add(replace(node, arguments=tuple(places[i] for i in node.arguments))))
    return shared.all()


def _head(text: str, arrow: int) -> tuple[list[str], dict[str, float]]:
    """Reads `x, y, a=1`: variables and parameters, in order."""
    variables: list[str] = []
    parameters: dict[str, float] = {}
    column = 0
    for item in _items(text[:arrow]):
        place = column + len(item) - len(item.lstrip())
        column += len(item) + 1
        name, equals, default = item.partition("=")
        # Python reads names in this normal form, and so must the head.
        name = unicodedata.normalize("NFKC", name.strip())
        if not name.isidentifier() or keyword.iskeyword(name):
            raise FormulaError("expected a variable's name, as in 'x, y, a=1 -> a*x + y'.", text, min(place, arrow))
        if name in FUNCTIONS or name in CONSTANTS or name in LOOPS:
            raise FormulaError(f"'{name}' has a meaning already; choose another name.", text, place)
        if name in variables or name in parameters:
            raise FormulaError(f"'{name}' stands here twice.", text, place)
        if equals:
            parameters[name] = _default(default, text, column - 1 - len(default))
        elif parameters:
            raise FormulaError(f"'{name}' has no default but follows parameters; variables come first.", text, place)
        else:
            variables.append(name)
    return variables, parameters


def _items(head: str) -> list[str]:
    """What stands between commas, but for those within parentheses."""
    items, depth = [""], 0
    for character in head:
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0:
            items.append("")
        else:
            items[-1] += character
    return items


def _default(default: str, text: str, begin: int) -> float:
    try:
        value = constant(default)
    except FormulaError as error:
        raise FormulaError(error.reason, text, begin + (error.column or 0)) from None
    if not math.isfinite(value):
        place = begin + len(default) - len(default.lstrip())
        raise FormulaError(f"'{default.strip()}' is {value}; expected a finite number.", text, place)
    return value
