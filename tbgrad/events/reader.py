"""Reads runs, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tbgrad.errors import NotARunError
from tbgrad.events.decoding import decode
from tbgrad.events.tfrecord import count, frames
from tbgrad.records import Records


def read_run(directory: str | Path) -> Records:
    """Reads all scalars, images, texts and hparams of a run.

    Args:
      directory: holds one or more event files, which are read in TensorBoard's order, that of their names.

    Returns:
      `Records`; damaged records are told in its `damage` and passed over.

    Raises:
      NotARunError: there is no event file.

    Example:
      >>> read_run("logs/rosenbrock/descent/adam_lr0.05").scalars["descent/value"].value
    """
    files = event_files(Path(directory))
    if not files:
        raise NotARunError(f"'{directory}' holds no event file, so it is no run.")
    return decode(_payloads(files))


def event_files(directory: Path) -> list[Path]:
    """The event files directly in a directory, in TensorBoard's order."""
    return sorted(path for path in directory.glob("*tfevents*") if path.is_file())


def find_runs(directory: Path) -> list[Path]:
    """Every directory at or below this one that holds an event file, sorted."""
    return sorted({path.parent for path in directory.rglob("*tfevents*") if path.is_file()})


def most_events(directory: Path) -> int:
    """The number of events in the fullest run at or below a directory: no tag has more entries."""
    return max((sum(count(file) for file in event_files(run)) for run in find_runs(directory)), default=0)


def _payloads(files: list[Path]) -> Iterator[tuple[str, bytes | None, str]]:
    for file in files:
        for frame in frames(file):
            yield f"{file}, byte {frame.offset}", frame.payload, frame.damage
