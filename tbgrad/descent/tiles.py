"""Runs many starts as tiles: each small enough for the processor's cache, several at once, block after block.

Source: Lam, Rothberg & Wolf (1991), The Cache Performance and Optimizations of Blocked Algorithms.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tbgrad.calculus.threads import share_out
from tbgrad.descent.blocks import Program
from tbgrad.descent.states import Inputs, Running
from tbgrad.descent.watching import Watch, Way

# Starts in a tile: what goes on from step to step stays in the cache, and a call's cost is shared by many.
_TILE = {True: 2048, False: 4096}
# Bytes of a block's rows. Beyond the cache they are written and read at the memory's speed.
_BLOCK_BYTES = 2**22
# One tile's rows are the result itself, and need not be copied, as long as they are one block.
_WHOLE_BYTES = 2**28
_LEAST_ROWS = 16
# Where fewer steps lie between the rows that are kept, all rows are recorded, and those in between thrown away.
_FAR_APART = 16


@dataclass(frozen=True, eq=False)
class Tiled:
    """How the starts are cut into tiles of one size; the last one begins within the one before it.

    Args:
      starts: how many there are.
      size: of a tile.
    """

    starts: int
    size: int

    @classmethod
    def of(cls, starts: int, whole_rows: bool) -> Tiled:
        """Tiles as even as they can be, for recording whole rows or values alone."""
        return cls(starts, math.ceil(starts / math.ceil(starts / _TILE[whole_rows])))

    @property
    def firsts(self) -> list[int]:
        """The first start of each tile."""
        return [min(first, self.starts - self.size) for first in range(0, self.starts, self.size)]

    def block_rows(self, numbers: int, itemsize: int, steps: int) -> int:
        """How many steps a block has: no more than there are, and no more than fit the cache or the memory.

        Args:
          numbers: recorded of each start in each step.
          itemsize: bytes of a number.
          steps: updates.
        """
        most = _WHOLE_BYTES if self.size == self.starts else _BLOCK_BYTES
        # A power of two, so that other numbers of steps need no other program.
        return max(
            1,
            min(
                _LEAST_ROWS if steps < _LEAST_ROWS else 1 << (steps - 1).bit_length(),
                most // (self.size * numbers * itemsize),
            ),
        )


@dataclass(eq=False)
class Kept:
    """The recorded rows: position, value and gradient, and the optimizer's mean of squared gradients where asked for.

    Attributes:
      step: int64 `[rows]`, ascending, the first 0, the last the end.
      parts: `[rows, starts, ...]` each; None where only values are recorded.
    """

    step: np.ndarray
    parts: list[np.ndarray | None]

    @classmethod
    def room(cls, step: np.ndarray, shapes: Sequence[tuple[int, ...] | None], dtype: str) -> Kept:
        """For these steps of rows of these shapes, `[starts, ...]`."""
        return cls(step, [None if shape is None else np.empty((len(step), *shape), dtype) for shape in shapes])

    @staticmethod
    def needs_whole_rows(step: np.ndarray, values_only: bool) -> bool:
        """Whether whole rows are to be recorded for these steps, rather than values, and the rows where blocks end."""
        return not values_only and step[-1] < _FAR_APART * (len(step) - 1)

    def keep(self, columns: slice, first: int, rows: Sequence[np.ndarray | None]) -> None:
        """Takes what is to be kept of rows `[made, n, ...]` that follow one another from a step on.

        The columns, those of a tile's last starts, belong to these of all starts.
        """
        made = next(len(row) for row in rows if row is not None)
        low, high = np.searchsorted(self.step, [first, first + made])
        if low == high:
            return
        taken = self.step[low:high] - first
        if taken[-1] - taken[0] == len(taken) - 1:
            taken = slice(taken[0], taken[-1] + 1)
        for part, row in zip(self.parts, rows, strict=True):
            if part is not None and row is not None:
                part[low:high, columns] = row[taken, columns.start - columns.stop :]

    def repeat(self, columns: slice, last: int, row: Sequence[np.ndarray]) -> None:
        """Fills the rows behind a step with the last one, `[n, ...]`."""
        behind = np.searchsorted(self.step, last, side="right")
        for part, repeated in zip(self.parts, row, strict=True):
            if part is not None:
                part[behind:, columns] = repeated[columns.start - columns.stop :]


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs a program on tiles.

    Args:
      program: for tiles of this size.
      tiled: how the starts are cut.
      steps: updates at most.
      whole_rows: whether to record whole rows, or values and the rows where blocks end.
      marks: steps from which on it is to be known how the value changed.
      inputs: gives the program's inputs for the tile that begins with a start.
      together: whether several threads may call the program at once.
      given_up: set when the rest is not wanted any more.
    """

    program: Program
    tiled: Tiled
    steps: int
    whole_rows: bool
    marks: np.ndarray
    inputs: Callable[[int], Inputs]
    together: bool
    given_up: threading.Event = field(default_factory=threading.Event)

    def run(self, starts: np.ndarray, kept: Kept) -> Way:
        """Runs all steps of all starts `[starts, d]`; fills `kept`, and tells of each start's way."""
        firsts = self.tiled.firsts
        ways: dict[int, Way] = {}

        def work(todo: Iterator[int]) -> None:
            for first in todo:
                ways[first] = self._run_tile(first, starts[first : first + self.tiled.size], kept)

        if self.together and len(firsts) > 1:
            share_out(work, firsts, self.given_up.set)
        else:
            work(iter(firsts))
        known = len(firsts) * self.tiled.size - self.tiled.starts
        *before, last = (ways[first] for first in firsts)
        return Way.joined([*before, last.behind(known)])

    def _run_tile(self, first: int, starts: np.ndarray, kept: Kept) -> Way:
        stops, inputs = self.program.stops, self.inputs(first)
        # What the tile before has is left to it: noise makes it another one.
        columns = slice(math.ceil(first / self.tiled.size) * self.tiled.size, first + self.tiled.size)
        tile = self.program.begin(starts)
        watch = Watch(tile.row, self.marks)
        kept.keep(columns, 0, [part[None] for part in self._row(tile)])
        done = 0
        for end in self._ends(kept):
            if self.given_up.is_set():
                break
            tile, rows = self._block(watch, tile, end, inputs)
            made = next(len(part) for part in rows if part is not None) - 1
            if (
                self.whole_rows
                and made == self.steps
                and self.tiled.size == self.tiled.starts
                and len(kept.step) == made + 1
            ):
                # All that there is: the program's rows are the result.
                kept.parts[:] = [None if room is None else row for room, row in zip(kept.parts, rows, strict=True)]
                done = made
                break
            # A block begins with the row that the one before it ended with.
            kept.keep(columns, done, rows)
            done += made
            if stops and not tile.active.any():
                kept.repeat(columns, done, self._row(tile))
                break
            if not self.whole_rows:
                kept.keep(columns, done, [part[None] for part in self._row(tile)])
        stopped = ~tile.active & np.isfinite(tile.row[0]).all(axis=-1)
        way = watch.way(tile.steps_made if stops else np.full(len(starts), done), stopped & stops)
        return way if way.moved_or_converged.all() else way.with_movement(self._moves(tile, inputs))

    def _block(self, watch: Watch, tile: Running, end: int, inputs: Inputs) -> tuple[Running, list[np.ndarray | None]]:
        """The tile after a step, and the rows from before the block to its end; shows the watch what happened."""
        before = tile
        if self.whole_rows:
            tile, rows = self.program.block(tile, end, inputs)
            watch.see(rows[1][1:], tile.row, lambda: [part[1:] for part in rows[:3]])
            return tile, rows

        def whole() -> list[np.ndarray]:
            # Only where a start leaves the floats in this block, its whole rows are asked for: the block is run again.
            return [part[1:] for part in self.program.block(before, end, inputs)[1][:3]]

        tile, value = self.program.values(tile, end, inputs)
        watch.see(value[1:], tile.row, whole)
        return tile, [None, value, None, *[None] * self.program.moments]

    def _ends(self, kept: Kept) -> list[int]:
        """The steps at which blocks end."""
        if self.whole_rows:
            needed = [0, self.steps]
        else:
            # Whole rows are known only where blocks end.
            rows = [] if kept.parts[0] is None else kept.step.tolist()
            needed = sorted({0, self.steps, *rows, *self.marks.tolist()})
        return sorted(_not_longer(needed, self.program.rows))

    def _moves(self, tile: Running, inputs: Inputs) -> np.ndarray:
        """Bool `[n]`: whether one more update would move a start."""
        go_on = self.program.block if self.whole_rows else self.program.values
        further, _ = go_on(tile.going_on(), tile.step + 1, inputs)
        return (further.row[0] != tile.row[0]).any(axis=-1)

    def _row(self, tile: Running) -> list[np.ndarray]:
        return [*tile.row, tile.state(self.program.second_moment)] if self.program.moments else tile.row


def _not_longer(steps: Sequence[int], rows: int) -> set[int]:
    """Where to end blocks of at most so many rows so that one ends at each of these steps."""
    ends = set(steps[1:])
    for first, last in itertools.pairwise(steps):
        ends |= set(range(first + rows, last, rows))
    return ends
