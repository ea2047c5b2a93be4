"""The verdict on a training as a page: what was found, what to do, each layer in a row, and by which rules.

Its first line is read by machines too: it begins with `Healthy` if and only if nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.records import Texts
from tbgrad.results import Fault, Training, worst_first
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.pages import code, page

# Layers that have a row; of more, the faulty ones and those at both ends.
_MOST_ROWS = 60


def training_verdict(
    training: Training, faults: Sequence[Fault] | None = None, questions: Sequence[tuple[str, str, str]] = ()
) -> Texts:
    """The page.

    Args:
      training: so far; its last row is the last that the page tells of.
      faults: what was found; those of the training where it is None.
      questions: further ones as `page` takes them, which something else in the run answers.
    """
    found = worst_first(training.faults if faults is None else faults)
    step = int(training.step[-1]) if len(training.step) else 0
    heading = marked(training, found[0].sentence) if found else f"Healthy: no fault found in {_span(training)}"
    parts = [
        *_outcome(training, found),
        f"{training.model or 'The model'}, trained with {training.optimizer or 'its optimizer'}: {_numbers(training)}",
        _table(training, found),
        _rules(training),
    ]
    text = page(heading, parts, [*_questions(training), *questions])
    return Texts("training/verdict", step, text, description="Whether the training is healthy, and what to do if not.")


def _span(training: Training) -> str:
    if not len(training.step):
        return "0 steps"
    rows = len(training.step)
    return f"steps {training.step[0]:,} to {training.step[-1]:,} ({rows:,} recorded)"


def _outcome(training: Training, found: Sequence[Fault]) -> list[str]:
    if not found:
        return ["**Every layer gets a gradient of a sound length, and no unit or weight is lost.**"]
    told = [f"**What to do: {marked(training, found[0].cure)}**"]
    if others := found[1:]:
        lines = [f"- {marked(training, fault.sentence)} {marked(training, fault.cure)}" for fault in others]
        told.append("Found besides:\n\n" + "\n".join(lines))
    return told


def marked(training: Training, sentence: str) -> str:
    """A sentence in which markdown finds nothing of its own in the names of layers and weights."""
    names = {layer.name for layer in training.layers} | {name for layer in training.layers for name in layer.weights}
    for name in names:
        sentence = sentence.replace(f"'{name}'", code(name))
    return sentence


def _numbers(training: Training) -> str:
    if not len(training.step):
        return "no step was recorded."
    loss, norm = training.loss, training.total.gradient_norm
    return (
        f"{_span(training)}; the loss went from {loss[0]:.4g} to {loss[-1]:.4g}, the length of the whole gradient from "
        f"{norm[0]:.3g} to {norm[-1]:.3g}. Step counts the updates made before; the first batch is step 0."
    )


def _table(training: Training, found: Sequence[Fault]) -> str:
    """A row a layer, the output first as in the picture."""
    read, shown, row = training.by_layer, _shown(training, found), len(training.step) - 1
    columns = {
        "gradient at first": read.gradient_norm[:1],
        "at last": read.gradient_norm[row:],
        "update / weights": read.update_ratio[row:],
        "zeros": read.zeros[row:],
        "dead": training.dead[row:],
    }
    columns = {head: column[0] for head, column in columns.items() if np.isfinite(column).any()}
    heads = ("layer", "kind", "weights", *columns, "verdict")
    rows = []
    for k in reversed(shown):
        layer = training.layers[k]
        kinds = [fault.kind for fault in found if fault.layer and fault.concerns(layer.name)]
        verdict = ", ".join(dict.fromkeys(kinds)) or ("healthy" if layer.sizes and not _of_all(found) else "")
        numbers = [_number(column[k]) for column in columns.values()]
        verdict = f"**{verdict}**" if kinds else verdict
        rows.append((code(layer.name), layer.kind, f"{sum(layer.sizes):,}", *numbers, verdict))
    left = len(training.layers) - len(shown)
    more = f"\n\n{left} more layers are not shown; `training/layers` has all of them." if left else ""
    return markdown_table(heads, rows) + more


def _of_all(found: Sequence[Fault]) -> bool:
    return any(not fault.layer for fault in found)


def _shown(training: Training, found: Sequence[Fault]) -> list[int]:
    count = len(training.layers)
    if count <= _MOST_ROWS:
        return list(range(count))
    half = _MOST_ROWS // 4
    accused = [k for k, layer in enumerate(training.layers) if any(f.layer and f.concerns(layer.name) for f in found)]
    return sorted({*range(half), *accused[: 2 * half], *range(count - half, count)})


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}"


def _rules(training: Training) -> str:
    rules = training.rules
    lines = (
        "vanishing: take the root mean square of a layer's gradient as a share of the median layer's, and as a share "
        f"of the largest nearer to the output. Their geometric mean is at most {rules.vanishing:g}, the first at most "
        f"{rules.vanishing**0.5:.2g}, and so in all layers below it (or else the mean at most {rules.vanishing**2:g}); "
        f"in {rules.sustained} recorded rows in a row",
        f"exploding: it is at least {rules.exploding:g} times the median layer's and that of the layer nearest to the "
        f"output, and so in all layers below it (or else {rules.exploding**2:g} times); in {rules.sustained} rows in a "
        "row",
        f"both only until the loss is at most {rules.converged:g} of its start; embeddings, layers that have "
        "biases only, and an attention's queries and keys are not judged",
        f"dead: at least {100 * rules.dead:g} % of a rectified layer's units give zero for the whole batch; in "
        f"{rules.sustained} rows in a row",
        f"diverging: the loss is at least {rules.diverging:g} times its lowest and 10 times its first",
        "not finite: the first NaN or infinity; no gradient: a weight that the loss does not depend on",
    )
    return "**By which rules**\n\n" + "\n".join(f"- {line}" for line in lines)


def _questions(training: Training) -> list[tuple[str, str, str]]:
    if not len(training.step):
        return []
    asked = [
        ("In which layer does the gradient die, and since when?", "Images", "training/layers"),
        ("Does the loss fall?", "Time Series", "training/loss"),
        ("How long is the gradient?", "Time Series", "training/gradient_norm"),
        ("Are the steps of a good size? About 1e-3 of the weights is usual.", "Time Series", "training/update_ratio"),
        ("Which layer lags behind the others?", "Custom Scalars", "training/gradient_norm"),
        ("Does the gradient turn back and forth?", "Time Series", "training/cosine"),
    ]
    readings = {"training/update_ratio": training.total.update_ratio, "training/cosine": training.total.cosine}
    missing = {tag for tag, values in readings.items() if np.isnan(values).all()}
    return [question for question in asked if question[2] not in missing]
