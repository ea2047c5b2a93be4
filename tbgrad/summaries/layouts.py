"""The charts of the Custom Scalars dashboard; TensorBoard merges those of all runs by their titles."""

from __future__ import annotations

from tbgrad.records import Chart, Layout
from tbgrad.results import Descent

SWEEP = Layout({"sweep": (Chart("value and slope along the line", ("^sweep/value$", "^sweep/slope$")),)})


def descent_layout(descent: Descent) -> Layout:
    """The race to the minimum where it is known, value and gradient together, and the band of many starts."""
    charts = []
    if descent.gap is not None:
        charts.append(Chart("log10 of the gap to the minimum: all racers", ("^descent/log10_gap$",)))
    if "gradient_norm" in descent.readings:
        charts.append(Chart("value and gradient norm", ("^descent/value$", "^descent/gradient_norm$")))
    categories = {"descent": charts}
    if descent.value.shape[1] > 1:
        band = ("descent/value/median", "descent/value/lower", "descent/value/upper")
        categories["descent of many starts"] = [Chart("value: median and quartiles", band, is_margin=True)]
    return Layout(categories)
