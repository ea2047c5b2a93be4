"""Where runs are: directories, patterns and runs, as a user names them."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from tbgrad import naming
from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs


def several(named: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """What a caller named, where one name may stand for a list of one."""
    return [named] if isinstance(named, str | Path) else named


def find_places(places: str | Path | Sequence[str | Path]) -> dict[Path, str]:
    """Every run at or below these places, once, however often and by whatever links it is named.

    Args:
      places: log directories, runs, or patterns such as `logs/*/descent`, where `**` stands for any depth.
        A single one may be given as it is.

    Returns:
      The names of the runs by their directories: relative to the place if it is the only one, else whole.
      Of two names of one directory the first counts.

    Raises:
      NotARunError: a place does not exist, or has no name, or no run is found.
    """
    places = several(places)
    tops = [top for place in places for top in _directories(place)]
    found: dict[Path, str] = {}
    real: set[str] = set()
    for top in tops:
        for directory in find_runs(top):
            if (path := os.path.realpath(directory)) in real:
                continue
            real.add(path)
            alone = len(tops) == 1 and directory != top
            name = directory.relative_to(top) if alone else directory
            found[directory] = name.as_posix()
    if not found:
        where = naming.listed([f"'{place}'" for place in places])
        raise NotARunError(f"there are no runs in {where}. 'tbgrad tour' makes some.")
    return found


def _directories(place: str | Path) -> list[Path]:
    if not str(place):
        raise NotARunError("an empty name is no place of runs; for the current directory write '.'.")
    if Path(place).is_dir():
        return [Path(place)]
    if not glob.has_magic(str(place)):
        raise NotARunError(f"there is no directory '{place}'.")
    matched = [path for path in map(Path, sorted(glob.glob(str(place), recursive=True))) if path.is_dir()]
    if not matched:
        raise NotARunError(f"no directory matches '{place}'.")
    return matched
