"""Where an export goes: files that are whole or not there, and names that fit every file system."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tbgrad import naming
from tbgrad.errors import LogdirError, TbgradError, WriteError
from tbgrad.runs.directories import reason

# Windows takes none of these in a name; a control character helps nobody.
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*]')
_LONGEST = 200


@contextlib.contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turns what the system says while a file is written into a WriteError that names it."""
    try:
        yield
    except (TbgradError, BrokenPipeError):
        raise
    except OSError as error:
        raise WriteError(f"cannot write '{path}' to the end: {reason(error)}.") from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that replaces what was there only when it is complete.

    Raises:
      LogdirError: it cannot be made, or a directory is in the way.
      WriteError: it cannot be written to the end.
    """
    if path.is_dir():
        raise LogdirError(f"cannot write '{path}': it is a directory.")
    # What a link leads to is replaced, not the link.
    path = path.resolve() if path.is_symlink() else path.absolute()
    fresh = path.parent / f".tbgrad-export-{os.getpid()}.part"
    try:
        file = fresh.open("wb")
    except OSError as error:
        raise _not_made(path, error) from None
    try:
        with telling(path):
            with file:
                yield file
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A directory for files that are moved to `target` when all are complete; it is removed with what is left in it.

    Raises:
      LogdirError: it cannot be made.
      WriteError: a file in it cannot be written to the end.
    """
    folder = (target if target.is_dir() else target.absolute().parent) / f".tbgrad-export-{os.getpid()}.parts"
    try:
        folder.mkdir()
    except OSError as error:
        raise _not_made(target, error) from None
    try:
        with telling(target):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_file(source: Path, target: Path) -> None:
    """Puts a complete file where it was asked for, as `whole_file` does."""
    with whole_file(target) as file, source.open("rb") as content:
        shutil.copyfileobj(content, file)


def move_files(folder: Path, names: Sequence[str], target: Path) -> None:
    """Moves complete files into a directory, which is made; files of the same names are replaced.

    Raises:
      LogdirError: something else is in the way; then nothing is moved.
    """
    for name in names:
        path = target / name
        if path.is_dir():
            raise LogdirError(f"cannot write '{path}': it is a directory.")
        for parent in (target, *((target / p) for p in PurePosixPath(name).parents)):
            if parent.exists() and not parent.is_dir():
                raise LogdirError(f"cannot write '{path}': '{parent}' is a file.")
    for name in names:
        try:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(target / name)
        except OSError as error:
            raise _not_made(target / name, error) from None


class FileNames:
    """Gives each series of each run a file `<run>/<tag>.csv` of its own, also where a file system ignores case."""

    def __init__(self):
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def name(self, run: str, tag: str) -> str:
        """A relative path that stays below its directory; `/` of the tag becomes `__`, and a number parts namesakes."""
        folder = ""
        for part in _parts(run):
            folder = self._unused(folder, _fit(part), "", self._files)
            self._folders.add(_seen(folder))
        name = self._unused(folder, _fit(tag.replace("/", "__")), ".csv", self._files | self._folders)
        self._files.add(_seen(name))
        return name

    @staticmethod
    def _unused(folder: str, stem: str, suffix: str, taken: set[str]) -> str:
        start = f"{folder}/{stem}" if folder else stem
        name, number = start + suffix, 1
        while _seen(name) in taken:
            number += 1
            name = f"{start}-{number}{suffix}"
        return name


def _parts(run: str) -> list[str]:
    """The parts of a run's name; one that leads elsewhere, as `../logs/a` and `/logs/a` do, leads below."""
    parts = [part for part in run.split("/") if part not in ("", ".")]
    return ["__" if part == ".." else part for part in parts] or [Path(run).resolve().name or "run"]


def _fit(text: str) -> str:
    """A name that file systems take; a long one is cut, and a hash of the whole stands for the rest."""
    fit = _UNFIT.sub("_", text)
    if len(os.fsencode(fit)) > _LONGEST:
        kept = os.fsencode(fit)[: _LONGEST - 9].decode("utf-8", "ignore")
        fit = f"{kept}-{naming.short_hash(text)}"
    return fit or "_"


def _seen(name: str) -> str:
    """What a file system that ignores case, and how accents are composed, sees of a name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _not_made(path: Path, error: OSError) -> LogdirError:
    return LogdirError(f"cannot write '{path}': {reason(error)}.")
