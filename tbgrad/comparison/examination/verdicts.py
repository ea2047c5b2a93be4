"""What runs say of themselves: verdicts on training, on descents, and how a launch or a session ended."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from tensorboard.plugins.hparams import api_pb2

from tbgrad.comparison.examination.findings import Finding
from tbgrad.comparison.examination.inspecting import InspectedRun
from tbgrad.naming import listed

VERDICT = "training/verdict"
_OF_TRAINING = "a verdict on training"
_OF_DESCENT = "a verdict on a descent"
_ENDED_BADLY = "a run that did not end well"

_CURES = {
    "diverged": "take a smaller learning rate; from which on it diverges is told by: {rates}",
    "not_finite": "start elsewhere, or take a smaller learning rate; where the function is undefined is told by: "
    "tbgrad sweep {function}",
    "stalled": "take a larger learning rate, or float64.",
    "oscillating": "take a smaller learning rate; many are compared by: {rates}",
}
_UNBOUNDED = "choose a function that is bounded below, or fewer steps."


def verdict_of_training(run: InspectedRun) -> Iterator[Finding]:
    """The last text `training/verdict`, unless it begins with "healthy"."""
    texts = [records.texts[VERDICT] for records in run.files.values() if VERDICT in records.texts]
    lines = [line.strip(" \t#*_>") for line in texts[-1].text[-1].splitlines()] if texts else []
    first = next(filter(None, lines), "")
    if first and not first.casefold().startswith("healthy"):
        cure = f"read the whole verdict in Text, under {VERDICT}."
        yield Finding(_OF_TRAINING, first.rstrip("."), cure, run.run, VERDICT, f"step {texts[-1].step[-1]}")


def verdicts_of_descent(run: InspectedRun) -> Iterator[Finding]:
    """Starts of a descent of tbgrad's that went wrong, one finding for each kind; using all steps is none."""
    info = run.info or {}
    report, asked = _mapping(_mapping(info.get("outcome")).get("report")), _mapping(info.get("asked"))
    counts, starts = report.get("statuses"), report.get("starts")
    if not isinstance(counts, Mapping) or not isinstance(starts, list):
        return
    # The name of a Python function does not tell where it is.
    function = shlex.quote(str(report.get("function"))) if asked.get("formula") else "FUNCTION"
    rates = f"tbgrad rates {function} --optimizer {asked.get('optimizer')}"
    total = sum(counts.values())
    for status, cure in _CURES.items():
        # Noise that was asked for keeps a descent moving.
        if status not in counts or (status == "oscillating" and asked.get("noise")):
            continue
        first = next((start for start in starts if start.get("status") == status), {})
        sentence = first.get("sentence", f"The start is {status.replace('_', ' ')}.")
        what = sentence if total == 1 else f"{counts[status]:,} of {total:,} starts; the first of them: {sentence}"
        cure = _UNBOUNDED if "unbounded" in sentence else cure.format(function=function, rates=rates)
        where = f"start ({listed(first['start'])})" if first.get("start") else ""
        yield Finding(_OF_DESCENT, what, cure, run.run, where=where)


def end_of_launch(run: InspectedRun) -> Iterator[Finding]:
    """A launch that crashed or failed, as run.json says, or a session that failed, as HParams shows it."""
    again = "launch it again; '--overwrite', or exists=\"replace\" in Python, replaces it."
    if run.status == "crashed":
        what = "run.json says 'running', but no process writes it: it crashed, and what it shows is not all"
        yield Finding(_ENDED_BADLY, what, again, run.run, where="run.json")
    elif run.status == "failed":
        what = "run.json says 'failed': an error ended it, and what it shows is not all"
        yield Finding(_ENDED_BADLY, what, again, run.run, where="run.json")
    end = run.watched.session.get("session_end_info")
    # Of its own runs tbgrad says more elsewhere.
    if run.info is None and end is not None and end.status == api_pb2.STATUS_FAILURE:
        what = "its session ended with a failure, so what it shows may not be all"
        yield Finding(_ENDED_BADLY, what, "look for the error of that launch, and launch it again.", run.run)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


VERDICTS = (verdict_of_training, verdicts_of_descent, end_of_launch)
