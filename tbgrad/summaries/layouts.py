"""The charts of the Custom Scalars dashboard; TensorBoard merges those of all runs by their titles."""

from __future__ import annotations

from tbgrad.records import Chart, Layout
from tbgrad.results import Descent

# Of many starts: the middle is the median.
_BANDS = {"median and quartiles": ("lower", "upper"), "median, best and worst": ("best", "worst")}
SWEEP = Layout({"sweep": (Chart("value and slope along the line", ("^sweep/value$", "^sweep/slope$")),)})


def descent_layout(descent: Descent) -> Layout:
    """The race to the minimum where it is known, value and gradient together, and the band of many starts."""
    charts = []
    if descent.subject.minimum is not None:
        charts.append(Chart("log10 of the gap to the minimum: all racers", ("^descent/log10_gap$",)))
    if descent.log10_value is not None:
        charts.append(Chart("log10 of the value", ("^descent/log10_value$",)))
    if "gradient_norm" in descent.readings:
        charts.append(Chart("value and gradient norm", ("^descent/value$", "^descent/gradient_norm$")))
    categories = {"descent": charts}
    if descent.starts > 1:
        what = {"value": "value"} | ({"log10_gap": "log10 of the gap"} if descent.subject.minimum is not None else {})
        categories["descent of many starts"] = [
            Chart(f"{words}: {names}", tuple(f"descent/{tag}/{end}" for end in ("median", *ends)), is_margin=True)
            for tag, words in what.items()
            for names, ends in _BANDS.items()
        ]
    return Layout(categories)
