"""Results to records: the only dictionary between mathematics and TensorBoard. One file a result."""

from __future__ import annotations

from tbgrad.summaries import basins, checks, descents, graphs, passes, races, rates, surfaces, sweeps, training
from tbgrad.summaries.summarizing import summarize

__all__ = [
    "basins",
    "checks",
    "descents",
    "graphs",
    "passes",
    "races",
    "rates",
    "summarize",
    "surfaces",
    "sweeps",
    "training",
]
