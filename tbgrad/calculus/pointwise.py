"""How a function is called for many points: for all together, or for each alone.

A gradient is taken of the sum over the points, so each point's value must depend on that point alone. A function that
mixes points (a mean over all of them, a matrix product), or that is written for one vector (`p[0]**2 + p[1]`), is
therefore called for each point alone, which TensorFlow then vectorizes. The manner is found out once for each
function and dtype, on points that are asked for, and everything that differentiates goes through `apply`.

Source: Agarwal & Ganichev (2019), Auto-Vectorizing TensorFlow Graphs: Jacobians, Auto-Batching And Beyond.
"""

from __future__ import annotations

import contextlib
import enum
import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus.dependence import decides_by
from tbgrad.errors import FunctionCallError, TbgradError
from tbgrad.functions.function import Function

# So many of the points, evenly spaced, are held together against each alone.
_SAMPLE = 32
# Roundings that a sum in another order may make.
_ROUNDINGS = 1e3


class Manner(enum.Enum):
    """How a function is called for many points."""

    TOGETHER = "with all points together"
    ALONE = "with one point at a time, vectorized"
    BATCH_OF_ONE = "with a batch of one point at a time, vectorized"
    ONE_BY_ONE = "with one point after the other"


class _Found:
    """What is known so far about a function in one dtype."""

    def __init__(self):
        self.manner, self.settled, self.steady = Manner.TOGETHER, False, False


Program = Callable[[Manner], Callable[[np.ndarray], tuple[Any, Any]]]


def _found(f: Function, dtype: str) -> _Found:
    return f.program(("manner", dtype), _Found)


def manner(f: Function, dtype: str) -> Manner:
    """How this function is called in this dtype, as far as it is known; formulas take all points together."""
    return _stated(f) or _found(f, dtype).manner


def _stated(f: Function) -> Manner | None:
    """What needs no finding out."""
    if f.takes_one_point:
        return Manner.ONE_BY_ONE
    return Manner.TOGETHER if f.formula is not None else None


def notes(f: Function) -> tuple[str, ...]:
    """A sentence on a function that is evaluated point by point; none for others, and before an evaluation."""
    if f.takes_one_point or all(manner(f, dtype) is Manner.TOGETHER for dtype in ("float64", "float32")):
        return ()
    return (
        f"'{f.label}' mixes points, or takes one at a time: it was evaluated for each point alone (tf.vectorized_map), "
        "so that each gradient is that of its own point.",
    )


def apply(f: Function, compute: Callable[..., Any], position: tf.Tensor, *more: tf.Tensor) -> Any:
    """Computes something of f at positions `[n, d]` in f's manner, inside a compiled program.

    Args:
      f: the `Function`.
      compute: takes a position `[..., d]`, and `more` of the same leading shape, and returns tensors `[..., ...]` of
        the position's dtype.
      position: `[n, d]`.
      more: `[n, ...]`.
    """
    how = manner(f, position.dtype.name)
    if how is Manner.TOGETHER:
        return compute(position, *more)
    if how is Manner.ONE_BY_ONE:
        # What says that it takes one point fills the processor, and the memory, with it.
        return _one_by_one(lambda given: compute(*given), (position, *more), 1 if f.takes_one_point else None)
    if how is Manner.ALONE:
        return _vectorized(lambda given: compute(*given), (position, *more))

    def batch_of_one(given: tuple) -> Any:
        return tf.nest.map_structure(lambda x: x[0], compute(*(x[None] for x in given)))

    return _vectorized(batch_of_one, (position, *more))


def _vectorized(compute: Callable[[tuple], Any], given: tuple[tf.Tensor, ...]) -> Any:
    # For a single point TensorFlow would squeeze the points' axis away too: the last one is computed twice.
    padded = tuple(tf.concat([x, x[-1:]], axis=0) for x in given)
    try:
        with _quiet_vectorization():
            found = tf.vectorized_map(compute, padded, fallback_to_while_loop=False)
    except TbgradError:
        raise
    except (ValueError, NotImplementedError, TypeError, LookupError):
        # Not every operation can be vectorized: numpy_function, determinants, sorting.
        return _one_by_one(compute, given)
    return tf.nest.map_structure(lambda x: x[:-1], found)


def _one_by_one(compute: Callable[[tuple], Any], given: tuple[tf.Tensor, ...], at_once: int | None = None) -> Any:
    traced = tf.function(lambda *point: compute(point), autograph=False)
    point = [tf.TensorSpec(x.shape[1:], x.dtype) for x in given]
    outputs = traced.get_concrete_function(*point).structured_outputs
    like = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), outputs)
    return tf.map_fn(compute, given, fn_output_signature=like, parallel_iterations=at_once)


def check_decisions(f: Function, value: tf.Tensor, position: tf.Tensor) -> None:
    """Refuses, while it is open how f is called, a branch or a loop that is decided for all points together.

    No sample of points could tell: they may all have taken the same branch.

    Raises:
      FunctionCallError: on the way from `position` to `value` something is decided by what the points hold.
    """
    dtype = position.dtype.name
    is_open = manner(f, dtype) is Manner.TOGETHER and f.formula is None and not _found(f, dtype).settled
    if is_open and position.shape[0] != 1 and decides_by([value], [position]):
        raise FunctionCallError(
            f"'{f.label}' takes one branch for all points together, by what they hold; write tf.where for each point."
        )


@contextlib.contextmanager
def _quiet_vectorization() -> Iterator[None]:
    """Keeps back the pages that TensorFlow logs of an operation that it cannot vectorize: there is another way."""

    def foreign(record: logging.LogRecord) -> bool:
        return not record.pathname.endswith("parallel_for/pfor.py")

    logger = tf.get_logger()
    logger.addFilter(foreign)
    try:
        yield
    finally:
        logger.removeFilter(foreign)


def settle(f: Function, position: np.ndarray, program: Program) -> Manner:
    """Finds out how f is to be called, unless it is known.

    Args:
      f: the `Function`.
      position: `[n, d]`, points that are asked for; while fewer than two of them differ and are defined, it stays open
        and all are taken together.
      program: gives for a manner the compiled value `[n]` and gradient `[n, d]`.

    Raises:
      FunctionCallError: f raises in each manner, or gives another value from call to call.
      NoGradientError: it has none.
    """
    if (stated := _stated(f)) is not None:
        return stated
    found = _found(f, position.dtype.name)
    if found.settled or not len(position) or (found.steady and len(position) < 2):
        return found.manner
    sample = position[np.unique(np.linspace(0, len(position) - 1, min(_SAMPLE, len(position))).round().astype(int))]
    first = None
    for how in (Manner.TOGETHER, Manner.ALONE, Manner.BATCH_OF_ONE):
        try:
            outputs = _steady(f, found, how, sample, program)
            if how is Manner.TOGETHER and not _does_not_mix(found, program(how), sample, outputs):
                continue
            if how is Manner.ALONE and not all(
                map(_alike, outputs, _steady(f, found, Manner.ONE_BY_ONE, sample, program))
            ):
                # TensorFlow vectorizes some operations wrongly.
                how = Manner.ONE_BY_ONE
        except _UnsteadyError:
            raise
        except FunctionCallError as error:
            if "assertion failed" in str(error):
                # The function refuses a point; TensorFlow's vectorization would drop the question.
                raise
            # A function of a vector is most likely written for one; what it returned says more than what it raised.
            if first is None or (f.takes_vector and how is Manner.ALONE and first.__cause__ is not None):
                first = error
            continue
        found.manner, found.steady = how, True
        found.settled |= how is not Manner.TOGETHER
        return how
    raise first or FunctionCallError(f"'{f.label}' gives no value for one point alone.")


def _steady(f: Function, found: _Found, how: Manner, sample: np.ndarray, program: Program) -> list[np.ndarray]:
    """Value and gradient in this manner, the same twice."""
    before, found.manner = found.manner, how
    try:
        call = program(how)
        outputs, again = _arrays(call(sample)), _arrays(call(sample))
    finally:
        found.manner = before
    if not all(map(_alike, outputs, again)):
        raise _UnsteadyError(
            f"'{f.label}' gives another value each time it is called at the same point: it is random, or keeps a "
            "count. Expected a function of its arguments alone; tf.random.stateless_normal with a fixed seed is one."
        )
    return outputs


class _UnsteadyError(FunctionCallError):
    """No manner of calling helps a random function."""


def _arrays(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(output) for output in outputs]


def _does_not_mix(found: _Found, call: Callable, sample: np.ndarray, outputs: list[np.ndarray]) -> bool:
    """Whether all points together give what each gives alone; settles it where two of them are defined."""
    value, gradient = outputs
    if value.shape != (len(sample),) or gradient.shape != sample.shape:
        return False
    alone = [_arrays(call(sample[i : i + 1])) for i in range(len(sample))]
    if not all(_alike(o[i : i + 1], a) for i, parts in enumerate(alone) for o, a in zip(outputs, parts, strict=True)):
        return False
    defined = [i for i, parts in enumerate(alone) if all(np.isfinite(part).all() for part in parts)]
    found.settled = len(np.unique(sample[defined], axis=0)) > 1
    return True


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for roundings."""
    precision = _ROUNDINGS * np.finfo(one.dtype).eps
    scale = np.max(np.abs(other), initial=0.0, where=np.isfinite(other))
    with np.errstate(invalid="ignore", over="ignore"):
        return one.shape == other.shape and bool(
            np.allclose(one, other, rtol=precision, atol=precision * scale, equal_nan=True)
        )
