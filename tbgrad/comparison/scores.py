"""What decides a comparison: one number of a series, such as `loss:min`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from tbgrad import naming
from tbgrad.errors import OptionError

_WORDS = {
    "last": "the last value of {tag}",
    "min": "the lowest value of {tag}",
    "max": "the highest value of {tag}",
    "auc": "the area under {tag} over the steps",
    "steps-to": "the first step at which {tag} is {side} {target}",
}
KINDS = (*list(_WORDS)[:-1], "steps-to=VALUE")


@dataclass(frozen=True)
class Score:
    """One number of a series of scalars.

    Attributes:
      tag: of the series.
      kind: `last`, `min`, `max`, `auc` or `steps-to`.
      target: of `steps-to`, the value to be reached.
      highest: whether high numbers of the series are good.
    """

    tag: str
    kind: str = "last"
    target: float = math.nan
    highest: bool = False

    @classmethod
    def parse(cls, text: str, highest: bool | None = None) -> Score:
        """Reads `TAG[:last|min|max|auc|steps-to=VALUE]`; what stands behind no such colon is part of the tag.

        Args:
          text: as typed.
          highest: whether high numbers are good; by default of `max` alone.

        Raises:
          OptionError: the value to be reached is no finite number.
        """
        tag, _, kind = text.rpartition(":")
        kind, is_steps, target = kind.partition("=")
        if not tag or kind not in _WORDS or bool(is_steps) != (kind == "steps-to"):
            if kind == "steps-to" and tag:
                raise OptionError(f"'{text}' lacks the value to be reached; expected {tag}:steps-to=VALUE.")
            return cls(text, highest=bool(highest))
        if is_steps:
            return cls(tag, kind, _finite(target, text), bool(highest))
        return cls(tag, kind, highest=kind == "max" if highest is None else highest)

    @property
    def label(self) -> str:
        """The shortest text that `parse` reads."""
        if self.kind == "last":
            return self.tag
        return f"{self.tag}:{self.kind}" + (f"={naming.number(self.target)}" if self.kind == "steps-to" else "")

    @property
    def words(self) -> str:
        """What is ranked by: `the last value of loss, lowest first`."""
        what = _WORDS[self.kind].format(
            tag=self.tag, side="at least" if self.highest else "at most", target=naming.number(self.target)
        )
        return f"{what}, {'highest' if self.prefers_high else 'lowest'} first"

    @property
    def prefers_high(self) -> bool:
        """Whether a higher score is better: of steps fewer always are."""
        return self.highest and self.kind != "steps-to"

    def of(self, step: np.ndarray, value: np.ndarray) -> float:
        """The score of a series.

        Args:
          step: int64 `[n]`, strictly increasing; see `visible`.
          value: floats `[n]`.

        Returns:
          A number in the unit of the values (`last`, `min`, `max`: the latter two of the finite ones), of value × step
          (`auc`, by the trapezoidal rule; of one point there is none) or in steps (`steps-to`; infinite where the value
          is not reached). NaN where the series does not have it.
        """
        if not len(value):
            return math.nan
        if self.kind == "steps-to":
            # A logged 0.1 is float32's, which is not float64's.
            with np.errstate(over="ignore"):
                target = value.dtype.type(self.target)
            reached = np.flatnonzero(value >= target if self.highest else value <= target)
            return float(step[reached[0]]) if reached.size else math.inf
        value = value.astype(np.float64)
        if self.kind == "last":
            return float(value[-1])
        if self.kind == "auc":
            if len(value) == 1:
                return math.nan
            with np.errstate(invalid="ignore", over="ignore"):
                return float(np.trapezoid(value, step.astype(np.float64)))
        finite = value[np.isfinite(value)]
        if not finite.size:
            return math.nan
        return float(finite.min() if self.kind == "min" else finite.max())


def _finite(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"'{whole}' has no number to be reached; expected steps-to=0.1, say.")
    return number


def likely_loss(counts: dict[str, int]) -> str | None:
    """The scalar that training is mostly judged by, where nobody says which: a loss, the one that most runs have.

    Args:
      counts: in how many runs each tag is.

    Returns:
      The tag, of validation before training; None where no tag speaks of a loss.
    """
    losses = [tag for tag in counts if is_loss(tag)]
    return min(losses, key=lambda tag: (-counts[tag], not _is_of_validation(tag), len(tag), tag), default=None)


def is_loss(tag: str) -> bool:
    """Whether a tag speaks of a loss."""
    return "loss" in tag.lower()


def _is_of_validation(tag: str) -> bool:
    return bool({"val", "valid", "validation", "eval", "test"} & {*re.split(r"[^a-z]+", tag.lower())})
