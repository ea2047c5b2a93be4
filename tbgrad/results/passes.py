"""The forward and the backward pass by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular

# TensorBoard cuts longer names.
LONGEST_SHOWN = 24


@dataclass(frozen=True)
class BackwardNode:
    """One node of a formula in the two passes by hand.

    Attributes:
      operation: `variable`, `number`, or what it computes, such as `add` or `cos`.
      label: `x` for a variable, `v4` for the fourth intermediate value.
      text: what it computes of the labels, such as `v2 + v3`.
      full: the same with everything written out, up to 10,000 characters.
      written: the same in what the graph by hand calls the arguments.
      arguments: indices of the nodes it is computed from.
      value: from the forward pass.
      derivatives: for each argument, the local derivative as a formula and as a number; none for a number's node.
      derivatives_written: the same formulas in what the graph by hand calls the arguments.
      gradient: the value's derivative with respect to this node, summed over all uses.
    """

    operation: str
    label: str
    text: str
    full: str
    written: str
    arguments: tuple[int, ...]
    value: float
    derivatives: tuple[tuple[str, float] | None, ...]
    derivatives_written: tuple[str | None, ...]
    gradient: float

    @property
    def shown(self) -> str:
        """What other nodes of the graph by hand call this one: written out, or its label where that is long."""
        return self.full if len(self.full) <= LONGEST_SHOWN else self.label


@dataclass(frozen=True, repr=False)
class Backward(Tabular):
    """Both passes by hand at one point, in forward order; the last node is the function's value."""

    subject: Subject
    position: tuple[float, ...]
    nodes: tuple[BackwardNode, ...]

    @property
    def value(self) -> float:
        """The function's value."""
        return self.nodes[-1].value

    @property
    def gradient(self) -> tuple[float, ...]:
        """The partial derivative by each variable, in the order of the variables."""
        found = {node.label: node.gradient for node in self.nodes}
        return tuple(found.get(variable, 0.0) for variable in self.subject.variables)

    @property
    def status(self) -> str:
        """`finite`, or `undefined` where the value or a partial derivative is not finite."""
        return "finite" if all(map(math.isfinite, (self.value, *self.gradient))) else "undefined"

    def _caption(self) -> str:
        at = ", ".join(f"{name} = {x:.6g}" for name, x in zip(self.subject.variables, self.position, strict=True))
        return f"{self.subject.equation} at {at}: forward pass downward, backward pass upward"

    def _rows(self):
        yield ["node", "formula", "value", "gradient"]
        for node in self.nodes:
            yield [node.label, node.text, node.value, node.gradient]
