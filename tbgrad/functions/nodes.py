"""What formulas are made of: a syntax tree stored as a list, in which arguments stand before what uses them.

Source: Griewank & Walther (2008), Evaluating Derivatives, section 2.2 (Wengert lists).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tbgrad.functions.operations import OPERATIONS

MOST_NODES = 2_000
LOOPS = ("sum", "prod")


@dataclass(frozen=True)
class Node:
    """One node of a formula.

    Attributes:
      operation: a name in `OPERATIONS`, or a leaf: `number`, `variable`, `parameter`, `dimension` (n), `index` (of a
        sum), or `element` (of the vector, its argument the index), or `sum` and `prod` (arguments: body, start, stop,
        step). An expanded formula has `elements` and `numbers` in their place: many at once.
      arguments: indices of the nodes it is computed from, all smaller than its own.
      name: of a variable, a parameter, an index, the vector; `condition` of numbers that are true or false.
      value: of a number.
      many: of `elements` which ones, of `numbers` their values, as nested tuples.
    """

    operation: str
    arguments: tuple[int, ...] = ()
    name: str = ""
    value: float = 0.0
    many: tuple = ()

    @property
    def is_condition(self) -> bool:
        """Whether it is true or false rather than a number."""
        known = OPERATIONS.get(self.operation)
        return self.operation == "condition" or (known is not None and known.is_condition)


class SharedNodes:
    """A list of nodes under construction in which equal nodes are one."""

    def __init__(self):
        self._indices: dict[tuple[Node, float], int] = {}
        self._nodes: list[Node] = []

    def add(self, node: Node) -> int:
        """The index of this node, behind all others if it is new."""
        # 0.0 and -0.0 are equal and yet two numbers: atan2 tells them apart.
        index = self._indices.setdefault((node, math.copysign(1.0, node.value)), len(self._nodes))
        if index == len(self._nodes):
            self._nodes.append(node)
        return index

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, index: int) -> Node:
        return self._nodes[index]

    def all(self) -> tuple[Node, ...]:
        """The nodes so far."""
        return tuple(self._nodes)
