"""A comparison for other programs: as CSV, and as a JSON document."""

from __future__ import annotations

import csv
import io
from typing import Any

from tbgrad.comparison.comparing import Comparison
from tbgrad.comparison.groups import Group
from tbgrad.comparison.ranking import Ranking
from tbgrad.comparison.tables import settings_of

_CSV_HEADS = ("rank", "function", "run", "status")


def csv_text(comparison: Comparison) -> str:
    """The comparison as CSV, at full precision; hparams and metrics have a column each.

    A setting that is called like another column is `hparam/<name>`.
    """
    metrics = list(dict.fromkeys(name for run in comparison.runs for name in run.metrics))
    hparams = settings_of(comparison.runs)
    taken = {*_CSV_HEADS, *metrics}
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*_CSV_HEADS, *(f"hparam/{name}" if name in taken else name for name in hparams), *metrics])
    for run in comparison.runs:
        settings = [run.hparams.get(name, "") for name in hparams]
        numbers = ["" if run.metrics.get(name) is None else run.metrics[name] for name in metrics]
        writer.writerow([run.rank, run.function, run.run, run.status, *settings, *numbers])
    return target.getvalue()


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for --json."""
    runs = [{name: value for name, value in vars(run).items() if name != "directory"} for run in comparison.runs]
    told: dict[str, Any] = {"by": comparison.by or None, "group_by": comparison.group_by, "runs": runs}
    told["rankings"] = [_ranking_document(ranking) for ranking in comparison.rankings]
    if comparison.profile is not None:
        found = comparison.profile
        told["profile"] = {name: getattr(found, name) for name in ("solvers", "problems", "unit", "cost", "solved")}
        told["profile"] |= {"fastest": found.share(1.0), "remark": found.remark, "left_out": found.left_out}
    return told | {"skipped": comparison.skipped, "damage": comparison.damage}


def _ranking_document(ranking: Ranking) -> dict[str, Any]:
    told = {"function": ranking.function, "by": ranking.measure.label, "runs": [run.run for run in ranking.runs]}
    told |= {"compared_by": ranking.compared_by, "groups": [*map(_group_document, ranking.groups)]}
    return told | {"remarks": ranking.remarks}


def _group_document(group: Group) -> dict[str, Any]:
    told = {"group": group.name, "settings": group.settings, "rank": group.rank, "runs": group.runs}
    told |= {"scores": len(group.sample), "median": group.median, "quartiles": group.quartiles}
    return told | {"difference": vars(group.difference), "varying": group.varying}
