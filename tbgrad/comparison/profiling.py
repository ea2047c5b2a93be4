"""The performance profile of what was compared: optimizers, or groups, over functions and starts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from tbgrad import naming
from tbgrad.comparison.grouping import SEED, group_name, setting_of, spelled_apart
from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.ranking import GAP, Ranking, descent_metrics
from tbgrad.comparison.samples import sample
from tbgrad.comparison.scores import Score
from tbgrad.comparison.tuning import OPTIMIZER
from tbgrad.comparison.visible import visible
from tbgrad.results.profiles import Profile

_STEPS, _START, _BUDGET = "steps_to_gap", "start", "steps"
# What belongs to a problem, beside the function and the start.
_CONDITIONS = ("noise", "dtype")

# A function, the start in words, and what else makes it another problem.
_Problem = tuple[str, str, str]


def profile(
    runs: Sequence[LoggedRun], rankings: Sequence[Ranking], score: Score | None, group_by: Sequence[str]
) -> Profile | None:
    """Compares solvers over problems by the gradients that they need.

    A problem is a function and a start, or the same starts, with the same noise; each step takes one gradient. Of
    several settings that a solver was tried with on a problem the best counts, and of several seeds and starts the
    median.

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
    costs: dict[_Problem, dict[str, dict[tuple, list[np.ndarray]]]] = {}
    budgets = set()
    for run in runs:
        solver = _solver(run, group_by or (OPTIMIZER,))
        # Of a function whose minimum is not known no gap can be reached.
        if not solver or (score is None and GAP not in run.records.scalars):
            continue
        cost = _cost(run, score)
        if cost is not None:
            tried = costs.setdefault(_problem(functions[run.run], run), {}).setdefault(solver, {})
            tried.setdefault(_settings(run), []).append(cost)
            budgets.add(run.hparams.get(_BUDGET))
    solvers = sorted({solver for tried in costs.values() for solver in tried})
    complete = {problem: tried for problem, tried in costs.items() if len(tried) == len(solvers)}
    if len(solvers) < 2 or len(complete) < 2:
        return None
    best = [[_best(tried[solver]) for solver in solvers] for tried in complete.values()]
    most = [max(len(tried[solver]) for tried in complete.values()) for solver in solvers]
    unit = f"gradients until {score.tag} is {naming.number(score.target)}" if score else "gradients to a gap of 1e-6"
    cost = np.array(best, np.float64)
    uneven = len(budgets) > 1
    return Profile(tuple(solvers), _names([*complete]), cost, unit, tuple(most), len(costs) - len(complete), uneven)


def _problem(function: str, run: LoggedRun) -> _Problem:
    asked = {name: run.asked.get(name) for name in ("points", "starts", "spread")}
    # Drawn starts are as their seed says.
    drawn = run.asked.get(SEED) if asked["starts"] else None
    conditions = [str(run.hparams.get(name)) for name in _CONDITIONS]
    start = str(run.hparams.get(_START, ""))
    return function, start, json.dumps([asked, drawn, conditions], sort_keys=True, default=str)


def _solver(run: LoggedRun, group_by: Sequence[str]) -> str:
    settings = {name: setting_of(run, name) for name in group_by}
    if all(value is None for value in settings.values()):
        return ""
    return spelled_apart(*settings.values()) if len(settings) == 1 else group_name(settings)


def _settings(run: LoggedRun) -> tuple:
    aside = (SEED, _BUDGET)
    return tuple(sorted((name, str(value)) for name, value in run.hparams.items() if name not in aside))


def _cost(run: LoggedRun, score: Score | None) -> np.ndarray | None:
    if score is None:
        steps = descent_metrics(run)[_STEPS]
        found = sample(run, _STEPS, np.inf if steps is None else steps)
    else:
        found = sample(run, score, score.of(*visible(run.records.scalars[score.tag])))
    # Who is there at the start has asked for one gradient all the same; who never arrives has not solved it.
    return None if found is None else np.where(np.isfinite(found), np.maximum(found, 1), np.inf)


def _best(tried: Mapping[tuple, Sequence[np.ndarray]]) -> float:
    return min(float(np.median(np.concatenate(found))) for found in tried.values())


def _names(problems: Sequence[_Problem]) -> tuple[str, ...]:
    functions = [function for function, *_ in problems]
    names = [f"{f} from {start}" if functions.count(f) > 1 else f or start for f, start, _ in problems]
    return tuple(f"{name} ({names[:i].count(name) + 1})" if name in names[:i] else name for i, name in enumerate(names))
