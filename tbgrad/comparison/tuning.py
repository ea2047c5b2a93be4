"""Whether learning rates were tuned, and alike for all: an order of optimizers says little where they were not."""

from __future__ import annotations

from collections.abc import Sequence

from tbgrad.comparison.logged import LoggedRun, spelled

RATE, OPTIMIZER = "learning_rate", "optimizer"
# With fewer rates no best one can lie between others.
_FEWEST = 3
_OTHER_NAMES = (RATE, "lr", "learning rate")


def rate_words(runs: Sequence[LoggedRun]) -> list[str]:
    """What is to be said of the rates of runs.

    A rate counts as tuned where an optimizer was tried with three rates at least and the best lies between others.

    Args:
      runs: of one function, best first.

    Returns:
      At most one sentence; none where all rates are tuned, or nothing is known of rates.
    """
    rates: dict[str, list[float]] = {}
    for run in runs:
        rate = next((run.hparams[name] for name in _OTHER_NAMES if name in run.hparams), None)
        if isinstance(rate, int | float) and not isinstance(rate, bool):
            rates.setdefault(str(run.hparams.get(OPTIMIZER, "")), []).append(float(rate))
    untuned = [f"{name} {why}".strip() for name, tried in rates.items() if (why := _why_untuned(tried))]
    if not untuned:
        return []
    if len(untuned) > 4:
        return [f"Learning rates were not tuned for {len(untuned)} of {len(rates)} optimizers."]
    return [f"Learning rates were not tuned: {'; '.join(untuned)}."]


def _why_untuned(best_first: Sequence[float]) -> str:
    tried = sorted({*best_first})
    if len(tried) == 1:
        return f"has {spelled(tried[0])} only"
    if len(tried) < _FEWEST:
        return f"has {len(tried)} rates only"
    if best_first[0] in (tried[0], tried[-1]):
        return f"does best with {spelled(best_first[0])}, the {'lowest' if best_first[0] == tried[0] else 'highest'}"
    return ""
