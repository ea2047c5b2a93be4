"""Which optimizer: Keras's name and keyword arguments as plain data, or an instance that the user made.

What it computes is the adapter's. Importing this module imports no TensorFlow: names are listed and completed without.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import numbers
from typing import Any

import numpy as np

from tbgrad.errors import BackendError, OptionError, UnknownOptimizerError, nearest

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

# These treat each coordinate on its own, so that many starts can be one variable; so do the wrapping settings of
# Keras but for these two. All other optimizers and settings run each start by itself.
_ELEMENTWISE = frozenset(OPTIMIZERS) - {"adafactor", "lamb", "muon"}
_COUPLED_SETTINGS = ("clipnorm", "global_clipnorm")


# What Keras looks at before the first step cannot be a number for each start.
_READ_ONCE = ("initial_accumulator_value",)


class Optimizer:
    """A Keras optimizer as plain data: its name and its keyword arguments.

    Args:
      name: as in `keras.optimizers`, in any case: `adam`.
      learning_rate: a positive number, an array of one for each start, a Keras learning-rate schedule, or `auto`: see
        `descent.rates`.
      settings: further keyword arguments of the Keras class, such as `momentum=0.9`. A number may be an array
        `[starts]`.

    Raises:
      UnknownOptimizerError: Keras has no optimizer of this name.
      OptionError: the learning rate is not a positive finite number.

    Example:
      >>> Optimizer("sgd", learning_rate=0.001, momentum=0.9)
      Optimizer('sgd', learning_rate=0.001, momentum=0.9)
    """

    def __init__(self, name: str, /, learning_rate: Any = "auto", **settings: Any):
        if not isinstance(name, str):
            raise OptionError(f"the name of an optimizer is {name!r}; expected text.")
        if name.lower() not in OPTIMIZERS:
            known = ", ".join(OPTIMIZERS)
            raise UnknownOptimizerError(
                f"no optimizer named '{name}'.{nearest(name, OPTIMIZERS)} Keras offers {known}."
            )
        self.name = name.lower()
        self.learning_rate = _checked_rate(learning_rate)
        self.settings = {n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in settings.items()}

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"Optimizer({self.name!r}, learning_rate={self.learning_rate!r}{settings})"

    def with_rate(self, learning_rate: Any) -> Optimizer:
        """The same optimizer with another learning rate."""
        return Optimizer(self.name, learning_rate, **self.settings)

    def key(self) -> tuple:
        """Equal for optimizers that compile to the same program: numbers that it takes as inputs are left out."""
        rate = _schedule_key(self.learning_rate) if hasattr(self.learning_rate, "get_config") else "a number"
        settings = {n: "an array" if isinstance(v, np.ndarray) else v for n, v in self.settings.items()}
        return self.name, rate, json.dumps(settings, sort_keys=True, default=repr)

    def arrays(self) -> tuple[str, ...]:
        """The names of the settings that are given for each start."""
        return tuple(sorted(name for name, value in self.settings.items() if isinstance(value, np.ndarray)))

    def keras_class(self) -> type:
        """The class of this name."""
        classes = vars(import_keras().optimizers).items()
        return next(c for name, c in classes if inspect.isclass(c) and name.lower() == self.name)

    def all_settings(self) -> dict[str, Any]:
        """All keyword arguments but the learning rate, with Keras's defaults where nothing else is asked.

        Raises:
          OptionError: Keras does not know a setting, or it is of the wrong type.
          BackendError: Keras runs on another backend than TensorFlow.
        """
        known = _keyword_arguments(self.keras_class())
        for name in self.settings:
            if name not in known:
                raise OptionError(
                    f"{self.name} has no option '{name}'.{nearest(name, known)} It takes {', '.join(known)}."
                )
        given = self.settings.items()
        # Whether a number may be left out is for Keras to say.
        return known | {n: v if v is None else _checked_setting(self.name, n, known[n], v) for n, v in given}

    def changed(self) -> dict[str, Any]:
        """The settings that differ from Keras's defaults."""
        known = _keyword_arguments(self.keras_class())
        return {
            name: value
            for name, value in self.settings.items()
            if name not in known or isinstance(value, np.ndarray) or value != known[name]
        }

    @property
    def elementwise(self) -> bool:
        """Whether each coordinate goes its own way, whatever the others do."""
        # Nadam keeps a product of its beta_1, one number for the whole variable.
        one_number = self.name == "nadam" and self.arrays()
        coupled = any(self.settings.get(name) is not None for name in _COUPLED_SETTINGS)
        return self.name in _ELEMENTWISE and not coupled and not one_number


class GivenOptimizer:
    """A Keras optimizer that the user made, used through a copy; its hyperparameters have Keras's float32 precision."""

    def __init__(self, instance: Any):
        keras = import_keras()
        if not isinstance(instance, keras.optimizers.Optimizer):
            raise OptionError(
                f"expected an Optimizer, the name of one or a Keras optimizer; got a {type(instance).__name__}."
            )
        self._class, self.config = type(instance), _config_of(instance)
        self._is_keras_own = self._class.__module__.startswith("keras.")
        # Another class of the same name is another optimizer.
        self.name = self._class.__name__.lower() if self._is_keras_own else self._class.__name__
        rate = self.config.get("learning_rate")
        self.learning_rate = float(rate) if isinstance(rate, numbers.Real) else None
        self.settings = {n: v for n, v in self.config.items() if n not in ("name", "learning_rate") and v is not None}

    def key(self) -> tuple:
        """Equal for optimizers that do the same."""
        # Keras numbers the names of its instances, which makes no difference.
        config = {name: value for name, value in self.config.items() if name != "name"}
        return self._class, json.dumps(config, sort_keys=True, default=repr)

    def arrays(self) -> tuple[str, ...]:
        """None: what is given is one Keras optimizer."""
        return ()

    def keras_class(self) -> type:
        """The instance's own class."""
        return self._class

    def all_settings(self) -> dict[str, Any]:
        """All keyword arguments but the learning rate."""
        return dict(self.settings)

    @property
    def elementwise(self) -> bool:
        """Whether each coordinate goes its own way; False where nobody can know."""
        return self._is_keras_own and self.name in OPTIMIZERS and Optimizer(self.name, 1.0, **self.settings).elementwise


def _config_of(instance: Any) -> dict[str, Any]:
    """The configuration from which a copy can be made.

    Raises:
      OptionError: it does not hold all that the instance was made with.
    """
    kind = type(instance).__name__
    try:
        config = instance.get_config()
    except Exception as error:
        # A user's own class may raise anything.
        raise OptionError(f"{kind} cannot be copied: its get_config raises {type(error).__name__}: {error}") from error
    arguments = inspect.signature(type(instance).__init__).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [a.name for a in arguments if a.kind not in kinds and a.name != "self" and a.name not in config]
    if missing:
        raise OptionError(f"{kind} cannot be copied: its get_config lacks {', '.join(missing)}.")
    return config


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


@functools.cache
def _keyword_arguments(optimizer_class: type) -> dict[str, Any]:
    """The constructor's keyword arguments with their defaults, but for the learning rate and the name."""
    arguments = inspect.signature(optimizer_class.__init__).parameters.values()
    keywords = (a for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD)
    return {a.name: a.default for a in keywords if a.name not in ("self", "learning_rate", "name")}


def _checked_setting(optimizer: str, name: str, default: Any, value: Any) -> Any:
    """A setting of the type that its default tells; where that is None, Keras judges all but text and bools."""
    if isinstance(default, bool):
        right, expected = isinstance(value, bool), "true or false"
    elif isinstance(value, np.ndarray):
        each = isinstance(default, float) and name not in _READ_ONCE
        right, expected = each and _is_one_for_each(value), "a number, which is the same for all starts"
    elif isinstance(default, int | float):
        right, expected = isinstance(value, numbers.Real) and not isinstance(value, bool), "a number"
    else:
        right, expected = not isinstance(value, str | bool), "a number"
    if not right:
        raise OptionError(f"{optimizer}: {name} is {value!r}; expected {expected}.")
    return float(value) if isinstance(default, float) and not isinstance(value, np.ndarray) else value


def _is_one_for_each(value: np.ndarray) -> bool:
    return value.ndim == 1 and value.size > 0 and value.dtype.kind in "fiu" and bool(np.isfinite(value).all())


def _checked_rate(rate: Any) -> Any:
    if isinstance(rate, str) and rate == "auto":
        return rate
    if isinstance(rate, numbers.Real) and not isinstance(rate, bool):
        if not (math.isfinite(rate) and rate > 0):
            raise OptionError(f"the learning rate is {rate}; expected a positive number, or auto.")
        return float(rate)
    if isinstance(rate, np.ndarray) and rate.ndim:
        if not (_is_one_for_each(rate) and (rate > 0).all()):
            raise OptionError("the learning rates of the starts need to be an array [starts] of positive numbers.")
        return rate.astype(np.float64)
    if hasattr(rate, "get_config") and callable(rate):
        return rate
    raise OptionError(f"the learning rate is {rate!r}; expected a positive number, a Keras schedule, or auto.")


def _schedule_key(schedule: Any) -> tuple:
    """Equal for schedules that do the same; one that Keras does not have is only itself."""
    if not type(schedule).__module__.startswith("keras."):
        return (schedule,)
    return type(schedule), json.dumps(schedule.get_config(), sort_keys=True, default=repr)
