"""What a probe measured, read from its variables as a `Training`."""

from __future__ import annotations

import numpy as np

from tbgrad.results import Layer, NotFinite, Training
from tbgrad.training.probes import COLUMNS, Probe


class Reader:
    """Reads from a probe what is new.

    Args:
      probe: that measures.
      layers: of its weights, in their order.
      rectified: the places among the layers of those whose dead units it measures.
      model: its name.
      optimizer: Keras's name in lower case, or empty.
      clips: whether gradients are clipped.
      after: the last step that was read before, of an earlier training; steps go on behind it.
      shift: what is added to each step of the probe's.
    """

    def __init__(
        self,
        probe: Probe,
        layers: tuple[Layer, ...],
        rectified: tuple[int, ...] = (),
        model: str = "",
        optimizer: str = "",
        clips: bool = False,
        after: int = -1,
        shift: int = 0,
    ):
        self.probe, self.layers = probe, layers
        self._rectified, self._about, self._clips = list(rectified), (model, optimizer), clips
        # Rows read, rows that were overwritten before they were read, and the last step as it was told.
        self.read, self.lost, self.last, self._shift = 0, 0, after, shift

    def new_rows(self, reasons: dict[int, str] | None = None, loss: float = float("nan")) -> Training:
        """The rows since the last call, as many as the probe still holds.

        Args:
          reasons: why a weight, by its place, gets no gradient.
          loss: of the last row, where the probe was told none.
        """
        measured, bad, _ = (int(x) for x in self.probe.status.numpy())
        capacity = self.probe.capacity
        first = max(self.read, measured - capacity)
        self.lost += first - self.read
        places = np.arange(first, measured) % capacity
        rows, step = self.probe.rows.numpy()[places].astype(np.float64), self.probe.steps.numpy()[places]
        self.read = measured
        count = len(self.probe.weights)
        by_weight = rows[:, : len(COLUMNS) * count].reshape(len(rows), len(COLUMNS), count)
        columns = {name: by_weight[:, i] for i, name in enumerate(COLUMNS)}
        end = len(COLUMNS) * count
        losses, rates = rows[:, end].copy(), rows[:, end + 1]
        if len(losses) and np.isnan(losses[-1]):
            losses[-1] = loss
        dead = np.full((len(rows), len(self.layers)), np.nan)
        dead[:, self._rectified] = rows[:, end + 2 :]
        # It was measured of gradients over these factors.
        product = columns["product"] * columns["factor"] * columns["factor_before"]
        model, optimizer = self._about
        return Training(
            model=model,
            optimizer=optimizer,
            layers=self.layers,
            step=self._going_on(step),
            loss=losses,
            learning_rate=rates,
            norm=columns["norm"],
            clipped_norm=columns["clipped_norm"] if self._clips else None,
            largest=columns["largest"],
            zeros=columns["zeros"],
            product=product,
            norm_before=columns["norm_before"],
            update_norm=columns["update_norm"],
            weight_norm=columns["weight_norm"],
            dead=dead,
            without_gradient=self._without(reasons or {}),
            not_finite=self._fault(bad) if bad >= 0 else None,
        )

    def shifted(self, step: int) -> int:
        """A step of the probe's as it is told."""
        return step + self._shift

    def _going_on(self, step: np.ndarray) -> np.ndarray:
        """Steps that go on: a new optimizer, or one that was restored, counts from an earlier number."""
        if len(step) and step[0] + self._shift <= self.last:
            self._shift = self.last + 1 - int(step[0])
        told = step + self._shift
        for back in np.flatnonzero(np.diff(told) <= 0) + 1:
            more = told[back - 1] + 1 - told[back]
            told[back:] += more
            self._shift += int(more)
        self.last = int(told[-1]) if len(told) else self.last
        return told

    def _without(self, reasons: dict[int, str]) -> tuple[tuple[str, str, str], ...]:
        names = [(layer.name, weight) for layer in self.layers for weight in layer.weights]
        return tuple((*names[place], reason) for place, reason in sorted(reasons.items()))

    def _fault(self, step: int) -> NotFinite:
        loss, *flags = self.probe.fault.numpy().astype(np.float64)
        batch, of_weights = bool(flags[0]), np.array(flags[1:], bool)
        gradients, weights = np.split(of_weights, 2)
        told = float(loss) if self.probe.has_loss else None
        return NotFinite(self.shifted(step), told, gradients, weights, batch)
