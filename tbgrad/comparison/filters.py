"""Conditions on runs: `learning_rate<0.1`."""

from __future__ import annotations

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
# What hands type for a relation, where a number follows: no text begins so.
_MISSPELLED = {"=<": "<=", "=>": ">=", "=!": "!=", "<>": "!=", "><": "!="}
_WILDCARDS = {"*": ".*", "?": "."}
# Characters of a value that are told, where no run is left.
_LONGEST = 40
_ALWAYS = ("run", "status", "function")


@dataclass(frozen=True)
class Filter:
    """A condition on a run's settings or metrics.

    Attributes:
      name: of a setting, of a metric without `metrics/`, or `run`, `status`, `function`.
      relation: `<`, `<=`, `>`, `>=`, `=` or `!=`.
      value: what it is compared with; after `=` and `!=` a text may have the wildcards `*` and `?`; other
        characters mean themselves.
    """

    name: str
    relation: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Reads `learning_rate<0.1`, `optimizer=adam`, `run=*/seed?`; quotes around a value are taken off.

        Raises:
          OptionError: it is no condition, or a relation is misspelled, or it asks for an order among texts.
        """
        found = _SPELLING.fullmatch(text)
        if found is None:
            raise OptionError(
                f"'{text}' is no condition; expected a setting, one of < <= > >= = != and a value: 'learning_rate<0.1'."
            )
        name, relation, value = found.groups()
        right = _MISSPELLED.get(relation[-1] + value[:1])
        if right is not None and _number(value[1:]) is not None:
            raise OptionError(f"'{text}' has no relation that is known; expected '{name}{right}{value[1:].strip()}'.")
        name, value = _unquoted(name), _unquoted(value)
        relation = "=" if relation == "==" else relation
        if relation in _ORDER and _number(value) is None:
            raise OptionError(f"'{text}' asks for an order, but '{value}' is no number; texts have = and != only.")
        return cls(name, relation, value)

    def __str__(self) -> str:
        return f"{self.name}{self.relation}{self.value}"

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
        # Brackets are no wildcards: a setting may be a list.
        parts = (_WILDCARDS.get(character) or re.escape(character) for character in self.value.lower())
        return re.fullmatch("".join(parts), spelled(found).lower(), re.DOTALL) is not None


def admitted(runs: Sequence[LoggedRun], filters: Iterable[Filter]) -> list[LoggedRun]:
    """The runs that fulfil all conditions.

    Raises:
      OptionError: no run has what a condition names, or a condition leaves none; it says which values there are.
    """
    filters = list(filters)
    for condition in filters:
        check_name(runs, condition.name)
    kept = list(runs)
    for i, condition in enumerate(filters):
        before, kept = kept, [run for run in kept if condition.admits(run)]
        if not kept:
            _refuse(condition, before, filters[:i])
    return kept


def _refuse(condition: Filter, runs: Sequence[LoggedRun], fulfilled: Sequence[Filter]) -> None:
    """Says what the runs that fulfil the conditions before have instead."""
    who = "the only run does not fulfil" if len(runs) == 1 else f"none of the {len(runs)} runs fulfils"
    if fulfilled:
        with_these = " and ".join(f"'{one}'" for one in fulfilled)
        who = f"none of the {len(runs)} runs with {with_these} fulfils"
        who = f"the only run with {with_these} does not fulfil" if len(runs) == 1 else who
    values = {value for value in (_value(run, condition.name) for run in runs) if value is not None}
    numbers = sorted((value for value in values if _number(value) is not None), key=_number)
    texts = sorted(spelled(value) for value in values if _number(value) is None)
    there = [text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in (*map(spelled, numbers), *texts)]
    has = (
        f"{condition.name} is {naming.listed([text or 'empty' for text in there])}"
        if there
        else f"they have no {condition.name}"
    )
    raise OptionError(f"{who} '{condition}': {has}.")


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


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
