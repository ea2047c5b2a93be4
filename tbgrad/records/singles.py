"""What a run has once: its settings, its graph, the charts that it asks for."""

from __future__ import annotations

import numbers
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad.errors import OptionError, ShapeError
from tbgrad.records.series import set_fields


@dataclass(frozen=True, eq=False)
class HParams:
    """The settings of a run, for the HParams dashboard; its metrics are the run's scalars.

    Attributes:
      values: bool, float64 or text by name; None is left out, since TensorBoard has no such value. A name should have
        the same type in all runs: TensorBoard makes text of a column that mixes them, and cannot sort or filter it.
      trial: empty, and TensorBoard calls the trial by its run's name, which no other run has. Runs that are given the
        same trial are one row of its table, with the mean of their metrics and the settings of one of them.
      succeeded: how the session ended; None while it goes on.
      wall_time: (start, end) in seconds since 1970; end is None while it goes on.

    Raises:
      OptionError: a value is no bool, number or text.
    """

    values: Mapping[str, bool | float | str]
    trial: str = ""
    succeeded: bool | None = None
    wall_time: tuple[float, float | None] | None = None

    def __post_init__(self):
        kept = {name: _setting(name, value) for name, value in self.values.items() if value is not None}
        wall_time = self.wall_time or (time.time(), None if self.succeeded is None else time.time())
        set_fields(self, values=kept, wall_time=wall_time)


def _setting(name: str, value: Any) -> bool | float | str:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise OptionError(f"the setting '{name}' is {value!r}, a {type(value).__name__}; expected bool, number or text.")


@dataclass(frozen=True)
class GraphNode:
    """One node of a graph as TensorBoard shows it.

    Attributes:
      name: unique; each `/` in it opens a scope.
      operation: its type.
      inputs: names of the nodes whose output it takes; `name:1` is a second output.
      attributes: texts by name, listed on the card of the node when it is clicked.
      shape: of its output, () for a number; None where it is not known. Arrows are as thick as what flows is large.
    """

    name: str
    operation: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class GraphRecord:
    """A run's graph, for the Graphs dashboard: its nodes, and the time in seconds since 1970."""

    nodes: Sequence[GraphNode]
    wall_time: float | None = None

    def __post_init__(self):
        set_fields(self, nodes=tuple(self.nodes), wall_time=time.time() if self.wall_time is None else self.wall_time)


@dataclass(frozen=True)
class Chart:
    """A chart of several scalars, for the Custom Scalars dashboard.

    Attributes:
      title: of the chart.
      tags: regular expressions; a line for each tag of each run that matches one of them. Of a margin chart: the
        tags of value, lower and upper bound, of one band after the other.
      is_margin: whether it draws one line in a band.

    Raises:
      ShapeError: a margin chart whose tags are not three for each band.
    """

    title: str
    tags: tuple[str, ...]
    is_margin: bool = False

    def __post_init__(self):
        if self.is_margin and len(self.tags) % 3:
            raise ShapeError(
                f"the margin chart '{self.title}' has {len(self.tags)} tags; expected three for each band."
            )


@dataclass(frozen=True)
class Layout:
    """The charts of the Custom Scalars dashboard, by category; TensorBoard merges the layouts of all runs."""

    categories: Mapping[str, Sequence[Chart]]
    wall_time: float | None = None

    def __post_init__(self):
        categories = {title: tuple(charts) for title, charts in self.categories.items()}
        set_fields(self, categories=categories, wall_time=time.time() if self.wall_time is None else self.wall_time)
