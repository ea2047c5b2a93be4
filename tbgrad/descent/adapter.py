"""The adapter to Keras: an optimizer's step as a pure function of its state, in the dtype asked for.

Keras can step without variables on every backend but TensorFlow's, whose own methods are made for distribution over
devices. Keras's generic ones are put in their place, so that a step is `(state, gradient, position)` to the next ones:
many can run at once, and their hyperparameters may be tensors, another one for each start.

Keras holds hyperparameters as Python floats, and sends them through float32 whatever the variable's dtype: 0.9
becomes 0.8999999761581421. NumPy's float64 scalars keep theirs, and so does a learning rate that is a callable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tbgrad.descent.optimizers import GivenOptimizer, Optimizer, import_keras
from tbgrad.descent.stand_ins import SOME, Float64, Hyperparameter, Live
from tbgrad.errors import OptionError

State = tuple[tf.Tensor, ...]

# What TensorFlow's backend does for distributed training, and Keras's base class does for all others.
_GENERIC = (
    "assign",
    "assign_add",
    "assign_sub",
    "stateless_apply",
    "_apply_weight_decay",
    "_backend_update_step",
    "_overwrite_model_variables_with_average_value",
    "_var_key",
)


class Update:
    """One update of a Keras optimizer on a variable of some shape, as a pure function.

    Args:
      optimizer: what to run.
      shape: of the position that it updates: `[d]`, or `[starts, d]` where it treats each coordinate on its own.
      dtype: `float64` or `float32`.

    Attributes:
      second_moment: which part of the state is the running mean of squared gradients, or None.

    Raises:
      OptionError: Keras does not know a setting, or does not take its value.
      BackendError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, optimizer: Optimizer | GivenOptimizer, shape: Sequence[int], dtype: str):
        self._dtype, self._hyperparameters = dtype, optimizer.arrays()
        self._keras = _made(optimizer, dtype)
        scheduled = hasattr(optimizer.learning_rate, "get_config")
        self._takes_rate = isinstance(optimizer, Optimizer) and not scheduled
        # Some optimizers begin with a copy of the variable: a probe tells which part of their state that is.
        probe = np.random.default_rng(0).normal(size=shape).astype(dtype)
        variable = import_keras().Variable(probe, dtype=dtype)
        self._keras.build([variable])
        self._initial = [v.numpy() for v in self._keras.variables]
        self._copies = {i for i, value in enumerate(self._initial) if np.array_equal(value, probe)}
        if "schedulefree" in optimizer.name:
            self._keras._momentums = [Live(v) for v in self._keras._momentums]
        names = [v.path.rsplit("/", 1)[-1] for v in self._keras.variables]
        self.second_moment = next(
            (i for i, name in enumerate(names) if name.endswith(("velocity", "accumulator"))), None
        )

    def begin(self, position: tf.Tensor) -> State:
        """The state before the first update."""
        return tuple(position if i in self._copies else tf.constant(v) for i, v in enumerate(self._initial))

    def __call__(
        self, state: State, gradient: tf.Tensor, position: tf.Tensor, rate: tf.Tensor, *hyperparameters: tf.Tensor
    ) -> tuple[tf.Tensor, State]:
        """The next position and state.

        Args:
          state: of `begin`, or the last update's.
          gradient: of the position's shape.
          position: of `shape`.
          rate: the learning rate; a user's own optimizer and a schedule have their own.
          hyperparameters: as `Optimizer.arrays` lists them, of shapes that go with the position's.
        """
        if self._takes_rate:
            self._keras.learning_rate = lambda: rate
        for name, tensor in zip(self._hyperparameters, hyperparameters, strict=True):
            setattr(self._keras, name, Hyperparameter(tensor))
        if self._keras.loss_scale_factor:
            # Training scales the loss by it, and Keras takes it out of the gradient again.
            gradient = gradient * self._keras.loss_scale_factor
        try:
            (position,), state = self._keras.stateless_apply(list(state), [gradient], [position])
        except Exception as error:
            # A user's own optimizer may raise anything.
            reason = (str(error).splitlines() or [""])[0]
            raise OptionError(
                f"{type(self._keras).__name__} cannot be run step by step: {type(error).__name__}: {reason[:200]} "
                "A wrapper of another optimizer cannot; give that one."
            ) from error
        return position, tuple(state)


def check_settings(optimizer: Optimizer | GivenOptimizer, dtype: str) -> None:
    """Raises OptionError for settings of single starts that Keras does not take; others are seen by the program."""
    if optimizer.arrays():
        _made(optimizer, dtype)


def check_taken(optimizer: Optimizer | GivenOptimizer, dtype: str) -> None:
    """Raises OptionError for settings that Keras does not take, before any program is made."""
    _made(optimizer, dtype)


def schedule_of(optimizer: Optimizer | GivenOptimizer, dtype: str) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """The learning rates `[n]` at steps `[n]`, compiled, or None where the user's optimizer has no schedule."""
    schedule = _made(optimizer, dtype)._learning_rate
    if not hasattr(schedule, "get_config") or not callable(schedule):
        return None

    def rates(steps: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(lambda step: tf.cast(schedule(step), dtype), steps, fn_output_signature=dtype)

    return tf.function(rates, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)


def _made(optimizer: Optimizer | GivenOptimizer, dtype: str) -> Any:
    """A fresh Keras optimizer whose step is pure."""
    pure = _pure(optimizer.keras_class())
    if isinstance(optimizer, GivenOptimizer):
        try:
            return pure.from_config(optimizer.config)
        except Exception as error:
            # A user's own class, or a rate that cannot be written down, may raise anything.
            reason = (str(error).splitlines() or [""])[0]
            raise OptionError(
                f"{pure.__name__} cannot be copied from its configuration: {type(error).__name__}: {reason[:200]}"
            ) from error
    settings = optimizer.all_settings()
    arrays = {name: settings[name] for name in optimizer.arrays()}
    # A number is given to the program when it runs.
    scheduled = hasattr(optimizer.learning_rate, "get_config")
    rate = _schedule(optimizer.learning_rate, dtype) if scheduled else lambda: None
    try:
        # What Keras says of the smallest and the largest is true of those between.
        for extreme in (np.min, np.max):
            # What is zero for all starts but may be something else is none that Keras may leave out.
            numbers = settings | {name: float(extreme(array)) or SOME for name, array in arrays.items()}
            numbers = {name: _in_dtype(value, dtype) for name, value in numbers.items()}
            made = pure(learning_rate=rate, **numbers)
    except (ValueError, TypeError) as error:
        raise OptionError(f"{optimizer.name} does not take these options: {error}") from None
    return made


@functools.cache
def _pure(optimizer_class: type) -> type:
    """A Keras optimizer's class with its backend's methods replaced by the generic ones."""
    keras_base = import_keras().optimizers.Optimizer
    backend = next(c for c in keras_base.__mro__ if c.__name__ == "TFOptimizer")
    generic = next(c for c in keras_base.__mro__ if c.__name__ == "BaseOptimizer")
    methods = {name: getattr(generic, name) for name in _GENERIC}
    methods |= {"_backend_apply_gradients": _apply_gradients, "_only_where": _only_where}
    # Python asks a class before those that it derives from: the optimizer's own methods still come first.
    stateless = type("StatelessOptimizer", (backend,), methods)
    return type(optimizer_class.__name__, (optimizer_class, stateless), {})


def _apply_gradients(self: Any, gradients: list, variables: list) -> None:
    """As Keras does, but with choices between values where Keras has branches that assign."""

    def update(gradients: list) -> None:
        gradients = self._clip_gradients(gradients)
        self._apply_weight_decay(variables)
        self._backend_update_step(gradients, variables, self.learning_rate)

    every = self.gradient_accumulation_steps
    if every:
        due = (self._iterations.value + 1) % every == 0
        totals = [g + a.value for g, a in zip(gradients, self._accumulated_gradients, strict=True)]
        self._only_where(due, lambda: update([total / every for total in totals]))
        for accumulator, total in zip(self._accumulated_gradients, totals, strict=True):
            accumulator.assign(tf.where(due, tf.zeros_like(total), total))
    else:
        update(gradients)
    if self.use_ema:
        self._update_model_variables_moving_average(variables)
        if self.ema_overwrite_frequency:
            due = (self.iterations + 1) % self.ema_overwrite_frequency == 0
            self._only_where(due, lambda: self._overwrite_model_variables_with_average_value(variables))


def _only_where(self: Any, condition: tf.Tensor, update: Callable[[], None]) -> None:
    """Keeps what an update assigns only where the condition holds."""
    before = [(variable, variable.value) for variable in [*self._trainable_variables, *self.variables]]
    update()
    for variable, value in before:
        variable.assign(tf.where(condition, variable.value, value))


def _in_dtype(value: Any, dtype: str) -> Any:
    if isinstance(value, list | tuple):
        return [_in_dtype(v, dtype) for v in value]
    return Float64(value) if isinstance(value, float) and dtype == "float64" else value


def _schedule(schedule: Any, dtype: str) -> Any:
    """A schedule that Keras has is made anew, of numbers in this dtype; another one is taken as it is."""
    schedules = vars(import_keras().optimizers.schedules).values()
    if type(schedule) not in schedules:
        return schedule
    config: Mapping = schedule.get_config()
    return type(schedule)(**{name: _in_dtype(value, dtype) for name, value in config.items()})
