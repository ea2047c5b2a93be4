"""Where runs are: directories, patterns and runs, as a user names them."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from tbgrad import naming
from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs


def find_places(places: Sequence[str | Path]) -> dict[Path, str]:
    """Every run at or below these places, once.

    Args:
      places: log directories, runs, or patterns such as `logs/*/descent`, where `**` stands for any depth.

    Returns:
      The names of the runs by their directories: relative to the place if it is the only one, else whole.

    Raises:
      NotARunError: a place does not exist, or no run is found.
    """
    tops = [top for place in places for top in _directories(place)]
    found: dict[Path, str] = {}
    for top in tops:
        for directory in find_runs(top):
            alone = len(tops) == 1 and directory != top
            name = directory.relative_to(top) if alone else directory
            found.setdefault(directory, name.as_posix())
    if not found:
        where = naming.listed([f"'{place}'" for place in places])
        raise NotARunError(f"there are no runs in {where}. 'tbgrad tour' makes some.")
    return found


def _directories(place: str | Path) -> list[Path]:
    if Path(place).is_dir():
        return [Path(place)]
    if not glob.has_magic(str(place)):
        raise NotARunError(f"there is no directory '{place}'.")
    matched = [path for path in map(Path, sorted(glob.glob(str(place), recursive=True))) if path.is_dir()]
    if not matched:
        raise NotARunError(f"no directory matches '{place}'.")
    return matched
