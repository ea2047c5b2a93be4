"""A directory for one run: locked while it is written, and given back as it was found if nothing was."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import filelock

from tbgrad.errors import LogdirError, RunExistsError, RunLockedError

INFO, LOCK = "run.json", "run.lock"


class LockedDirectory:
    """Makes and locks a directory; the lock dies with its process.

    Raises:
      LogdirError: it cannot be made or written.
      RunLockedError: another process holds it.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.made = [path for path in [directory, *directory.parents] if not path.exists()]
        self._lock = filelock.FileLock(directory / LOCK, blocking=False)
        self._lock_is_new = not (directory / LOCK).exists()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout:
            raise RunLockedError(
                f"another process is writing the run in '{directory}'; wait, or name another."
            ) from None
        except OSError as error:
            self.release(as_it_was=True)
            raise LogdirError(
                f"cannot write to '{directory}': {reason(error)}. Choose another name or log directory."
            ) from None

    def release(self, as_it_was: bool = False) -> None:
        """Lets go of the lock; also removes the lock's file and the directories that were made for it, if empty."""
        self._lock.release()
        if as_it_was:
            if self._lock_is_new:
                with contextlib.suppress(OSError):
                    (self.directory / LOCK).unlink()
            for folder in self.made:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def is_locked(directory: Path) -> bool:
    """Whether a process is writing there."""
    lock = filelock.FileLock(directory / LOCK, blocking=False)
    try:
        # Without its file nobody holds it, and asking would make one.
        if (directory / LOCK).exists():
            lock.acquire()
            lock.release()
    except filelock.Timeout:
        return True
    except OSError:
        return False
    return False


def unused_directory(directory: Path) -> Path:
    """The directory if it is empty or absent, else the first of `directory-2`, `-3` and so on that is."""
    candidate, number = directory, 1
    while candidate.is_dir() and any(candidate.iterdir()):
        number += 1
        candidate = directory.with_name(f"{directory.name}-{number}")
    return candidate


def refuse_nesting(directory: Path) -> None:
    """Raises RunExistsError if the directory lies in a run or holds one."""
    for parent in directory.absolute().parents:
        if (parent / INFO).exists():
            raise RunExistsError(f"'{directory}' lies inside the run '{parent}'; one run cannot hold another.")
    if directory.is_dir() and not (directory / INFO).exists():
        inside = next(directory.rglob(f"*/{INFO}"), None)
        if inside is not None:
            raise RunExistsError(f"'{directory}' holds the run '{inside.parent}'; one run cannot hold another.")


def reason(error: OSError) -> str:
    """What the system says, without its number."""
    return os.strerror(error.errno) if error.errno else str(error)
