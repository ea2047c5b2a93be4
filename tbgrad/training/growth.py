"""How loss and gradient have grown since the first step, over rows that come in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results import Rules, Training

# The loss must also be so many times its first; or the gradient must have grown so many times more than the loss would
# have to, and the loss to so many times its first.
_RISEN, _GRADIENT_MORE, _RISEN_SOME = 10.0, 10.0, 2.0


@dataclass(frozen=True, eq=False)
class Grown:
    """Of the rows of a part, `[rows]`.

    Attributes:
      is_blown: bool, whether loss or gradient have grown beyond what the rules allow.
      loss: the loss, or the last finite one before.
      lowest: the lowest until then.
      norm_ratio: length of the whole gradient over its first, or the last finite one before; NaN where there is none.
    """

    is_blown: np.ndarray
    loss: np.ndarray
    lowest: np.ndarray
    norm_ratio: np.ndarray


class Growth:
    """Remembers the first, the lowest and the last loss, and the first and the last length of the gradient.

    Attributes:
      last: how many times its first the loss or the gradient was, whichever more, in the last row that is finite.
      rate: the last learning rate; NaN before any row.
    """

    def __init__(self):
        self.last, self.rate = 1.0, np.nan
        self._first_loss = self._first_norm = self._loss = self._ratio = np.nan
        self._lowest = np.inf

    def extend(self, part: Training, rules: Rules) -> Grown:
        """Takes new rows, at least one."""
        loss, norm = part.loss, part.total.gradient_norm
        self._first_loss = _first(self._first_loss, loss[np.isfinite(loss)])
        self._first_norm = _first(self._first_norm, norm[np.isfinite(norm) & (norm > 0)])
        first = self._first_loss
        with np.errstate(invalid="ignore", over="ignore"):
            ratio = norm / self._first_norm
            finite = np.where(np.isfinite(loss), loss, np.inf)
            lowest = np.minimum.accumulate(np.concatenate([[self._lowest], finite]))[1:]
            blown = (loss >= rules.diverging * lowest) & (loss >= _RISEN * first)
            blown |= (ratio >= rules.diverging * _GRADIENT_MORE) & (loss >= _RISEN_SOME * first)
            blown &= (lowest >= 0) & (first > 0)
        held, ratio = _last_finite(self._loss, loss), _last_finite(self._ratio, ratio)
        self._lowest, self._loss, self._ratio = float(lowest[-1]), float(held[-1]), float(ratio[-1])
        self.rate = float(part.learning_rate[-1])
        self.last = float(np.fmax(self._loss / first if first > 0 else 1.0, self._ratio))
        return Grown(blown, held, lowest, ratio)


def _first(known: float, more: np.ndarray) -> float:
    return float(more[0]) if np.isnan(known) and len(more) else known


def _last_finite(before: float, values: np.ndarray) -> np.ndarray:
    """Each value, or where it is not finite the last one before it that is."""
    held = np.concatenate([[before], values])
    last = np.maximum.accumulate(np.where(np.isfinite(held), np.arange(len(held)), 0))
    return held[last][1:]
