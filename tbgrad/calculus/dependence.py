"""What a traced value depends on, read from TensorFlow's graph.

Calls of inner functions are looked into; of branches and loops every output is taken to depend on every input.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
LOOPS = ("While", "StatelessWhile")
# The shape of their input is all that these read.
SHAPE_ONLY = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs")


def depends(value: tf.Tensor, source: tf.Tensor) -> bool:
    """Whether a value is computed from what another tensor of its graph holds, and not from its shape only."""
    return source.ref() in ancestors_of(value)


def ancestors_of(*values: tf.Tensor) -> dict:
    """All tensors that values are computed from within their graph, themselves included, by reference."""
    found: dict = {}
    open_tensors = list(values)
    while open_tensors:
        tensor = open_tensors.pop()
        if tensor.ref() in found or not tf.is_symbolic_tensor(tensor):
            continue
        found[tensor.ref()] = tensor
        open_tensors += _read_for(tensor)
    return found


def _read_for(tensor: tf.Tensor) -> list[tf.Tensor]:
    """The inputs of an operation that this output of it depends on; all of them where that cannot be told."""
    operation = tensor.op
    if operation.type in SHAPE_ONLY:
        return []
    inner = called_graph(operation)
    if inner is None:
        return list(operation.inputs)
    ancestors = ancestors_of(inner.outputs[tensor.value_index])
    return [x for x, given in zip(operation.inputs, inner.inputs, strict=True) if given.ref() in ancestors]


def called_graph(operation: tf.Operation) -> tf.Graph | None:
    """The graph of the function that an operation calls, or None."""
    if operation.type not in _CALLS:
        return None
    graph = _graph_of(operation, "f")
    # A tape adds outputs to the inner graph, behind those of the call.
    fits = graph is not None and len(graph.inputs) == len(operation.inputs)
    return graph if fits and len(graph.outputs) >= len(operation.outputs) else None


def _graph_of(operation: tf.Operation, attribute: str) -> tf.Graph | None:
    function = operation.graph._get_function(operation.get_attr(attribute).name)
    return getattr(function, "graph", None)


def decides_by(values: Sequence[tf.Tensor], sources: Sequence[tf.Tensor]) -> bool:
    """Whether, on the way from sources to values, a branch or a loop is decided by what the sources hold.

    A decision is one for all points of a batch.
    """
    ancestors = ancestors_of(*values)
    reached = {source.ref() for source in sources}
    for operation in values[0].graph.get_operations():
        outputs = [output for output in operation.outputs if output.ref() in ancestors]
        arriving = [i for i, x in enumerate(operation.inputs) if x.ref() in reached]
        if not outputs or not arriving or operation.type in SHAPE_ONLY:
            continue
        if operation.type in BRANCHES and 0 in arriving:
            return True
        if operation.type in LOOPS and _loop_decides(operation, arriving):
            return True
        inner = called_graph(operation)
        if inner is not None:
            ends = [inner.outputs[output.value_index] for output in outputs]
            if decides_by(ends, [inner.inputs[i] for i in arriving]):
                return True
        reached |= {output.ref() for output in outputs}
    return False


def _loop_decides(operation: tf.Operation, arriving: Sequence[int]) -> bool:
    """Whether these of a loop's variables, and what they turn into, decide how often it runs."""
    condition, body = _graph_of(operation, "cond"), _graph_of(operation, "body")
    if condition is None or body is None:
        return True
    variables = set(arriving)
    while True:
        held = {body.inputs[i].ref() for i in variables}
        turned = {i for i, output in enumerate(body.outputs) if held & ancestors_of(output).keys()}
        if turned <= variables:
            break
        variables |= turned
    return bool({condition.inputs[i].ref() for i in variables} & ancestors_of(condition.outputs[0]).keys())
