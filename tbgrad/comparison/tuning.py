"""Whether learning rates were tuned, and alike for all: an order of optimizers says little where they were not."""

from __future__ import annotations

from collections.abc import Sequence

from tbgrad.comparison.logged import LoggedRun, spelled

RATE, OPTIMIZER = "learning_rate", "optimizer"
# With fewer rates no best one can lie between others.
_FEWEST = 3
_MOST_TOLD = 4
_OTHER_NAMES = (RATE, "lr", "learning rate")


def rate_words(runs: Sequence[LoggedRun], ranks: Sequence[int]) -> list[str]:
    """What is to be said of the rates of runs.

    A rate counts as tuned where an optimizer was tried with three rates at least and the best lies between others.

    Args:
      runs: of one function.
      ranks: of each.

    Returns:
      At most one sentence; none where all rates are tuned, nothing is known of rates, or there is one run only.
    """
    tried: dict[str, list[tuple[int, float]]] = {}
    for run, rank in zip(runs, ranks, strict=True):
        rate = next((run.hparams[name] for name in _OTHER_NAMES if name in run.hparams), None)
        if isinstance(rate, int | float) and not isinstance(rate, bool):
            tried.setdefault(str(run.hparams.get(OPTIMIZER, "")), []).append((rank, float(rate)))
    if len(runs) < 2:
        return []
    untuned = [f"{name or 'all'} {why}" for name, of in tried.items() if (why := _why_untuned(of))]
    if not untuned:
        return []
    if len(untuned) > _MOST_TOLD:
        return [f"Learning rates were not tuned for {len(untuned)} of {len(tried)} optimizers."]
    return [f"Learning rates were not tuned: {'; '.join(untuned)}."]


def _why_untuned(tried: Sequence[tuple[int, float]]) -> str:
    rates = sorted({rate for _, rate in tried})
    if len(rates) == 1:
        return f"had {spelled(rates[0])} only"
    if len(rates) < _FEWEST:
        return f"had {len(rates)} rates only"
    best = {rate for rank, rate in tried if rank == min(tried)[0]}
    if not best <= {rates[0], rates[-1]}:
        return ""
    ends = [f"{spelled(rate)}, the {'lowest' if rate == rates[0] else 'highest'}" for rate in sorted(best)]
    return f"did best with {' and '.join(ends)}"
