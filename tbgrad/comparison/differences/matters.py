"""What runs hold besides scalars, pictures and texts and graphs, and whether it is equal in two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tbgrad.records import Images, Meshes, Records, Texts

_SERIES = {"images": "image", "texts": "text", "histograms": "histogram", "meshes": "mesh"}
# They are read as what a run has once, and the parts of a mesh under its name.
_READ = ("hparams", "custom_scalars", "mesh", "scalars", "images", "text", "histograms")


def kinds(records: Records) -> dict[str, str]:
    """The kind of each tag, in words; the run's own graph has the tag "graph"."""
    found = dict.fromkeys(records.scalars, "scalar")
    for name, kind in _SERIES.items():
        found |= dict.fromkeys(getattr(records, name), kind)
    found |= {tag or "graph": "graph" for tag in records.graphs}
    if records.layout is not None:
        found["layout of custom scalars"] = "layout"
    for tag, plugin in records.plugins.items():
        if plugin not in _READ and tag not in found:
            found[tag] = f"plugin {plugin or 'unknown'}"
    return found


def content_steps(one: Records, other: Records) -> Iterator[tuple[str, str, bool, int | None]]:
    """Compares what both have: (kind, tag, whether equal, first step at which it is not)."""
    for name in _SERIES:
        mine, yours = getattr(one, name), getattr(other, name)
        for tag in mine:
            if tag in yours:
                step = _first_apart(_entries(mine[tag]), _entries(yours[tag]))
                yield name, tag, step is None, step
    for tag, graph in one.graphs.items():
        if tag in other.graphs:
            yield "graphs", tag or "graph", graph.nodes == other.graphs[tag].nodes, None
    if one.layout is not None and other.layout is not None:
        yield "layouts", "layout of custom scalars", one.layout.categories == other.layout.categories, None


def _entries(series: Any) -> list[tuple[int, Any]]:
    """(step, content) of each entry, the content as something that can be compared."""
    if isinstance(series, Images):
        contents = series.image
    elif isinstance(series, Texts):
        contents = series.text
    elif isinstance(series, Meshes):
        config = json.dumps(series.config, sort_keys=True)
        parts = [part for part in (series.vertices, series.faces, series.colors) if part is not None]
        contents = [(config, *(array.tobytes() for array in arrays)) for arrays in zip(*parts, strict=True)]
    else:
        contents = [buckets.tobytes() for buckets in series.buckets]
    return [*zip(series.step.tolist(), contents, strict=True)]


def _first_apart(one: list[tuple[int, Any]], other: list[tuple[int, Any]]) -> int | None:
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            return min(mine[0], yours[0])
    longer = max(one, other, key=len)
    shorter = min(len(one), len(other))
    return longer[shorter][0] if len(longer) > shorter else None
