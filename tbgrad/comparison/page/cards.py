"""A run on a page: its pictures, settings, metrics and verdict, and how it was made."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.page.command_lines import command_line
from tbgrad.comparison.page.looks import Look
from tbgrad.comparison.page.markup import details, facts, paragraph, swatch, text
from tbgrad.comparison.page.thumbnails import Thumbnail
from tbgrad.comparison.ranking import RankedRun
from tbgrad.events.reader import event_files
from tbgrad.records import Records

_LONGEST_TEXT, _MOST_TEXTS, _MOST_LINES = 1_000, 3, 12
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def card(ranked: RankedRun, run: LoggedRun, look: Look, pictures: Sequence[Thumbnail], is_open: bool) -> str:
    """A run as HTML.

    Args:
      ranked: with its rank and metrics.
      run: what its directory holds.
      look: with its short name and the place to which links lead.
      pictures: of the run.
      is_open: whether its settings are shown at once.
    """
    inside = [
        f"<h4>{swatch(look.style)} {ranked.rank}. {text(look.name)}</h4>",
        paragraph(_verdict(ranked, run)),
        f'<div class="pictures">{"".join(map(_figure, pictures))}</div>' if pictures else "",
        details("settings and metrics", facts(_settings(ranked)), is_open),
        details("how it was made", _making(run)),
    ]
    return f'<article class="card" id="{text(look.place)}">{"".join(inside)}</article>'


def _verdict(ranked: RankedRun, run: LoggedRun) -> str:
    """How it ended, in a sentence where there is one."""
    sentence = str(run.best_start.get("sentence") or "")
    counts = run.report.get("statuses") or {}
    if isinstance(counts, Mapping) and len(run.report.get("starts") or ()) > 1:
        ended = ", ".join(f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items())
        return f"Of its starts: {ended}. The best: {sentence}"
    if sentence:
        return sentence
    return f"Status: {ranked.status.replace('_', ' ')}." if ranked.status else ""


def _figure(picture: Thumbnail) -> str:
    width, height = picture.size
    said = f"{picture.tag}, step {picture.step:,}"
    image = f'<img src="{picture.address}" width="{width}" height="{height}" alt="{text(said)}">'
    return f"<figure>{image}<figcaption>{text(said)}</figcaption></figure>"


def _settings(ranked: RankedRun) -> Iterator[tuple[str, Any]]:
    yield from ((name.replace("_", " "), value) for name, value in ranked.hparams.items())
    yield from ((name.replace("_", " "), value) for name, value in ranked.metrics.items() if value is not None)
    if ranked.status:
        yield "status", ranked.status


def _making(run: LoggedRun) -> str:
    """What was asked, by which versions, when, how long it took, how large it is; or what the event files tell."""
    line = command_line(run.asked)
    made = _quoted("the command that makes the same request", [line] if line else [])
    made += facts(_asked(run)) if run.info else paragraph("There is no run.json: another program wrote this run.")
    made += facts([*_time(run), *_place(run), *_contents(run.records)])
    lines = (run.info.get("outcome") or {}).get("lines") or ()
    if lines:
        # The last one is the directory, as it was then.
        made += _quoted("what it printed", [str(line) for line in lines[:-1]][:_MOST_LINES])
    else:
        for tag, series in [*run.records.texts.items()][:_MOST_TEXTS]:
            made += _quoted(f"text {tag}", series.text[-1:])
    return made


def _quoted(heading: str, lines: Sequence[str]) -> str:
    whole = "\n".join(lines)
    said = whole if len(whole) <= _LONGEST_TEXT else f"{whole[:_LONGEST_TEXT]} …"
    return f'<p class="about">{text(heading)}</p><pre>{text(said)}</pre>' if said else ""


def _asked(run: LoggedRun) -> Iterator[tuple[str, Any]]:
    for name, value in run.asked.items():
        # What was left at its default says nothing.
        if value not in (None, "", {}, []):
            yield name.replace("_", " "), _plain(value)
    versions = run.info.get("versions")
    if isinstance(versions, Mapping):
        yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())


def _plain(value: Any) -> Any:
    """Names and numbers as a person writes them; what is nested deeper stays as it is."""
    if isinstance(value, Mapping) and not any(isinstance(item, Mapping | list) for item in value.values()):
        return ", ".join(f"{name} = {item}" for name, item in value.items())
    if isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value):
        return ", ".join(map(str, value))
    return value


def _time(run: LoggedRun) -> Iterator[tuple[str, str]]:
    """When it was made: run.json knows; else by the times of its scalars."""
    first, last = _moment(run.info.get("started")), _moment(run.info.get("finished"))
    if first is None:
        times = [series.wall_time for series in run.records.scalars.values() if len(series.wall_time)]
        if not times or not np.isfinite(np.concatenate(times)).all():
            return
        ends = min(map(np.min, times)), max(map(np.max, times))
        try:
            first, last = (datetime.datetime.fromtimestamp(float(t), datetime.UTC) for t in ends)
        except (OverflowError, ValueError, OSError):
            return
    yield "started", f"{first:%Y-%m-%d %H:%M:%S} UTC"
    if last is not None:
        yield "took", _duration((last - first).total_seconds())


def _moment(said: Any) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(said)).astimezone(datetime.UTC)
    except ValueError:
        return None


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n)


def _place(run: LoggedRun) -> Iterator[tuple[str, str]]:
    if run.run != str(run.directory):
        yield "run", run.run
    yield "directory", str(run.directory)
    files = event_files(run.directory)
    size = sum(file.stat().st_size for file in files)
    yield "event files", f"{len(files)}, {_size(size)}"


def _size(size: int) -> str:
    power = min(int(math.log(max(size, 1), 1024)), len(_UNITS) - 1)
    return f"{size / 1024**power:.3g} {_UNITS[power]}"


def _contents(records: Records) -> Iterator[tuple[str, str]]:
    counts: dict[str, int] = {}
    for plugin in records.plugins.values():
        counts[plugin or "of no known kind"] = counts.get(plugin or "of no known kind", 0) + 1
    if counts:
        yield "tags", ", ".join(f"{count} {plugin}" for plugin, count in counts.items())
    if records.damage:
        yield "damaged events", str(len(records.damage))
