"""The performance profile of what was compared: optimizers, or groups, over functions and starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad.comparison.logged import LoggedRun, spelled
from tbgrad.comparison.ranking import GAP, SEED, Ranking, descent_metrics, setting_of
from tbgrad.comparison.samples import sample
from tbgrad.comparison.scores import Score
from tbgrad.comparison.tuning import OPTIMIZER
from tbgrad.results.profiles import Profile

_STEPS, _START = "steps_to_gap", "start"


def profile(
    runs: Sequence[LoggedRun], rankings: Sequence[Ranking], score: Score | None, group_by: Sequence[str]
) -> Profile | None:
    """Compares solvers over problems by the gradients that they need.

    A problem is a function and a start; each step takes one gradient. Of several settings that a solver was tried with
    on a problem the best counts, and of several seeds and starts the median.

    Args:
      runs: all that are ranked.
      rankings: of them.
      score: what decides, or None for the default order.
      group_by: the settings that make solvers; by default the optimizer.

    Returns:
      `Profile`, or None where the score is no number of steps, or there are not two solvers and two problems at least.
    """
    if score is not None and score.kind != "steps-to":
        return None
    functions = {ranked.run: ranking.function for ranking in rankings for ranked in ranking.runs}
    costs: dict[tuple[str, str], dict[str, dict[tuple, list[np.ndarray]]]] = {}
    for run in runs:
        solver = _solver(run, group_by or (OPTIMIZER,))
        # Of a function whose minimum is not known no gap can be reached.
        if solver and (score is not None or GAP in run.records.scalars):
            problem = (functions[run.run], str(run.hparams.get(_START, "")))
            tried = costs.setdefault(problem, {}).setdefault(solver, {})
            tried.setdefault(_settings(run), []).append(_cost(run, score))
    solvers = sorted({solver for tried in costs.values() for solver in tried})
    complete = {problem: tried for problem, tried in costs.items() if len(tried) == len(solvers)}
    if len(solvers) < 2 or len(complete) < 2:
        return None
    best = [[_best(tried[solver]) for solver in solvers] for tried in complete.values()]
    most = [max(len(tried[solver]) for tried in complete.values()) for solver in solvers]
    unit = f"gradients until {score.tag} is {spelled(score.target)}" if score else "gradients to a gap of 1e-6"
    cost = np.array(best, np.float64)
    return Profile(tuple(solvers), _names([*complete]), cost, unit, tuple(most), len(costs) - len(complete))


def _solver(run: LoggedRun, group_by: Sequence[str]) -> str:
    values = [setting_of(run, name) for name in group_by]
    if all(value is None for value in values):
        return ""
    if len(group_by) == 1:
        return spelled(values[0])
    return ", ".join(f"{name} {spelled(v)}" for name, v in zip(group_by, values, strict=True) if v is not None)


def _settings(run: LoggedRun) -> tuple:
    return tuple(sorted((name, str(value)) for name, value in run.hparams.items() if name != SEED))


def _cost(run: LoggedRun, score: Score | None) -> np.ndarray:
    if score is None:
        steps = descent_metrics(run)[_STEPS]
        found = sample(run, _STEPS, np.inf if steps is None else steps)
    else:
        series = run.records.scalars[score.tag]
        found = sample(run, score, score.of(series.step, series.value))
    # Who is there at the start has asked for one gradient all the same; who never arrives has not solved it.
    return np.where(np.isfinite(found), np.maximum(found, 1), np.inf)


def _best(tried: Mapping[tuple, Sequence[np.ndarray]]) -> float:
    return min(float(np.median(np.concatenate(found))) for found in tried.values())


def _names(problems: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    functions = [function for function, _ in problems]
    return tuple(
        f"{function} from {start}" if functions.count(function) > 1 else function or start
        for function, start in problems
    )
