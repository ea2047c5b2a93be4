"""A GraphDef with the calls of inner functions written out in place, and what only passes a value on left out.

TensorBoard shows a call as one `PartitionedCall` that does not open. This module must not know what a function is
differentiated by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# StopGradient passes its input on too, but not the gradient: it must be seen.
_PASSING_ON = ("Identity", "IdentityN", "Snapshot")

# An operation's name, and which of its outputs.
Tensor = tuple[str, int]


@dataclass(frozen=True)
class Operation:
    """An operation with its inputs as (name of an operation, which output)."""

    name: str
    scope: str
    kind: str
    inputs: tuple[Tensor, ...]
    attributes: Any


class FlatGraph:
    """The operations of a GraphDef and of the functions that it calls, by name.

    Attributes:
      operations: `Operation` by name; those of a call begin with the call's name.
    """

    def __init__(self, graph: Any, scope_of: Mapping[str, str], same: Mapping[str, str] | None = None):
        """Flattens a GraphDef.

        Args:
          graph: the GraphDef.
          scope_of: the scope of each of its nodes, by name.
          same: nodes that stand for others, by name.
        """
        self._library = {function.signature.name: function for function in graph.library.function}
        self._same = same or {}
        self._aliases: dict[Tensor, Tensor] = {}
        self.operations: dict[str, Operation] = {}
        for node in graph.node:
            self._add(node, "", scope_of[node.name])

    def origin(self, given: Tensor) -> Tensor:
        """The operation that computes a tensor, and which of its outputs that is."""
        name, output = given
        while (found := self._aliases.get((self._same.get(name, name), output))) is not None:
            name, output = found
        return self._same.get(name, name), output

    def inputs(self, name: str) -> tuple[Tensor, ...]:
        """The origins of an operation's inputs."""
        return tuple(self.origin(given) for given in self.operations[name].inputs)

    def inputs_first(self, ends: Sequence[str]) -> Iterator[str]:
        """The operations that the ends depend on, each behind its inputs."""
        done: set[str] = set()
        waiting = [(name, False) for name in reversed(ends)]
        while waiting:
            name, has_inputs = waiting.pop()
            if name in done:
                continue
            if has_inputs:
                done.add(name)
                yield name
            else:
                waiting.append((name, True))
                waiting += [(origin, False) for origin, _ in reversed(self.inputs(name))]

    def _add(self, node: Any, prefix: str, scope: str) -> None:
        name = prefix + node.name
        inputs = tuple(tensor(prefix + given) for given in node.input if not given.startswith("^"))
        if node.op in _CALLS:
            self._write_out(node, name, scope, inputs)
        elif node.op in _PASSING_ON:
            self._aliases |= {(name, i): given for i, given in enumerate(inputs)}
        else:
            self.operations[name] = Operation(name, scope, node.op, inputs, node.attr)

    def _write_out(self, call: Any, name: str, scope: str, inputs: Sequence[Tensor]) -> None:
        function = self._library[call.attr["f"].func.name]
        body, flat_names = function_def_to_graph_def(function)
        prefix = f"{name}/"
        arguments = [argument.name for argument in function.signature.input_arg]
        for argument, given in zip(arguments, inputs, strict=True):
            self._aliases[prefix + argument, 0] = given
        for node in body.node[len(arguments) :]:
            self._add(node, prefix, scope)
        for i, output in enumerate(function.signature.output_arg):
            returned = function.ret[output.name]
            self._aliases[name, i] = tensor(prefix + flat_names.get(returned, returned))


def tensor(name: str) -> Tensor:
    """`cos:1` is the operation `cos` and its output 1."""
    operation, _, output = name.partition(":")
    return operation, int(output or 0)
