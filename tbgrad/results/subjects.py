"""The function that a result is about, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Numbered(Sequence):
    """The names x0, x1, ... of millions of variables, each made when it is asked for.

    Attributes:
      letter: what each begins with.
      count: how many there are.
    """

    letter: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        numbers = range(self.count)[index]
        return tuple(map(self._name, numbers)) if isinstance(index, slice) else self._name(numbers)

    def __contains__(self, name: object) -> bool:
        return self._number(name) is not None

    def index(self, name: str, start: int = 0, stop: int | None = None) -> int:
        """The place of a name."""
        number = self._number(name)
        if number is None or number not in range(self.count)[start:stop]:
            raise ValueError(f"{name!r} is none of {self.letter}0 to {self.letter}{self.count - 1}")
        return number

    def _name(self, number: int) -> str:
        return f"{self.letter}{number}"

    def _number(self, name: object) -> int | None:
        digits = name.removeprefix(self.letter) if isinstance(name, str) else ""
        if not (digits.isascii() and digits.isdecimal()) or int(digits) >= self.count:
            return None
        return int(digits) if self._name(int(digits)) == name else None


@dataclass(frozen=True)
class KnownMinimum:
    """A known global minimum.

    Attributes:
      points: one point, or the points of a closed curve.
      value: of the function there.
    """

    points: tuple[tuple[float, ...], ...]
    value: float

    @property
    def is_curve(self) -> bool:
        """Whether it is a closed curve rather than a point."""
        return len(self.points) > 1


@dataclass(frozen=True)
class Subject:
    """The function that a result is about, as plain data.

    Attributes:
      name: as in runs.
      label: as in titles and sentences; a formula's is its text.
      formula: its text, with the parameters' values in place, or empty.
      mathtext: for titles, without dollar signs, or empty.
      variables: names, in order.
      parameters: values by name.
      changed: the names of those that differ from the published ones.
      domain: (low, high) for each variable, or None.
      minima: the known global minima.
      remark: where it has no gradient, and what else to know.
      resized: whether it has another number of variables than it usually has.
      caption: under which conditions it is shown, for a line in each picture; or empty.
    """

    name: str
    label: str
    formula: str
    mathtext: str
    variables: tuple[str, ...] | Numbered
    parameters: Mapping[str, float] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    domain: tuple[tuple[float, float], ...] | None = None
    minima: tuple[KnownMinimum, ...] = ()
    remark: str = ""
    resized: bool = False
    caption: str = ""

    @property
    def identity(self) -> str:
        """What groups runs of the same function: a formula's text says it best, a Python function's name is unique."""
        return self.label if self.formula else self.name

    @property
    def equation(self) -> str:
        """`name = formula`, or what there is of it."""
        return f"{self.label} = {self.formula}" if self.formula not in ("", self.label) else self.label

    @property
    def minimum(self) -> float | None:
        """The least known value, or None."""
        return min((m.value for m in self.minima), default=None)
