"""What a training was asked to do, as HParams can show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# Of an optimizer's settings, what is no number or says nothing of the mathematics.
_NO_SETTINGS = ("name", "learning_rate", "is_legacy_optimizer", "jit_compile")
# What is not used unless another setting says so.
_OF_AVERAGES = ("use_ema", "ema_momentum", "ema_overwrite_frequency")


def settings_of(model: Any, optimizer: Any, params: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """The settings by name: of a model, of its optimizer, and of this `fit`."""
    told = {"model": model.name, "optimizer": type(optimizer).__name__.lower()}
    config = optimizer.get_config()
    rate = config.get("learning_rate")
    # Keras gives a float32 in float64, with digits that nobody typed.
    told["learning_rate"] = float(str(np.float32(rate))) if isinstance(rate, float) else "a schedule"
    left_out = _NO_SETTINGS if config.get("use_ema") else (*_NO_SETTINGS, *_OF_AVERAGES)
    for name, value in config.items():
        if name not in left_out and isinstance(value, bool | int | float | str):
            told[name] = value
    told |= {name: params[name] for name in ("epochs", "steps") if isinstance(params.get(name), int)}
    return told
