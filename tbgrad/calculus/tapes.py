"""Partial derivatives by a tape, and why there is none where TensorFlow says None.

A None is a true zero only if the value does not depend on the variable. Where it does, an operation breaks the path,
and a zero would be wrong: the error names that operation as the user writes it, and the user's line.

Source: Griewank & Walther (2008), Evaluating Derivatives, section 3.2, for what a path is.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.python.framework import ops as tensorflow_ops

from tbgrad.calculus.columns import picked
from tbgrad.calculus.failures import failed, user_frame
from tbgrad.errors import NoGradientError
from tbgrad.functions.function import Function

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# The shape of their input is all that these read.
_SHAPE_ONLY = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs")
# As users write them, where it is not tf.<name> with the name's words parted by underscores.
_SPELLED = {
    "PyFunc": "tf.numpy_function",
    "PyFuncStateless": "tf.numpy_function",
    "EagerPyFunc": "tf.py_function",
    "Ceil": "tf.math.ceil",
    "Rint": "tf.math.rint",
    "ArgMax": "tf.argmax",
    "ArgMin": "tf.argmin",
    "FloorDiv": "// (tf.math.floordiv)",
    "Greater": "> (tf.greater)",
    "GreaterEqual": ">= (tf.greater_equal)",
    "Less": "< (tf.less)",
    "LessEqual": "<= (tf.less_equal)",
    "Equal": "== (tf.equal)",
    "NotEqual": "!= (tf.not_equal)",
    "If": "the condition of tf.cond or of an if",
    "StatelessIf": "the condition of tf.cond or of an if",
    "While": "a loop",
    "StatelessWhile": "a loop",
}


def partial_derivatives(
    f: Function, value: tf.Tensor, inputs: Sequence[tf.Tensor], tape: tf.GradientTape
) -> list[tf.Tensor]:
    """The derivative of a traced value by each input, of the inputs' shapes.

    Args:
      f: the `Function`, for names. For a formula a None is zero: floor, sign and comparisons are steps.
      value: what the tape recorded, in the graph of `inputs`.
      inputs: one tensor for each variable, or the position alone where f takes a vector.
      tape: watched `inputs`.

    Raises:
      NoGradientError: value depends on an input, but not by differentiable operations; or it depends on none.
      FunctionCallError: a custom gradient raised an error.
    """
    picks = picked(inputs[0], _ancestors(value)) if f.takes_vector and f.formula is None else []
    try:
        partials = tape.gradient(value, [*inputs, *(pick for pick, _ in picks)])
    except LookupError as error:
        raise _unregistered(f, value, inputs) from error
    except Exception as error:
        raise failed(f, error) from error
    partials, of_picks = partials[: len(inputs)], partials[len(inputs) :]
    missing = [i for i, partial in enumerate(partials) if partial is None]
    if not missing:
        _check_picks(f, value, picks, of_picks)
    elif f.formula is None:
        _explain_none(f, value, inputs, missing)
    return [tf.zeros_like(x) if p is None else tf.convert_to_tensor(p) for p, x in zip(partials, inputs, strict=True)]


def _explain_none(f: Function, value: tf.Tensor, inputs: Sequence[tf.Tensor], missing: Sequence[int]) -> None:
    names = _names(f)
    for i in missing:
        if _depends(value, inputs[i]):
            raise NoGradientError(
                f"'{f.label}' has no gradient by {names[i]}: {_why(value, inputs[i])} A zero would be wrong."
            )
    if len(missing) == len(inputs):
        raise NoGradientError(
            f"'{f.label}' has no gradient: its value does not depend on {' or '.join(names)}. It is constant, or made "
            "from something else than its arguments."
        )


def _check_picks(
    f: Function, value: tf.Tensor, picks: Sequence[tuple[tf.Tensor, frozenset[int]]], partials: Sequence
) -> None:
    """Holds that each coordinate that is picked from a vector has a path to the value."""
    connected = {i for (_, held), partial in zip(picks, partials, strict=True) if partial is not None for i in held}
    for pick, held in picks:
        if not held <= connected:
            name = f.variables[min(held - connected)]
            raise NoGradientError(f"'{f.label}' has no gradient by {name}: {_why(value, pick)} A zero would be wrong.")


def _names(f: Function) -> tuple[str, ...]:
    return ("its vector",) if f.takes_vector else f.variables


def _unregistered(f: Function, value: tf.Tensor, inputs: Sequence[tf.Tensor]) -> NoGradientError:
    for name, source in zip(_names(f), inputs, strict=True):
        if _depends(value, source) and _broken_at(value, source) is not None:
            return NoGradientError(f"'{f.label}' has no gradient by {name}: {_why(value, source)}")
    return NoGradientError(f"'{f.label}' uses an operation for which TensorFlow has no gradient.")


def _why(value: tf.Tensor, source: tf.Tensor) -> str:
    """Names the operation that breaks the path, its cure, and the user's line."""
    operation = _broken_at(value, source)
    if operation is None:
        return "an operation on the way to its value passes no gradient on."
    place = user_frame(operation.traceback)
    return f"{_spelled(operation)} breaks the path to its value. {_cure(operation)}{_line(place)}"


def _line(place: str) -> str:
    return f"\n{place}\n " if place else ""


def _cure(operation: tf.Operation) -> str:
    if operation.type in ("PyFunc", "PyFuncStateless"):
        return "TensorFlow cannot look inside: write it in TensorFlow's operations, or give it a tf.custom_gradient."
    if operation.type == "StopGradient":
        return "It asks for no gradient: leave it out, or write a constant."
    return "It is a step, or has no gradient in TensorFlow: write something smooth, or give it a tf.custom_gradient."


def _spelled(operation: tf.Operation) -> str:
    """An operation as the user writes it: `tf.floor`, `tf.cast to int32`."""
    if operation.type == "Cast":
        source, target = operation.inputs[0].dtype, operation.outputs[0].dtype
        return f"tf.cast to {target.name}" if not target.is_floating else f"tf.cast from {source.name}"
    if operation.type in _SPELLED:
        return _SPELLED[operation.type]
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation.type).strip("_")
    for prefix, module in (("tf", tf), ("tf.math", tf.math), ("tf.linalg", tf.linalg), ("tf.nn", tf.nn)):
        if hasattr(module, words):
            return f"{prefix}.{words}"
    return f"TensorFlow's {operation.type}"


def _depends(value: tf.Tensor, source: tf.Tensor) -> bool:
    return source.ref() in _ancestors(value)


def _ancestors(value: tf.Tensor) -> dict:
    """What a value is computed from, within its graph, by reference; calls of inner functions are looked into."""
    found: dict = {}
    open_tensors = [value]
    while open_tensors:
        tensor = open_tensors.pop()
        if tensor.ref() in found or not tf.is_symbolic_tensor(tensor):
            continue
        found[tensor.ref()] = tensor
        open_tensors += _read_by(tensor)
    return found


def _read_by(tensor: tf.Tensor) -> list[tf.Tensor]:
    """The inputs of an operation that this output of it depends on; all of them where that cannot be told."""
    operation = tensor.op
    if operation.type in _SHAPE_ONLY:
        return []
    inner = _inner_graph(operation)
    if inner is None:
        return list(operation.inputs)
    ancestors = _ancestors(inner.outputs[operation.outputs.index(tensor)])
    return [x for x, given in zip(operation.inputs, inner.inputs, strict=True) if given.ref() in ancestors]


def _inner_graph(operation: tf.Operation) -> tf.Graph | None:
    """The graph of the function that an operation calls, or None."""
    if operation.type not in _CALLS:
        return None
    name = operation.get_attr("f").name
    function = operation.graph._get_function(name)
    graph = getattr(function, "graph", None)
    # A tape adds outputs to the inner graph, behind those of the call.
    fits = graph is not None and len(graph.inputs) == len(operation.inputs)
    return graph if fits and len(graph.outputs) >= len(operation.outputs) else None


def _broken_at(value: tf.Tensor, source: tf.Tensor) -> tf.Operation | None:
    """The first operation on a way from source to value that passes no gradient on.

    It leaves operations in the graph behind; an error follows.
    """
    ancestors = _ancestors(value)
    reached = {source.ref()}
    breaks = []
    for operation in list(value.graph.get_operations()):
        outputs = [output for output in operation.outputs if output.ref() in ancestors]
        arriving = [i for i, x in enumerate(operation.inputs) if x.ref() in reached]
        if not outputs or not arriving or operation.type in _SHAPE_ONLY:
            continue
        stopped = [_stops(operation, i, outputs) for i in arriving]
        if all(stopped):
            breaks.append(stopped[0])
        else:
            reached |= {output.ref() for output in outputs}
    return breaks[0] if breaks else None


def _stops(operation: tf.Operation, which: int, outputs: Sequence[tf.Tensor]) -> tf.Operation | None:
    """The operation at which the gradient stops between an input and these outputs: itself, an inner one, or None."""
    inner = _inner_graph(operation)
    if inner is not None:
        ends = [inner.outputs[operation.outputs.index(output)] for output in outputs]
        source = inner.inputs[which]
        with inner.as_default():
            found = [_broken_at(end, source) for end in ends if _depends(end, source)]
        return found[0] if found else None
    if operation.type in ("If", "StatelessIf", "While", "StatelessWhile"):
        return operation if which == 0 and operation.type.endswith("If") else None
    try:
        gradient = tensorflow_ops.get_gradient_function(operation)
    except LookupError:
        return operation
    if gradient is None:
        return operation
    try:
        partials = gradient(operation, *[tf.ones_like(output) for output in operation.outputs])
    except Exception:
        # Some gradients need more than ones; whether they pass it on stays open.
        return None
    partials = partials if isinstance(partials, list | tuple) else [partials]
    return operation if partials[which] is None else None
