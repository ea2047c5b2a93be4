"""How a function curves at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tbgrad.results.subjects import Subject
from tbgrad.results.tabular import MOST_ROWS, Tabular, sampled


@dataclass(frozen=True, eq=False, repr=False)
class Curvature(Tabular):
    """The Hessian at points with its eigenvalues and eigenvectors; NaN where it is not finite.

    Attributes:
      subject: the function.
      position: `[n, d]`.
      hessian: `[n, d, d]`, the second derivatives.
      eigenvalues: `[n, d]`, ascending: the curvatures along the eigenvectors.
      eigenvectors: `[n, d, d]`, of length one; column k, `eigenvectors[..., k]`, belongs to eigenvalue k. Its sign is
        arbitrary.
    """

    subject: Subject
    position: np.ndarray
    hessian: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Bool `[n]`: the whole Hessian is finite."""
        return np.isfinite(self.hessian).all(axis=(1, 2))

    def _caption(self) -> str:
        return f"Hessian of {self.subject.equation}: eigenvalues λ, eigenvectors v, {sampled(len(self.position))}"

    def _rows(self):
        d = self.position.shape[-1]
        yield [*self.subject.variables, *(f"λ{k}" for k in range(1, d + 1)), *(f"v{k}" for k in range(1, d + 1))]
        count = len(self.position)
        for i in np.unique(np.linspace(0, count - 1, min(MOST_ROWS, count)).round().astype(int)):
            vectors = (f"({', '.join(f'{x:.4g}' for x in self.eigenvectors[i, :, k])})" for k in range(d))
            yield [*self.position[i], *self.eigenvalues[i], *vectors]
