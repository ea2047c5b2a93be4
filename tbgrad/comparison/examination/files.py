"""Files that TensorBoard does not read, or not to their end."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from tbgrad.comparison.examination.findings import Finding
from tbgrad.comparison.examination.inspecting import InspectedRun
from tbgrad.events.reader import walked
from tbgrad.events.tfrecord import HEAD_SIZE, FrameFile

# TensorFlow's profiler leaves this, so that its run is listed; what it shows lies elsewhere.
_PROFILE = ".profile-empty"
_TAIL = "it is cut off, or still being written"
_VERSION = "brain.Event:"
# The first event of a file is its version, and as short.
_LONGEST_VERSION = 256


def damage(run: InspectedRun) -> Iterator[Finding]:
    """Each damaged place; the end of a file that may still be written is only noted."""
    for path, records in run.files.items():
        for line in records.damage:
            said = line.removeprefix(f"{path}, ").removeprefix(f"{path}: ")
            byte, what = re.fullmatch(r"(?:byte (\d+): )?(.*)", said, re.DOTALL).groups()
            where = f"file {path.name}" + (f", byte {byte}" if byte else "")
            if run.may_grow(path) and (what.endswith(_TAIL) or what.startswith("mesh ")):
                yield Finding("a file that is being written", what, "", run.run, where=where, is_note=True)
            else:
                told = f"{what.replace('; reading goes on', '; tbgrad reads on')}; {_consequence(what)}"
                yield Finding("a damaged file", told, _cure(what), run.run, where=where)


def _consequence(what: str) -> str:
    if "length's checksum" in what or "bytes are left of" in what:
        return "TensorBoard reads no further"
    if "payload's checksum" in what:
        return "TensorBoard shows what is there as if it were right, or reads no further with --load_fast=false"
    return "TensorBoard does not show it"


def _cure(what: str) -> str:
    if "cannot be read" in what:
        return "make the file readable."
    if "does not hold what its plugin expects" in what or what.startswith("mesh "):
        return "write only what belongs to the tag's plugin under it."
    return "copy it anew from where it was written, or launch the run again; tbgrad.read_run reads what is left."


def nothing_inside(run: InspectedRun) -> Iterator[Finding]:
    """A run whose files hold no event but their version."""
    names = [path.name for path in run.files]
    if run.watched.has_content or any(r.damage for r in run.files.values()) or run.compressed:
        return
    # What crashed before it wrote anything is told already.
    if any(name.endswith(_PROFILE) for name in names) or run.status in ("crashed", "failed"):
        return
    what = ("it has no event file", "it holds no event but its version, if any", "none of its files holds an event")
    what = what[min(len(names), 2)]
    cure = "delete the directory, or flush and close the writer in the program that should have filled it."
    where = f"file {names[-1]}" if names else ""
    if run.is_written:
        yield Finding("an empty run", f"{what} yet", "", run.run, where=where, is_note=True)
    else:
        yield Finding("an empty run", f"{what}, so TensorBoard shows nothing of it", cure, run.run, where=where)


def compressed(run: InspectedRun) -> Iterator[Finding]:
    """Event files that are compressed."""
    for name in run.compressed:
        what = "it is compressed, and TensorBoard reads none of it"
        yield Finding("a compressed file", what, f"unpack it: gunzip {name}.", run.run, where=f"file {name}")


def misnamed(logdir: Path, runs: Collection[Path]) -> Iterator[Finding]:
    """Files that begin as event files do, but whose names lack `tfevents`; `runs` are directories of runs."""
    for path in _others(logdir):
        if _is_event_file(path):
            name = path.relative_to(logdir).as_posix()
            directory = path.parent.relative_to(logdir).as_posix()
            what = "it is an event file, but its name lacks 'tfevents', so TensorBoard never reads it"
            cure = f"rename it, for example to 'events.out.tfevents.{path.name}'."
            yield Finding(
                "a misnamed file", what, cure, directory if path.parent in runs else None, where=f"file {name}"
            )


def _others(logdir: Path) -> Iterable[Path]:
    return sorted(folder / name for folder, names in walked(logdir) for name in names if "tfevents" not in name)


def _is_event_file(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            # Most files are told by their first bytes.
            head = file.read(HEAD_SIZE)
        if len(head) < HEAD_SIZE or not 0 < int.from_bytes(head[:8], "little") < _LONGEST_VERSION:
            return False
        with FrameFile(path) as frames:
            first = frames.frame(0) if frames.end(0) is not None else None
        if first is None or first.payload is None:
            return False
        return Event.FromString(first.payload).file_version.startswith(_VERSION)
    except (OSError, DecodeError):
        return False


FILE_FAULTS = (damage, nothing_inside, compressed)
