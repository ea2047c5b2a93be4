"""What verdicts need to know of a descent's way, gathered block by block so that no row has to be kept for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

# A gradient so small, relative to the start's, is zero.
SMALL_GRADIENT = {"float64": 1e-6, "float32": 1e-4}
# Over this part of the steps it is asked whether the value still goes down.
LAST_PART = 5
# A start that stops may do so anywhere: it is looked at after ever more steps, each so many times the one before.
_APART = 1.1


@dataclass(frozen=True)
class Way:
    """What happened on the way of each start; arrays `[starts]`, or `[starts, d]`.

    Attributes:
      start_position, start_value, start_gradient: row 0.
      position, value, gradient: the last row.
      steps_made: updates before it stopped.
      stopped: bool, whether a stopping rule ended it.
      last_steps: the length of the last part, in updates.
      last_drop: by how much the value fell in the last part.
      last_changes: sum of the absolute changes of the value in it; holes are left out.
      moved: whether the position is another one than at its beginning, or still went to and fro.
      holes: rows whose value is not finite.
      first_lost: where the last row is not finite, the step from which on none is; else -1.
      lost_at: the position there; NaN where there is none.
      began: bool, whether any row was finite.
      growth: how many times its beginning the value or the position is; where the last row is not finite, was at most.
      lowest: the lowest finite value seen where a row was not finite, else the last one.
    """

    start_position: np.ndarray
    start_value: np.ndarray
    start_gradient: np.ndarray
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    steps_made: np.ndarray
    stopped: np.ndarray
    last_steps: np.ndarray
    last_drop: np.ndarray
    last_changes: np.ndarray
    moved: np.ndarray
    holes: np.ndarray
    first_lost: np.ndarray
    lost_at: np.ndarray
    began: np.ndarray
    growth: np.ndarray
    lowest: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        """Bool `[starts]`: the largest partial derivative has become small, compared with the start's."""
        with np.errstate(over="ignore", invalid="ignore"):
            steepest, beginning = (np.abs(g).max(axis=-1) for g in (self.gradient, self.start_gradient))
            return steepest <= SMALL_GRADIENT[self.value.dtype.name] * np.maximum(
                1, np.where(np.isfinite(beginning), beginning, 1)
            )

    @property
    def moved_or_converged(self) -> np.ndarray:
        """Bool `[starts]`: nothing more has to be known to tell those apart that are stuck."""
        return self.moved | self.converged | (self.steps_made == 0)

    def with_movement(self, moves: np.ndarray) -> Way:
        """The same, with what is known of the starts that went to and fro."""
        return dataclasses.replace(self, moved=self.moved | moves)

    def behind(self, first: int) -> Way:
        """The same without the first so many starts."""
        return Way(*(getattr(self, f.name)[first:] for f in fields(self))) if first else self

    @classmethod
    def joined(cls, parts: list[Way]) -> Way:
        """The ways of several tiles as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def marks(steps: int, anywhere: bool) -> np.ndarray:
    """The steps from which on the changes of the value are to be known, int, ascending.

    Args:
      steps: updates.
      anywhere: whether a start may stop anywhere without having converged; its last part then begins up to a tenth
        of its steps too early.
    """
    last = steps - max(1, steps // LAST_PART)
    if not anywhere:
        return np.array([last])
    spaced = _APART ** np.arange(1 + int(np.log(steps) / np.log(_APART)))
    return np.unique([0, last, *spaced.astype(int)])


class Watch:
    """Watches the blocks of one tile; see `Way`.

    Args:
      row: position `[n, d]`, value `[n]` and gradient `[n, d]` at the start.
      marks: see `marks`.
    """

    def __init__(self, row: Sequence[np.ndarray], marks: np.ndarray):
        self._start, self._row, self._marks = row, row, marks
        position, value, _ = row
        n = len(value)
        self._at_marks: list[tuple[np.ndarray, np.ndarray]] = []
        # Changes of the value behind each mark.
        self._changes = np.zeros((len(marks), n), value.dtype)
        # The last value that was a number: holes are stepped over.
        self._last_value = np.where(np.isfinite(value), value, np.nan)
        self._step = 0
        self._holes = (~np.isfinite(value)).astype(np.int64)
        self._first_lost = np.where(_finite(*row), -1, 0)
        self._lost_at = np.where(self._first_lost[:, None] == 0, position, np.nan)
        self._lowest = np.array(value)
        self._began = self._first_lost < 0
        # How many times its beginning the value or the position had become where a start left the floats.
        self._growth = np.full(n, np.nan, value.dtype)
        if marks[0] == 0:
            self._at_marks.append((position, self._last_value))

    def see(self, value: np.ndarray, end: Sequence[np.ndarray], whole: Callable[[], Sequence[np.ndarray]]) -> None:
        """Takes a block.

        Args:
          value: `[rows, n]`, after each of its steps.
          end: position `[n, d]`, value `[n]` and gradient `[n, d]` after the last.
          whole: gives position `[rows, n, d]`, value and gradient after each step; only asked where a start is lost.
        """
        if not len(value):
            return
        last, last_value = self._step + len(value), value[-1]
        # A sum is finite only where all are, and takes a quarter of the time of asking each.
        with np.errstate(over="ignore", invalid="ignore"):
            whole_sum = value.sum() + end[0].sum() + end[2].sum()
        if not np.isfinite(whole_sum):
            finite = np.isfinite(value)
            self._see_lost(end, finite, whole)
            value = self._filled(value, finite)
        elif (self._first_lost >= 0).any():
            self._first_lost = np.full_like(self._first_lost, -1)
            self._began = np.ones_like(self._began)
        for k, mark in enumerate(self._marks):
            until = self._marks[k + 1] if k + 1 < len(self._marks) else last
            begin, stop = max(mark, self._step) - self._step, min(until, last) - self._step
            if begin < stop:
                before = value[begin - 1] if begin else self._last_value
                self._changes[k] += _changed(before, value[begin:stop])
            if self._step < mark <= last:
                position = end[0] if mark == last else whole()[0][mark - self._step - 1]
                self._at_marks.append((position, value[mark - self._step - 1]))
        self._last_value = value[-1]
        self._lowest = np.fmin(self._lowest, value[-1])
        self._row = end[0], last_value, end[2]
        self._step = last

    def way(self, steps_made: np.ndarray, stopped: np.ndarray) -> Way:
        """What is known in the end, given after how many updates each start ended, and whether a rule stopped it."""
        position, value, gradient = self._row
        part = np.maximum(1, steps_made // LAST_PART)
        known = self._marks[: len(self._at_marks)] if self._at_marks else np.zeros(1, int)
        at_marks = self._at_marks or [(self._start[0], self._start[1])]
        # The last mark from which on the last part is seen; for a start that did not stop it is just its beginning.
        k = np.maximum(np.searchsorted(known, steps_made - part, side="right") - 1, 0)
        n = np.arange(len(value))
        positions, values = (np.stack(rows) for rows in zip(*at_marks, strict=True))
        with np.errstate(invalid="ignore", over="ignore"):
            changes = np.cumsum(self._changes[::-1], axis=0)[::-1][k, n]
            drop = values[k, n] - self._last_value
            moved = (positions[k, n] != position).any(axis=-1) | (changes > 0)
            growth = np.where(_finite(position, value, gradient), self._grown(position, value), self._growth)
        return Way(
            *self._start,
            position,
            value,
            gradient,
            steps_made,
            stopped,
            np.maximum(steps_made - known[k], 0),
            drop,
            changes,
            moved,
            self._holes,
            self._first_lost,
            self._lost_at,
            self._began,
            growth,
            self._lowest,
        )

    def _filled(self, value: np.ndarray, finite: np.ndarray) -> np.ndarray:
        """Values with each hole filled by the last number before it; NaN where there was none."""
        holed = np.flatnonzero(~finite.all(axis=0) & finite.any(axis=0))
        filled = np.where(finite.any(axis=0), value, self._last_value)
        rows = np.concatenate([self._last_value[None, holed], value[:, holed]])
        known = np.concatenate([np.ones((1, len(holed)), bool), finite[:, holed]])
        last = np.maximum.accumulate(np.where(known, np.arange(len(rows))[:, None], 0), axis=0)
        filled[:, holed] = np.take_along_axis(rows, last, axis=0)[1:]
        return filled

    def _see_lost(
        self, end: Sequence[np.ndarray], finite: np.ndarray, whole: Callable[[], Sequence[np.ndarray]]
    ) -> None:
        """Looks closely at the starts that left the floats in this block."""
        self._holes = self._holes + (~finite).sum(axis=0)
        lost = ~finite.all(axis=0) | ~np.isfinite(end[2]).all(axis=-1) | ~np.isfinite(end[0]).all(axis=-1)
        # A start may be lost in a hole and come back.
        self._first_lost = np.where(lost, self._first_lost, -1)
        self._began = self._began | ~lost
        seen = np.flatnonzero(lost & ((self._first_lost < 0) | finite.any(axis=0)))
        if not len(seen):
            return
        position, value, gradient = (part[:, seen] for part in whole())
        back = _finite(position, value, gradient)
        # Behind the last row that is finite, or in the first row of the block, unless the start was lost before.
        since = np.where(back.any(axis=0), len(value) - back[::-1].argmax(axis=0), 0)
        new = ~back[-1] & (back.any(axis=0) | (self._first_lost[seen] < 0))
        self._lost_at = self._lost_at.copy()
        self._first_lost[seen[new]] = self._step + 1 + since[new]
        self._lost_at[seen[new]] = position[since[new], np.flatnonzero(new)]
        self._first_lost[seen[back[-1]]] = -1
        self._began[seen] |= back.any(axis=0)
        before = self._grown(self._row[0][seen], self._row[1][seen], seen)
        grown = np.fmax.reduce(self._grown(position, value, seen), axis=0)
        self._growth[seen] = np.fmax(self._growth[seen], np.fmax(before, grown))
        numbers = np.where(finite[:, seen], value, np.inf).min(axis=0)
        self._lowest[seen] = np.fmin(self._lowest[seen], numbers)

    def _grown(self, position: np.ndarray, value: np.ndarray, starts: np.ndarray | slice = slice(None)) -> np.ndarray:
        """How many times its beginning the value or the position has become; NaN where both are."""
        with np.errstate(over="ignore", invalid="ignore"):
            beginnings = np.abs(self._start[1][starts]), np.abs(self._start[0][starts]).max(axis=-1)
            of_value, of_position = (np.maximum(1, np.nan_to_num(b, nan=1.0, posinf=1.0)) for b in beginnings)
            return np.fmax(np.abs(value) / of_value, np.abs(position).max(axis=-1) / of_position)


def _finite(position: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    return np.isfinite(value) & np.isfinite(position).all(-1) & np.isfinite(gradient).all(-1)


def _changed(before: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The sum of absolute changes of the value, from the row before these on."""
    with np.errstate(invalid="ignore", over="ignore"):
        first = np.abs(value[0] - before)
        return np.abs(np.diff(value, axis=0)).sum(axis=0) + np.where(np.isfinite(first), first, 0)
