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

from tbgrad.errors import FunctionCallError, TbgradError
from tbgrad.functions.function import Function

# Among so many points, evenly spaced, some are looked for where the function is defined.
_SAMPLE = 64
# Roundings that a sum in another order may make.
_ROUNDINGS = 1e3


class Manner(enum.Enum):
    """How a function is called for many points."""

    TOGETHER = "with all points together"
    ALONE = "with one point at a time"
    BATCH_OF_ONE = "with a batch of one point at a time"


class _Found:
    """What is known so far about a function in one dtype."""

    def __init__(self):
        self.manner, self.settled, self.steady = Manner.TOGETHER, False, False


Program = Callable[[Manner], Callable[[np.ndarray], tuple[Any, Any]]]


def _found(f: Function, dtype: str) -> _Found:
    return f.program(("manner", dtype), _Found)


def manner(f: Function, dtype: str) -> Manner:
    """How this function is called in this dtype, as far as it is known; formulas take all points together."""
    return Manner.TOGETHER if f.formula is not None else _found(f, dtype).manner


def note(f: Function) -> str:
    """One sentence on a function that is evaluated point by point; empty for others, and before an evaluation."""
    if all(manner(f, dtype) is Manner.TOGETHER for dtype in ("float64", "float32")):
        return ""
    return (
        f"'{f.label}' mixes points, or takes one at a time: it was evaluated for each point alone (tf.vectorized_map), "
        "so that each gradient is that of its own point."
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
    if how is Manner.ALONE:
        return _each(lambda given: compute(*given), (position, *more))

    def batch_of_one(given: tuple) -> Any:
        found = compute(*(x[None] for x in given))
        return tf.nest.map_structure(lambda x: x[0], found)

    return _each(batch_of_one, (position, *more))


def _each(compute: Callable[[tuple], Any], given: tuple[tf.Tensor, ...]) -> Any:
    try:
        with _quiet_vectorization():
            return tf.vectorized_map(compute, given, fallback_to_while_loop=False)
    except TbgradError:
        raise
    except (ValueError, NotImplementedError, TypeError, LookupError):
        # Not every operation can be vectorized: numpy_function, determinants, sorting.
        traced = tf.function(lambda *point: compute(point), autograph=False)
        point = [tf.TensorSpec(x.shape[1:], x.dtype) for x in given]
        like = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), traced.get_concrete_function(*point).structured_outputs
        )
        return tf.map_fn(compute, given, fn_output_signature=like)


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
    if f.formula is not None:
        return Manner.TOGETHER
    found = _found(f, position.dtype.name)
    if found.settled or not len(position) or (found.steady and len(position) < 2):
        return found.manner
    sample = position[np.unique(np.linspace(0, len(position) - 1, min(_SAMPLE, len(position))).round().astype(int))]
    first = None
    for how in Manner:
        found.manner = how
        try:
            call = program(how)
            outputs, again = _arrays(call(sample)), _arrays(call(sample))
            fits = how is not Manner.TOGETHER or _does_not_mix(found, call, sample, outputs)
        except FunctionCallError as error:
            if "assertion failed" in str(error):
                # The function refuses a point; TensorFlow's vectorization would drop the question.
                raise
            # A function of a vector is most likely written for one; what it returned says more than what it raised.
            if first is None or (f.takes_vector and how is Manner.ALONE and first.__cause__ is not None):
                first = error
            continue
        finally:
            found.manner = Manner.TOGETHER
        if fits or how is not Manner.TOGETHER:
            _check_steady(f, outputs, again)
            found.manner, found.steady = how, True
            found.settled |= how is not Manner.TOGETHER
            return how
    raise first


def _arrays(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(output) for output in outputs]


def _does_not_mix(found: _Found, call: Callable, sample: np.ndarray, outputs: list[np.ndarray]) -> bool:
    """Whether all points together give what some of them give alone; settles it where they are defined."""
    value, gradient = outputs
    if value.shape != (len(sample),) or gradient.shape != sample.shape:
        return False
    defined = np.flatnonzero(np.isfinite(value) & np.isfinite(gradient).all(axis=-1))
    some = np.unique(defined[[0, len(defined) // 2, -1]]) if len(defined) else np.array([0, len(sample) - 1])
    for i in some:
        alone = _arrays(call(sample[i : i + 1]))
        if alone[0].shape != (1,) or not all(_alike(o[i : i + 1], a) for o, a in zip(outputs, alone, strict=True)):
            return False
    found.settled = len(defined) > 0 and len(np.unique(sample[some], axis=0)) > 1
    return True


def _check_steady(f: Function, outputs: list[np.ndarray], again: list[np.ndarray]) -> None:
    if not all(map(_alike, outputs, again)):
        raise FunctionCallError(
            f"'{f.label}' gives another value each time it is called at the same point: it is random, or keeps a "
            "count. Expected a function of its arguments alone; tf.random.stateless_normal with a fixed seed is one."
        )


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for roundings."""
    precision = _ROUNDINGS * np.finfo(one.dtype).eps
    scale = np.max(np.abs(other), initial=0.0, where=np.isfinite(other))
    with np.errstate(invalid="ignore", over="ignore"):
        return one.shape == other.shape and bool(
            np.allclose(one, other, rtol=precision, atol=precision * scale, equal_nan=True)
        )
