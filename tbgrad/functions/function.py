"""What is differentiated: a call with its variables, and what is known about it.

This module must not import TensorFlow: the catalogue is listed and completed without it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tbgrad import naming
from tbgrad.errors import OptionError, ShapeError
from tbgrad.functions import expressions, notation
from tbgrad.functions.interpreters import interpret
from tbgrad.results import KnownMinimum, Subject

_CURVE_POINTS = 181


@dataclass(frozen=True)
class Minimum:
    """A global minimum as its source states it.

    Attributes:
      position: one constant formula or number for each variable; it may use parameters. Where one of them holds `t`,
        the minimum is a closed curve, drawn as t goes from 0 to 2π.
      value: of the function there; it may use parameters.
      positive: a formula in the parameters that must be positive for this minimum to exist.
    """

    position: tuple[str | float, ...]
    value: str | float
    positive: str | float = 1.0

    def known(self, parameters: Mapping[str, float]) -> KnownMinimum | None:
        """The minimum in numbers for these parameters, or None where they leave no such minimum."""

        def compute(text: str | float, **more: float) -> float:
            return expressions.constant(str(text), {**parameters, **more})

        if not compute(self.positive) > 0:
            return None
        curve = any("t" in expressions.parse(str(text)).variables for text in self.position)
        turns = [math.tau * i / (_CURVE_POINTS - 1) for i in range(_CURVE_POINTS)] if curve else [0.0]
        points = tuple(tuple(compute(text, t=t) for text in self.position) for t in turns)
        return KnownMinimum(points, compute(self.value))


@dataclass(frozen=True, eq=False)
class Function:
    """A differentiable function of d variables.

    Calling it takes one tensor `[..., d]` and gives `[...]`; each point's value depends on that point alone.

    Attributes:
      call: takes one tensor for each variable, `f(x, y)`, of equal shapes, and returns one of that shape. Parameters
        are passed by keyword.
      variables: their names, in order.
      name: what it is called in runs.
      label: what it is called in titles and sentences; by default its name.
      formula: its `Formula`, or None for a Python function.
      parameters: numbers that are held fixed, by name.
      domain: (low, high) for each variable, or None where no range is published.
      start: a published start for descents, or None.
      minima: the global minima, as far as they are known.
      source: where the function comes from.
      remark: where it has no gradient, and what else to know.
      fingerprint: changes when the code of a Python function does.
      defaults: the parameters' published values.
      takes_vector: whether `call` takes one tensor `[..., d]` instead.
    """

    call: Callable[..., Any]
    variables: tuple[str, ...]
    name: str = ""
    label: str = ""
    formula: expressions.Formula | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    domain: tuple[tuple[float, float], ...] | None = None
    start: tuple[float, ...] | None = None
    minima: tuple[Minimum, ...] = ()
    source: str = ""
    remark: str = ""
    fingerprint: str = ""
    defaults: Mapping[str, float] = field(default_factory=dict)
    takes_vector: bool = field(default=False, repr=False)
    # Compiled programs live and die with their function; see `program`.
    _programs: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "variables", tuple(self.variables))
        if not self.variables:
            raise ShapeError(
                f"'{self.label or self.name or 'the function'}' has no variables, so nothing to differentiate by."
            )
        if len(set(self.variables)) < len(self.variables):
            raise ShapeError(f"the variables {', '.join(self.variables)} are not distinct.")
        if not self.name:
            object.__setattr__(self, "name", getattr(self.call, "__name__", "function").strip("<>"))
        if not self.label:
            object.__setattr__(self, "label", self.name)
        if not self.defaults:
            object.__setattr__(self, "defaults", dict(self.parameters))

    @classmethod
    def of_formula(
        cls, text: str, dimensions: int | None = None, parameters: Mapping[str, float] | None = None, **known: Any
    ) -> Function:
        """Makes a function of a formula.

        Args:
          text: see `expressions.parse`.
          dimensions: how many variables it must have, or None.
          parameters: values that replace the formula's defaults.
          known: further attributes, such as `name` and `domain`; by default the name is a slug of the formula and a
            hash of its tree, fit for a directory, and the label its plainest spelling.

        Raises:
          FormulaError: the text does not parse.
          ShapeError: the formula has another number of variables, or none.
          OptionError: it has no such parameter.
        """
        formula = expressions.parse(text)
        if dimensions is not None and len(formula.variables) != dimensions:
            raise ShapeError(f"'{text}' has {len(formula.variables)} variables; expected {dimensions}.")
        plain = notation.infix(formula.nodes)[-1]
        normal = repr((formula.variables, formula.parameters, plain))
        known.setdefault("label", known.get("name", plain))
        known.setdefault("name", "_".join(filter(None, [naming.slug(plain), naming.short_hash(normal)])))
        values = expressions.bind(f"'{known['label']}'", dict(formula.parameters), parameters or {})

        def call(*columns: Any, **settings: float) -> Any:
            from tbgrad.functions.interpreters import tensorflow_table

            named = dict(zip(formula.variables, columns, strict=True))
            value = interpret(formula.nodes, tensorflow_table(), {**named, **settings})[-1]
            return value if hasattr(value, "dtype") else value + 0.0 * columns[0]

        defaults = dict(formula.parameters)
        return cls(call, formula.variables, formula=formula, parameters=values, defaults=defaults, **known)

    @classmethod
    def of_vector(cls, call: Callable[[Any], Any], dimensions: int, **known: Any) -> Function:
        """Makes a function of one tensor `[..., dimensions]`; its variables are x0, x1, ..."""
        variables = tuple(f"x{i}" for i in range(dimensions))
        known.setdefault("name", getattr(call, "__name__", "function").strip("<>"))
        return cls(call, variables, takes_vector=True, **known)

    @property
    def dimensions(self) -> int:
        """The number of variables, d."""
        return len(self.variables)

    def __call__(self, position: Any) -> Any:
        """The value `[...]` at a tensor of positions `[..., d]`."""
        if self.takes_vector:
            return self.call(position, **self.parameters)
        import tensorflow as tf

        return self.call(*tf.unstack(position, axis=-1), **self.parameters)

    def with_parameters(self, /, **parameters: float) -> Function:
        """The same function with other parameters.

        Raises:
          OptionError: it has no such parameter, or a value is not finite.
        """
        values = expressions.bind(f"'{self.label}'", self.parameters, parameters)
        for name, value in values.items():
            if not math.isfinite(value):
                raise OptionError(f"parameter '{name}' is {value}; expected a finite number.")
        return dataclasses.replace(self, parameters=values)

    def program(self, key: tuple, build: Callable[[], Any]) -> Any:
        """Returns the compiled program kept under `key`, building it on first use."""
        if key not in self._programs:
            self._programs[key] = build()
        return self._programs[key]

    def known_minima(self) -> tuple[KnownMinimum, ...]:
        """The global minima in numbers, for the present parameters."""
        known = [minimum.known(self.parameters) for minimum in self.minima]
        return tuple(k for k in known if k is not None)

    def subject(self) -> Subject:
        """Describes this function as plain data, for results."""
        return self.program(("subject",), self._describe)

    def _describe(self) -> Subject:
        return Subject(
            name=self.name,
            label=self.label,
            formula=notation.infix(self.nodes)[-1] if self.formula else "",
            mathtext=notation.mathtext(self.nodes) if self.formula else "",
            variables=self.variables,
            parameters=dict(self.parameters),
            changed=tuple(name for name, value in self.parameters.items() if value != self.defaults.get(name)),
            domain=self.domain,
            minima=self.known_minima(),
            remark=self.remark,
        )

    @property
    def nodes(self) -> tuple[expressions.Node, ...]:
        """The formula's nodes in forward order, with numbers for the parameters; empty for a Python function."""
        return expressions.filled_in(self.formula.nodes, self.parameters) if self.formula else ()

    def text(self) -> str:
        """The formula in its plainest spelling, without its head; empty for a Python function."""
        return notation.infix(self.formula.nodes)[-1] if self.formula else ""

    def request(self) -> dict[str, Any]:
        """What makes this function this function, for run.json: equal requests are the same mathematics."""
        asked = {"function": self.name, "variables": list(self.variables), "parameters": dict(self.parameters)}
        return asked | {"formula": self.text(), "fingerprint": self.fingerprint}

    def check_point(self, point: Sequence[float]) -> tuple[float, ...]:
        """Returns a point of this function's space.

        Raises:
          ShapeError: it has another number of coordinates.
        """
        if len(point) != self.dimensions:
            given = f"{len(point)} coordinate{'s'[: len(point) != 1]}"
            raise ShapeError(
                f"the point ({', '.join(map(str, point))}) has {given}; '{self.label}' has "
                f"{self.dimensions}: {', '.join(self.variables)}."
            )
        return tuple(float(x) for x in point)
