"""What stands for a number or a variable where Keras expects one, so that it computes with what is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

# A number that any hyperparameter may have.
SOME = 0.5


class Float64(np.float64):
    """A float64 scalar that leaves its product with a Keras variable to the variable; NumPy's would read it."""

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if hasattr(other, "assign") else super().__mul__(other)


class Live:
    """A variable of the state whose value is read when it is used, as that of a `tf.Variable` is.

    ScheduleFreeAdamW keeps a variable's value, updates the variable, and then computes with what it kept; on TensorFlow
    that is the updated one.
    """

    def __init__(self, variable: Any):
        self._variable = variable
        self.dtype, self.shape = variable.dtype, variable.shape
        self.assign, self.assign_add, self.assign_sub = variable.assign, variable.assign_add, variable.assign_sub

    @property
    def value(self) -> Live:
        """Itself, whatever the variable has become."""
        return self

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        return tf.convert_to_tensor(self._variable.value, dtype)


class Hyperparameter(float):
    """A tensor where Keras expects a number: what Keras compares is a number, what it computes with is the tensor."""

    def __new__(cls, tensor: tf.Tensor):
        """For this tensor."""
        made = super().__new__(cls, SOME)
        made.tensor = tensor
        return made

    @property
    def dtype(self) -> tf.DType:
        """The tensor's."""
        return self.tensor.dtype

    @property
    def shape(self) -> tf.TensorShape:
        """The tensor's."""
        return self.tensor.shape

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        return self.tensor if dtype is None else tf.cast(self.tensor, dtype)

    def __neg__(self) -> tf.Tensor:
        return -self.tensor


def _with_tensor(name: str) -> Callable[[Any, Any], Any]:
    def operator(self: Hyperparameter, other: Any) -> Any:
        return getattr(self.tensor, name)(other.value if hasattr(other, "assign") else other)

    return operator


for _operator in ("add", "sub", "mul", "truediv", "pow"):
    for _name in (f"__{_operator}__", f"__r{_operator}__"):
        setattr(Hyperparameter, _name, _with_tensor(_name))
