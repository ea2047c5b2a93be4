"""Which runs make a group, and what else differs among groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.comparison.groups import Group, ranked
from tbgrad.comparison.logged import LoggedRun
from tbgrad.comparison.samples import is_deterministic, is_of_many_starts, repeated, sample
from tbgrad.comparison.scores import Score
from tbgrad.comparison.tuning import RATE

SEED = "seed"
_ALONE = ("run", "status", "function")


def grouped(
    logged: Sequence[LoggedRun],
    numbers: Mapping[str, Sequence[float | None]],
    score: Score | None,
    group_by: Sequence[str],
) -> tuple[tuple[Group, ...], str]:
    """Puts runs that share settings together and compares these groups.

    Args:
      logged: runs, best first.
      numbers: by the name of a metric, or the label of the score, that of each run; in the order in which they decide.
      score: what decides, or None for metrics.
      group_by: settings, each of which makes groups.

    Returns:
      (groups, best first; what they are compared by: the first of the numbers of which any group has a finite median).
    """
    members: dict[tuple, list[int]] = {}
    for i, run in enumerate(logged):
        # A number is no truth value and no text, though Python or the eye may find them equal.
        values = [setting_of(run, name) for name in group_by]
        members.setdefault(tuple((_kind(value), value) for value in values), []).append(i)
    prefers_high = score is not None and score.prefers_high
    for name, of_runs in numbers.items():
        groups = [
            _group(
                dict(zip(group_by, (value for _, value in key), strict=True)),
                [logged[i] for i in indices],
                [math.nan if of_runs[i] is None else float(of_runs[i]) for i in indices],
                score or name,
                -math.inf if prefers_high else math.inf,
            )
            for key, indices in members.items()
        ]
        if any(math.isfinite(group.median) for group in groups):
            break
    return ranked(groups, prefers_high), name


def setting_of(run: LoggedRun, name: str) -> Any:
    """A setting, or the run's own name, status or function; None where there is none."""
    return getattr(run, name) if name in _ALONE and name not in run.hparams else run.hparams.get(name)


def group_name(settings: Mapping[str, Any]) -> str:
    """Settings in words, so that others have other words: `optimizer adam, learning_rate 0.1`."""
    return ", ".join(f"{name} {spelled_apart(value)}" for name, value in settings.items())


def spelled_apart(value: Any) -> str:
    """A value in all its digits; a text that looks like something else stands in quotes."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return naming.number(value)
    text = " ".join(str(value).split())
    return f"'{text}'" if _looks_otherwise(text) or text != value else text


def _looks_otherwise(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("none", "true", "false", "")
    return True


def _group(
    settings: Mapping[str, Any], logged: Sequence[LoggedRun], numbers: Sequence[float], what: Score | str, worst: float
) -> Group:
    samples, seen, lacks = [], set(), False
    for run, number in zip(logged, numbers, strict=True):
        # Launches that must come out the same say nothing of luck.
        if (same := repeated(run)) in seen:
            continue
        seen.add(same)
        found = sample(run, what, number)
        lacks |= found is None
        samples.append(np.array([number]) if found is None else found)
    scores = np.concatenate(samples)
    # Who has no number has not arrived, or is worse than all who have one.
    return Group(
        group_name(settings),
        settings,
        tuple(run.run for run in logged),
        np.where(np.isfinite(scores), scores, worst),
        of_starts=any(map(is_of_many_starts, logged)),
        deterministic=all(map(is_deterministic, logged)),
        repeats=len(logged) - len(seen),
        lacks_starts=lacks,
        varying=_varying(logged, [*settings]),
    )


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _varying(runs: Sequence[LoggedRun], group_by: Sequence[str]) -> tuple[str, ...]:
    names = dict.fromkeys(name for run in runs for name in run.hparams)
    return tuple(n for n in names if n not in (*group_by, SEED) and len({run.hparams.get(n) for run in runs}) > 1)


def differing_words(groups: Sequence[Group], logged: Sequence[LoggedRun]) -> list[str]:
    """What else differs within groups and between them, and which runs do not count."""
    if not groups:
        return []
    said = []
    within = dict.fromkeys(name for group in groups for name in group.varying)
    if within:
        said.append(f"Within a group the runs also differ in {', '.join(within)}: this counts as luck, as a seed does.")
    # Rates that differ have a remark of their own, where they were not tuned.
    aside = {*groups[0].settings, *within, SEED, RATE}
    names = dict.fromkeys(name for run in logged for name in run.hparams if name not in aside)
    between = [name for name in names if len({str(run.hparams.get(name)) for run in logged}) > 1]
    if between:
        said.append(f"The groups also differ in {', '.join(between)}: what differs may come from that.")
    if repeats := sum(group.repeats for group in groups):
        said.append(
            f"{repeats} {'run repeats' if repeats == 1 else 'runs repeat'} another one, in which nothing is random: "
            "each counts once."
        )
    return said
