"""What is differentiated: a call with its variables, and what is known about it.

This module must not import TensorFlow: the catalogue is listed and completed without it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.errors import NoFormulaError, ShapeError
from tbgrad.functions import computing, expressions, notation, typesetting
from tbgrad.functions.expansion import expand
from tbgrad.functions.families import Family
from tbgrad.functions.minima import Minimum
from tbgrad.results import KnownMinimum, Subject
from tbgrad.results.subjects import Numbered

# Of a coordinate: beyond it the arithmetic of distances and pictures overflows.
FARTHEST = 1e100


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
      parameters: numbers that are held fixed, by name; an int where the default of a Python function is one.
      domain: (low, high) for each variable, or None where no range is published.
      start: a published start for descents, or None.
      minima: the global minima, as far as they are known.
      source: where the function comes from.
      kinks: where it is not differentiable, as a sentence.
      remark: what else to know.
      fingerprint: changes when the code of a Python function does.
      defaults: the parameters' published values.
      takes_vector: whether `call` takes one tensor `[..., d]` instead.
      sized_by_parameters: whether it has as many variables as its formula comes to with its parameters.
      family: how it is made in other numbers of variables, or None.
      breadth: into how many numbers it turns each point, if they are more than the point's own; so many fewer points
        are computed at once.
      takes_one_point: whether `call` takes one tensor `[d]` and gives a number, and nothing is gained by computing
        several points at once: each is computed after the other, in the memory of one.
      precision: the dtype that it computes in, whatever dtype it is asked for in; or empty.
      caption: under which conditions it is shown, for a line in each picture: what was normalised, of which data.
    """

    call: Callable[..., Any]
    variables: tuple[str, ...] | Numbered
    name: str = ""
    label: str = ""
    formula: expressions.Formula | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    domain: tuple[tuple[float, float], ...] | None = None
    start: tuple[float, ...] | None = None
    minima: tuple[Minimum, ...] = ()
    source: str = ""
    kinks: str = ""
    remark: str = ""
    fingerprint: str = ""
    defaults: Mapping[str, float] = field(default_factory=dict)
    takes_vector: bool = field(default=False, repr=False)
    sized_by_parameters: bool = field(default=False, repr=False)
    family: Family | None = field(default=None, repr=False)
    breadth: int = field(default=0, repr=False)
    takes_one_point: bool = field(default=False, repr=False)
    precision: str = field(default="", repr=False)
    caption: str = field(default="", repr=False)
    # Compiled programs live and die with their function; see `program`.
    _programs: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.variables, Numbered):
            object.__setattr__(self, "variables", tuple(self.variables))
        if not self.variables:
            raise ShapeError(
                f"'{self.label or self.name or 'the function'}' has no variables, so nothing to differentiate by."
            )
        if not isinstance(self.variables, Numbered) and len(set(self.variables)) < len(self.variables):
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
          dimensions: how many variables it has; by default 2 for a formula of any dimension, else what it says.
          parameters: values that replace the formula's defaults.
          known: further attributes, such as `name` and `domain`; by default the name is a slug of the formula and a
            hash of its tree, fit for a directory, and the label its plainest spelling.

        Raises:
          FormulaError: the text does not parse, or not in so many variables.
          ShapeError: the formula has another number of variables, or none.
          OptionError: it has no such parameter, or a value is not finite.
        """
        formula = expressions.parse(text)
        plain = notation.infix(formula.nodes)[-1]
        normal = repr((formula.variables, formula.parameters, plain))
        known.setdefault("label", known.get("name", plain))
        known.setdefault("name", "_".join(filter(None, [naming.slug(plain), naming.short_hash(normal)])))
        defaults = dict(formula.parameters)
        values = expressions.bind(f"'{known['label']}'", defaults, parameters or {})
        # What is known of a function holds in its own number of variables.
        may_resize = not {"domain", "start", "minima"} & known.keys()
        says_its_size = bool(formula.vector) and dimensions is None and not formula.is_of_any_dimension
        dimensions = computing.dimensions(formula, dimensions, values)
        expand(formula, dimensions, values)
        if formula.is_of_any_dimension and may_resize:
            make = functools.partial(cls.of_formula, text, parameters=parameters, **known)
            known.setdefault("family", Family(make))

        known |= {
            "sized_by_parameters": may_resize and says_its_size,
            "parameters": values,
            "defaults": defaults,
            "takes_vector": bool(formula.vector),
        }
        variables = computing.variables(formula, dimensions)
        return cls(computing.tensorflow_call(formula, dimensions), variables, formula=formula, **known)

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
        import tensorflow as tf

        if self.takes_one_point and position.shape.rank != 1:
            flat = tf.reshape(position, [-1, self.dimensions])
            values = tf.map_fn(self.call, flat, parallel_iterations=1)
            return tf.reshape(values, tf.shape(position)[:-1])
        if self.takes_vector:
            return self.call(position, **self.parameters)
        return self.call(*tf.unstack(position, axis=-1), **self.parameters)

    def with_parameters(self, /, **parameters: float) -> Function:
        """The same function with other parameters; in more or fewer variables where its formula then has so many.

        Raises:
          OptionError: it has no such parameter, or a value is not finite.
          FormulaError: the formula cannot be written with these parameters.
        """
        values = expressions.bind(f"'{self.label}'", self.parameters, parameters, self.defaults)
        made = dataclasses.replace(self, parameters=values)
        if not self.sized_by_parameters:
            return made
        d = computing.dimensions(self.formula, None, values)
        call, variables = computing.tensorflow_call(self.formula, d), computing.variables(self.formula, d)
        return dataclasses.replace(made, call=call, variables=variables)

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
            mathtext=typesetting.mathtext(self.nodes) if self.formula else "",
            variables=self.variables,
            parameters=dict(self.parameters),
            changed=tuple(name for name, value in self.parameters.items() if value != self.defaults.get(name)),
            domain=self.domain,
            minima=self.known_minima(),
            remark=" ".join(filter(None, [self.kinks, self.remark])),
            resized=self.resized,
            caption=self.caption,
        )

    @property
    def resized(self) -> bool:
        """Whether it has another number of variables than it usually has."""
        return self.family is not None and self.dimensions != self.family.dimensions

    def with_dimensions(self, dimensions: int | None) -> Function:
        """The same function in this many variables; as it is for None.

        Raises:
          ShapeError: it has no such form.
        """
        if dimensions in (None, self.dimensions):
            return self
        if self.family is None:
            count = f"{self.dimensions} variable{'s'[: self.dimensions > 1]}"
            raise ShapeError(f"'{self.label}' has {count} ({naming.listed(self.variables)}); expected {dimensions}.")
        if not self.family.has(dimensions):
            raise ShapeError(f"'{self.label}' has no form in {dimensions} variables; expected {self.family.numbers}.")
        changed = {name: value for name, value in self.parameters.items() if value != self.defaults.get(name)}
        made = dataclasses.replace(self.family.make(dimensions), family=self.family)
        return made.with_parameters(**changed) if changed else made

    def numpy_value(self, position: np.ndarray) -> np.ndarray:
        """The formula's value by NumPy: real or complex `[..., d]` in, `[...]` out.

        Raises:
          NoFormulaError: it is a Python function.
        """
        if self.formula is None:
            raise NoFormulaError(f"'{self.label}' is a Python function; NumPy computes formulas.")
        return computing.numpy_value(self.formula, self.parameters, np.asarray(position))

    @property
    def analytic(self) -> bool:
        """Whether it is a formula all of whose operations are analytic, also with complex arguments."""
        return self.formula is not None and computing.is_analytic(self.formula, self.dimensions, self.parameters)

    @property
    def nodes(self) -> tuple[expressions.Node, ...]:
        """The formula's nodes in forward order, with numbers for the parameters; empty for a Python function."""
        return expressions.filled_in(self.formula.nodes, self.parameters) if self.formula else ()

    @property
    def nodes_by_hand(self) -> tuple[expressions.Node, ...]:
        """The same with sums and products written out term by term, in its own variables."""
        return expand(self.formula, self.dimensions, self.parameters, by_hand=True) if self.formula else ()

    def text(self) -> str:
        """The formula in its plainest spelling, without its head; empty for a Python function."""
        return notation.infix(self.formula.nodes)[-1] if self.formula else ""

    def request(self) -> dict[str, Any]:
        """What makes this function this function, for run.json: equal requests are the same mathematics."""
        named = self.variables
        names = [named[0], "...", named[-1]] if isinstance(named, Numbered) else list(named)
        asked = {"function": self.name, "variables": names, "parameters": dict(self.parameters)}
        return asked | {"formula": self.text(), "fingerprint": self.fingerprint}

    def check_point(self, point: Sequence[float]) -> tuple[float, ...]:
        """Returns a point of this function's space.

        Raises:
          ShapeError: it has another number of coordinates.
        """
        if len(point) != self.dimensions:
            given = f"{len(point)} coordinate{'s'[: len(point) != 1]}"
            may_be_vector = self.formula is None and self.dimensions == 1
            in_reach = self.family.has(len(point)) if self.family else may_be_vector
            hint = f" --dimensions {len(point)} makes it so many." if in_reach else ""
            raise ShapeError(
                f"the point ({naming.listed(point)}) has {given}; '{self.label}' has "
                f"{self.dimensions}: {naming.listed(self.variables)}.{hint}"
            )
        return tuple(float(x) for x in point)
