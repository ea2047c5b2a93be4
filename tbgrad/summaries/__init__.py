"""Results to records: the only dictionary between mathematics and TensorBoard. One file a result."""

from __future__ import annotations

from tbgrad.summaries import checks, descents, graphs, passes, surfaces, sweeps
from tbgrad.summaries.summarizing import summarize

__all__ = ["checks", "descents", "graphs", "passes", "summarize", "surfaces", "sweeps"]
