"""A formula for n variables: its sums and products become vectors, or are written out term by term.

What is computed wants vectors: an index is an axis of the arrays in front of those of the points, an inner sum's axis
in front of an outer one's. What is done by hand wants terms. Parameters become numbers in both. This module must not
know what computes a formula, but for numbers that are known already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tbgrad.errors import FormulaError
from tbgrad.functions.interpreters import numpy_table
from tbgrad.functions.nodes import LOOPS, MOST_NODES, Node, SharedNodes

if TYPE_CHECKING:
    from tbgrad.functions.expressions import Formula

MOST_DIMENSIONS = 10_000
MOST_TERMS = 1_000_000
# Operations that are looked at again for each term that is written out, though what they make may be shared.
_MOST_VISITS = 5_000

# Index names to a number, or to all its numbers along an axis of its own.
_Indices = Mapping[str, int | np.ndarray]


def expand(
    formula: Formula, dimensions: int, parameters: Mapping[str, float], *, by_hand: bool = False
) -> tuple[Node, ...]:
    """Writes a formula for this many variables.

    Args:
      formula: a parsed formula.
      dimensions: n.
      parameters: the value of each.
      by_hand: whether sums are written out term by term.

    Returns:
      Nodes in forward order, the last is the value: numbers, variables and operations; where sums are vectors also
      `numbers`, `elements`, and `sum` and `prod` of one argument, over its first axis.

    Raises:
      FormulaError: an index leaves the vector, a bound is no whole number, or there are more than 2,000 nodes or a
        million terms.
    """
    expansion = _Expansion(formula, dimensions, parameters, by_hand)
    with np.errstate(all="ignore"):
        value = expansion.block(len(formula.nodes) - 1, {})
    nodes = expansion.nodes.all()
    # The value must stand last, also where it is a node that others were made from.
    return nodes if value == len(nodes) - 1 else nodes[: value + 1]


def least_dimensions(formula: Formula, parameters: Mapping[str, float]) -> int:
    """The smallest number of variables that holds all elements of a formula which does not say n."""
    highest = 0
    for node in expand(formula, MOST_DIMENSIONS, parameters):
        if node.operation == "variable":
            highest = max(highest, int(node.name[len(formula.vector) :]))
        elif node.operation == "elements":
            highest = max(highest, int(np.max(node.many)))
    return highest + 1


class _Expansion:
    def __init__(self, formula: Formula, dimensions: int, parameters: Mapping[str, float], by_hand: bool):
        self.formula, self.given = formula, formula.nodes
        self.dimensions, self.parameters, self.by_hand = dimensions, parameters, by_hand
        self.nodes, self.terms, self.visits = SharedNodes(), 0, 0
        self.free = _free_indices(self.given)
        self.orders: dict[int, list[int]] = {}

    def block(self, root: int, indices: _Indices) -> int:
        """Adds what node `root` computes where indices have these values; returns its place in the new list."""
        places: dict[int, int] = {}
        for i in self._order(root):
            node = self.given[i]
            if node.operation in LOOPS:
                places[i] = self._loop(i, {name: indices[name] for name in self.free[i]})
            else:
                places[i] = self._add(self._simple(i, node, indices, places))
        return places[root]

    def _add(self, node: Node) -> int:
        place = self.nodes.add(node)
        # More take minutes to compile.
        if len(self.nodes) > MOST_NODES:
            how = "written out by hand" if self.by_hand else "written out"
            many = f" in {self.dimensions} variables" if self.formula.is_of_any_dimension else ""
            raise FormulaError(f"{how}, the formula has more than {MOST_NODES:,} operations{many}; take fewer.")
        return place

    def _simple(self, i: int, node: Node, indices: _Indices, places: Mapping[int, int]) -> Node:
        if node.operation == "parameter":
            return Node("number", value=self.parameters[node.name])
        if node.operation == "dimension":
            return Node("number", value=float(self.dimensions))
        if node.operation == "index":
            return _numbers(indices[node.name])
        if node.operation == "element":
            return self._element(i, node, indices)
        return self._computed(node, tuple(places[a] for a in node.arguments))

    def _computed(self, node: Node, arguments: tuple[int, ...]) -> Node:
        """The node with these arguments in the new list, or what it comes to where they are known."""
        made = [self.nodes[a] for a in arguments]
        # Vectors of known numbers are computed here, in float64 whatever the dtype of the points.
        if made and all(a.operation in ("number", "numbers") for a in made) and any(a.many for a in made):
            return _numbers(numpy_table(np)[node.operation](*(np.array(a.many) if a.many else a.value for a in made)))
        return replace(node, arguments=arguments)

    def _element(self, i: int, node: Node, indices: _Indices) -> Node:
        which = self._whole(node.arguments[0], indices)
        low, high = (int(which.min()), int(which.max())) if np.size(which) else (0, 0)
        if low < 0 or high >= self.dimensions:
            end = f"with n = {self.dimensions} the last element is {node.name}[{self.dimensions - 1}]"
            end = f"the first element is {node.name}[0]" if low < 0 else end
            raise self._wrong(i, f"{node.name}[{low if low < 0 else high}] is outside: {end}.")
        if np.ndim(which) == 0:
            return Node("variable", name=f"{node.name}{int(which)}")
        return Node("elements", name=node.name, many=_nested(which))

    def _loop(self, i: int, indices: _Indices) -> int:
        """A sum or a product."""
        node = self.given[i]
        body, *bounds = node.arguments
        start, stop, step = (int(self._whole(b, indices)) for b in bounds)
        if step == 0:
            raise self._wrong(i, "the step of a range must not be 0.")
        numbers = range(start, stop, step)
        if not numbers:
            # One for each value of the outer indices.
            shape = np.broadcast_shapes(*(np.shape(value) for value in indices.values()))
            return self._add(_numbers(np.full(shape, 0.0 if node.operation == "sum" else 1.0)))
        if self.by_hand or self._inner_range_depends_on(node.name, body):
            return self._written_out(i, numbers, indices)
        self._count(i, len(numbers) * math.prod(np.size(value) for value in indices.values()))
        depth = 1 + max((np.ndim(value) for value in indices.values()), default=0)
        # Whole numbers that wrap around would be no mathematics.
        along = np.array(numbers, dtype=float).reshape(-1, *[1] * (depth - 1))
        if node.name not in self.free[body]:
            term = self.block(body, indices)
            count = self._add(Node("number", value=float(len(numbers))))
            together = Node("multiply" if node.operation == "sum" else "power")
            return self._add(self._computed(together, (term, count)))
        term = self.block(body, {**indices, node.name: along})
        if self.nodes[term].operation == "numbers":
            known = np.array(self.nodes[term].many)
            return self._add(_numbers(getattr(np, node.operation)(known, axis=0)))
        return self._add(Node(node.operation, (term,)))

    def _written_out(self, i: int, numbers: range, indices: _Indices) -> int:
        node = self.given[i]
        together = "add" if node.operation == "sum" else "multiply"
        so_far, body = None, node.arguments[0]
        for number in numbers:
            self._visit(len(self._order(body)))
            term = self.block(body, {**indices, node.name: number})
            so_far = term if so_far is None else self._add(Node(together, (so_far, term)))
        return so_far

    def _visit(self, operations: int) -> None:
        self.visits += operations
        if self.visits > _MOST_VISITS:
            raise FormulaError(f"written out, the sums take more than {_MOST_VISITS:,} steps; take fewer terms.")

    def _count(self, i: int, terms: int) -> None:
        self.terms += terms
        if self.terms > MOST_TERMS:
            raise self._wrong(i, f"more than {MOST_TERMS:,} terms.")

    def _inner_range_depends_on(self, name: str, body: int) -> bool:
        """Whether a range inside the body is another one for each value of this index."""
        loops = [self.given[i] for i in _needed(self.given, body, but=()) if self.given[i].operation in LOOPS]
        return any(name in self.free[bound] for loop in loops for bound in loop.arguments[1:])

    def _whole(self, root: int, indices: _Indices) -> Any:
        """The whole numbers that an index or a bound is."""
        values: dict[int, Any] = {}
        for i in self._order(root):
            node = self.given[i]
            if node.operation in ("variable", "element", *LOOPS):
                raise self._wrong(i, "expected a whole number of n, indices and parameters here.")
            if node.arguments:
                values[i] = numpy_table(np)[node.operation](*(values[a] for a in node.arguments))
            elif node.operation == "index":
                values[i] = np.asarray(indices[node.name], dtype=float)
            else:
                values[i] = np.float64(self._simple(i, node, indices, {}).value)
        value = np.asarray(values[root])
        if not (np.isfinite(value).all() and (value == np.round(value)).all() and (np.abs(value) < 2**53).all()):
            broken = value[value != np.round(value)] if value.ndim else value
            got = float(broken.ravel()[0]) if broken.size else float(value.ravel()[0])
            raise self._wrong(root, f"expected a whole number here; got {got:g}.")
        return value.astype(np.int64)

    def _order(self, root: int) -> list[int]:
        if root not in self.orders:
            self.orders[root] = _needed(self.given, root)
        return self.orders[root]

    def _wrong(self, i: int, message: str) -> FormulaError:
        return FormulaError(message, self.formula.text, self.formula.places[i])


def _numbers(value: Any) -> Node:
    array = np.asarray(value)
    if array.ndim == 0:
        return Node("number", value=float(array))
    # Python takes True for 1: without a name of their own, conditions would be shared with numbers.
    return Node("numbers", name="condition" if array.dtype == bool else "", many=_nested(array))


def _nested(array: np.ndarray) -> tuple:
    return tuple(map(_nested, array)) if array.ndim > 1 else tuple(array.tolist())


def _needed(nodes: tuple[Node, ...], root: int, but: tuple[str, ...] = ("element", *LOOPS)) -> list[int]:
    """What a node is computed from, in forward order; not what stands inside sums and indices, but for others."""
    wanted = {root}
    for i in range(root, -1, -1):
        if i in wanted and nodes[i].operation not in but:
            wanted.update(nodes[i].arguments)
    return sorted(wanted)


def _free_indices(nodes: tuple[Node, ...]) -> list[frozenset[str]]:
    """For each node the indices that it depends on."""
    free: list[frozenset[str]] = []
    for node in nodes:
        if node.operation == "index":
            free.append(frozenset([node.name]))
        elif node.operation in LOOPS:
            body, *bounds = node.arguments
            free.append((free[body] - {node.name}).union(*(free[bound] for bound in bounds)))
        else:
            free.append(frozenset().union(*(free[a] for a in node.arguments)))
    return free
