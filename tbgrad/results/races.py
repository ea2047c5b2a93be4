"""A race: several optimizers on one function from one start, and who arrives first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results.descents import Descent
from tbgrad.results.planes import Plane
from tbgrad.results.subjects import Subject
from tbgrad.results.surfaces import Surface
from tbgrad.results.sweeps import Sweep
from tbgrad.results.tabular import Tabular
from tbgrad.results.verdicts import FAILED, Verdict

# Rates and settings are told in so many digits, in more where racers could not be told apart.
_DIGITS = (4, 6, 16)
_MOST_SETTINGS, _MOST_TOLD = 3, 8


@dataclass(frozen=True, eq=False, repr=False)
class Race(Tabular):
    """Descents of several optimizers from one start, side by side.

    Attributes:
      descents: one for each racer, as asked, from one start; all steps are recorded, with positions.
      target: the value that counts as arrived; NaN where there is none, as every racer failed.
      target_rule: how it was chosen, in words.
      landscape: a `Surface` (two variables or more) or `Sweep` (one) to draw all paths on, or None.
      plane: of more than two variables, the plane that the landscape spans, or None.
    """

    descents: tuple[Descent, ...]
    target: float
    target_rule: str
    landscape: Surface | Sweep | None = None
    plane: Plane | None = None

    def __len__(self) -> int:
        return len(self.descents)

    @property
    def subject(self) -> Subject:
        """The function."""
        return self.descents[0].subject

    @property
    def start(self) -> np.ndarray:
        """`[d]`, where all start."""
        return self.descents[0].start.position[0]

    @property
    def from_where(self) -> str:
        """The start in words: `from (5, 1)`; of very many variables the first ones."""
        told = [f"{x:.6g}" for x in self.start[:_MOST_TOLD]] + ["…"] * (len(self.start) > _MOST_TOLD)
        return f"from ({', '.join(told)})"

    @property
    def steps(self) -> int:
        """The updates that each racer makes."""
        return self.descents[0].steps

    @property
    def names(self) -> tuple[str, ...]:
        """What the racers are called, no two the same: `sgd 0.001, momentum 0.9`."""
        for digits in _DIGITS:
            names = [_name(descent, digits) for descent in self.descents]
            if len(set(names)) == len(names):
                return tuple(names)
        names = [_name(descent, _DIGITS[0]) for descent in self.descents]
        return tuple(f"{n} ({names[:i].count(n) + 1})" if n in names[:i] else n for i, n in enumerate(names))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What is said of each racer."""
        return tuple(descent.verdicts[0] for descent in self.descents)

    @property
    def failed(self) -> np.ndarray:
        """Bool `[racers]`: it diverged, or left what the function is defined on."""
        return np.array([verdict.status in FAILED for verdict in self.verdicts])

    @property
    def value(self) -> np.ndarray:
        """`[steps + 1, racers]`."""
        return np.stack([descent.value[:, 0] for descent in self.descents], axis=1)

    @property
    def gap(self) -> np.ndarray | None:
        """`[steps + 1, racers]`: value above the known minimum, at least rounding error; None where none is known."""
        gaps = [descent.best_gap for descent in self.descents]
        return None if gaps[0] is None else np.stack(gaps, axis=1)

    @property
    def steps_to_target(self) -> np.ndarray:
        """Float `[racers]`: the first step whose value is at most the target; NaN where none is, and for who failed."""
        reached = (self.value <= self.target) & ~self.failed
        return np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)

    @property
    def order(self) -> tuple[int, ...]:
        """The racers by arrival; then those that did not arrive, the lowest at the end first; those that failed last.

        Racers that are equal in this stand as they were asked for.
        """
        arrival, final = self.steps_to_target, self.value[-1]
        missing, failed = np.isnan(arrival), self.failed
        # What arrived is in the order of its steps alone; of what failed no value counts.
        last = np.where(missing & ~failed, final, 0.0)
        return tuple(np.lexsort((last, np.where(missing, 0.0, arrival), missing, failed)).tolist())

    def on_landscape(self, position: np.ndarray) -> np.ndarray:
        """Positions `[..., d]` as coordinates `[..., 2]` on a landscape that is a surface."""
        return position[..., self.landscape.columns] if self.plane is None else self.plane.project(position)

    def _caption(self) -> str:
        racers = f"{len(self)} racers on {self.subject.equation} {self.from_where}, {self.steps:,} steps"
        return f"{racers}, the first to arrive first; target {self.target:.6g}"

    def _rows(self):
        yield ["racer", "learning rate", "steps to target", "final value", "status"]
        arrival, final = self.steps_to_target, self.value[-1]
        for k in self.order:
            rate = self.descents[k].learning_rate
            steps = int(arrival[k]) if np.isfinite(arrival[k]) else "not reached"
            yield [self.names[k], "its own" if rate is None else rate, steps, final[k], self.verdicts[k].status.value]


def _name(descent: Descent, digits: int) -> str:
    """Optimizer, rate and settings, numbers in at most so many digits: `sgd 0.01, momentum 0.9, nesterov`."""
    rate, settings = descent.learning_rate, [*descent.settings.items()]
    lead = descent.optimizer if rate is None else f"{descent.optimizer} {rate:.{digits}g}"
    # A Keras optimizer of the user's brings all its settings along: what is off need not be said.
    if len(settings) > _MOST_SETTINGS:
        settings = [(name, value) for name, value in settings if value]
    told = [_setting(name, value, digits) for name, value in settings[:_MOST_SETTINGS]]
    return ", ".join([lead, *told, *(["…"] if len(settings) > _MOST_SETTINGS else [])])


def _setting(name: str, value: object, digits: int) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value:.{digits}g}" if isinstance(value, float) else f"{name} {value}"
