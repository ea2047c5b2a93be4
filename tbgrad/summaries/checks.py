"""GradientCheck to records: the V curve as a picture and as scalars, and what is said of the points as a table."""

from __future__ import annotations

import numpy as np

from tbgrad.figures.canvas import encode
from tbgrad.figures.v_curves import by_step, caption, v_figure
from tbgrad.records import Record, Scalars, Texts
from tbgrad.results import CheckVerdict, GradientCheck
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.pages import page
from tbgrad.summaries.summarizing import in_unit, picture, summarize

MOST_POINTS = 50


@summarize.register
def _(check: GradientCheck) -> tuple[Record, ...]:
    drawn = encode(v_figure(check))
    shown = "Error of central differences over the step size h."
    axes = "Axes: h in position; the error, relative, a pure number; both logarithmic."
    records = [
        picture("check/v_curve", 0, drawn, f"{shown} {axes}"),
        Texts("check/table", 0, _table(check), description="What is said of each point, the worst first."),
    ]
    steps, error = error_by_exponent(check)
    if len(steps):
        what = (
            "|central difference - reverse gradient|, relative: the median over the points, or the worst point where "
            "it disagrees. Step k is the step size h = 2^k. From the left the error falls as rounding does; right of "
            "the best step it rises with truncation. A wrong gradient has a floor."
        )
        what = in_unit(what, "")
        records.insert(1, Scalars("check/error", steps, error, description=what))
    return tuple(records)


def error_by_exponent(check: GradientCheck) -> tuple[np.ndarray, np.ndarray]:
    """The exponents k of the step sizes 2^k, int64 increasing, and the median error of the points at each.

    Where the worst point disagrees, the series is that point's.
    """
    step, errors = by_step(check)
    if not len(step):
        return np.empty(0, np.int64), np.empty(0)
    wrong = check.verdict == CheckVerdict.DISAGREES and np.isfinite(errors[check.worst_first[0]]).any()
    series = errors[check.worst_first[0]] if wrong else np.nanmedian(errors, axis=0)
    return np.round(np.log2(step)).astype(np.int64), series


def _table(check: GradientCheck) -> str:
    heads = [*check.subject.variables, "verdict", "digits", "best step", "reverse", "differences", "cause"]
    rows = []
    for i in check.worst_first[:MOST_POINTS]:
        p = check.points[i]
        j = check.subject.variables.index(p.variable)
        numbers = [f"∂/∂{p.variable} = {a[j]:.9g}" for a in (p.reverse, p.differences)]
        told = [p.verdict.value, f"{p.digits:.1f}", f"{p.step:.2g}", *numbers, p.cause.replace("|", "\\|")]
        rows.append([*(f"{x:.9g}" for x in p.position), *told])
    left = len(check.points) - len(rows)
    parts = [
        f"**Verdict: {caption(check)}" + (f": {check.cause}.**" if check.cause else ".**"),
        *([f"Where: {check.region}."] if check.region else []),
        f"The reverse gradient in {check.dtype}, held against central differences over step sizes, extrapolated to "
        "step zero, with the uncertainty that truncation and rounding leave.",
        markdown_table(heads, rows),
        *([f"... and {left} more."] if left else []),
    ]
    asked = [
        ("Where does rounding take over from truncation?", "Images", "check/v_curve"),
        ("How large is the error at this step?", "Time Series", "check/error"),
    ]
    return page(f"Is the gradient of `{check.subject.equation}` right?", parts, asked)
