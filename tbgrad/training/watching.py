"""Watches a training from its measurements, in NumPy: what is wrong, in which layer, since which step.

It is given new rows as they come and remembers how long something has been so: its cost is that of the new rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tbgrad.results import Fault, Rules, Training, worst_first
from tbgrad.training import sentences
from tbgrad.training.comparing import Compared, compare_layers, judged
from tbgrad.training.growth import Growth
from tbgrad.training.streaks import Streaks, block

__all__ = ["Rules", "Watch"]

_BLOWN_ROWS = 3


class Watch:
    """Looks at a training, part after part, and tells each fault once.

    A block of neighbouring layers that vanish, explode or are dead is one fault: it names the one where it begins. So
    are weights that get no gradient for the same reason: it names the layer nearest to the output.

    Args:
      rules: what counts as wrong.
    """

    def __init__(self, rules: Rules | None = None):
        self.rules = rules or Rules()
        self._low, self._high, self._dead, self._blown = Streaks(), Streaks(), Streaks(), Streaks()
        self._judged: np.ndarray | None = None
        self._told: dict[str, np.ndarray] = {}
        self._told_once: set[tuple[str, str, str]] = set()
        self._first_losses: list[float] = []
        self._start = np.nan
        self._growth, self._blown_rows, self._blown_since = Growth(), 0, 0

    def look(self, part: Training) -> list[Fault]:
        """The faults that show in new rows and were not told before, the worst first.

        Args:
          part: of one training; its rows follow those of the part before.
        """
        if self._judged is None:
            self._judged = judged(part)
        with np.errstate(invalid="ignore", over="ignore"):
            settled = self._settled(part)
            found = [
                *self._diverging(part),
                *self._uneven(part, settled),
                *self._dead_layers(part),
                *self._cut_off(part),
                *self._not_finite(part),
            ]
        return list(worst_first(found))

    def _settled(self, part: Training) -> np.ndarray:
        """Bool `[rows]`, whether the loss has converged."""
        start = np.empty(len(part.loss))
        for row, loss in enumerate(part.loss.tolist()):
            if len(self._first_losses) >= self.rules.sustained:
                start[row:] = self._start
                break
            self._first_losses.append(loss)
            known = [loss for loss in self._first_losses if np.isfinite(loss)]
            start[row] = self._start = float(np.median(known)) if known else np.nan
        return (part.loss <= self.rules.converged * start) & (start > 0)

    def _uneven(self, part: Training, settled: np.ndarray) -> Iterator[Fault]:
        compared = compare_layers(part, self._judged, self.rules)
        going = ~settled[:, None]
        for kind, streaks, flag in (
            ("vanishing", self._low, compared.is_low & going),
            ("exploding", self._high, compared.is_high & going),
        ):
            length, since = streaks.extend(flag, part.step)
            for row, k, where in self._new_blocks(kind, flag, length):
                yield self._uneven_fault(kind, part, compared, row, where, int(since[row, k]), int(length[row, k]))

    def _uneven_fault(
        self, kind: str, part: Training, compared: Compared, row: int, where: slice, since: int, rows: int
    ) -> Fault:
        layers = [part.layers[k] for k in compared.layers]
        rms, median = compared.rms[row].tolist(), float(compared.median[row])
        around = sentences.Block(layers[where], rms[where], median, since, rows, int(part.step[row]))
        if kind == "exploding":
            return sentences.exploding(around)
        if compared.is_zero[row, where][-1]:
            return sentences.zero(around)
        above = where.stop + int(np.nanargmax(rms[where.stop :]))
        return sentences.vanishing(around, (layers[above], rms[above]))

    def _dead_layers(self, part: Training) -> Iterator[Fault]:
        rectified = np.flatnonzero(np.isfinite(part.dead).any(axis=0)) if len(part.step) else np.empty(0, int)
        whole = part.dead >= self.rules.dead
        length, since = self._dead.extend(whole, part.step)
        if not len(rectified):
            return
        for row, k, where in self._new_blocks(
            "dead", whole[:, rectified], length[:, rectified], rectified, whole.shape[1]
        ):
            layers = [part.layers[i] for i in rectified[where]]
            at = rectified[k]
            share = float(part.dead[row, rectified[where][0]])
            first = int(rectified[where][0])
            is_nil = (part.rms[row] == 0) & (np.arange(len(part.layers)) < first)
            cut = [part.layers[i] for i in np.flatnonzero(is_nil)]
            yield sentences.dead(layers, cut, share, int(since[row, at]), int(length[row, at]))

    def _new_blocks(
        self, kind: str, flag: np.ndarray, length: np.ndarray, columns: np.ndarray | None = None, count: int = 0
    ) -> Iterator[tuple[int, int, slice]]:
        """(row, column, block) of each block of flags of which one has lasted and none has been told.

        A block that has grown, next to what was told, is not told again.
        """
        columns = np.arange(flag.shape[1]) if columns is None else columns
        told = self._told.setdefault(kind, np.zeros(max(count, flag.shape[1]), bool))
        lasting = length >= self.rules.sustained
        while True:
            hit = lasting & ~told[columns]
            rows = np.flatnonzero(hit.any(axis=1))
            if not len(rows):
                return
            row = int(rows[0])
            k = int(np.argmax(np.where(hit[row], length[row], 0)))
            where = block(flag[row], k)
            is_new = not told[columns[where]].any()
            told[columns[where]] = True
            if is_new:
                yield row, k, where

    def _diverging(self, part: Training) -> Iterator[Fault]:
        if not len(part.step):
            return
        seen = self._growth.extend(part, self.rules)
        length, since = self._blown.extend(seen.is_blown[:, None], part.step)
        rows, began = np.append(self._blown_rows, length[:, 0]), np.append(self._blown_since, since[:, 0])
        self._blown_rows, self._blown_since = rows[-1], began[-1]
        is_lost = ~np.isfinite(part.loss) & (rows[:-1] > 0)
        over = (rows[1:] >= _BLOWN_ROWS) | is_lost
        if over.any() and self._is_new("diverging"):
            row = int(over.argmax())
            first = int(began[row] if is_lost[row] else began[row + 1])
            numbers = seen.loss[row], seen.lowest[row], seen.norm_ratio[row]
            yield sentences.diverging(first, *map(float, numbers), self._growth.rate, bool(is_lost[row]))

    def _cut_off(self, part: Training) -> Iterator[Fault]:
        step = int(part.step[0]) if len(part.step) else 0
        by_reason: dict[str, list[tuple[str, str]]] = {}
        for layer, weight, reason in part.without_gradient:
            if self._is_new("no gradient", layer, weight):
                by_reason.setdefault(reason, []).append((layer, weight))
        for reason, cut in by_reason.items():
            yield sentences.no_gradient(cut, reason, step)

    def _not_finite(self, part: Training) -> Iterator[Fault]:
        if part.not_finite is not None and self._is_new("not finite"):
            owners = [(layer, weight) for layer in part.layers for weight in layer.weights]
            yield sentences.not_finite(part.not_finite, owners, self._growth.last, self._growth.rate)

    def _is_new(self, *fault: str) -> bool:
        key = (*fault, "", "")[:3]
        is_new = key not in self._told_once
        self._told_once.add(key)
        return is_new
