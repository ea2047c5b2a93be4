"""Global minima as their sources state them, in formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tbgrad.functions import expressions
from tbgrad.results import KnownMinimum

_CURVE_POINTS = 181


@dataclass(frozen=True)
class Minimum:
    """A global minimum as its source states it.

    Attributes:
      position: one constant formula or number for each variable; it may use parameters. Where one of them holds `t`,
        the minimum is a closed curve, drawn as t goes from 0 to 2π.
      value: of the function there; it may use parameters.
      positive: a formula in the parameters that must be positive for this minimum to exist.
      only_in_domain: whether lower values lie outside of the domain.
      kink: whether there is no gradient at it.
    """

    position: tuple[str | float, ...]
    value: str | float
    positive: str | float = 1.0
    only_in_domain: bool = False
    kink: bool = False

    def known(self, parameters: Mapping[str, float]) -> KnownMinimum | None:
        """The minimum in numbers for these parameters, or None where they leave no such minimum."""

        def compute(text: str | float, **more: float) -> float:
            return expressions.constant(text, {**parameters, **more}) if isinstance(text, str) else float(text)

        if not compute(self.positive) > 0:
            return None
        curve = any("t" in expressions.parse(text).variables for text in self.position if isinstance(text, str))
        turns = [math.tau * i / (_CURVE_POINTS - 1) for i in range(_CURVE_POINTS)] if curve else [0.0]
        points = tuple(tuple(compute(text, t=t) for text in self.position) for t in turns)
        return KnownMinimum(points, compute(self.value))
