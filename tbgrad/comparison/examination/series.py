"""Series that TensorBoard shows in part, wrongly or not at all.

What is said of TensorBoard here is what its default data server does with local logs, tried with TensorBoard 2.21.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tbgrad.comparison.examination.findings import Finding, counted
from tbgrad.comparison.examination.inspecting import InspectedRun
from tbgrad.comparison.visible import is_kept

# What is kept of a tag unless --samples_per_plugin says otherwise, in the order of `Records`.
KEPT = {"scalars": 1000, "images": 10, "histograms": 100, "texts": 100, "meshes": 100}
_LAST_EXACT = 2**53
_TWO_LAUNCHES = "two launches in one directory"


def two_launches(run: InspectedRun) -> Iterator[Finding]:
    """Files of one run whose steps overlap, and a file in which steps begin anew; one finding for each."""
    found: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for tag, by_file in run.steps.items():
        for files, place, hidden in _restarts(by_file):
            found.setdefault(files, []).append((tag, place, hidden))
    for (earlier, later), tags in found.items():
        tag, step, hidden = tags[0]
        others = f" of '{tag}'" if len(tags) == 1 else f" of '{tag}' and {counted(len(tags) - 1, 'other tag')}"
        began = f"the steps{others} go back to {step} "
        began += "in the middle of the file" if earlier == later else f"in {later}, which is read after {earlier}"
        lost = f"TensorBoard hides the {counted(hidden, 'point')} of '{tag}' written before, from step {step} on"
        cure = "give each launch a directory of its own; "
        cure += "what is in one file is logged anew." if earlier == later else "move one of the files to another."
        yield Finding(_TWO_LAUNCHES, f"{began}; {lost}", cure, run.run, tag, f"file {later}, step {step}")


def _restarts(by_file: Mapping[Path, np.ndarray]) -> Iterator[tuple[tuple[str, str], int, int]]:
    """Where a tag begins anew: the files before and after, the step, and how many points this hides."""
    before, last = np.empty(0, np.int64), ""
    for path, step in by_file.items():
        if len(before) and step[0] <= before[-1]:
            yield (last, path.name), int(step[0]), int((_kept(before) >= step[0]).sum())
        for begin in _beginnings(step)[:1]:
            yield (path.name, path.name), int(step[begin]), int((_kept(step[:begin]) >= step[begin]).sum())
        before, last = np.concatenate([before, step]), path.name


def _beginnings(step: np.ndarray) -> np.ndarray:
    """Indices at which the steps of one file go back to where they began, or before it, after they went on."""
    back = np.flatnonzero(step[1:] <= step[:-1]) + 1
    anew = back[step[back] <= step[0]]
    # Steps in disorder are no launches.
    return anew if len(anew) and back[0] == anew[0] > 1 else anew[:0]


def _kept(step: np.ndarray) -> np.ndarray:
    return step[is_kept(step)]


def going_back(run: InspectedRun) -> Iterator[Finding]:
    """Steps of one file that go back a little, or repeat."""
    for tag, by_file in run.steps.items():
        for path, step in by_file.items():
            back = np.flatnonzero(step[1:] <= step[:-1]) + 1
            back = back[~np.isin(back, _beginnings(step))]
            if not len(back):
                continue
            first, count = int(back[0]), len(step) - len(_kept(step))
            twice = run.watched.twice.get(tag)
            if twice is not None and twice.file == path.name and (step[back] == step[back - 1]).all():
                what = f"an event holds the tag twice; TensorBoard hides {counted(count, 'point')}, all but the last"
                cure = "write each number under a tag of its own."
                yield Finding("a tag twice in one event", what, cure, run.run, tag, twice.words)
                continue
            how = "comes again" if step[first] == step[first - 1] else f"comes after step {step[first - 1]}"
            more = f", and {len(back) - 1:,} more such places" if len(back) > 1 else ""
            what = f"step {step[first]} {how}{more}; TensorBoard hides {counted(count, 'point')} at or behind it"
            cure = "give each point of a tag a larger step than the one before; count on where training is resumed."
            where = f"file {path.name}, step {step[first]}"
            yield Finding("steps that go back or repeat", what, cure, run.run, tag, where)


def large_steps(run: InspectedRun) -> Iterator[Finding]:
    """Steps that a browser rounds."""
    for tag, by_file in run.steps.items():
        for path, step in by_file.items():
            large = step[(step > _LAST_EXACT) | (step < -_LAST_EXACT)]
            if len(large):
                what = f"{counted(len(large), 'step')} beyond 2^53, which the browser rounds, so that points collide"
                cure = "count steps from the beginning of the run, not in nanoseconds or the like."
                where = f"file {path.name}, step {large[0]}"
                yield Finding("steps that are too large", what, cure, run.run, tag, where)


def samples_above_caps(run: InspectedRun) -> Iterator[Finding]:
    """Tags with more entries than TensorBoard keeps."""
    cure = "start TensorBoard by the command that sets --samples_per_plugin so that all of them are kept: "
    cure += f"tbgrad board {shlex.quote(str(run.logdir))}"
    for kind, most in KEPT.items():
        counts: dict[str, int] = {}
        for records in run.files.values():
            for tag, series in getattr(records, kind).items():
                counts[tag] = counts.get(tag, 0) + len(series.step)
        for tag, count in counts.items():
            if count > most:
                what = f"{count:,} {kind}; TensorBoard keeps {most:,} of them by default, taken at random"
                yield Finding("samples above the caps", what, cure, run.run, tag, told=1)


def only_nan(run: InspectedRun) -> Iterator[Finding]:
    """Scalars without a single finite number."""
    tags = dict.fromkeys(tag for records in run.files.values() for tag in records.scalars)
    for tag in tags:
        parts = [records.scalars[tag] for records in run.files.values() if tag in records.scalars]
        value = np.concatenate([part.value for part in parts])
        if len(value) and not np.isfinite(value).any():
            what = "NaN" if np.isnan(value).all() else "infinite" if np.isinf(value).all() else "NaN or infinite"
            points = "its only point is" if len(value) == 1 else f"all of its {len(value):,} points are"
            cure = "look at what is logged: a division by zero, a logarithm of zero, a mean of nothing, divergence."
            where = f"step {parts[0].step[0]}"
            what = f"{points} {what}, so its chart is empty"
            yield Finding("a tag with only NaN", what, cure, run.run, tag, where)


def histograms_of_nan(run: InspectedRun) -> Iterator[Finding]:
    """Histograms whose edges are NaN."""
    for path, records in run.files.items():
        for tag, series in records.histograms.items():
            bad = [i for i, buckets in enumerate(series.buckets) if np.isnan(buckets[:, :2]).any()]
            if bad:
                what = f"NaN among the edges of {len(bad):,} of {counted(len(series.step), 'histogram')}, so that no "
                what += "buckets are drawn there"
                cure = "find out which values are NaN, and log the histogram of the finite ones."
                where = f"file {path.name}, step {series.step[bad[0]]}"
                yield Finding("a histogram of NaN", what, cure, run.run, tag, where)


def not_shown(run: InspectedRun) -> Iterator[Finding]:
    """Tags whose events TensorBoard passes over: without a plugin, or scalars of another kind than it expects."""
    for tag, seen in run.watched.nameless.items():
        what = "its first event names no plugin, so TensorBoard shows nothing of it"
        cure = "write it by a function that says what it is, as tf.summary.scalar does, not as a bare tensor."
        yield Finding("a tag without a plugin", what, cure, run.run, tag, seen.words)
    for tag, seen in run.watched.unshown.items():
        what = f"it holds {seen.what}; TensorBoard shows scalars only where they are float32 of rank 0"
        cure = "convert the numbers to float32 scalars before they are written."
        yield Finding("scalars of another type", what, cure, run.run, tag, seen.words)


SERIES_FAULTS = (
    two_launches,
    going_back,
    large_steps,
    only_nan,
    histograms_of_nan,
    not_shown,
    samples_above_caps,
)
