"""Which minimum an optimizer finds from where: the ends of descents from every pixel of a plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.surfaces import Surface
from tbgrad.results.tabular import MOST_ROWS, Tabular
from tbgrad.results.verdicts import FAILED, Status, failure_words

# An end that stretches further, relative to the domain, is a set of points rather than a point.
COMPACT = 0.02
# A converged coordinate below this is zero.
_NOISE = 1e-5
_SINGULARS = {"undecided": "flat point"}
_PLURALS = {"minimum": "minima", "maximum": "maxima", "saddle": "saddles", "undecided": "flat points"}


@dataclass(frozen=True)
class End:
    """Where some of the starts ended: a point, or a connected set such as a ring or a valley.

    Attributes:
      position: d floats, the member that is nearest to the mean.
      value: of the function there.
      count: how many starts ended here.
      point: its kind, `minimum`, `saddle`, `maximum` or `undecided`.
      extent: the longest side of the members' bounding box, relative to the domain; about 0 for a point.
      known: the index of the known minimum that it is, or None.
      middle: d floats, the middle of the bounding box; by default the position.
    """

    position: tuple[float, ...]
    value: float
    count: int
    point: str
    extent: float = 0.0
    known: int | None = None
    middle: tuple[float, ...] = ()

    @property
    def is_point(self) -> bool:
        """Whether it is a point, rather than a ring, a valley or a plain."""
        return self.extent <= COMPACT

    @property
    def label(self) -> str:
        """In words: `minimum (3, 2)`, `a set of minima around (0, 0)`."""
        if self.is_point:
            return f"{_SINGULARS.get(self.point, self.point)} {self.place}"
        return f"a set of {_PLURALS[self._kind]} around {self.place}"

    @property
    def place(self) -> str:
        """Where it is: the point, or the middle of the set."""
        size = max(map(abs, (*self.position, *self.middle)))
        return _spelled(self.position, 3, size) if self.is_point else _spelled(self.middle or self.position, 1, size)

    @property
    def _kind(self) -> str:
        # In a set of minima the Hessian is zero along the set; that it is a known minimum decides.
        return "minimum" if self.known is not None else self.point


def _spelled(point: tuple[float, ...], decimals: int, size: float) -> str:
    """So many decimals, or where all coordinates are small so many digits of the largest; without rounding noise."""
    if _NOISE < size < 1:
        decimals += int(-np.log10(size))
    return "(" + ", ".join(f"{round(x, decimals) + 0.0:.10g}" for x in point) + ")"


@dataclass(frozen=True, eq=False, repr=False)
class Basins(Tabular):
    """Descents from every pixel of a plane along two variables.

    Attributes:
      subject: the function.
      optimizer: Keras's name in lower case, such as `adam`.
      settings: the optimizer's further keyword arguments, as asked.
      learning_rate: as resolved; None where a schedule or the user's own optimizer has it.
      rate_rule: how the learning rate was found, in words.
      steps: the updates that were made at most.
      variables: the two that the starts vary, along columns and along rows.
      x: `[columns]`, the starts' coordinates of the first.
      y: `[rows]`, those of the second.
      fixed: the starts' values of the other variables, by name.
      position: `[rows, columns, d]`, the ends.
      value: `[rows, columns]`, of the function there.
      steps_made: int `[rows, columns]`, updates before the gradient was small.
      status: int8 `[rows, columns]`, indices of `statuses`.
      basin: int32 `[rows, columns]`, indices of `ends`; -1 where the descent did not converge.
      ends: where starts converged to, the most frequent first.
      landscape: the function on the same plane, for contour lines, or None.
      statuses: what the codes mean.
    """

    subject: Subject
    optimizer: str
    settings: Mapping[str, object]
    learning_rate: float | None
    rate_rule: str
    steps: int
    variables: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    fixed: Mapping[str, float]
    position: np.ndarray
    value: np.ndarray
    steps_made: np.ndarray
    status: np.ndarray
    basin: np.ndarray
    ends: tuple[End, ...]
    landscape: Surface | None = None
    statuses: tuple[Status, ...] = tuple(Status)

    @property
    def starts(self) -> int:
        """How many starts there are."""
        return self.status.size

    @property
    def converged(self) -> np.ndarray:
        """Bool `[rows, columns]`: the descent converged."""
        return self._is(Status.CONVERGED)

    @property
    def failure(self) -> str:
        """What became of those that failed: `diverged`, `undefined`, or both."""
        return failure_words(self.status)

    @property
    def failed(self) -> np.ndarray:
        """Bool `[rows, columns]`: it diverged, or left what the function is defined on."""
        return self._is(*FAILED)

    def counted(self, status: Status) -> int:
        """How many starts have this status."""
        return int(self._is(status).sum())

    def share(self, end: int) -> float:
        """Which share of all starts ended there."""
        return self.ends[end].count / self.starts

    def median_steps(self, end: int | None = None) -> float:
        """The median of the updates made by the starts that ended there, or by all that converged; NaN if none did."""
        made = self.steps_made[self.converged if end is None else self.basin == end]
        return float(np.median(made)) if made.size else float("nan")

    @property
    def global_share(self) -> float | None:
        """Which share of all starts reached a known global minimum; None where none is known."""
        if not self.subject.minima:
            return None
        return sum(e.count for e in self.ends if e.known is not None) / self.starts

    @property
    def unreached(self) -> tuple[int, ...]:
        """The indices of the known minima that no start reached."""
        reached = {end.known for end in self.ends}
        return tuple(i for i in range(len(self.subject.minima)) if i not in reached)

    @property
    def where(self) -> str:
        """The starts in words: `512 × 512 starts, x from -5 to 5, y from -5 to 5`."""
        ranges = (f"{n} from {c[0]:g} to {c[-1]:g}" for n, c in zip(self.variables, (self.x, self.y), strict=True))
        fixed = (f"{name} = {value:g}" for name, value in self.fixed.items())
        return ", ".join([f"{len(self.x)} × {len(self.y)} starts", *ranges, *fixed])

    def _is(self, *wanted: Status) -> np.ndarray:
        return np.isin(self.status, [self.statuses.index(status) for status in wanted])

    def _caption(self) -> str:
        some = f"; the first {MOST_ROWS} of {len(self.ends):,} ends" if len(self.ends) > MOST_ROWS else ""
        return f"{self.optimizer} on {self.subject.equation}, {self.where}{some}"

    def _rows(self):
        yield ["end", *self.subject.variables, "value", "share of starts", "median steps"]
        for i, end in enumerate(self.ends[:MOST_ROWS]):
            yield [end.label, *end.position, end.value, f"{self.share(i):.1%}", self.median_steps(i)]
