"""What an event file holds: whole series under a tag, never single points, and what a run has once.

A record casts when it is made: int64 steps, float32 values, float64 wall times (seconds since 1970, the present
where none are given). What `read_run` gives is what was written, bit for bit. This package must not know results or
bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tbgrad.records.series import MOST_VERTICES, Histograms, Images, Meshes, Scalars, Texts
from tbgrad.records.singles import Chart, GraphNode, GraphRecord, HParams, Layout

__all__ = [
    "MOST_VERTICES",
    "Chart",
    "GraphNode",
    "GraphRecord",
    "HParams",
    "Histograms",
    "Images",
    "Layout",
    "Meshes",
    "Record",
    "Records",
    "Scalars",
    "Texts",
]

Record = Scalars | Images | Histograms | Texts | Meshes | HParams | GraphRecord | Layout


@dataclass(frozen=True, eq=False)
class Records:
    """All that a run holds, by tag; what cannot be read is told in `damage`.

    Attributes:
      scalars: `Scalars` by tag.
      images: `Images` by tag.
      histograms: `Histograms` by tag.
      texts: `Texts` by tag.
      meshes: `Meshes` by tag.
      graphs: `GraphRecord` by tag; a run's own graph has none, it is under "", beside those of traced functions.
      hparams: `HParams`, or None.
      layout: `Layout`, or None.
      damage: one line for each bad record: file, byte offset, what is wrong.
      plugins: the name of TensorBoard's plugin by tag, of tags that were not asked for too; "" where none is known.
    """

    scalars: Mapping[str, Scalars] = field(default_factory=dict)
    images: Mapping[str, Images] = field(default_factory=dict)
    histograms: Mapping[str, Histograms] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    meshes: Mapping[str, Meshes] = field(default_factory=dict)
    graphs: Mapping[str, GraphRecord] = field(default_factory=dict)
    hparams: HParams | None = None
    layout: Layout | None = None
    damage: tuple[str, ...] = ()
    plugins: Mapping[str, str] = field(default_factory=dict)
