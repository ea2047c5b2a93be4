"""A comparison for other programs: as CSV, and as a JSON document."""

from __future__ import annotations

import csv
import io
from typing import Any

from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.groups import Group
from tbgrad.comparison.tables import settings_of

_CSV_HEADS = ("rank", "function", "run", "status")


def csv_text(comparison: Comparison) -> str:
    """The comparison as CSV, at full precision; hparams and metrics have a column each."""
    hparams = [name for name in settings_of(comparison.runs) if name not in _CSV_HEADS]
    metrics = list(dict.fromkeys(name for run in comparison.runs for name in run.metrics))
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*_CSV_HEADS, *hparams, *metrics])
    for run in comparison.runs:
        settings = [run.hparams.get(name, "") for name in hparams]
        numbers = ["" if run.metrics.get(name) is None else run.metrics[name] for name in metrics]
        writer.writerow([run.rank, run.function, run.run, run.status, *settings, *numbers])
    return target.getvalue()


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for --json."""
    told: dict[str, Any] = {"by": comparison.by or comparison.rankings[0].measure.label}
    told["runs"] = [{name: value for name, value in vars(r).items() if name != "directory"} for r in comparison.runs]
    told["groups"] = [
        {"function": ranking.function, "score": ranking.compared_by} | _group_document(group)
        for ranking in comparison.rankings
        for group in ranking.groups
    ]
    told["remarks"] = [remark for ranking in comparison.rankings for remark in ranking.remarks]
    if comparison.profile is not None:
        found = comparison.profile
        told["profile"] = {name: getattr(found, name) for name in ("solvers", "problems", "unit", "cost", "solved")}
        told["profile"] |= {"fastest": found.share(1.0), "remark": found.remark, "left_out": found.left_out}
    return told | {"skipped": comparison.skipped, "damage": comparison.damage}


def _group_document(group: Group) -> dict[str, Any]:
    told = {"group": group.name, "settings": group.settings, "rank": group.rank, "runs": group.runs}
    told |= {"scores": len(group.sample), "median": group.median, "quartiles": group.quartiles}
    return told | {"difference": vars(group.difference), "varying": group.varying}
