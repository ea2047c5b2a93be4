"""The rules by which a training is watched: what counts as wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tbgrad.errors import OptionError


@dataclass(frozen=True)
class Rules:
    """When a layer or a training is accused. Layers are compared by the root mean square of their gradients.

    A layer is compared with the median layer of the same step (of an even number the geometric mean of the middle
    two) and, since gradients flow from the output to the input, with those between it and the output. What dies or
    explodes on its way is so in all layers further on as well; a layer whose further ones are not so, a branch of its
    own, is accused only by the square of the rule. The layer nearest to the output is never accused, and so a network
    of one layer not at all; of two layers the median is the geometric mean. Layers that are sparse by nature, layers
    that have biases only, and the queries and keys of an attention, which get next to nothing while it is even, are
    neither accused nor counted.

    Attributes:
      vanishing: in (0, 1); a layer vanishes where the geometric mean of two shares is at most this: its share of the
        median, itself at most the square root of this, and its share of the largest between it and the output.
      exploding: above 1; a layer explodes with at least so many times the median, and as many times the layer nearest
        to the output.
      sustained: recorded rows in a row in which a layer is so before it is accused.
      dead: in (0, 1]; a rectified layer is dead where at least this share of its units gives zero for the whole batch.
      converged: in [0, 1); once the loss is at most this share of its start (the median of the first `sustained`
        rows), nothing vanishes or explodes.
      diverging: above 1; the training diverges where the loss is at least so many times its lowest, and ten times its
        first; or the gradient ten times as many times its first length, and the loss twice its first.

    Raises:
      OptionError: a number is outside its range.
    """

    vanishing: float = 1e-2
    exploding: float = 1e3
    sustained: int = 20
    dead: float = 0.9
    converged: float = 1e-2
    diverging: float = 100.0

    def __post_init__(self):
        self._check("vanishing", 0 < self.vanishing < 1, "a share between 0 and 1, such as 0.01")
        self._check("exploding", 1 < self.exploding < math.inf, "a finite ratio above 1, such as 1000")
        whole = isinstance(self.sustained, int) and not isinstance(self.sustained, bool)
        self._check("sustained", whole and self.sustained >= 1, "a whole number of rows, at least 1, such as 20")
        self._check("dead", 0 < self.dead <= 1, "a share above 0 and at most 1, such as 0.9")
        self._check("converged", 0 <= self.converged < 1, "a share of the first loss below 1, such as 0.01")
        self._check("diverging", 1 < self.diverging < math.inf, "a finite ratio above 1, such as 100")

    def _check(self, name: str, is_right: bool, expected: str) -> None:
        if not is_right:
            raise OptionError(f"the rule '{name}' is {getattr(self, name)!r}; expected {expected}.")
