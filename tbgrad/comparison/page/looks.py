"""How a run looks on a page: its short name, its line, and where its card is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from tbgrad.comparison.comparing import Comparison

# Colours and dashes of the racers, as page.css has them by number; `tbgrad.figures.style` would bring Matplotlib.
COLOURS, DASHES = 10, 5
_OWN_DASH = (0, 1, 2, 3, 4, 3, 4, 0, 1, 2)


@dataclass(frozen=True)
class Look:
    """A run on a page.

    Attributes:
      name: without the directories that all runs of its function are in.
      place: the name of its card.
      style: (colour, dash) of its line.
      group: in which it is, or empty.
    """

    name: str
    place: str
    style: tuple[int, int]
    group: str = ""


def looks(comparison: Comparison) -> dict[str, Look]:
    """By the name of a run. Lines have a style each, within a function; with groups one for each group, everywhere."""
    numbers = group_numbers(comparison)
    groups = {run: group.name for ranking in comparison.rankings for group in ranking.groups for run in group.runs}
    found: dict[str, Look] = {}
    for ranking in comparison.rankings:
        common = _common(run.run for run in ranking.runs)
        for i, run in enumerate(ranking.runs):
            group = groups.get(run.run, "")
            line = style(numbers[group] if group else i)
            name = os.path.relpath(run.run, common) if common else run.run
            found[run.run] = Look(name, f"run-{len(found)}", line, group)
    return found


def group_numbers(comparison: Comparison) -> dict[str, int]:
    """The number of each group's line by its name, the same under all functions."""
    names = dict.fromkeys(group.name for ranking in comparison.rankings for group in ranking.groups)
    return {name: number for number, name in enumerate(names)}


def style(number: int) -> tuple[int, int]:
    """(colour, dash) of a line: the racers' own, then their colours with other dashes; it repeats after fifty."""
    colour = number % COLOURS
    return colour, (_OWN_DASH[colour] + number // COLOURS) % DASHES


def _common(runs: Iterable[str]) -> str:
    """The directory that all these are in; empty where there is none."""
    parents = {os.path.dirname(run) for run in runs}
    return os.path.commonpath(parents) if len({os.path.isabs(parent) for parent in parents}) == 1 else ""
