"""The story of a descent, as markdown for the Text dashboard."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tbgrad import naming
from tbgrad.results import FAILED, Descent, Surface
from tbgrad.summaries.hparams import metrics
from tbgrad.summaries.pages import page, table

_QUESTIONS = (
    ("Does it get closer to the minimum?", "Custom Scalars", "descent/log10_gap"),
    ("Which way did it go?", "Images: move the slider", "descent/path"),
    ("How does it move?", "Images", "descent/animation"),
    ("What does the way look like on the surface?", "Mesh: drag to turn, move the slider", "descent/mesh"),
    ("How steep is it here?", "Time Series", "descent/gradient_norm"),
    ("How far does it step?", "Time Series", "descent/update_norm"),
    ("Does the gradient foretell what happens?", "Time Series", "descent/decrease_ratio"),
)
_MEASURED = ("gradient_norm", "update_norm", "decrease_ratio")


def story(descent: Descent) -> str:
    """Tells what was asked, what came out and why, and where to look."""
    subject = descent.subject
    parts = [
        *_sentences(descent),
        _table(descent),
        f"Learning rate: {_rate(descent)}. It is one choice and was not tuned. "
        "The gradient is exact: no noise, no batches."
        + (" So sgd is plain gradient descent." if descent.optimizer == "sgd" and not _momentum(descent) else ""),
    ]
    if subject.remark:
        parts.append(f"About the function: {subject.remark}")
    return page(f"{descent.optimizer} on `{subject.equation}`", parts, questions(descent))


def questions(descent: Descent) -> list[tuple[str, str, str]]:
    """Where this run answers what."""
    missing = set()
    if descent.gap is None:
        missing.add("descent/log10_gap")
    if descent.landscape is None:
        missing |= {"descent/path", "descent/animation"}
    if not isinstance(descent.landscape, Surface):
        missing.add("descent/mesh")
    missing |= {f"descent/{name}" for name in _MEASURED if name not in descent.readings}
    metric = "best_value" if metrics(descent)["steps_to_gap"] is None else "steps_to_gap"
    best = ("Which run is best?", "HParams", f"metrics/{metric}")
    return [*(row for row in _QUESTIONS if row[2] not in missing), best]


def _sentences(descent: Descent) -> list[str]:
    best = descent.best_start
    sentence = f"**{descent.verdicts[best].sentence}**"
    if len(descent.verdicts) == 1:
        return [sentence, *_decrease(descent)]
    counts = ", ".join(f"{n} {status.value}" for status, n in Counter(descent.status).most_common())
    return [f"{len(descent.verdicts)} starts: {counts}. The start that ends best: {sentence}", *_decrease(descent)]


def _decrease(descent: Descent) -> list[str]:
    """How far the gradient's word could be trusted."""
    if "decrease_ratio" not in descent.readings or descent.status[descent.best_start] in FAILED:
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
    best = descent.best_start
    rows = []
    for i, variable in enumerate(descent.subject.variables):
        rows.append((variable, *(f"{x:.9g}" for x in descent.position[[0, -1], best, i])))
    rows.append(("value", *(f"{x:.9g}" for x in descent.value[[0, -1], best])))
    norms = (descent.gradient_norm(step)[best] for step in (0, -1))
    rows.append(("gradient norm", *(f"{x:.3g}" for x in norms)))
    if descent.gap is not None:
        rows.append(("above the known minimum", *(f"{x:.3g}" for x in descent.gap[[0, -1], best])))
    return table(("", "start", "end"), rows)


def _rate(descent: Descent) -> str:
    if descent.learning_rate is None:
        return descent.rate_rule
    return f"{naming.number(descent.learning_rate)} ({descent.rate_rule})"


def _momentum(descent: Descent) -> bool:
    return bool(descent.settings.get("momentum"))
