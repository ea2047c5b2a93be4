"""Scalars of any selection of runs as CSV or NumPy: nothing sampled, nothing lost.

CSV spells each value so that it reads back as the same float32, each wall time as the same float64; only what tells one
NaN from another is lost there, and in NumPy's file nothing is. Memory is bounded by one run, but for NumPy's file.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tbgrad import naming
from tbgrad.comparison.exports.csv_rows import TENSORBOARD_HEADER, TIDY_HEADER, tensorboard_rows, tidy_rows
from tbgrad.comparison.exports.exported_files import (
    FileNames,
    move_file,
    move_files,
    staged_folder,
    telling,
    whole_file,
)
from tbgrad.comparison.filters import Filter, admitted
from tbgrad.comparison.logged import METRICS, read_logs
from tbgrad.comparison.places import find_places, several
from tbgrad.errors import LogdirError, OptionError, UnknownTagError, nearest
from tbgrad.events.reader import read_run
from tbgrad.records import Scalars

FORMATS = ("tidy", "tensorboard", "numpy")


@dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
      runs: how many hold any of it.
      series: how many, each of one tag of one run.
      scalars: how many numbers.
      output: the file or the directory, empty for a stream.
      notes: one line for each thing that somebody might miss in it.
    """

    runs: int
    series: int
    scalars: int
    output: str
    notes: tuple[str, ...] = ()


def export_scalars(
    places: str | Path | Sequence[str | Path],
    output: str | Path | BinaryIO,
    format: str = "tidy",
    tags: str | Sequence[str] = (),
    where: str | Sequence[str | Filter] = (),
) -> Export:
    """Writes the scalars of runs into a file, a directory or a stream.

    Args:
      places: log directories, runs or patterns; all runs at or below them are exported.
      output: a path, where a file appears when it is complete, in place of what was there; or a binary stream.
      format: `tidy`, CSV with a row `run,tag,step,wall_time,value` for each number; `tensorboard`, CSV with
        TensorBoard's own header `Wall time,Step,Value`, into a file `<run>/<tag>.csv` below the directory `output` for
        each of several series; or `numpy`, an .npz file of the arrays `run` and `tag`, int32 indices of the names
        `runs` and `tags`, `step` int64, `wall_time` float64 in seconds since 1970 and `value` float32, all `[n]`.
      tags: patterns such as `descent/*`; by default all scalars.
      where: conditions such as `learning_rate<0.1`; all must be fulfilled.

    Returns:
      `Export`.

    Raises:
      NotARunError: a place does not exist, or no run is found.
      UnknownTagError: no scalar matches.
      OptionError: no run fulfils the conditions, or a stream was to take several series in TensorBoard's form.
      LogdirError: `output` cannot be made.
      WriteError: it cannot be written to the end.

    Example:
      >>> export_scalars("logs", "values.csv", tags=["descent/value"])
    """
    if format not in FORMATS:
        raise OptionError(f"format is '{format}'; expected {', '.join(FORMATS)}.")
    places = several(places)
    selection = _Selection(places, several(tags), several(where))
    if not isinstance(output, str | Path):
        _into_stream(selection, output, format)
    elif Path(output).exists() and not (Path(output).is_file() or Path(output).is_dir()):
        # A pipe or a device is written to, never replaced.
        with telling(Path(output)), Path(output).open("wb") as stream:
            _into_stream(selection, stream, format)
    elif format == "tensorboard":
        _into_files(selection, Path(output), is_folder=str(output).endswith("/"))
    else:
        with whole_file(Path(output)) as stream:
            _into_stream(selection, stream, format)
    where_to = str(output) if isinstance(output, str | Path) else ""
    return Export(selection.runs, selection.series, selection.scalars, where_to, tuple(selection.notes))


class _Selection:
    """The chosen series, read run by run; it counts what it gives."""

    def __init__(self, places: Sequence[str | Path], patterns: Sequence[str], where: Sequence[str | Filter]):
        self._places, self._patterns = places, patterns
        self._where = [Filter.parse(c) if isinstance(c, str) else c for c in where]
        self.runs = self.series = self.scalars = 0
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, Scalars]]:
        known: dict[str, None] = {}
        for directory, run in self._chosen():
            records = read_run(directory, self._is_wanted)
            known |= dict.fromkeys(tag for tag, plugin in records.plugins.items() if plugin == "scalars")
            if records.damage:
                first, more = records.damage[0], len(records.damage) - 1
                others = f"; {more} more in this run" if more else ""
                self.notes.append(f"what is damaged was passed over: {first}{others}.")
            self.runs += bool(records.scalars)
            for series in records.scalars.values():
                self.series += 1
                self.scalars += len(series.step)
                yield run, series
        self._check(list(known))

    def _chosen(self) -> Iterator[tuple[Path, str]]:
        if not self._where:
            yield from find_places(self._places).items()
            return
        # What conditions ask about is little; all of a run is read only once it is admitted.
        runs = [*read_logs(self._places, lambda tag: tag.startswith(METRICS))]
        yield from ((run.directory, run.run) for run in admitted(runs, self._where))

    def _is_wanted(self, tag: str) -> bool:
        return not self._patterns or any(_matches(tag, pattern) for pattern in self._patterns)

    def _check(self, known: Sequence[str]) -> None:
        idle = [p for p in self._patterns if not any(_matches(tag, p) for tag in known)]
        if not known:
            raise UnknownTagError("there are no scalars in these runs.")
        if not self.series:
            what = " or ".join(f"'{pattern}'" for pattern in self._patterns)
            near = next(filter(None, (nearest(pattern, known) for pattern in self._patterns)), "")
            raise UnknownTagError(f"no scalar matches {what}.{near} There are: {naming.listed(known)}.")
        self.notes += [f"no scalar matches '{pattern}'.{nearest(pattern, known)}" for pattern in idle]


def _matches(tag: str, pattern: str) -> bool:
    # A tag may itself hold brackets.
    return tag == pattern or fnmatch.fnmatchcase(tag, pattern)


def _into_stream(selection: _Selection, stream: BinaryIO, format: str) -> None:
    if format == "numpy":
        np.savez(stream, **_arrays(selection))
    elif format == "tensorboard":
        _only_one(selection, stream)
    else:
        # Nothing is written before it is sure that there is anything.
        header = TIDY_HEADER.encode()
        for run, series in selection:
            for rows in tidy_rows(run, series):
                stream.write(header + rows)
                header = b""


def _arrays(selection: _Selection) -> dict[str, np.ndarray]:
    chosen = list(selection)
    runs, tags = (list(dict.fromkeys(names)) for names in zip(*((run, s.tag) for run, s in chosen), strict=True))
    lengths = [len(series.step) for _, series in chosen]
    run_index, tag_index = ({name: i for i, name in enumerate(names)} for names in (runs, tags))
    return {
        "run": np.repeat(np.array([run_index[run] for run, _ in chosen], np.int32), lengths),
        "tag": np.repeat(np.array([tag_index[s.tag] for _, s in chosen], np.int32), lengths),
        "step": np.concatenate([s.step for _, s in chosen]),
        "wall_time": np.concatenate([s.wall_time for _, s in chosen]),
        "value": np.concatenate([s.value for _, s in chosen]),
        "runs": np.array(runs),
        "tags": np.array(tags),
    }


def _only_one(selection: _Selection, stream: BinaryIO) -> None:
    found: list[tuple[str, Scalars]] = []
    for run, series in selection:
        found.append((run, series))
        if len(found) > 1:
            named = " and ".join(f"'{s.tag}' of '{r}'" for r, s in found)
            raise OptionError(
                f"TensorBoard's form names neither run nor tag, and there are several series: {named}. Name one tag of "
                "one run, or a directory as --output, or take the form tidy."
            )
    stream.write(TENSORBOARD_HEADER.encode())
    for rows in tensorboard_rows(found[0][1]):
        stream.write(rows)


def _into_files(selection: _Selection, output: Path, is_folder: bool) -> None:
    names, files, odd = FileNames(), [], []
    with staged_folder(output) as folder:
        for run, series in selection:
            files.append(names.name(run, series.tag))
            if len(files) > 1 and output.is_file():
                raise LogdirError(f"'{output}' is a file, and several series need a directory; name another.")
            path = folder / files[-1]
            if path.name != series.tag.replace("/", "__") + ".csv":
                odd.append(f"'{files[-1]}' has '{series.tag}' of '{run}'")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(TENSORBOARD_HEADER.encode())
                file.writelines(tensorboard_rows(series))
        if len(files) == 1 and not is_folder and not output.is_dir():
            move_file(folder / files[0], output)
        else:
            move_files(folder, files, output)
            if odd:
                selection.notes.append(f"files that could not be named after their tags alone: {naming.listed(odd)}.")
