"""The computational graph of a function and of its gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular

FORWARD, GRADIENT, GRADIENT_AGAIN = "forward", "gradient", "gradient_again"


@dataclass(frozen=True)
class GraphOperation:
    """One operation of a graph.

    Attributes:
      scope: `forward`, `gradient`, or `gradient_again` where it was built twice.
      name: what it computes, such as `cos(x)`; unique within its scope.
      kind: TensorFlow's type of the operation, such as `Cos`.
      inputs: (index of an earlier operation, which of its outputs).
      original_name: what TensorFlow calls it.
      dtype: of its first output, such as `float64`.
    """

    scope: str
    name: str
    kind: str
    inputs: tuple[tuple[int, int], ...]
    original_name: str
    dtype: str


@dataclass(frozen=True, repr=False)
class Graph(Tabular):
    """The graph of one compiled function that gives value and gradient together.

    Attributes:
      subject: the function.
      operations: those that value or gradient depend on, inputs first.
      traces: how often TensorFlow traced the program to build it: once, or again where f takes no scalars.
    """

    subject: Subject
    operations: tuple[GraphOperation, ...]
    traces: int

    @property
    def counts(self) -> dict[str, int]:
        """The number of operations in each scope."""
        return dict(Counter(operation.scope for operation in self.operations))

    def _caption(self) -> str:
        return f"{self.subject.equation}, {counted(self.counts)}"

    def _rows(self):
        yield ["scope", "operation", "kind", "inputs"]
        for operation in self.operations:
            inputs = ", ".join(self.operations[i].name for i, _ in operation.inputs)
            yield [operation.scope, operation.name, operation.kind, inputs]


def times(number: int) -> str:
    """`once`, `2 times`."""
    return "once" if number == 1 else f"{number} times"


def counted(counts: Mapping[str, int]) -> str:
    """The number of operations in each scope in words: `forward 8 nodes, gradient 17 nodes`."""
    return ", ".join(f"{scope.replace('_', ' ')} {count} nodes" for scope, count in counts.items())
