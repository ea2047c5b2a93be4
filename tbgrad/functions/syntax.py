"""Python's own grammar reads a formula; what comes back is looked at, never run.

The result is a syntax tree stored as a list (a Wengert list): arguments stand before the operations that use them,
and a subexpression that occurs twice is one node. This module must not know what computes a formula.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence

from tbgrad.errors import FormulaError, nearest
from tbgrad.functions.nodes import LOOPS, MOST_NODES, Node, SharedNodes
from tbgrad.functions.operations import ALIASES, CONSTANTS, FUNCTIONS, OPERATIONS
from tbgrad.functions.sources import OPERATORS, Source

DIMENSION = "n"
HIGHEST_ORDER = 30

_BINARY = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "power",
}
_COMPARISONS = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
_LOGIC = {ast.And: "logical_and", ast.Or: "logical_or"}
_LONGEST_CHAIN = 100
_Scope = frozenset


class Reader:
    """Walks Python's syntax tree of one expression without recursion, and points at what a formula cannot hold.

    Attributes:
      places: for each node where in the text it stands first.
      vector: the name of the variable whose elements are taken, as x[i]; empty where there is none.
    """

    def __init__(self, text: str, begin: int, kinds: Mapping[str, str] | None):
        self.source, self.kinds = Source(text, begin), kinds
        self.places: list[int] = []
        self.vector = ""

    def nodes(self) -> tuple[Node, ...]:
        """The formula's nodes, arguments first; raises FormulaError."""
        tree = self.source.syntax()
        self.vector = self._only_vector(tree)
        shared = SharedNodes()
        done: list[int] = []
        pending: list[tuple[ast.AST, _Scope, bool]] = [(tree, frozenset(), False)]
        while pending:
            syntax, scope, arguments_done = pending.pop()
            operation, name, arguments = self._operation(syntax, scope)
            if arguments and not arguments_done:
                pending.append((syntax, scope, True))
                pending += [(argument, inner, False) for argument, inner in reversed(arguments)]
                continue
            if arguments:
                inputs = tuple(done[-len(arguments) :])
                del done[-len(arguments) :]
                node = Node(operation, inputs, name)
                self._check_kinds(node, [shared[i] for i in inputs], [argument for argument, _ in arguments])
            else:
                node = self._leaf(syntax, scope)
            done.append(shared.add(node))
            if len(shared) > len(self.places):
                self.places.append(self.source.column(syntax))
            if len(shared) > MOST_NODES:
                raise FormulaError(f"the formula has more than {MOST_NODES:,} operations.")
        if shared[done[-1]].is_condition:
            raise self._wrong(tree, "this is true or false, no value; where(x < 1, a, b) chooses between values.")
        return shared.all()

    def _wrong(self, syntax: ast.AST, message: str, place: int | None = None) -> FormulaError:
        return self.source.wrong(syntax, message, place)

    def _operation(self, syntax: ast.AST, scope: _Scope) -> tuple[str, str, list[tuple[ast.AST, _Scope]]]:
        """The operation that a piece of syntax stands for, its name, and its arguments; none for a leaf."""
        syntax = _without_plus(syntax)
        name, arguments = "", []
        if isinstance(syntax, ast.BinOp):
            if type(syntax.op) not in _BINARY:
                place = self.source.between(syntax.left, syntax.right)
                raise self._wrong(syntax, f"this operator is not part of formulas; expected {OPERATORS}.", place)
            operation, arguments = _BINARY[type(syntax.op)], [syntax.left, syntax.right]
        elif isinstance(syntax, ast.UnaryOp):
            operation, arguments = self._unary(syntax)
        elif isinstance(syntax, ast.Compare):
            operation, arguments = self._comparison(syntax)
        elif isinstance(syntax, ast.BoolOp):
            self._check_chain(syntax, syntax.values)
            *first, last = syntax.values
            rest = first[0] if len(first) == 1 else ast.copy_location(ast.BoolOp(syntax.op, first), syntax)
            operation, arguments = _LOGIC[type(syntax.op)], [rest, last]
        elif isinstance(syntax, ast.Call) and isinstance(syntax.func, ast.Name) and syntax.func.id in LOOPS:
            return self._loop(syntax, scope)
        elif isinstance(syntax, ast.Call):
            operation, arguments = self._call(syntax)
        elif isinstance(syntax, ast.Subscript):
            operation, name, arguments = "element", self._vector(syntax), [syntax.slice]
        else:
            operation = ""
        return operation, name, [(argument, scope) for argument in arguments]

    def _unary(self, syntax: ast.UnaryOp) -> tuple[str, list[ast.AST]]:
        if isinstance(syntax.op, ast.Not):
            return "logical_not", [syntax.operand]
        if not isinstance(syntax.op, ast.USub):
            raise self._wrong(syntax, f"this operator is not part of formulas; expected {OPERATORS}.")
        # A negative number is a number, not an operation on one.
        operand = _without_plus(syntax.operand)
        return ("", []) if _is_number(operand) else ("negative", [operand])

    def _comparison(self, syntax: ast.Compare) -> tuple[str, list[ast.AST]]:
        operands = [syntax.left, *syntax.comparators]
        self._check_chain(syntax, operands)
        for i, operator in enumerate(syntax.ops):
            if type(operator) not in _COMPARISONS:
                place = self.source.between(operands[i], operands[i + 1])
                raise self._wrong(
                    syntax, "this comparison is not part of formulas; expected <, <=, >, >=, ==, !=.", place
                )
        if len(syntax.ops) == 1:
            return _COMPARISONS[type(syntax.ops[0])], operands
        first = ast.Compare(syntax.left, syntax.ops[:-1], syntax.comparators[:-1])
        last = ast.Compare(operands[-2], syntax.ops[-1:], operands[-1:])
        return "logical_and", [ast.copy_location(first, syntax), ast.copy_location(last, operands[-2])]

    def _check_chain(self, syntax: ast.AST, parts: Sequence[ast.AST]) -> None:
        if len(parts) > _LONGEST_CHAIN:
            raise self._wrong(syntax, f"a chain of {len(parts):,} conditions; at most {_LONGEST_CHAIN} are read.")

    def _call(self, syntax: ast.Call) -> tuple[str, list[ast.AST]]:
        if not isinstance(syntax.func, ast.Name):
            raise self._wrong(syntax, "expected a function's name before '('; a product needs its *.")
        given = syntax.func.id
        name = ALIASES.get(given, given)
        if name not in FUNCTIONS and name not in ALIASES.values():
            hint = nearest(given, [*FUNCTIONS, *ALIASES, *LOOPS])
            hint = hint or (f" For a product write {given}*(...)." if len(given) == 1 else "")
            known = hint or f" Known are {', '.join(sorted([*FUNCTIONS, *LOOPS]))}."
            raise self._wrong(syntax, f"no function named '{given}'.{known}")
        arity = OPERATIONS[name].arity
        if len(syntax.args) != arity or syntax.keywords or any(isinstance(a, ast.Starred) for a in syntax.args):
            raise self._wrong(syntax, f"{given} takes {arity} argument{'s'[: arity > 1]}.")
        if name == "polygamma":
            order = _without_plus(syntax.args[0])
            if not _is_number(order) or order.value not in range(HIGHEST_ORDER + 1):
                raise self._wrong(order, f"polygamma's order is a whole number from 0 to {HIGHEST_ORDER}.")
        return name, syntax.args

    def _loop(self, syntax: ast.Call, scope: _Scope) -> tuple[str, str, list[tuple[ast.AST, _Scope]]]:
        """A sum or a product over an index."""
        kind = syntax.func.id
        usage = f"expected {kind}(... for i in range(n))"
        if len(syntax.args) != 1 or syntax.keywords or not isinstance(syntax.args[0], ast.GeneratorExp):
            raise self._wrong(syntax, f"{usage}.")
        body, (loop, *more) = syntax.args[0].elt, syntax.args[0].generators
        if more:
            inner = ast.copy_location(ast.GeneratorExp(body, more), body)
            body = ast.copy_location(ast.Call(syntax.func, [inner], []), body)
        if loop.ifs:
            raise self._wrong(loop.ifs[0], f"{usage}; an 'if' is written where(condition, term, 0) in the term.")
        if not isinstance(loop.target, ast.Name):
            raise self._wrong(loop.target, f"{usage}; the index is one name.")
        name = loop.target.id
        if name in scope or name in (self.kinds or {}) or name in CONSTANTS or name == DIMENSION:
            raise self._wrong(loop.target, f"'{name}' has a meaning already; choose another index.")
        over = loop.iter
        is_range = isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range"
        if not is_range or over.keywords or not 1 <= len(over.args) <= 3:
            raise self._wrong(over, f"{usage}; range takes 1 to 3 whole numbers.")
        zero, one = (ast.copy_location(ast.Constant(value), over) for value in (0, 1))
        bounds = [zero, *over.args] if len(over.args) == 1 else over.args
        bounds = bounds if len(bounds) == 3 else [*bounds, one]
        return kind, name, [(body, scope | {name}), *((bound, scope) for bound in bounds)]

    def _only_vector(self, tree: ast.AST) -> str:
        names = [syntax.value for syntax in ast.walk(tree) if isinstance(syntax, ast.Subscript)]
        names = [name for name in names if isinstance(name, ast.Name)]
        for name in names:
            if name.id != names[0].id:
                first = names[0].id
                raise self._wrong(
                    name, f"a formula has one vector; '{first}' has an index already, so has '{name.id}'."
                )
        return names[0].id if names else ""

    def _vector(self, syntax: ast.Subscript) -> str:
        if not isinstance(syntax.value, ast.Name):
            raise self._wrong(syntax, "expected one variable with one index, as in x[i].")
        name = syntax.value.id
        if isinstance(syntax.slice, ast.Slice | ast.Tuple):
            raise self._wrong(syntax, f"expected one whole number as index, as in {name}[i + 1].")
        if self.kinds is None and (name in CONSTANTS or name in FUNCTIONS):
            raise self._wrong(syntax, f"'{name}' has a meaning already and takes no index.")
        if self.kinds is not None and self.kinds.get(name) != "variable":
            raise self._wrong(syntax, f"'{name}' is no variable before the '->', and takes no index.")
        return name

    def _check_kinds(self, node: Node, inputs: Sequence[Node], syntax: Sequence[ast.AST]) -> None:
        """Refuses a condition where a number is expected, and the other way round."""
        known = OPERATIONS.get(node.operation)
        expected = known.takes_conditions if known is not None else ()
        for given, wanted, place in zip(inputs, expected or [False] * len(inputs), syntax, strict=True):
            if given.is_condition and not wanted:
                raise self._wrong(
                    place, "this is true or false, no number; where(x < 1, a, b) chooses between numbers."
                )
            if wanted and not given.is_condition:
                raise self._wrong(place, "expected a comparison here, such as x < 1.")

    def _leaf(self, syntax: ast.AST, scope: _Scope) -> Node:
        syntax, sign = _without_plus(syntax), 1.0
        if isinstance(syntax, ast.UnaryOp):
            syntax, sign = _without_plus(syntax.operand), -1.0
        if _is_number(syntax):
            if abs(syntax.value) > sys.float_info.max:
                raise self._wrong(syntax, "this number is larger than any float64.")
            return Node("number", value=sign * float(syntax.value))
        if isinstance(syntax, ast.Name):
            return self._name(syntax, scope)
        if isinstance(syntax, ast.Tuple):
            place = self.source.between(*syntax.elts[:2]) if len(syntax.elts) > 1 else None
            raise self._wrong(syntax, "expected one formula, but a comma parts several.", place)
        hint = " For a choice write where(condition, a, b)." if isinstance(syntax, ast.IfExp) else ""
        raise self._wrong(
            syntax, f"expected names, numbers, functions and {OPERATORS}; nothing else is a formula.{hint}"
        )

    def _name(self, syntax: ast.Name, scope: _Scope) -> Node:
        name = syntax.id
        if name in scope:
            return Node("index", name=name)
        if name in CONSTANTS:
            return Node("number", value=CONSTANTS[name])
        if name in FUNCTIONS or name in LOOPS:
            raise self._wrong(syntax, f"{name} is a function; write {name}(...).")
        if name in ("inf", "nan"):
            raise self._wrong(syntax, f"'{name}' is no number that a formula can hold.")
        kind = "variable" if self.kinds is None else self.kinds.get(name)
        if self.vector and name == self.vector:
            raise self._wrong(syntax, f"'{name}' is a vector here; write {name}[i] for one of its elements.")
        if self.vector and name == DIMENSION and kind != "parameter":
            return Node("dimension", name=name)
        if kind is None:
            raise self._wrong(syntax, f"'{name}' does not stand before the '->'.{nearest(name, self.kinds)}")
        if self.vector and kind == "variable":
            head = f"'{self.vector}, {name}=1 -> ...'"
            raise self._wrong(syntax, f"'{name}' stands beside the vector {self.vector}; make it a parameter: {head}.")
        return Node(kind, name=name)


def _is_number(syntax: ast.AST) -> bool:
    return isinstance(syntax, ast.Constant) and type(syntax.value) in (int, float)


def _without_plus(syntax: ast.AST) -> ast.AST:
    while isinstance(syntax, ast.UnaryOp) and isinstance(syntax.op, ast.UAdd):
        syntax = syntax.operand
    return syntax
