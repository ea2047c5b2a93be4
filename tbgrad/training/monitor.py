"""Logs the gradients of a training loop of one's own, with one call at each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import keras
import tensorflow as tf

from tbgrad.errors import NoGradientError, OptionError, ShapeError
from tbgrad.results import Fault, Layer, Training
from tbgrad.training.networks import grouped
from tbgrad.training.probes import Probe
from tbgrad.training.readings import Reader
from tbgrad.training.recording import Recorder
from tbgrad.training.schedules import Schedule, is_count
from tbgrad.training.watching import Rules


class GradientMonitor:
    """Logs what `GradientCallback` logs, from a loop with a `tf.GradientTape`; works inside `tf.function`.

    It is called between the gradients and the update, once at each step. The update itself is measured at the next
    call, and the last one when the monitor is closed. What is measured goes to the run when enough of it has gathered,
    at `flush`, and when the monitor is closed.

    Args:
      logdir: the run's directory; where a run is already, the next free name is taken, and that is said.
      every: as in `GradientCallback`.
      layers: as there.
      rules: as there.
      jit_compile: whether it is called in a program of XLA, which cannot call Python: then `flush` is to be called from
        outside before `capacity` rows have gathered.
      capacity: int ≥ 1, rows that can gather.
      quiet: whether nothing is said on the terminal.
      overwrite: as in `GradientCallback`.

    Attributes:
      directory: the run's.
      training: `Training`, what was read so far, or None.
      faults: what was found wrong so far.

    Raises:
      OptionError: an option is not what it should be.

    Example:
      >>> with tbgrad.GradientMonitor("logs/mine") as monitor:
      ...     for step, (x, y) in enumerate(batches):
      ...         with tf.GradientTape() as tape:
      ...             loss = compute_loss(model(x), y)
      ...         gradients = tape.gradient(loss, model.trainable_variables)
      ...         monitor(gradients, model.trainable_variables, step, loss=loss)
      ...         optimizer.apply(gradients, model.trainable_variables)
    """

    def __init__(
        self,
        logdir: str | Path,
        *,
        every: int | None = None,
        layers: Sequence[str] | None = None,
        rules: Rules | None = None,
        jit_compile: bool = False,
        capacity: int = 1000,
        quiet: bool = False,
        overwrite: bool = False,
    ):
        if not is_count(capacity):
            raise OptionError(f"capacity is {capacity!r}; expected a whole number of rows, at least 1.")
        self._schedule, self._capacity, self._in_xla = Schedule(every), int(capacity), jit_compile
        self._recorder = Recorder(logdir, rules, layers, quiet, overwrite)
        self._probe: Probe | None = None
        self._reader: Reader | None = None
        self._places: dict[Any, int] = {}
        self._without: dict[int, str] = {}

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self._recorder.directory

    @property
    def training(self) -> Training | None:
        """What was read so far, or None."""
        return self._recorder.training

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was found wrong so far."""
        return tuple(self._recorder.faults)

    @tf.autograph.experimental.do_not_convert
    def __call__(
        self,
        gradients: Sequence[Any],
        variables: Sequence[Any],
        step: Any,
        loss: Any = None,
        learning_rate: Any = None,
    ) -> None:
        """Measures a step's gradients.

        Args:
          gradients: one for each variable, as a tape gives them: tensors, `tf.IndexedSlices` or None.
          variables: Keras's or TensorFlow's; the same ones in each call.
          step: int, or integer tensor: the updates made before; strictly increasing.
          loss: of the batch, a tensor of any shape, of which the mean is taken; or None.
          learning_rate: number or tensor, a schedule of Keras's, or None.

        Raises:
          ShapeError: there are not as many gradients as variables, or one has another shape than its variable.
          NoGradientError: no variable gets a gradient.
          OptionError: the variables are none, or not those of the first call; or the monitor is closed.
        """
        gradients, variables = list(gradients), [_plain(v) for v in variables]
        if len(gradients) != len(variables):
            raise ShapeError(f"got {len(gradients)} gradients for {len(variables)} variables; expected one for each.")
        for variable, gradient in zip(variables, gradients, strict=True):
            if not isinstance(gradient, tf.IndexedSlices | None) and not variable.shape.is_compatible_with(
                gradient.shape
            ):
                raise ShapeError(
                    f"'{variable.name}' of shape {variable.shape} got a gradient of shape {gradient.shape}."
                )
        if all(gradient is None for gradient in gradients):
            raise NoGradientError(
                f"none of {len(variables)} variables gets a gradient; compute the loss from them within the tape."
            )
        if self._probe is None:
            self._begin(gradients, variables)
        elif not self._recorder.is_open:
            raise OptionError("the monitor is closed; make another one.")
        if [self._places.get(v.ref()) for v in variables] != list(range(len(self._places))):
            raise OptionError("the variables are not those of the first call; a monitor watches one set of them.")
        for place, gradient in enumerate(gradients):
            if gradient is None:
                self._without.setdefault(place, "the tape finds no way from the loss back to it")
        probe = self._probe
        self._read_if_full(probe.after_update())
        if loss is not None:
            probe.note_loss(tf.stop_gradient(tf.convert_to_tensor(loss)))
        if callable(learning_rate) and not isinstance(learning_rate, tf.Variable | keras.Variable):
            learning_rate = learning_rate(step)
        rate = None if learning_rate is None else lambda: learning_rate
        probe.before_update(step, gradients, rate=rate, on_fault=self._call_python)

    def flush(self) -> None:
        """Writes what has gathered, and makes it visible to TensorBoard; not to be called inside `tf.function`."""
        if self._probe is not None and self._recorder.is_open:
            self._read()
            self._recorder.flush()

    def close(self, status: str = "complete") -> None:
        """Measures the last update, writes the verdict and closes the run; a second call does nothing."""
        if self._probe is not None and self._recorder.is_open:
            self._probe.after_update()
            self._read()
            if self._reader.lost:
                self._recorder.say(
                    f"{self._reader.lost:,} rows were overwritten before they were read: call flush() more often, or "
                    f"take a larger capacity than {self._capacity:,}."
                )
            self._recorder.close(status)

    def __enter__(self) -> GradientMonitor:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close("complete" if kind is None else "failed")

    def _begin(self, gradients: Sequence[Any], variables: Sequence[tf.Variable]) -> None:
        with tf.init_scope():
            self._probe = Probe(variables, self._schedule, capacity=self._capacity)
        self._places = {v.ref(): place for place, v in enumerate(variables)}
        layers = grouped([_path(v) for v in variables], [v.shape.num_elements() for v in variables])
        self._reader = Reader(self._probe, _marked(layers, gradients))
        self._recorder.open({"model": "a loop", "weights": sum(sum(layer.sizes) for layer in layers)})

    def _read_if_full(self, is_new: tf.Tensor) -> None:
        half, measured = max(1, self._capacity // 2), self._probe.status[0]
        if tf.executing_eagerly():
            if int(measured) - self._reader.read >= half or self._recorder.is_due:
                self._read()
        elif not self._in_xla:
            tf.cond(is_new & (measured % half == 0), self._call_python, lambda: None)

    def _call_python(self) -> None:
        """Reads what has gathered, from within a program too; XLA's cannot."""
        if tf.executing_eagerly():
            self._read()
        elif not self._in_xla:
            tf.numpy_function(lambda _: self._read(), [self._probe.status], [])

    def _read(self) -> None:
        self._recorder.add(self._reader.new_rows(self._without))


def _plain(variable: Any) -> tf.Variable:
    variable = variable.value if isinstance(variable, keras.Variable) else variable
    if not isinstance(variable, tf.Variable):
        raise OptionError(f"the variables hold a {type(variable).__name__}; expected tf.Variable or keras.Variable.")
    return variable


def _path(variable: tf.Variable) -> str:
    # Keras names its own variables by their path.
    return variable.name


def _marked(layers: Sequence[Layer], gradients: Sequence[Any]) -> tuple[Layer, ...]:
    """The layers with those marked whose gradients come row by row, as an embedding's do."""
    marked, place = [], 0
    for layer in layers:
        own = gradients[place : place + len(layer.weights)]
        place += len(layer.weights)
        marked.append(dataclasses.replace(layer, is_sparse=any(isinstance(g, tf.IndexedSlices) for g in own)))
    return tuple(marked)
