"""Reads runs, whoever wrote them."""

from __future__ import annotations

import contextlib
import heapq
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tbgrad.errors import NotARunError
from tbgrad.events.decoding import decode
from tbgrad.events.tfrecord import count
from tbgrad.records import Records


def read_run(directory: str | Path, tags: Collection[str] | Callable[[str], bool] | None = None) -> Records:
    """Reads a run: scalars, images, histograms, texts, meshes, graph, hparams and layout.

    Memory is bounded by what is kept, and the largest single event, not by the files.

    Args:
      directory: holds one or more event files, which are read in TensorBoard's order, that of their names. They may
        still be written.
      tags: which to keep, all by default, or what tells of a tag whether to keep it; of a mesh it is the name, of the
        run's graph "". Hparams, layout and the plugin of each tag are always kept.

    Returns:
      `Records`, bit for bit what was written; damaged events are told in its `damage` and passed over.

    Raises:
      NotARunError: there is no event file.

    Example:
      >>> read_run("logs/rosenbrock/descent/adam_lr0.05", tags=["descent/value"]).scalars["descent/value"].value
    """
    if isinstance(tags, str):
        tags = [tags]
    files = event_files(Path(directory))
    if not files:
        raise NotARunError(f"'{directory}' holds no event file, so it is no run.")
    return decode(files, tags if tags is None or callable(tags) else frozenset(tags).__contains__)


def event_files(directory: Path) -> list[Path]:
    """The event files directly in a directory, in TensorBoard's order."""
    if not directory.is_dir():
        return []
    with os.scandir(directory) as entries:
        return sorted(directory / entry.name for entry in entries if "tfevents" in entry.name and entry.is_file())


def find_runs(directory: Path) -> list[Path]:
    """Every directory at or below this one that holds an event file, sorted; see `walked`."""
    return sorted(folder for folder, files in walked(directory) if any("tfevents" in name for name in files))


def walked(directory: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every directory at or below this one, with the names of its files.

    Links are followed, as TensorBoard follows them, but each directory is entered once: where a link leads back, the
    walk ends, and what also lies in the tree goes by its own name. What may not be read counts as empty.
    """
    entered: set[tuple[int, int]] = set()
    folders, links = [os.fspath(directory)], []
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        files = []
        with contextlib.suppress(OSError):
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in entered:
                continue
            entered.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    # A link in a circle cannot even be asked.
                    with contextlib.suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        elif entry.is_dir():
                            heapq.heappush(links, entry.path)
                        elif entry.is_file():
                            files.append(entry.name)
        yield Path(folder), files


def most_events(directory: Path) -> int:
    """The number of events in the fullest run at or below a directory: no tag has more entries."""
    return max((sum(count(file)[0] for file in event_files(run)) for run in find_runs(directory)), default=0)
