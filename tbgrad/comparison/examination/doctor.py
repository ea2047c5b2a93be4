"""Finds what makes TensorBoard show nothing or the wrong thing, and what runs say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tbgrad.comparison.examination.files import FILE_FAULTS, misnamed
from tbgrad.comparison.examination.findings import Finding, counted, folded, wrapped
from tbgrad.comparison.examination.folders import FOLDER_FAULTS, Member
from tbgrad.comparison.examination.inspecting import inspect
from tbgrad.comparison.examination.series import SERIES_FAULTS
from tbgrad.comparison.examination.verdicts import VERDICTS
from tbgrad.errors import NotARunError
from tbgrad.events.reader import find_runs, walked
from tbgrad.runs.directories import INFO
from tbgrad.runs.opening import read_info

_LOOKED_AT = "verdicts, files, steps, numbers, samples and hparams"
# What runs say of themselves comes first.
_RUN_FAULTS = (*VERDICTS, *FILE_FAULTS, *SERIES_FAULTS)


@dataclass(frozen=True)
class Examination:
    """What was found in a folder of runs.

    Attributes:
      logdir: what was examined.
      runs: how many runs it holds.
      tags: how many tags they have in all.
      findings: what is wrong: what runs say of themselves, then faults of single runs, then those of the folder.
      notes: what is no fault but worth a word.
    """

    logdir: Path
    runs: int
    tags: int
    findings: Sequence[Finding]
    notes: Sequence[Finding]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """For a terminal; the last line sums up."""
        read = f"{counted(self.runs, 'run')} with {counted(self.tags, 'tag')}"
        if self.healthy:
            return wrapped(f"Healthy: {read}. Looked at: {_LOOKED_AT}.")
        kinds = len({finding.fault for finding in self.findings})
        found = f"{counted(len(self.findings), 'finding')} of {counted(kinds, 'kind')}"
        return [*folded(self.findings), f"{read}: {found}."]

    def document(self) -> dict[str, Any]:
        """For --json."""
        findings = [finding.document() for finding in self.findings]
        about = {"logdir": str(self.logdir), "runs": self.runs, "healthy": self.healthy, "findings": findings}
        return {**about, "notes": [f"{note.place}: {note.what}" for note in self.notes]}


def _launched(top: Path) -> Iterator[Path]:
    """Where tbgrad has opened a run, which may hold no event file yet, or no more."""
    for folder, files in walked(top):
        if INFO in files and (read_info(folder) or {}).get("status") in ("running", "complete", "failed"):
            yield folder


def examine(logdir: str | Path) -> Examination:
    """Looks for what makes TensorBoard show nothing or the wrong thing below a log directory.

    Each run is read once, one after the other: memory is bounded by the largest of them.

    Args:
      logdir: a log directory, or a single run.

    Returns:
      `Examination`; a folder without any run has a finding, too.

    Raises:
      NotARunError: there is no such directory.

    Example:
      >>> [finding.fault for finding in tbgrad.examine("logs").findings]
      ['steps that go back or repeat']
    """
    top = Path(logdir)
    if not top.is_dir():
        what = "is a file; doctor looks at directories" if top.exists() else "does not exist"
        raise NotARunError(f"the log directory '{logdir}' {what}. 'tbgrad tour' makes some runs.")
    found: list[Finding] = []
    members, tags = [], 0
    directories = sorted({*find_runs(top), *_launched(top)})
    ranks = {fault: rank for rank, fault in enumerate(_RUN_FAULTS)}
    ranked: list[tuple[int, Finding]] = []
    for directory in directories:
        name = str(top) if directory == top else directory.relative_to(top).as_posix()
        run = inspect(directory, name, top)
        ranked += [(ranks[fault], finding) for fault in _RUN_FAULTS for finding in fault(run)]
        members.append(Member.of(run))
        tags += sum(plugin != "hparams" for plugin in run.watched.plugins.values())
    found += [finding for _, finding in sorted(ranked, key=lambda one: one[0])]
    found += misnamed(top, directories)
    found += [finding for fault in FOLDER_FAULTS for finding in fault(top, members)]
    findings = tuple(finding for finding in found if not finding.is_note)
    return Examination(top, len(members), tags, findings, tuple(finding for finding in found if finding.is_note))
