"""The largest eigenvalue of the Hessian along a training, against the edge that belongs to the optimizer.

Source: Cohen et al. (2021), Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability,
arXiv:2103.00065; Cohen et al. (2022), Adaptive Gradient Methods at the Edge of Stability, arXiv:2207.14484.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tbgrad.calculus.lanczos import PRODUCTS, extreme_eigenvalues
from tbgrad.errors import OptionError, RangeError
from tbgrad.functions.models import ModelLoss, model_loss
from tbgrad.instruments.edges import edge, preconditioner
from tbgrad.records import Chart, Scalars

# What the optimizer keeps of squared gradients.
_SECOND_MOMENT = {
    "adam": "_velocities",
    "adamw": "_velocities",
    "nadam": "_velocities",
    "rmsprop": "_velocities",
    "adagrad": "_accumulators",
}
SHARPNESS_TAG, OVER_EDGE_TAG = "training/sharpness", "training/sharpness_over_edge"
# Of the dashboard Custom Scalars.
CHARTS = {
    "training: sharpness": (
        Chart("sharpness over the edge of stability", (f"^{OVER_EDGE_TAG}$",)),
        Chart("sharpness, in loss per weight²", (f"^{SHARPNESS_TAG}$",)),
    )
}
QUESTIONS = (("How strongly does the loss bend, and how near is that to the edge?", "Custom Scalars", SHARPNESS_TAG),)
DESCRIPTIONS = {
    SHARPNESS_TAG: "Largest eigenvalue of the Hessian of the loss, on the data given for it: how strongly the loss "
    "bends here in the direction in which it bends upwards most. In loss per weight².",
    OVER_EDGE_TAG: "Largest eigenvalue of the Hessian as this optimizer sees it, over the edge of stability that its "
    "settings allow. Above 1, its steps on a quadratic swing ever wider; training on full batches stays about there. "
    "The edge holds for full batches only: with small ones, training stays below it. Left out where no edge is known; "
    "known are those of sgd, rmsprop, adam, adamw, nadam and adagrad.",
}


@dataclass(eq=False)
class Sharpness:
    """What is measured of the curvature along a training, on which data and how often.

    Nothing of the model is touched. The programs are compiled at the first measurement and kept until `close`.

    Args:
      x: the data, as `model_loss` takes it: what the gradient of a full batch would be of, or enough of it.
      y: the targets, or None.
      every: every how many steps; by default 100. At step 0 and all multiples of it.
      steps: the steps, instead of `every`.
      sample_weight: weights of the samples, or None.
      batch_size: samples to compute at once, which bounds the memory; None for all.
      products: Hessian-vector products to take at most; each costs about four gradients. With too few of them the
        eigenvalue comes out too small. They take 8 × `products` × d bytes of memory for d weights.

    Raises:
      OptionError: both `every` and `steps` are given, or no whole numbers.
      RangeError: `every` or `products` is below 1, or a step is negative.

    Example:
      >>> sharpness = tbgrad.Sharpness(x[:1000], y[:1000], every=50)
      >>> model.fit(x, y, callbacks=[tbgrad.GradientCallback("logs/mnist", sharpness=sharpness)])
    """

    x: Any
    y: Any = None
    every: int | None = field(default=None, kw_only=True)
    steps: Sequence[int] | None = field(default=None, kw_only=True)
    sample_weight: Any = field(default=None, kw_only=True)
    batch_size: int | None = field(default=None, kw_only=True)
    products: int = field(default=PRODUCTS, kw_only=True)
    _loss: ModelLoss | None = field(default=None, init=False, repr=False)

    def __post_init__(self):
        if self.every is not None and self.steps is not None:
            raise OptionError("every and steps both say when; expected one of them.")
        if self.every is None and self.steps is None:
            self.every = 100
        given = [("every", self.every, 1), ("products", self.products, 1)]
        given += [("a step", step, 0) for step in self.steps or ()]
        for name, number, least in given:
            if number is None:
                continue
            if not isinstance(number, numbers.Integral) or isinstance(number, bool):
                raise OptionError(f"{name} is {number!r}; expected a whole number.")
            if number < least:
                raise RangeError(f"{name} is {number}; expected at least {least}.")

    def is_due(self, step: int) -> bool:
        """Whether it is to be measured before the update that is made after so many others."""
        return step in self.steps if self.steps is not None else step % self.every == 0

    def measure(self, model: Any, optimizer: Any = None) -> tuple[float, float]:
        """Computes the largest eigenvalue at the present weights, and what the optimizer sees, over its edge.

        BatchNormalization takes the statistics of the batch, as in training; dropout is off.

        Args:
          model: a Keras model that is built, with a loss.
          optimizer: a Keras optimizer that is built, whose learning rate is the present one; by default the model's.

        Returns:
          Sharpness, in loss per weight²; and that of the Hessian with the preconditioner of the optimizer's last
          update, over its edge. NaN where it is not finite, or no edge is known; for adaptive optimizers also before
          the first update, which has none.

        Raises:
          OptionError, ShapeError: as `model_loss`.
          FunctionCallError, NoGradientError: the loss cannot be computed, or differentiated.
        """
        f = self._function(model)
        weights = f.weights()[None]
        sharpness = self._largest(f, weights)
        optimizer = getattr(model, "optimizer", None) if optimizer is None else optimizer
        name, settings, inner = _described(optimizer)
        if not name:
            return sharpness, float("nan")
        limit = float(edge(name, settings, _rate(inner)))
        if name == "sgd" or np.isnan(limit):
            return sharpness, sharpness / limit if limit else float("nan")
        scale = _scale(f, name, settings, inner, model)
        if scale is None:
            return sharpness, float("nan")
        return sharpness, self._largest(f, weights, scale) / limit if limit else float("nan")

    def close(self) -> None:
        """Lets go of the model and of the compiled programs; a further measurement makes new ones."""
        self._loss = None

    def _function(self, model: Any) -> ModelLoss:
        f = self._loss
        if f is None or f.model is not model or f.call.is_outdated():
            self._loss = f = model_loss(
                model,
                self.x,
                self.y,
                sample_weight=self.sample_weight,
                batch_size=self.batch_size,
                batch_norm="batch",
            )
        return f

    def _largest(self, f: ModelLoss, weights: np.ndarray, scale: np.ndarray | None = None) -> float:
        if not np.isfinite(weights).all() or (scale is not None and not np.isfinite(scale).all()):
            return float("nan")
        _, largest = extreme_eigenvalues(f, weights, products=self.products, scale=scale)
        return float(largest[0])


def sharpness_scalars(step: Any, sharpness: Any, over_edge: Any) -> list[Scalars]:
    """The series of what was measured at steps, arrays `[n]`; what is not finite is left out, and so are empty ones."""
    found = []
    for tag, value in ((SHARPNESS_TAG, sharpness), (OVER_EDGE_TAG, over_edge)):
        value = np.atleast_1d(np.asarray(value, np.float64))
        kept = np.isfinite(value)
        if kept.any():
            found.append(Scalars(tag, np.atleast_1d(step)[kept], value[kept], description=DESCRIPTIONS[tag]))
    return found


def _described(optimizer: Any) -> tuple[str, dict[str, Any], Any]:
    """Keras's name in lower case, empty for what is none of Keras's own; its settings; and what makes the update."""
    # What scales a loss hands the unscaled gradient on.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    kind = type(inner)
    if inner is None or getattr(keras.optimizers, kind.__name__, None) is not kind:
        return "", {}, inner
    return kind.__name__.lower(), inner.get_config(), inner


def _rate(optimizer: Any) -> float:
    """The present learning rate; NaN where it is not positive, and no edge belongs to it."""
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    return rate if rate > 0 else float("nan")


def _scale(f: ModelLoss, name: str, settings: dict[str, Any], optimizer: Any, model: Any) -> np.ndarray | None:
    """P^-1/2 of the last update as `[1, d]`; None before the first one, or where the optimizer keeps nothing."""
    step = int(optimizer.iterations.numpy())
    kept = getattr(optimizer, _SECOND_MOMENT.get(name, ""), None)
    if step < 1 or not kept:
        return None
    moments = [kept[optimizer._get_variable_index(variable)] for variable in model.trainable_weights]
    moment = f.layout.flatten(moments)[None, None]
    divisor = preconditioner(name, settings, np.array([step - 1]), moment)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / np.sqrt(divisor[0])
