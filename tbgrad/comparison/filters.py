"""Conditions on runs: `learning_rate<0.1`."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tbgrad import naming
from tbgrad.comparison.logged import LoggedRun, spelled
from tbgrad.errors import OptionError, nearest

_SAME = {"=": True, "!=": False}
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SPELLING = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|!=|==?|<|>)\s*(.*?)\s*")
_ALWAYS = ("run", "status", "function")


@dataclass(frozen=True)
class Filter:
    """A condition on a run's settings or metrics.

    Attributes:
      name: of a setting, of a metric without `metrics/`, or `run`, `status`, `function`.
      relation: `<`, `<=`, `>`, `>=`, `=` or `!=`.
      value: what it is compared with; after `=` and `!=` a text may have the wildcards `*` and `?`.
    """

    name: str
    relation: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Reads `learning_rate<0.1`, `optimizer=adam`, `run=*/seed?`.

        Raises:
          OptionError: it is no condition, or asks for an order among texts.
        """
        found = _SPELLING.fullmatch(text)
        if found is None:
            raise OptionError(
                f"'{text}' is no condition; expected a setting, one of < <= > >= = != and a value: 'learning_rate<0.1'."
            )
        name, relation, value = found.groups()
        relation = "=" if relation == "==" else relation
        if relation in _ORDER and _number(value) is None:
            raise OptionError(f"'{text}' asks for an order, but '{value}' is no number; texts have = and != only.")
        return cls(name, relation, value)

    def admits(self, run: LoggedRun) -> bool:
        """Whether a run fulfils it; one without the setting never does."""
        found = _value(run, self.name)
        if found is None:
            return False
        wanted, number = _number(self.value), _number(found)
        if self.relation in _ORDER:
            return number is not None and bool(_ORDER[self.relation](number, wanted))
        same = number == wanted if number is not None and wanted is not None else self._matches(found)
        return same is _SAME[self.relation]

    def _matches(self, found: object) -> bool:
        return fnmatch.fnmatchcase(spelled(found).lower(), self.value.lower())


def admitted(runs: Sequence[LoggedRun], filters: Iterable[Filter]) -> list[LoggedRun]:
    """The runs that fulfil all conditions.

    Raises:
      OptionError: no run has what a condition names, or none fulfils all of them.
    """
    kept = list(runs)
    for condition in filters:
        check_name(runs, condition.name)
        kept = [run for run in kept if condition.admits(run)]
    if not kept and runs:
        raise OptionError(f"none of the {len(runs)} runs fulfils all conditions.")
    return kept


def check_name(runs: Sequence[LoggedRun], name: str) -> None:
    """Raises OptionError if no run has this setting or metric, and says which there are."""
    if name not in _ALWAYS and all(_value(run, name) is None for run in runs):
        known = dict.fromkeys([*(n for run in runs for n in [*run.hparams, *run.metrics]), *_ALWAYS])
        raise OptionError(f"no run has a setting '{name}'.{nearest(name, known)} There are: {naming.listed([*known])}.")


def _value(run: LoggedRun, name: str) -> object:
    if name in run.hparams:
        return run.hparams[name]
    if name in _ALWAYS:
        return getattr(run, name)
    return run.metrics.get(name)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
