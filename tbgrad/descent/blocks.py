"""The compiled loop: a block of steps for a tile of starts, every row of it recorded.

All that goes on from step to step is passed in and out, so that blocks follow one another, and other tiles run beside
them. A program is kept with the function: a second descent with the same settings, shapes and dtype compiles nothing,
whatever its learning rate, noise and starts are. This module must not know which optimizer it runs, nor what becomes of
the rows.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.calculus.derivatives import compiled, differentiate
from tbgrad.calculus.fusing import ready_for_xla
from tbgrad.descent.adapter import State, Update
from tbgrad.descent.compiling import Compiled
from tbgrad.descent.noise import normal
from tbgrad.descent.optimizers import GivenOptimizer, Optimizer
from tbgrad.descent.states import Inputs, Running, Tile
from tbgrad.descent.stopping import Row, StoppingRule
from tbgrad.errors import OptionError
from tbgrad.functions.function import Function


class Program:
    """A descent's programs: how it begins, and a block of steps.

    Args:
      f: the `Function`.
      optimizer: of any learning rate; see `Optimizer.key`.
      shape: `[n, d]`, of a tile.
      dtype: `float64` or `float32`.
      rows: how many steps a block has at most.
      rates: the shape of the learning rate.
      noisy: whether noise is added to the gradient.
      stop: the stopping rule, or None.
      moments: whether to record the optimizer's mean of squared gradients, where it keeps one.
    """

    def __init__(
        self,
        f: Function,
        optimizer: Optimizer | GivenOptimizer,
        shape: tuple[int, int],
        dtype: str,
        rows: int,
        rates: tuple[int, ...],
        noisy: bool,
        stop: StoppingRule | None,
        moments: bool,
    ):
        self._function, self._shape, self._dtype, self._noisy, self._stop = f, shape, dtype, noisy, stop
        self.rows, self.stops = rows, stop is not None
        # Several starts that are one variable are a matrix; a start by itself is a vector, as in mathematics.
        self._together = optimizer.elementwise and shape[0] > 1
        self._update = Update(optimizer, shape if self._together else shape[1:], dtype)
        self.second_moment = self._update.second_moment
        self.moments = moments and self._update.second_moment is not None
        self._gradients = _differentiated(f, dtype)
        of_each = tf.TensorSpec(shape[:1], dtype)
        inputs = Inputs(
            tf.TensorSpec(rates, dtype),
            tuple(of_each for _ in optimizer.arrays()),
            tf.TensorSpec([], dtype),
            tf.TensorSpec(shape[:1], tf.int64),
        )
        starts = tf.TensorSpec(shape, dtype)
        # One thread at a time traces: that sets the optimizer's rate.
        lock = threading.Lock()
        xla = f.formula is not None or not _asserts(f, dtype)
        self._begin = Compiled(f, self._begun, (starts,), lock, xla)
        tile = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), self._begin.outputs)
        arguments = (tile, tf.TensorSpec([], tf.int32), inputs)
        self._rows = Compiled(f, lambda *given: self._block(*given, _all), arguments, lock, xla)
        self._values = Compiled(f, lambda *given: self._block(*given, _value), arguments, lock, xla)

    def begin(self, starts: np.ndarray) -> Running:
        """The tile before its first step, for starts `[n, d]`."""
        return Running(self._begin([tf.constant(starts)]))

    def block(self, tile: Running, until: int, inputs: Inputs) -> tuple[Running, list[np.ndarray]]:
        """Goes on until a step, or all starts have stopped.

        Returns:
          The tile after it; and position `[made + 1, n, d]`, value `[made + 1, n]` and gradient `[made + 1, n, d]`
          before its first step and after each that it made; and after these, if asked for, the optimizer's mean of
          squared gradients, which a row has from the update that led to it.
        """
        return self._go_on(self._rows, tile, until, inputs)

    def values(self, tile: Running, until: int, inputs: Inputs) -> tuple[Running, np.ndarray]:
        """The same, with the values alone: writing rows takes longer than computing them."""
        tile, (value,) = self._go_on(self._values, tile, until, inputs)
        return tile, value

    def _go_on(self, program: Compiled, tile: Running, until: int, inputs: Inputs) -> tuple[Running, list[np.ndarray]]:
        found = program([*tile.tensors, tf.constant(until, tf.int32), *inputs.flat])
        after = Running(found[: len(tile.tensors)])
        made = (after.step if self.stops else until) - tile.step
        return after, [np.asarray(rows)[: made + 1] for rows in found[len(tile.tensors) :]]

    def _differentiate(self, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        value, gradient = self._gradients(position)
        # What Python computes comes without a shape.
        return tf.ensure_shape(value, self._shape[:1]), tf.ensure_shape(gradient, self._shape)

    def _begun(self, starts: tf.Tensor) -> Tile:
        n = self._shape[0]
        row = Row(starts, *self._differentiate(starts))
        state = self._update.begin(starts) if self._together else _for_each(self._update.begin, starts)
        stops, rule = self._stop.bootstrap(row) if self._stop else (tf.fill([n], False), ())
        return Tile(row, tf.constant(0), ~stops, tf.zeros([n], tf.int32), state, rule)

    def _block(
        self, tile: Tile, until: tf.Tensor, inputs: Inputs, recorded: Callable[[Tile, int | None], tuple]
    ) -> tuple[Tile, tuple[tf.Tensor, ...]]:
        moment = self.second_moment if self.moments else None
        rows = recorded(tile, moment)
        records = tuple(tf.TensorArray(self._dtype, self.rows + 1, element_shape=part.shape) for part in rows)

        def record(made: tf.Tensor, tile: Tile, records: tuple) -> tuple:
            return tuple(array.write(made, part) for array, part in zip(records, recorded(tile, moment), strict=True))

        def going(made: tf.Tensor, tile: Tile, records: tuple) -> tf.Tensor:
            more = tile.step < until
            return more & tf.reduce_any(tile.active) if self.stops else more

        def step(made: tf.Tensor, tile: Tile, records: tuple) -> tuple:
            tile = self._step(tile, inputs)
            # A row that is recorded when it is made need not be kept while the next one takes its place.
            return made + 1, tile, record(made + 1, tile, records)

        beginning = tf.constant(0)
        _, tile, records = tf.while_loop(going, step, (beginning, tile, record(beginning, tile, records)))
        return tile, tuple(array.stack() for array in records)

    def _step(self, tile: Tile, inputs: Inputs) -> Tile:
        position, state = self._updated(tile, inputs)
        if self._stop is None:
            row = Row(position, *self._differentiate(position))
            return Tile(row, tile.step + 1, tile.active, tile.steps_made, state, ())
        # What has stopped stays where it is. What its optimizer remembers then only tells whether it would still move,
        # which is not asked where it has converged.
        if not self._stop.converges:
            state = tuple(self._kept(tile.active, *parts) for parts in zip(state, tile.state, strict=True))
        position = tf.where(tile.active[:, None], position, tile.row.position)
        row = Row(position, *self._differentiate(position))
        stops, rule = self._stop.one_step(tile.row, row, tile.rule)
        lost = ~tf.reduce_all(tf.math.is_finite(position), axis=-1)
        made = tile.steps_made + tf.cast(tile.active, tf.int32)
        return Tile(row, tile.step + 1, tile.active & ~stops & ~lost, made, state, rule)

    def _kept(self, active: tf.Tensor, after: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
        """A part of the optimizer's state, as it was for the starts that have stopped."""
        if not after.shape.rank or after.shape[0] != self._shape[0]:
            return after
        return tf.where(tf.reshape(active, [-1] + [1] * (after.shape.rank - 1)), after, before)

    def _updated(self, tile: Tile, inputs: Inputs) -> tuple[tf.Tensor, State]:
        gradient = tile.row.gradient
        if self._noisy:
            draws = normal(inputs.keys, tile.step, self._shape[1])
            gradient = gradient + inputs.noise * tf.cast(draws, self._dtype)
        if self._together:
            given = [array[:, None] for array in (inputs.rate, *inputs.hyperparameters) if array.shape.rank]
            rate = given.pop(0) if inputs.rate.shape.rank else inputs.rate
            return self._update(tile.state, gradient, tile.row.position, rate, *given)
        rate = tf.broadcast_to(inputs.rate, self._shape[:1])
        each = (tile.state, gradient, tile.row.position, rate, inputs.hyperparameters)
        return _for_each(lambda start: self._update(*start[:4], *start[4]), each)


def _for_each(work: Callable[[Any], Any], starts: Any) -> Any:
    """Does something for each start by itself, all of them at once."""
    if tf.nest.flatten(starts)[0].shape[0] > 1:
        raised: list[OptionError] = []

        def one(start: Any) -> Any:
            try:
                return work(start)
            except OptionError as error:
                raised.append(error)
                raise

        try:
            return tf.vectorized_map(one, starts)
        except Exception:
            # AutoGraph wraps what is raised inside.
            if raised:
                raise raised[0] from raised[0].__cause__
            raise
    found = work(tf.nest.map_structure(lambda tensor: tensor[0], starts))
    return tf.nest.map_structure(lambda tensor: tensor[None], found)


def _differentiated(f: Function, dtype: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """Value and gradient as everywhere else, for use under XLA."""
    if f.formula is None:
        return lambda position: differentiate(f, position)
    return ready_for_xla(compiled(f, dtype, lambda position: differentiate(f, position)), dtype, sines=False)


def _asserts(f: Function, dtype: str) -> bool:
    """Whether a Python function holds assertions, which XLA leaves out."""
    graph = compiled(f, dtype, lambda position: differentiate(f, position)).graph.as_graph_def()
    nodes = itertools.chain(graph.node, *(function.node_def for function in graph.library.function))
    return any(node.op == "Assert" for node in nodes)


def _all(tile: Tile, moment: int | None) -> tuple[tf.Tensor, ...]:
    return tuple(tile.row) if moment is None else (*tile.row, tile.state[moment])


def _value(tile: Tile, moment: int | None) -> tuple[tf.Tensor, ...]:
    return (tile.row.value,)
