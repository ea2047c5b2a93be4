"""What is odd about an optimizer, where it explains what one sees."""

from __future__ import annotations

import numpy as np

from tbgrad.descent.optimizers import GivenOptimizer, Optimizer
from tbgrad.functions.function import Function

# With these sgd does something else than its formula.
_OTHERWISE = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "use_ema", "gradient_accumulation_steps")


def remarks(f: Function, optimizer: Optimizer | GivenOptimizer, noise: float) -> tuple[str, ...]:
    """Sentences on what this optimizer does that its name does not say.

    Args:
      f: the `Function`, for its number of variables.
      optimizer: with its settings.
      noise: the standard deviation of the noise on each partial derivative.
    """
    settings = optimizer.all_settings()
    momentum = settings.get("momentum")
    told = []
    if optimizer.name == "sgd" and not noise:
        others = {name: value for name, value in settings.items() if name in _OTHERWISE and value}
        kind = "plain gradient descent" if _is_zero(momentum) else "gradient descent with momentum"
        told.append("The gradient is exact: no noise, no batches." + ("" if others else f" So sgd is {kind}."))
    elif noise:
        told.append(
            f"Gaussian noise of standard deviation {noise:g} is added to each partial derivative that the optimizer "
            "gets, as a stand-in for batches; what is logged is the exact gradient."
        )
    else:
        told.append("The gradient is exact: no noise, no batches.")
    # On a vector Muon decays as its AdamW does.
    decay = settings.get("adam_weight_decay" if optimizer.name == "muon" else "weight_decay")
    if isinstance(decay, np.ndarray):
        decay = "of another strength for each start" if decay.any() else None
    if decay:
        told.append(
            f"Weight decay {decay} pulls every variable towards 0 at each step, whatever the function says: the point "
            "where this optimizer comes to rest is not f's minimum."
        )
    if optimizer.name == "ftrl":
        told.append(
            "Ftrl keeps no position of its own: it computes each one from the sum of the gradients, as if it had "
            "started from zero. So where the gradient is small its first step goes close to zero, wherever it starts."
        )
    if optimizer.name == "muon":
        ratio = settings.get("adam_lr_ratio", 1)
        slower = "" if ratio == 1 else f", at {ratio:g} of the learning rate"
        told.append(
            f"Muon orthogonalizes updates of matrices. A start is a vector, on which Keras runs AdamW instead{slower}."
        )
    if optimizer.name == "schedulefreeadamw":
        told.append(
            "Its position is the point at which gradients are taken, between the iterate and its average; on "
            "TensorFlow, Keras recovers the average with the iterate already updated, unlike the published rule."
        )
    if optimizer.name == "adafactor":
        told.append("Adafactor's step is relative: its length grows with the root mean square of the position.")
    if optimizer.name == "lamb":
        told.append("Lamb's update is as long as the learning rate times the distance from zero.")
    return tuple(told)


def _is_zero(momentum: object) -> bool:
    return not np.any(momentum)
