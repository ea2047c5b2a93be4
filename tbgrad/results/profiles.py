"""A performance profile: on how many problems a solver is at most so many times slower than the fastest one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results.tabular import Tabular

_TOLD = (1.0, 2.0, 10.0)


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Tabular):
    """Costs of several solvers on the same problems.

    Attributes:
      solvers: what they are called.
      problems: the same; all solvers were tried on each.
      cost: float `[problems, solvers]`, positive; infinite where a solver did not solve the problem.
      unit: what is counted, in words.
      settings: of each solver, with how many settings it was tried on a problem at most; the best of them counts.
      left_out: how many problems were not tried by all solvers.
      uneven: whether some runs had more steps than others to solve a problem in.

    Source: Dolan & Moré (2002), Benchmarking optimization software with performance profiles, Mathematical Programming
      91; Moré & Wild (2009) for costs up to a gap.
    """

    solvers: tuple[str, ...]
    problems: tuple[str, ...]
    cost: np.ndarray
    unit: str
    settings: tuple[int, ...]
    left_out: int = 0
    uneven: bool = False

    @property
    def ratio(self) -> np.ndarray:
        """`[problems, solvers]`: cost over the least cost on the same problem; infinite where it is not solved."""
        least = self.cost.min(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self.cost), self.cost / least, np.inf)

    def share(self, factor: float | np.ndarray) -> np.ndarray:
        """The share of problems that a solver solves at no more than `factor` times the least cost.

        Args:
          factor: at least 1, `[...]`.

        Returns:
          `[..., solvers]`, from 0 to 1.
        """
        return (self.ratio <= np.asarray(factor)[..., None, None]).mean(axis=-2)

    @property
    def order(self) -> tuple[int, ...]:
        """The solvers, those that are fastest most often first; then those that solve most, in their own order."""
        keys = (-self.share(1.0), -self.solved)
        return tuple(np.lexsort((*reversed(keys),)).tolist())

    @property
    def solved(self) -> np.ndarray:
        """`[solvers]`: the share of problems that each solves at all."""
        return np.isfinite(self.cost).mean(axis=0)

    @property
    def remark(self) -> str:
        """With how many settings each solver was tried, where that is not the same; or that none was tuned."""
        if len({*self.settings}) > 1:
            told = ", ".join(f"{solver} {n}" for solver, n in zip(self.solvers, self.settings, strict=True))
            said = f"The best settings of each count, but not all were tried with equally many: {told}."
        elif self.settings[0] == 1:
            said = "Each was tried with one setting a problem: none was tuned."
        else:
            said = f"The best of {self.settings[0]} settings of each counts."
        uneven = " Not all had equally many steps." if self.uneven else ""
        left = f" {self.left_out} problems that not all were tried on are left out." if self.left_out else ""
        return said + uneven + left

    def _caption(self) -> str:
        return f"performance profile over {len(self.problems)} problems; cost: {self.unit}"

    def _rows(self):
        yield ["solver", "fastest on", *(f"within {factor:g} times" for factor in _TOLD[1:]), "solves"]
        for k in self.order:
            shares = [self.share(factor)[k] for factor in _TOLD]
            yield [self.solvers[k], *(f"{share:.0%}" for share in shares), f"{self.solved[k]:.0%}"]
