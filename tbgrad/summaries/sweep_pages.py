"""The story of a sweep, as markdown for the Text dashboard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.results import Sweep, Tangent
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.pages import about, page
from tbgrad.summaries.trails import trail_story

_MOST_POINTS, _MOST_FLAT, _MOST_SECANTS = 20, 3, 3


def sweep_story(sweep: Sweep, how: str) -> str:
    """Tells what was swept, where the slope is zero, the tangents with their secants, and where to look.

    Args:
      sweep: the result.
      how: what TensorBoard's step is.
    """
    undefined = int((~np.isfinite(sweep.value)).sum())
    parts = [
        f"**{_outcome(sweep)}** {len(sweep.coordinate):,} points {sweep.where}.",
        how,
        *([f"**Undefined at {undefined:,} of them.**"] if undefined else []),
        *_stationary(sweep),
        *_tangents(sweep),
        *trail_story(sweep, (sweep.coordinate_name,)),
        *about(sweep.subject),
    ]
    asked = [
        ("What does it look like over the real axis?", "Images", "sweep/curve"),
        ("Why is the height of the derivative a slope?", "Images: move the slider", "sweep/tangent"),
        ("How does a secant become a tangent?", "Images: move the slider", "sweep/secant"),
        ("How do value and slope go together?", "Custom Scalars", "sweep/slope"),
        ("How does it bend?", "Time Series", "sweep/second_derivative"),
        ("What is the partial derivative here?", "Time Series", f"sweep/gradient/{sweep.subject.variables[0]}"),
    ]
    missing = [] if _chords(sweep) else ["sweep/secant"]
    missing += [] if (np.isfinite(sweep.value) & np.isfinite(sweep.slope)).any() else ["sweep/tangent"]
    missing += ["sweep/second_derivative"] if sweep.second is None else []
    asked = [row for row in asked if row[2] not in missing]
    return page(f"A sweep of `{sweep.subject.equation}`", parts, asked)


def _outcome(sweep: Sweep) -> str:
    """Between which values it goes."""
    known = np.flatnonzero(np.isfinite(sweep.value))
    if not len(known):
        return "It is undefined all along."
    value, name = sweep.value[known], sweep.coordinate_name
    told = [(word, known[at]) for word, at in (("lowest", value.argmin()), ("highest", value.argmax()))]
    ends = (f"{word} value {sweep.value[i]:.6g} at {name} = {sweep.coordinate[i]:.6g}" for word, i in told)
    return f"The {', the '.join(ends)}."


def stationary_words(sweep: Sweep) -> list[str]:
    """How many points have slope zero, and where it is zero all along, each in a sentence."""
    count, said = len(sweep.stationary), []
    if count:
        kinds = [(kind, sum(p.kind == kind for p in sweep.stationary)) for kind in ("minimum", "maximum", "inflection")]
        listed = ", ".join(f"{n:,} {_plural(kind, n)}" for kind, n in kinds if n)
        said.append(f"The slope is zero at {count:,} {_plural('point', count)}: {listed}.")
    if sweep.unsearched:
        said.append(f"It may be zero at {sweep.unsearched:,} more places, which were not looked into.")
    flat = [f"from {low:.6g} to {high:.6g}" for low, high in sweep.flat]
    if flat:
        more = f", and on {len(flat) - _MOST_FLAT:,} more stretches" if len(flat) > _MOST_FLAT else ""
        said.append(f"The curve is level {', '.join(flat[:_MOST_FLAT])}{more}.")
    return said


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return word.replace("mum", "ma") if word.endswith("mum") else f"{word}s"


def _stationary(sweep: Sweep) -> list[str]:
    rows = [(f"{p.coordinate:.9g}", f"{p.value:.9g}", p.kind) for p in sweep.stationary[:_MOST_POINTS]]
    said = [" ".join(stationary_words(sweep))] if stationary_words(sweep) else []
    if len(sweep.stationary) > _MOST_POINTS:
        said.append(f"The first {_MOST_POINTS} of them; --json gives all.")
    return [*said, markdown_table(("slope zero at", "value", "kind"), rows)] if rows else said


def _tangents(sweep: Sweep) -> list[str]:
    if not sweep.tangents:
        return []
    rows = [(f"{t.coordinate:g}", f"{t.value:.9g}", f"{t.slope:.9g}") for t in sweep.tangents]
    parts = [markdown_table(("tangent at", "value", "slope"), rows)]
    for tangent in _chords(sweep)[:_MOST_SECANTS]:
        parts += _secants(tangent)
    return parts


def _chords(sweep: Sweep) -> Sequence[Tangent]:
    return [tangent for tangent in sweep.tangents if tangent.secants]


def _secants(tangent: Tangent) -> list[str]:
    """How the slopes of secants go to that of the tangent."""
    x = f"{tangent.coordinate:g}"
    rows = [(f"{c.h:.6g}", f"{c.slope:.9g}", f"{c.slope - tangent.slope:.3g}") for c in tangent.secants]
    if not np.isfinite(tangent.slope):
        outcome = "There is no derivative here: the slopes go nowhere."
    elif tangent.is_approached:
        outcome = "The difference goes to zero with h: in the limit the secant is the tangent."
    else:
        outcome = "**The difference stays**: there is a kink or a jump here, and no tangent but in name."
    heads = ("h", "slope of the secant", "minus the derivative")
    return [f"Secants through the points at {x} and {x} + h. {outcome}", markdown_table(heads, rows)]
