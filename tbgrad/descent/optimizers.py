"""The adapter to Keras: names and keyword arguments to an optimizer that computes in the dtype asked for.

Keras holds hyperparameters as Python floats, and sends them through float32 whatever the variable's dtype: 0.9
becomes 0.8999999761581421. NumPy's float64 scalars keep theirs, and so does a learning rate that is a callable.
Importing this module imports no TensorFlow; making an optimizer does.
"""

from __future__ import annotations

import inspect
import json
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from tbgrad.errors import BackendError, CoupledStartsError, OptionError, UnknownOptimizerError, nearest

# What keras.optimizers offers, but for wrappers of others; a test compares. Completion needs it without Keras.
OPTIMIZERS = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lamb",
    "lion",
    "muon",
    "nadam",
    "rmsprop",
    "schedulefreeadamw",
    "sgd",
)

# These compute a norm, a mean or a matrix product over the whole variable, and so over all starts in it.
_COUPLED_OPTIMIZERS = ("adafactor", "lamb", "muon")
_COUPLED_SETTINGS = ("clipnorm", "global_clipnorm")


class Optimizer:
    """A Keras optimizer as plain data: its name and its keyword arguments.

    Args:
      name: as in `keras.optimizers`, in any case: `adam`.
      learning_rate: a positive number, a Keras learning-rate schedule, or `auto`: see `descent.rates`.
      settings: further keyword arguments of the Keras class, such as `momentum=0.9`.

    Raises:
      UnknownOptimizerError: Keras has no optimizer of this name.
      OptionError: the learning rate is not a positive finite number.

    Example:
      >>> Optimizer("sgd", learning_rate=0.001, momentum=0.9)
      Optimizer('sgd', learning_rate=0.001, momentum=0.9)
    """

    def __init__(self, name: str, /, learning_rate: Any = "auto", **settings: Any):
        if name.lower() not in OPTIMIZERS:
            known = ", ".join(OPTIMIZERS)
            raise UnknownOptimizerError(
                f"no optimizer named '{name}'.{nearest(name, OPTIMIZERS)} Keras offers {known}."
            )
        self.name = name.lower()
        self.learning_rate = _checked_rate(learning_rate)
        self.settings = dict(settings)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"Optimizer({self.name!r}, learning_rate={self.learning_rate!r}{settings})"

    def with_rate(self, learning_rate: float) -> Optimizer:
        """The same optimizer with another learning rate."""
        return Optimizer(self.name, learning_rate, **self.settings)

    def key(self) -> tuple:
        """Equal for optimizers that do the same."""
        rate = self.learning_rate
        rate = rate if isinstance(rate, numbers.Real | str) else _config_key(rate)
        return self.name, rate, json.dumps(self.settings, sort_keys=True, default=repr)

    def make(self, dtype: str) -> Any:
        """Makes a fresh Keras optimizer that computes in this dtype.

        Raises:
          OptionError: Keras does not know a setting, or does not take its value.
          BackendError: Keras runs on another backend than TensorFlow.
        """
        optimizer_class = self._class()
        known = _keyword_arguments(optimizer_class)
        for name in self.settings:
            if name not in known:
                raise OptionError(
                    f"{self.name} has no option '{name}'.{nearest(name, known)} It takes {', '.join(known)}."
                )
        settings = {n: _checked_setting(self.name, n, known[n], v) for n, v in self.settings.items() if v is not None}
        settings = {n: _in_dtype(v, dtype) for n, v in {**known, **settings}.items() if v is not None}
        try:
            return optimizer_class(learning_rate=_rate(self.learning_rate, dtype), **settings)
        except (ValueError, TypeError) as error:
            raise OptionError(f"{self.name} does not take these options: {error}") from None

    def changed(self) -> dict[str, Any]:
        """The settings that differ from Keras's defaults."""
        known = _keyword_arguments(self._class())
        return {name: value for name, value in self.settings.items() if name not in known or value != known[name]}

    def _class(self) -> type:
        classes = vars(import_keras().optimizers).items()
        return next(c for name, c in classes if inspect.isclass(c) and name.lower() == self.name)

    def check_starts(self, starts: int) -> None:
        """Raises CoupledStartsError if this optimizer would mix so many starts."""
        coupled = [n for n in _COUPLED_SETTINGS if self.settings.get(n) is not None]
        if self.name in _COUPLED_OPTIMIZERS:
            coupled.insert(0, self.name)
        if starts > 1 and coupled:
            raise CoupledStartsError(
                f"{coupled[0]} computes over all coordinates of a variable at once and would mix the {starts} starts. "
                "Run each start on its own."
            )


class GivenOptimizer:
    """A Keras optimizer that the user made, used through a copy; its hyperparameters have Keras's float32 precision."""

    def __init__(self, instance: Any):
        keras = import_keras()
        if not isinstance(instance, keras.optimizers.Optimizer):
            raise OptionError(
                f"expected an Optimizer, the name of one or a Keras optimizer; got a {type(instance).__name__}."
            )
        self._class, self._config = type(instance), instance.get_config()
        self.name = self._class.__name__.lower()
        rate = self._config.get("learning_rate")
        self.learning_rate = float(rate) if isinstance(rate, numbers.Real) else None
        self.settings = {n: v for n, v in self._config.items() if n not in ("name", "learning_rate") and v is not None}

    def key(self) -> tuple:
        """Equal for optimizers that do the same."""
        # Keras numbers the names of its instances, which makes no difference.
        config = {name: value for name, value in self._config.items() if name != "name"}
        return self._class, json.dumps(config, sort_keys=True, default=repr)

    def make(self, dtype: str) -> Any:
        """Makes a fresh copy; the dtype is that of the variables it is built on."""
        return self._class.from_config(self._config)

    def check_starts(self, starts: int) -> None:
        """Raises CoupledStartsError if this optimizer mixes starts, or if nobody can know whether it does."""
        if starts > 1 and self.name not in OPTIMIZERS:
            raise CoupledStartsError(
                f"{self._class.__name__} may mix the {starts} starts, as an optimizer that tbgrad does not know. "
                "Run each start on its own."
            )
        if self.name in OPTIMIZERS:
            Optimizer(self.name, 1.0, **self.settings).check_starts(starts)


def as_optimizer(given: Any) -> Optimizer | GivenOptimizer:
    """Accepts an `Optimizer`, the name of one, or a Keras optimizer."""
    if isinstance(given, Optimizer | GivenOptimizer):
        return given
    return Optimizer(given) if isinstance(given, str) else GivenOptimizer(given)


def import_keras() -> Any:
    """Imports Keras.

    Raises:
      BackendError: it runs on another backend than TensorFlow.
    """
    try:
        import keras
    except ImportError as error:
        raise BackendError(
            f"Keras cannot be imported ({error}); tbgrad needs it with KERAS_BACKEND=tensorflow."
        ) from None
    if keras.config.backend() != "tensorflow":
        raise BackendError(
            f"Keras runs on {keras.config.backend()}; tbgrad needs TensorFlow: set KERAS_BACKEND=tensorflow."
        )
    return keras


def _keyword_arguments(optimizer_class: type) -> dict[str, Any]:
    """The constructor's keyword arguments with their defaults, but for the learning rate and the name."""
    arguments = inspect.signature(optimizer_class.__init__).parameters.values()
    keywords = (a for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD)
    return {a.name: a.default for a in keywords if a.name not in ("self", "learning_rate", "name")}


def _checked_setting(optimizer: str, name: str, default: Any, value: Any) -> Any:
    """A setting of the type that its default tells; where that is None, Keras judges all but text."""
    if isinstance(default, bool):
        right, expected = isinstance(value, bool), "true or false"
    elif isinstance(default, int | float):
        right, expected = isinstance(value, numbers.Real) and not isinstance(value, bool), "a number"
    else:
        right, expected = not isinstance(value, str), "a number"
    if not right:
        raise OptionError(f"{optimizer}: {name} is {value!r}; expected {expected}.")
    return float(value) if isinstance(default, float) else value


def _checked_rate(rate: Any) -> Any:
    if isinstance(rate, str) and rate == "auto":
        return rate
    if isinstance(rate, numbers.Real) and not isinstance(rate, bool):
        if not (math.isfinite(rate) and rate > 0):
            raise OptionError(f"the learning rate is {rate}; expected a positive number, or auto.")
        return float(rate)
    if hasattr(rate, "get_config") and callable(rate):
        return rate
    raise OptionError(f"the learning rate is {rate!r}; expected a positive number, a Keras schedule, or auto.")


def _rate(rate: Any, dtype: str) -> Any:
    import tensorflow as tf

    return (lambda: tf.constant(rate, dtype)) if isinstance(rate, float) else rate


class _Float64(np.float64):
    """A float64 scalar that leaves its product with a Keras variable to the variable; NumPy's would read it."""

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if hasattr(other, "assign") else super().__mul__(other)


def _in_dtype(value: Any, dtype: str) -> Any:
    return _Float64(value) if isinstance(value, float) and dtype == "float64" else value


def _config_key(schedule: Any) -> str:
    config: Mapping = schedule.get_config()
    return f"{type(schedule).__name__} {json.dumps(config, sort_keys=True, default=repr)}"
