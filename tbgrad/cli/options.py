"""Options that several commands share, and what their values mean together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tbgrad import naming
from tbgrad.cli.base import start_tensorflow
from tbgrad.cli.types import ASSIGNMENT, FUNCTION, OPTIMIZER, RATE, SETTING, LogdirType
from tbgrad.errors import OptionError, ShapeError, nearest

if TYPE_CHECKING:
    from tbgrad.descent.optimizers import Optimizer
    from tbgrad.functions.function import Function


def _all(*decorators: Callable) -> Callable:
    def decorate(function: Callable) -> Callable:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


function_argument = _all(
    click.argument("function", type=FUNCTION),
    click.option("--set", "parameters", type=ASSIGNMENT, multiple=True, help="Set a parameter of the function: b=10."),
    click.option(
        "--dimensions",
        type=int,
        metavar="N",
        help="How many variables, for functions of any dimension (2 by default) and Python functions of one vector.",
    ),
)


def optimizer_options(default: str) -> Callable:
    """Which optimizer, with what rate and settings; `chosen_optimizer` makes one of them."""
    return _all(
        click.option(
            "--optimizer", type=OPTIMIZER, default=default, show_default=True, help="Any Keras optimizer, by name."
        ),
        click.option(
            "--learning-rate", type=RATE, default="auto", show_default=True, help="A positive number, or auto."
        ),
        settings_option,
    )


settings_option = click.option(
    "--option", "settings", type=SETTING, multiple=True, help="Pass to the Keras optimizer: momentum=0.9. Repeatable."
)

logdir_option = click.option(
    "--logdir",
    type=LogdirType(path_type=Path),
    default=Path("logs"),
    envvar="TBGRAD_LOGDIR",
    show_default=True,
    show_envvar=True,
    help="Where runs go; the tour owns LOGDIR/tour.",
)

logging_options = _all(
    logdir_option,
    click.option("--run", metavar="NAME", help="Name the run, below the log directory, instead of the rule's name."),
    click.option("--overwrite", is_flag=True, help="Replace the run that has this name."),
)

output_options = _all(
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("--quiet", is_flag=True, help="No progress and no notes on stderr."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)

number_options = _all(
    click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default=True,
        help="Of random starts and noise, and of random operations in a Python function.",
    ),
)


def resolve_function(
    text: str, parameters: Sequence[tuple[str, float]] = (), dimensions: int | None = None
) -> Function:
    """The function that is meant, in this many variables, with its parameters set."""
    from tbgrad.functions.resolving import resolve

    if ":" in text:
        # A user's file imports TensorFlow itself, and should find it quiet.
        start_tensorflow()
    f = resolve(text, dimensions)
    return f.with_parameters(**once("--set", parameters)) if parameters else f


def chosen_optimizer(name: str, learning_rate: float | str, settings: Sequence[tuple[str, Any]]) -> Optimizer:
    """The optimizer that these options ask for.

    Raises:
      OptionError: a setting is given twice, or is the learning rate.
    """
    from tbgrad.descent.optimizers import Optimizer

    if "learning_rate" in dict(settings):
        raise OptionError("learning_rate is set by --learning-rate, not by --option.")
    return Optimizer(name, learning_rate, **once("--option", settings))


def once(option: str, settings: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Settings by name.

    Raises:
      OptionError: a name is set twice.
    """
    by_name = dict(settings)
    if len(by_name) < len(settings):
        twice = next(name for name, _ in settings if [n for n, _ in settings].count(name) > 1)
        raise OptionError(f"{option} sets {twice} twice.")
    return by_name


def resolve_point(f: Function, point: tuple[float, ...] | Mapping[str, float]) -> tuple[float, ...]:
    """A point of the function's space, from coordinates in order or by name.

    Raises:
      ShapeError: it has another number of coordinates, or other names.
    """
    if not isinstance(point, Mapping):
        return f.check_point(point)
    for name in point:
        if name not in f.variables:
            known = ", ".join(f.variables)
            raise ShapeError(f"'{f.label}' has no variable '{name}'; it has {known}.{nearest(name, f.variables)}")
    missing = [name for name in f.variables if name not in point]
    if missing:
        raise ShapeError(f"the point lacks {naming.listed(missing)}; '{f.label}' has {naming.listed(f.variables)}.")
    return f.check_point([point[name] for name in f.variables])


def seed_tensorflow(seed: Any) -> None:
    """Seeds TensorFlow's random operations."""
    import tensorflow as tf

    tf.random.set_seed(seed)
