"""Python's own grammar reads a formula; what comes back is looked at, never run.

The result is a syntax tree stored as a list (a Wengert list): arguments stand before the operations that use them,
and a subexpression that occurs twice is one node. This module must not know what computes a formula.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from tbgrad.errors import FormulaError, nearest
from tbgrad.functions.operations import CONSTANTS, FUNCTIONS

MOST_NODES = 2_000

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"}
_OPERATORS = "+, -, *, / and ** (or ^)"


@dataclass(frozen=True)
class Node:
    """One node of a formula.

    Attributes:
      operation: a name in `OPERATIONS`, or `number`, `variable`, `parameter`.
      arguments: indices of the nodes it is computed from, all smaller than its own.
      name: of a variable or parameter.
      value: of a number.
    """

    operation: str
    arguments: tuple[int, ...] = ()
    name: str = ""
    value: float = 0.0


class SharedNodes:
    """A list of nodes under construction in which equal nodes are one."""

    def __init__(self):
        self._indices: dict[tuple[Node, float], int] = {}

    def add(self, node: Node) -> int:
        """The index of this node, behind all others if it is new."""
        # 0.0 and -0.0 are equal and yet two numbers: atan2 tells them apart.
        return self._indices.setdefault((node, math.copysign(1.0, node.value)), len(self._indices))

    def __len__(self) -> int:
        return len(self._indices)

    def all(self) -> tuple[Node, ...]:
        """The nodes so far."""
        return tuple(node for node, _ in self._indices)


class Reader:
    """Walks Python's syntax tree of one expression without recursion, and points at what a formula cannot hold."""

    def __init__(self, text: str, begin: int, kinds: Mapping[str, str] | None):
        self.text, self.kinds = text, kinds
        body = text[begin:]
        begin += len(body) - len(body.lstrip())
        # Python's `^` binds looser than `+`; a formula's is the power. places[i] is where character i came from.
        self.source, self.places = "", []
        for i, character in enumerate(body.strip()):
            python = {"^": "**", "\n": " ", "\r": " ", "\f": " "}.get(character, character)
            self.source += python
            self.places += [begin + i] * len(python)
        self.places.append(begin + len(body.strip()))

    def nodes(self) -> tuple[Node, ...]:
        """The formula's nodes, arguments first; raises FormulaError."""
        shared = SharedNodes()
        done: list[int] = []
        pending: list[tuple[ast.AST, bool]] = [(self._syntax(), False)]
        while pending:
            syntax, arguments_done = pending.pop()
            operation, arguments = self._operation(syntax)
            if arguments and not arguments_done:
                pending.append((syntax, True))
                pending += [(argument, False) for argument in reversed(arguments)]
                continue
            if arguments:
                inputs = tuple(done[-len(arguments) :])
                del done[-len(arguments) :]
                node = Node(operation, inputs)
            else:
                node = self._leaf(syntax)
            done.append(shared.add(node))
            if len(shared) > MOST_NODES:
                raise FormulaError(f"the formula has more than {MOST_NODES:,} operations.")
        return shared.all()

    def _syntax(self) -> ast.AST:
        if "#" in self.source:
            place = self.places[self.source.index("#")]
            raise FormulaError(f"a formula holds no comments; expected {_OPERATORS}.", self.text, place)
        if not self.source:
            raise FormulaError("expected a formula, such as 'cos(x)*sin(y) + x/y'.", self.text, self.places[0])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                return ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            raise self._explained(error) from None
        except (MemoryError, RecursionError):
            raise FormulaError("the formula is nested too deeply to be read.") from None
        except ValueError as error:
            raise FormulaError(f"the formula cannot be read: {error}.") from None

    def _explained(self, error: SyntaxError) -> FormulaError:
        # Python gives no place where the text ends too early.
        offset = min(max((error.offset or len(self.source) + 1) - 1, 0), len(self.source))
        message = error.msg or ""
        if "parentheses" in message and "too many" in message:
            return FormulaError("the formula is nested too deeply to be read.")
        if "integer string conversion" in message:
            return FormulaError("this number is larger than any float64.", self.text, self.places[0])
        if "never closed" in message or "unmatched" in message or "does not match" in message:
            return FormulaError(f"{message}.", self.text, self.places[offset])
        if "invalid character" in message or "non-printable" in message:
            return FormulaError(f"{message}; expected names, numbers, {_OPERATORS}.", self.text, self.places[offset])
        before = self.source[:offset].rstrip()
        # Python marks the beginning of a number that runs into a name, as in 2x; the mistake is behind its digits.
        digits = re.match(r"[\d.]+(?=[A-Za-z_])", self.source[offset:])
        if digits or re.match(r".*[\w.)]$", before, re.DOTALL):
            place = offset + (digits.end() if digits else 0)
            expected = f"expected an operator here, one of {_OPERATORS}; a product needs its *, as in 2*x."
        else:
            # An operator at the very end lacks what should follow it.
            place = len(self.source) if not self.source[offset:].strip("+-*/ ") else offset
            expected = "expected a number, a variable, a function or '(' here."
        return FormulaError(expected, self.text, self.places[min(place, len(self.source))])

    def _wrong(self, syntax: ast.AST, message: str, place: int | None = None) -> FormulaError:
        if place is None:
            place = self._characters(getattr(syntax, "col_offset", 0))
        return FormulaError(message, self.text, self.places[min(place, len(self.places) - 1)])

    def _characters(self, column: int) -> int:
        """Python counts columns in UTF-8 bytes."""
        return len(self.source.encode()[:column].decode(errors="ignore"))

    def _between(self, left: ast.AST, right: ast.AST) -> int:
        """Where the operator or comma between two pieces of syntax stands."""
        place = self._characters(left.end_col_offset)
        between = self.source[place : self._characters(right.col_offset)]
        return place + len(between) - len(between.lstrip(" \t)"))

    def _operation(self, syntax: ast.AST) -> tuple[str, list[ast.AST]]:
        """The operation that a piece of syntax stands for and its arguments; none for a leaf."""
        syntax = _without_plus(syntax)
        if isinstance(syntax, ast.BinOp):
            if type(syntax.op) not in _BINARY:
                message = f"this operator is not part of formulas; expected {_OPERATORS}."
                raise self._wrong(syntax, message, self._between(syntax.left, syntax.right))
            return _BINARY[type(syntax.op)], [syntax.left, syntax.right]
        if isinstance(syntax, ast.UnaryOp):
            if not isinstance(syntax.op, ast.USub):
                raise self._wrong(syntax, f"this operator is not part of formulas; expected {_OPERATORS}.")
            # A negative number is a number, not an operation on one.
            operand = _without_plus(syntax.operand)
            return ("", []) if _is_number(operand) else ("negative", [operand])
        if isinstance(syntax, ast.Call):
            return self._call(syntax)
        return "", []

    def _call(self, syntax: ast.Call) -> tuple[str, list[ast.AST]]:
        if not isinstance(syntax.func, ast.Name):
            raise self._wrong(syntax, "expected a function's name before '('; a product needs its *.")
        name = syntax.func.id
        if name not in FUNCTIONS:
            hint = nearest(name, FUNCTIONS) or (f" For a product write {name}*(...)." if len(name) == 1 else "")
            known = hint or f" Known are {', '.join(sorted(FUNCTIONS))}."
            raise self._wrong(syntax, f"no function named '{name}'.{known}")
        arity = FUNCTIONS[name].arity
        if len(syntax.args) != arity or syntax.keywords or any(isinstance(a, ast.Starred) for a in syntax.args):
            raise self._wrong(syntax, f"{name} takes {arity} argument{'s'[: arity > 1]}.")
        return name, syntax.args

    def _leaf(self, syntax: ast.AST) -> Node:
        syntax, sign = _without_plus(syntax), 1.0
        if isinstance(syntax, ast.UnaryOp):
            syntax, sign = _without_plus(syntax.operand), -1.0
        if _is_number(syntax):
            if abs(syntax.value) > sys.float_info.max:
                raise self._wrong(syntax, "this number is larger than any float64.")
            return Node("number", value=sign * float(syntax.value))
        if isinstance(syntax, ast.Name):
            return self._name(syntax)
        if isinstance(syntax, ast.Tuple):
            place = self._between(*syntax.elts[:2]) if len(syntax.elts) > 1 else None
            raise self._wrong(syntax, "expected one formula, but a comma parts several.", place)
        raise self._wrong(syntax, f"expected names, numbers, functions and {_OPERATORS}; nothing else is a formula.")

    def _name(self, syntax: ast.Name) -> Node:
        name = syntax.id
        if name in CONSTANTS:
            return Node("number", value=CONSTANTS[name])
        if name in FUNCTIONS:
            raise self._wrong(syntax, f"{name} is a function; write {name}(...).")
        if self.kinds is None:
            return Node("variable", name=name)
        if name not in self.kinds:
            raise self._wrong(syntax, f"'{name}' does not stand before the '->'.{nearest(name, self.kinds)}")
        return Node(self.kinds[name], name=name)


def _is_number(syntax: ast.AST) -> bool:
    return isinstance(syntax, ast.Constant) and type(syntax.value) in (int, float)


def _without_plus(syntax: ast.AST) -> ast.AST:
    while isinstance(syntax, ast.UnaryOp) and isinstance(syntax.op, ast.UAdd):
        syntax = syntax.operand
    return syntax
