"""The story of a descent, as markdown for the Text dashboard."""

from __future__ import annotations

import numpy as np

from tbgrad import naming
from tbgrad.results import FAILED, Descent, Surface
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.hparams import metrics
from tbgrad.summaries.pages import page

_SERIES = "Time Series"
_QUESTIONS = (
    ("Does it get closer to the minimum?", "Custom Scalars", "descent/log10_gap"),
    ("Which way did it go?", "Images: move the slider", "descent/path"),
    ("How steep is it here?", _SERIES, "descent/gradient_norm"),
    ("By how many powers of ten does the value fall?", "Custom Scalars", "descent/log10_value"),
    ("How does it move?", "Images", "descent/animation"),
    ("What does the way look like on the surface?", "Mesh: drag to turn, move the slider", "descent/mesh"),
    ("What lies on the straight way from start to end?", "Images", "descent/line"),
    ("Which variables are still to be improved, and which way?", "Images", "descent/partials"),
    ("How far does it step?", _SERIES, "descent/update_norm"),
    ("Does the gradient foretell what happens?", _SERIES, "descent/decrease_ratio"),
    ("Does it zigzag?", _SERIES, "descent/gradient_cosine"),
    ("Does it go straight downhill?", _SERIES, "descent/update_cosine"),
    ("How far is the minimum?", _SERIES, "descent/distance"),
    ("How sharply does the function curve, at most and along the step?", _SERIES, "descent/sharpness"),
    ("Are the steps too long for the curvature?", _SERIES, "descent/sharpness_over_edge"),
)
# Of more variables a table says nothing any more.
_MOST_VARIABLES = 20
_READINGS = tuple(tag for _, where, tag in _QUESTIONS if where == _SERIES)


def story(descent: Descent) -> str:
    """Tells what was asked, what came out and why, and where to look."""
    subject = descent.subject
    parts = [
        *_sentences(descent),
        _table(descent),
        f"Learning rate: {_rate(descent)}. It is one choice and was not tuned.",
        *([f"A start stops at: {descent.stop}."] if descent.stop else []),
        *descent.remarks,
    ]
    if subject.remark:
        parts.append(f"About the function: {subject.remark}")
    return page(f"{descent.optimizer} on `{subject.equation}`", parts, questions(descent))


def questions(descent: Descent) -> list[tuple[str, str, str]]:
    """Where this run answers what."""
    missing = set()
    if descent.subject.minimum is None:
        missing.add("descent/log10_gap")
    if descent.log10_value is None:
        missing.add("descent/log10_value")
    if descent.line is None:
        missing.add("descent/line")
    if descent.plane is None:
        missing.add("descent/partials")
    if descent.landscape is None or descent.position is None:
        missing |= {"descent/path", "descent/animation"}
    if not isinstance(descent.landscape, Surface) or descent.position is None:
        missing.add("descent/mesh")
    read = {name for name, r in descent.readings.items() if not np.isnan(r.value[:, descent.best_start]).all()}
    missing |= {tag for tag in _READINGS if tag.removeprefix("descent/") not in read}
    metric = "best_value" if metrics(descent)["steps_to_gap"] is None else "steps_to_gap"
    race = "descent/value" if descent.subject.minimum is None else "descent/log10_gap"
    last = [("How do other runs on it fare?", f"{_SERIES} of all runs", race)]
    last.append(("Which run is best?", "HParams: tick it on the left", f"metrics/{metric}"))
    shown = [row for row in _QUESTIONS if row[2] not in missing]
    if descent.starts > 1:
        band = "value" if descent.subject.minimum is None else "log10_gap"
        shown.append(("How do all starts fare?", "Custom Scalars: many starts", f"descent/{band}/median"))
    return [*shown, *last]


def _sentences(descent: Descent) -> list[str]:
    sentence = descent.verdicts[descent.best_start].sentence
    if descent.starts == 1:
        return [f"**{sentence}**", *_decrease(descent)]
    counts = ", ".join(f"{n:,} {status.words}" for status, n in descent.verdicts.counts().items())
    return [f"**{descent.starts:,} starts: {counts}.** The start that ends best: {sentence}", *_decrease(descent)]


def _decrease(descent: Descent) -> list[str]:
    """How far the gradient's word could be trusted."""
    if "decrease_ratio" not in descent.readings or descent.verdicts[descent.best_start].status in FAILED:
        return []
    ratio = descent.readings["decrease_ratio"].value[:, descent.best_start]
    ratio = ratio[np.isfinite(ratio)]
    if not ratio.size:
        return []
    return [
        f"In the median, a step got {np.median(ratio):.0%} of the drop that the gradient foretold; "
        f"{(ratio < 0).mean():.0%} of the steps went uphill or against the gradient."
    ]


def _table(descent: Descent) -> str:
    best, ends, gap = descent.best_start, (descent.start, descent.end), descent.best_gap
    rows = []
    variables = descent.subject.variables
    for i, variable in enumerate(variables[:_MOST_VARIABLES]):
        rows.append((variable, *(f"{end.position[best, i]:.9g}" for end in ends)))
    if len(variables) > _MOST_VARIABLES:
        rows.append((f"{len(variables) - _MOST_VARIABLES:,} further variables", "in arrays.npz", "in arrays.npz"))
    rows.append(("value", *(f"{end.value[best]:.9g}" for end in ends)))
    norms = (descent.gradient_norm(step)[best] for step in (0, -1))
    rows.append(("gradient norm", *(f"{x:.3g}" for x in norms)))
    if gap is not None:
        rows.append(("above the known minimum", *(f"{x:.3g}" for x in gap[[0, -1]])))
    return markdown_table(("", "start", "end"), rows)


def _rate(descent: Descent) -> str:
    if not isinstance(descent.learning_rate, float):
        return descent.rate_rule
    return f"{naming.number(descent.learning_rate)} ({descent.rate_rule})"
