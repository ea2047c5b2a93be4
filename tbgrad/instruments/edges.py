"""The edge of stability: how large an eigenvalue of the Hessian may be before an optimizer swings ever wider.

Along an eigenvector of a quadratic, with eigenvalue λ, an optimizer with momentum is a linear recurrence in two
terms. It grows where a root of its characteristic polynomial leaves the unit circle, which for these optimizers first
happens at -1. With learning rate η, momentum β and decoupled weight decay w, which Keras takes off the position
before the update, so that a = 1 - ηw of it is left:

    gradient descent, heavy ball      z² - (a + β - ηλ) z + aβ = 0                    λ = (1 + a)(1 + β) / η
    Nesterov                          z² - (a + β - ηλ(1 + β)) z + aβ - βηλ = 0       λ = (1 + a)(1 + β) / (η(1 + 2β))

An average of gradients instead of their sum, as in Adam, makes η smaller by 1 - β₁. Adaptive optimizers are these with
P⁻¹g for the gradient g, and what counts is the largest eigenvalue of P^-1/2 H P^-1/2, as if P stood still. Nadam's
momentum grows to β₁ in about a hundred steps; its edge is the one afterwards.

Source: Cohen et al. (2021), Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability,
arXiv:2103.00065; Cohen et al. (2022), Adaptive Gradient Methods at the Edge of Stability, arXiv:2207.14484. The terms
with weight decay follow from the polynomials above.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# The setting that is the momentum, with Keras's default; and whether it averages gradients.
_MOMENTUM = {
    "sgd": ("momentum", 0.0, False),
    "rmsprop": ("momentum", 0.0, False),
    "adagrad": (None, 0.0, False),
    "adam": ("beta_1", 0.9, True),
    "adamw": ("beta_1", 0.9, True),
    "nadam": ("beta_1", 0.9, True),
}
# With these, an update is no longer linear in the gradient, or not made at each step; or what P is made of is not
# among what is known of an update.
_NO_EDGE = (
    "amsgrad",
    "centered",
    "clipnorm",
    "clipvalue",
    "ema_overwrite_frequency",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "loss_scale_factor",
)


def edge(optimizer: str, settings: Mapping[str, Any], rate: Any) -> np.ndarray:
    """The eigenvalue above which a quadratic diverges: of the Hessian, or of the preconditioned one.

    Args:
      optimizer: Keras's name in lower case.
      settings: its further keyword arguments; numbers, or arrays that broadcast against `rate`. Keras's defaults stand
        for what is missing.
      rate: learning rate, an array of any shape, in position² per value (for adaptive optimizers: in position).

    Returns:
      Float64 array, 1 / unit of `rate`; NaN where no edge is known. For `sgd` it is of the Hessian; for `adam`,
      `adamw`, `nadam`, `rmsprop` and `adagrad` of the one that `preconditioner` makes.

    Example:
      >>> float(edge("sgd", {"momentum": 0.9}, 0.1))
      38.0
    """
    rate = np.asarray(rate, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where the decay alone diverges, no curvature is small enough.
        kept = np.maximum(2 - rate * _weight_decay(optimizer, settings), 0.0)
        return kept * _width(optimizer, settings) / rate


def largest_rate(optimizer: str, settings: Mapping[str, Any], curvature: Any) -> np.ndarray:
    """The learning rate at which the edge of stability meets this largest eigenvalue.

    Args:
      optimizer: Keras's name in lower case.
      settings: as in `edge`.
      curvature: largest eigenvalue of the Hessian, an array of any shape, in value per position².

    Returns:
      Float64 array, in position² per value. NaN where the eigenvalue is not positive, and for all but `sgd`, with or
      without momentum: others change their preconditioner on the way.

    Example:
      >>> float(largest_rate("sgd", {"momentum": 0.9}, 38.0))
      0.1
    """
    curvature = np.asarray(curvature, np.float64)
    width = _width(optimizer, settings) if optimizer == "sgd" else np.float64(np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = 2 * width / (curvature + _weight_decay(optimizer, settings) * width)
    return np.where(curvature > 0, rate, np.nan)


def preconditioner(
    optimizer: str, settings: Mapping[str, Any], step: np.ndarray, second_moment: np.ndarray | None
) -> np.ndarray | None:
    """The diagonal of P, by which the optimizer divides what it moves by, with Keras's place for epsilon.

    The bias of Adam's first moment is not part of it: an edge is about many steps.

    Args:
      optimizer: Keras's name in lower case.
      settings: as in `edge`; arrays `[starts]` at most.
      step: int `[rows]`, the updates made before this one.
      second_moment: `[rows, starts, d]`; see `Steps`.

    Returns:
      Float64 array `[rows, starts, d]`; None for optimizers without one, or without `second_moment`.
    """
    if optimizer == "sgd" or optimizer not in _MOMENTUM or second_moment is None:
        return None
    moment = np.asarray(second_moment, np.float64)
    epsilon = _number(settings, "epsilon", 1e-7)[..., None]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if optimizer in ("rmsprop", "adagrad"):
            return np.sqrt(moment + epsilon)
        made = np.asarray(step, np.float64)[:, None, None] + 1
        bias = np.sqrt(1 - _number(settings, "beta_2", 0.999)[..., None] ** made)
        # Nadam adds epsilon after the correction, Adam before it.
        return np.sqrt(moment) / bias + (epsilon if optimizer == "nadam" else epsilon / bias)


def _width(optimizer: str, settings: Mapping[str, Any]) -> np.ndarray:
    """The edge times the learning rate, halved, without weight decay; NaN where it is not known."""
    if optimizer not in _MOMENTUM or any(np.any(settings.get(name, False)) for name in _NO_EDGE):
        return np.float64(np.nan)
    name, default, averages = _MOMENTUM[optimizer]
    momentum = _number(settings, name, default) if name else np.float64(default)
    looks_ahead = optimizer == "nadam" or bool(settings.get("nesterov"))
    with np.errstate(divide="ignore"):
        width = (1 + momentum) / (1 + 2 * momentum if looks_ahead else 1.0)
        return width / (1 - momentum) if averages else width


def _weight_decay(optimizer: str, settings: Mapping[str, Any]) -> np.ndarray:
    return _number(settings, "weight_decay", 0.004 if optimizer == "adamw" else 0.0)


def _number(settings: Mapping[str, Any], name: str, default: float) -> np.ndarray:
    value = settings.get(name)
    return np.asarray(default if value is None else value, np.float64)
