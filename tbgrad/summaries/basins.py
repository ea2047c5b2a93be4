"""Basins to records: who finds which minimum and how fast, as pictures, histograms and a story."""

from __future__ import annotations

import numpy as np

from tbgrad import naming
from tbgrad.figures.basins import minimum_figure, percent, steps_figure
from tbgrad.figures.canvas import encode
from tbgrad.records import Histograms, HParams, Record, Texts
from tbgrad.results import Basins, Status
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.hparams import conditions, metric_records
from tbgrad.summaries.pages import about, page
from tbgrad.summaries.summarizing import in_unit, picture, summarize

_MOST_TOLD = 20
_BUCKETS = 30


@summarize.register
def _(basins: Basins) -> tuple[Record, ...]:
    settings = conditions(basins.subject, basins.optimizer, basins.learning_rate, basins.settings)
    fixed = {f"start_{name}": value for name, value in basins.fixed.items()}
    # TensorBoard spells other letters than ASCII's by their numbers, and then does not find them.
    starts = {"start": f"{len(basins.x)} x {len(basins.y)} starts", **fixed, "steps": basins.steps}
    where = f"{basins.where}; {basins.optimizer}. Axes: the start's position; colours"
    records: list[Record] = [
        picture("basins/minimum", 0, encode(minimum_figure(basins)), f"Where each start ends. {where}: the end."),
        picture("basins/steps", 0, encode(steps_figure(basins)), f"How many updates it takes. {where}: updates."),
        Texts("basins/story", 0, _story(basins), description="Who finds which minimum, and what it takes."),
        *_histograms(basins),
    ]
    records += metric_records(metrics(basins))
    records.append(HParams({**settings, **starts, "dtype": basins.value.dtype.name}, succeeded=True))
    return tuple(records)


def metrics(basins: Basins) -> dict[str, float | None]:
    """The numbers by which optimizers are compared on the same starts.

    Returns:
      `share_of_global_minimum`: of all starts, or None where no minimum is known; `median_steps`: of the converged
      starts, or None; `share_converged`.
    """
    median = basins.median_steps()
    return {
        "share_of_global_minimum": basins.global_share,
        "median_steps": None if np.isnan(median) else median,
        "share_converged": float(basins.converged.mean()),
    }


def buckets(values: np.ndarray) -> np.ndarray:
    """float64 `[buckets, 3]`, left edge, right edge, count; what is above the 99th percentile is in the last one."""
    values = values[np.isfinite(values)].astype(np.float64)
    if not values.size:
        return np.empty((0, 3))
    low, high = values.min(), np.quantile(values, 0.99)
    # Values that differ by rounding alone are one bucket, wide enough to be seen.
    if high - low <= 1e-6 * max(1.0, abs(low)):
        high = low + 1e-3 * max(1.0, abs(low))
    counts, edges = np.histogram(values.clip(low, high), _BUCKETS, (low, high))
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _histograms(basins: Basins) -> list[Histograms]:
    ended = buckets(basins.value[~basins.failed])
    made = buckets(basins.steps_made[basins.converged])
    beyond = "The last bucket also holds what is above the 99th percentile."
    kinds = (
        ("basins/final_value", ended, "Values at the ends of all descents that did not diverge.", "value"),
        ("basins/steps_made", made, "Updates until the gradient was small, of the converged ones.", "updates"),
    )
    return [
        Histograms(tag, 0, [counted], description=in_unit(f"{said} {beyond}", unit))
        for tag, counted, said, unit in kinds
        if len(counted)
    ]


def _story(basins: Basins) -> str:
    rate = basins.rate_rule
    if basins.learning_rate is not None:
        rate = f"{naming.number(basins.learning_rate)} ({rate})"
    parts = [
        f"**{_outcome(basins)}**",
        f"{basins.where}; at most {basins.steps:,} updates each. Learning rate: {rate}.",
        *([_ends_table(basins)] if basins.ends else []),
        *_unreached(basins),
        *about(basins.subject),
    ]
    asked = [
        ("From where does it find which minimum?", "Images", "basins/minimum"),
        ("From where is it fast?", "Images", "basins/steps"),
        ("How good are the ends?", "Histograms", "basins/final_value"),
        ("How many updates does it take?", "Histograms", "basins/steps_made"),
    ]
    measured = metrics(basins)
    best = "share_of_global_minimum" if measured["share_of_global_minimum"] is not None else "share_converged"
    asked.append(("Which optimizer finds it most often?", "HParams: tick it on the left", f"metrics/{best}"))
    return page(f"Where {basins.optimizer} ends on `{basins.subject.equation}`", parts, asked)


def _outcome(basins: Basins) -> str:
    """How many converged, what became of the others, and how many found a global minimum."""
    converged = basins.counted(Status.CONVERGED)
    said = f"{converged:,} of {basins.starts:,} starts converged"
    if converged:
        said += f", in {basins.median_steps():,.0f} updates in the median"
    rest = [(basins.counted(s), s) for s in basins.statuses if s is not Status.CONVERGED]
    others = ", ".join(f"{n:,} {_WORDS.get(status, status.words)}" for n, status in rest if n)
    said += f"; {others}." if others else "."
    if basins.global_share is not None:
        said += f" A known global minimum was found from {percent(basins.global_share)} of the starts."
    return said


_WORDS = {Status.STEPS_USED: "were still going down", Status.NOT_FINITE: "left what the function is defined on"}


def _ends_table(basins: Basins) -> str:
    heads = ("end", "value", "share of starts", "median updates", "known minimum")
    rows = []
    order = sorted(range(len(basins.ends)), key=lambda i: (basins.ends[i].known is None, i))
    for i in order[:_MOST_TOLD]:
        end = basins.ends[i]
        known = "no" if end.known is None else "yes"
        if end.known is None and not basins.subject.minima:
            known = "none is known"
        steps = f"{basins.median_steps(i):,.0f}"
        rows.append((end.label, f"{end.value:.6g}", percent(basins.share(i)), steps, known))
    left = order[_MOST_TOLD:]
    if left:
        share = percent(sum(basins.share(i) for i in left))
        rows.append((f"{len(left):,} others", "", share, "", ""))
    return markdown_table(heads, rows)


def _unreached(basins: Basins) -> list[str]:
    """The known minima that no start reached, in words."""
    if not basins.unreached:
        return []
    places = []
    for i in basins.unreached:
        minimum = basins.subject.minima[i]
        point = "(" + ", ".join(f"{x:.6g}" for x in minimum.points[0]) + ")"
        places.append(f"a ring through {point}" if minimum.is_curve else point)
    return [f"No start reached {naming.listed(places)}, known to be minimal."]
