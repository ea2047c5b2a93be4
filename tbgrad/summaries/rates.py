"""Rate sweep to records: the picture, the steps as scalars, and a story of best and first diverging rate."""

from __future__ import annotations

import time

import numpy as np

from tbgrad.figures.canvas import encode
from tbgrad.figures.rates import best_words, edge_name, rates_figure, told
from tbgrad.records import HParams, Record, Scalars, Texts
from tbgrad.results import RateSweep
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.hparams import conditions, metric_records, setting, start_words
from tbgrad.summaries.pages import page
from tbgrad.summaries.summarizing import in_unit, picture, summarize

_MOST_TOLD = 12


@summarize.register
def _(sweep: RateSweep) -> tuple[Record, ...]:
    settings = conditions(sweep.subject, sweep.optimizer, None, sweep.settings)
    varied = setting("learning_rate", sweep.rate)
    if sweep.momentum is not None:
        varied |= setting(sweep.momentum_name, sweep.momentum)
    asked = {"start": start_words(sweep.start), "steps": sweep.steps, "target": sweep.target}
    where = f"{sweep.where}; {sweep.optimizer} {sweep.from_where}, to {sweep.target_rule}."
    others = "steps" if sweep.momentum is None else f"{sweep.momentum_name}; colours: steps"
    axes = f"Axes: learning rate in position² per value; {others}."
    return (
        picture("rates/steps", 0, encode(rates_figure(sweep)), f"Steps to the target. {where} {axes}"),
        Texts("rates/story", 0, _story(sweep), description="Which learning rate is best, and where it diverges."),
        *_series(sweep),
        *metric_records(metrics(sweep)),
        HParams({**settings, **varied, **asked, "dtype": sweep.value.dtype.name}, succeeded=True),
    )


def metrics(sweep: RateSweep) -> dict[str, float | None]:
    """The numbers by which optimizers are compared: what is best, and the smallest rate that diverges; None for none.

    With momentum the first diverging rate is that beside the best momentum.
    """
    row = 0 if sweep.best is None else sweep.best[0]
    first = float(sweep.first_diverging[row])
    found = {"best_steps": sweep.best_steps, "best_rate": sweep.best_rate}
    if sweep.momentum is not None:
        found["best_momentum"] = sweep.best_momentum
    return {**found, "first_diverging_rate": first if np.isfinite(first) else None}


def _series(sweep: RateSweep) -> list[Scalars]:
    """Steps to the target and the rate over the rate's number, where the rate alone was varied."""
    if sweep.momentum is not None:
        return []
    # Series of one time share their events in the file.
    now, steps = time.time(), np.arange(len(sweep.rate))
    reached = sweep.reached[0]
    how = f"Step k is the number of the learning rate, from {sweep.rate[0]:.4g} to {sweep.rate[-1]:.4g}"
    return [
        Scalars("rates/steps_to_target", steps[reached], sweep.steps_to_target[0, reached], now,
                in_unit(f"Steps until the target was reached; missing where it was not. {how}; `rates/rate` tells it.",
                        "steps")),
        Scalars("rates/rate", steps, sweep.rate, now, in_unit(f"The learning rate. {how}.", "position² per value")),
    ]  # fmt: skip


def _story(sweep: RateSweep) -> str:
    parts = [
        f"**{_capital(best_words(sweep))}.**",
        f"{sweep.where}, {sweep.from_where}, at most {sweep.steps:,} steps each. "
        f"Target: {sweep.target_rule} (value {sweep.target:.6g}).",
        *_diverging(sweep),
        _counts(sweep),
        _table(sweep),
    ]
    if sweep.subject.remark:
        parts.append(f"About the function: {sweep.subject.remark}")
    asked = [("Which learning rate is best, and where does it diverge?", "Images", "rates/steps")]
    if sweep.momentum is None and sweep.best is not None:
        asked.append(("How many steps does this rate take?", "Time Series", "rates/steps_to_target"))
    if sweep.best is not None:
        asked.append(("Which optimizer needs the fewest steps?", "HParams: tick it on the left", "metrics/best_steps"))
    return page(f"Learning rates of {sweep.optimizer} on `{sweep.subject.equation}`", parts, asked)


def _diverging(sweep: RateSweep) -> list[str]:
    """The first diverging rate, held against theory where there is one."""
    first, row = sweep.first_diverging, 0 if sweep.best is None else sweep.best[0]
    beside = "" if sweep.momentum is None else f" with {sweep.momentum_name} {told(sweep.momentum[row])}"
    said = f"The smallest rate that diverges{beside} is {told(first[row])}."
    if not np.isfinite(first[row]):
        said = f"No rate diverges{beside}."
    if np.isfinite(sweep.edge[row]):
        said += f" In theory it is stable below {told(sweep.edge[row])}: {sweep.edge_rule}."
    lower = sweep.failed & (sweep.rate < sweep.edge[:, None])
    if lower.any():
        said += f" {lower.sum():,} descents below {edge_name(sweep)} diverged: the function is no quadratic there."
    return [said]


def _counts(sweep: RateSweep) -> str:
    lost = int((sweep.failed & ~sweep.reached).sum())
    rest = sweep.status.size - int(sweep.reached.sum()) - lost
    return (
        f"Of {sweep.status.size:,} descents {int(sweep.reached.sum()):,} reached the target, {rest:,} did not in "
        f"{sweep.steps:,} steps, {lost:,} {sweep.failure or 'diverged'}."
    )


def _table(sweep: RateSweep) -> str:
    """The best rate of some momenta, or the steps of some rates."""
    if sweep.momentum is None:
        rows = []
        for i in _some(len(sweep.rate)):
            status = "reached" if sweep.reached[0, i] else sweep.statuses[sweep.status[0, i]].words
            rows.append((told(sweep.rate[i]), _steps(sweep.steps_to_target[0, i]), f"{sweep.value[0, i]:.4g}", status))
        return markdown_table(("learning rate", "steps to the target", "value at the end", "outcome"), rows)
    rows = []
    for i in _some(len(sweep.momentum)):
        steps = sweep.steps_to_target[i]
        fastest = told(sweep.rate[np.nanargmin(steps)]) if sweep.reached[i].any() else "none"
        fewest = _steps(np.nanmin(steps) if sweep.reached[i].any() else np.nan)
        first = sweep.first_diverging[i]
        rows.append((told(sweep.momentum[i]), fastest, fewest, told(first) if np.isfinite(first) else "none"))
    return markdown_table((sweep.momentum_name, "best rate", "steps to the target", "first diverging rate"), rows)


def _some(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_TOLD)).round().astype(int))


def _steps(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else "not reached"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
