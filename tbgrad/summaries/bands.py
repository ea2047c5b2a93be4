"""How many starts fare together: median, quartiles, best and worst over the steps."""

from __future__ import annotations

import numpy as np

from tbgrad.records import Scalars
from tbgrad.results import Descent
from tbgrad.summaries.summarizing import in_unit

_QUANTILES = {"best": 0.0, "lower": 0.25, "median": 0.5, "upper": 0.75, "worst": 1.0}
_WORDS = {"best": "Lowest", "lower": "Lower quartile of the", "median": "Median", "upper": "Upper quartile of the"}


def bands(descent: Descent, now: float) -> list[Scalars]:
    """The series of each, of the value and of its gap to the known minimum; none of a single start.

    Args:
      descent: of several starts.
      now: the wall time of the series.
    """
    if descent.starts < 2:
        return []
    # A start that has left the floats is worse than any other, not absent.
    value = np.where(np.isnan(descent.value), np.inf, descent.value)
    quantiles = np.quantile(value, list(_QUANTILES.values()), axis=1, method="nearest").astype(np.float64)
    found = dict(zip(_QUANTILES, quantiles, strict=True))
    records = []
    for name, series in found.items():
        words = in_unit(f"{_WORDS.get(name, 'Highest')} value over {descent.starts:,} starts.", "value")
        records.append(Scalars(f"descent/value/{name}", descent.step, series, now, words))
    if descent.subject.minimum is not None:
        floor = np.finfo(descent.value.dtype).eps * max(1.0, abs(descent.subject.minimum))
        for name, series in found.items():
            gap = np.log10(np.maximum(series - descent.subject.minimum, floor))
            words = f"log10 of descent/value/{name} above the known minimum; -6 is close, 0 is far."
            words = in_unit(words, "log10 of value")
            records.append(Scalars(f"descent/log10_gap/{name}", descent.step, gap, now, words))
    return records
