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
from tbgrad.calculus.dependence import BRANCHES, LOOPS, SHAPE_ONLY, ancestors_of, called_graph, depends
from tbgrad.calculus.failures import failed, user_frame
from tbgrad.errors import NoGradientError
from tbgrad.functions.function import Function

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
    **dict.fromkeys(BRANCHES, "the condition of tf.cond or of an if"),
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
    picks = picked(inputs[0], ancestors_of(value)) if f.takes_vector and f.formula is None else []
    try:
        partials = tape.gradient(value, [*inputs, *(pick for pick, _ in picks)])
    except Exception as error:
        # TensorFlow raises a plain LookupError; a KeyError, say, is the user's own.
        raise (_unregistered(f, value, inputs) if type(error) is LookupError else failed(f, error)) from error
    partials, of_picks = partials[: len(inputs)], partials[len(inputs) :]
    missing = [i for i, partial in enumerate(partials) if partial is None]
    if not missing:
        _check_picks(f, value, picks, of_picks)
    elif f.formula is None:
        _explain_none(f, value, inputs, missing)
    return [tf.zeros_like(x) if p is None else tf.convert_to_tensor(p) for p, x in zip(partials, inputs, strict=True)]


def what_breaks(value: tf.Tensor, source: tf.Tensor) -> str:
    """The operation, as users write it, that passes no gradient on some way from a source to a value; "" for none.

    Nothing is said where the user's own gradients stand for operations. It leaves operations in the graph behind.
    """
    if any("_gradient_op_type" in operation.node_def.attr for operation in value.graph.get_operations()):
        return ""
    operation = _broken_at(value, source)
    return "" if operation is None else _spelled(operation)


def _explain_none(f: Function, value: tf.Tensor, inputs: Sequence[tf.Tensor], missing: Sequence[int]) -> None:
    names = _names(f)
    for i in missing:
        if depends(value, inputs[i]):
            raise _broken(f, names[i], value, inputs[i])
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
            raise _broken(f, f.variables[min(held - connected)], value, pick)


def _names(f: Function) -> tuple[str, ...]:
    return ("its vector",) if f.takes_vector else f.variables


def _unregistered(f: Function, value: tf.Tensor, inputs: Sequence[tf.Tensor]) -> NoGradientError:
    for name, source in zip(_names(f), inputs, strict=True):
        if depends(value, source) and _broken_at(value, source) is not None:
            return _broken(f, name, value, source)
    return NoGradientError(f"'{f.label}' uses an operation for which TensorFlow has no gradient.")


def _broken(f: Function, name: str, value: tf.Tensor, source: tf.Tensor) -> NoGradientError:
    """Names the operation that breaks the path, its cure, and the user's line."""
    operation = _broken_at(value, source)
    if operation is None:
        why = "an operation on the way to its value passes no gradient on, and a zero would be wrong."
        return NoGradientError(f"'{f.label}' has no gradient by {name}: {why}")
    why = f"{_spelled(operation)} breaks the path to its value, and a zero would be wrong. {_cure(operation)}"
    place = user_frame(operation.traceback)
    return NoGradientError("\n".join([f"'{f.label}' has no gradient by {name}: {why}", *([place] if place else [])]))


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


def _broken_at(value: tf.Tensor, source: tf.Tensor) -> tf.Operation | None:
    """The first operation on a way from source to value that passes no gradient on.

    It leaves operations in the graph behind; an error follows.
    """
    ancestors = ancestors_of(value)
    reached = {source.ref()}
    breaks = []
    for operation in list(value.graph.get_operations()):
        outputs = [output for output in operation.outputs if output.ref() in ancestors]
        arriving = [i for i, x in enumerate(operation.inputs) if x.ref() in reached]
        if not outputs or not arriving or operation.type in SHAPE_ONLY:
            continue
        stopped = [_stops(operation, i, outputs) for i in arriving]
        if all(stopped):
            breaks.append(stopped[0])
        else:
            reached |= {output.ref() for output in outputs}
    return breaks[0] if breaks else None


def _stops(operation: tf.Operation, which: int, outputs: Sequence[tf.Tensor]) -> tf.Operation | None:
    """The operation at which the gradient stops between an input and these outputs: itself, an inner one, or None."""
    inner = called_graph(operation)
    if inner is not None:
        ends = [inner.outputs[output.value_index] for output in outputs]
        source = inner.inputs[which]
        with inner.as_default():
            found = [_broken_at(end, source) for end in ends if depends(end, source)]
        return found[0] if found else None
    if operation.type in BRANCHES or operation.type in LOOPS:
        return operation if which == 0 and operation.type in BRANCHES else None
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
