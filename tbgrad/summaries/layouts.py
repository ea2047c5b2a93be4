"""The charts of the Custom Scalars dashboard; TensorBoard merges those of all runs by their categories.

A category has the same charts in every run: of a category that two runs ask for with different charts, TensorBoard
loses some.
"""

from __future__ import annotations

from tbgrad.records import Chart, Layout
from tbgrad.results import Descent

# Of many starts: the middle is the median.
_BANDS = {"median and quartiles": ("lower", "upper"), "median, best and worst": ("best", "worst")}
SWEEP = Layout({"sweep": (Chart("value and slope along the line", ("^sweep/value$", "^sweep/slope$")),)})


def descent_layout(descent: Descent) -> Layout:
    """The race to the minimum where it is known, the value, value and gradient together, and bands of many starts."""
    categories = {}
    if descent.subject.minimum is not None:
        categories["race to the minimum"] = [Chart("log10 of the gap to the minimum", ("^descent/log10_gap$",))]
    if descent.log10_value is not None:
        categories["value over powers of ten"] = [Chart("log10 of the value", ("^descent/log10_value$",))]
    if "gradient_norm" in descent.readings:
        both = Chart("value and gradient norm", ("^descent/value$", "^descent/gradient_norm$"))
        categories["value and gradient"] = [both]
    if descent.starts > 1:
        if descent.subject.minimum is not None:
            categories["many starts: gap to the minimum"] = _bands("log10_gap", "log10 of the gap")
        categories["many starts: value"] = _bands("value", "value")
    return Layout(categories)


def _bands(tag: str, words: str) -> list[Chart]:
    return [
        Chart(f"{words}: {names}", tuple(f"descent/{tag}/{end}" for end in ("median", *ends)), is_margin=True)
        for names, ends in _BANDS.items()
    ]
