"""What is wrong, where, and what to do about it: as text and as a JSON document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tbgrad.naming import listed

_WIDTH = 80


@dataclass(frozen=True)
class Finding:
    """One fault at one place.

    Attributes:
      fault: the kind of fault in a few words, the same for all of its findings.
      what: what is so there, and what TensorBoard makes of it; one sentence without its full stop.
      cure: what to do, in one sentence.
      run: the run's name; None where the fault is of the folder.
      tag: the tag, or None.
      where: in words, what else the place is: file, byte, step.
      is_note: whether it is no fault, but worth a word.
      told: of so many equal findings the places are told, of the rest how many there are.
    """

    fault: str
    what: str
    cure: str
    run: str | None = None
    tag: str | None = None
    where: str = ""
    is_note: bool = False
    told: int = 4

    @property
    def place(self) -> str:
        """Run, tag, file, byte and step, as far as they are known."""
        parts = (self.run, self.tag and f"tag '{self.tag}'", self.where)
        return ", ".join(part for part in parts if part)

    def document(self) -> dict[str, str | None]:
        """The finding for --json."""
        named = {"fault": self.fault, "run": self.run, "tag": self.tag, "place": self.place}
        return {**named, "what": self.what, "cure": self.cure}


def folded(findings: Iterable[Finding]) -> Iterator[str]:
    """Lines for a terminal: equal faults together, their first places and how many more, then the cure."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.fault, finding.cure), []).append(finding)
    for (fault, cure), found in groups.items():
        yield fault
        by_run: dict[str, list[Finding]] = {}
        for index, finding in enumerate(found):
            # What is equal in one run is one line; what is of no run stands alone.
            alone = finding.tag is None or finding.run is None
            by_run.setdefault(f"{index}" if alone else f"run {finding.run}", []).append(finding)
        lines = [*by_run.values()]
        told = found[0].told
        for same in lines[:told]:
            more = f" (and {counted(len(same) - 1, 'more tag')})" if len(same) > 1 else ""
            yield from wrapped(f"{same[0].place}{more}: {same[0].what}", "  ")
        rest = [finding for same in lines[told:] for finding in same]
        if rest:
            runs = len({finding.run for finding in rest if finding.run})
            yield f"  and {len(rest):,} more" + (f" in {counted(runs, 'run')}" if runs else "")
        yield from wrapped(f"cure: {cure}", "  ")
        yield ""


def wrapped(text: str, indent: str = "") -> list[str]:
    """Lines that fit a terminal; a long name is not broken."""
    more = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent * 2, **more)


def quoted(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return listed([f"'{name}'" for name in names])


def counted(number: int, noun: str) -> str:
    """`1 point`, `2,000 points`."""
    return f"{number:,} {noun}" + "s" * (number != 1)
