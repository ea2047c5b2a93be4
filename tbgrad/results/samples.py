"""Samples at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import Tabular, sample_rows, sampled


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Tabular):
    """Value and gradient at points: position `[n, d]`, value `[n]`, gradient `[n, d]`."""

    subject: Subject
    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Bool `[n]`: value and whole gradient are finite."""
        return np.isfinite(self.value) & np.isfinite(self.gradient).all(axis=-1)

    def _caption(self) -> str:
        return f"{self.subject.equation}, {sampled(len(self.value))}"

    def _rows(self):
        return sample_rows(self.subject, {}, self.position, self.value, self.gradient)
