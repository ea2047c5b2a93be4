"""`tbgrad grad`: value and gradient at points."""

from __future__ import annotations

from typing import Any

import click

from tbgrad.cli.base import FunctionCommand, echo_json, echo_lines, echo_notes, start_tensorflow
from tbgrad.cli.options import (
    function_argument,
    number_options,
    output_options,
    resolve_function,
    resolve_point,
    seed_tensorflow,
)
from tbgrad.cli.types import POINT
from tbgrad.errors import OptionError


@click.command(cls=FunctionCommand)
@function_argument
@click.option("--at", "points", type=POINT, multiple=True, required=True, help="A point: 2,0 or x=2,y=0. Repeatable.")
@click.option("--by-hand", is_flag=True, help="Show the forward and the backward pass, node by node.")
@number_options
@output_options
def grad(
    function: str,
    parameters: tuple,
    dimensions: int | None,
    points: tuple,
    by_hand: bool,
    dtype: str,
    seed: int,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Print value and gradient of FUNCTION at points. Logs nothing.

    \b
    tbgrad grad ripple --at 2,0 --by-hand
    tbgrad grad 'x^2 + 3*x' --at 1 --at -pi/2
    """
    f = resolve_function(function, parameters, dimensions)
    where = [resolve_point(f, point) for point in points]
    if by_hand:
        if dtype != "float64":
            raise OptionError("the passes by hand compute in float64, as Python does; leave --dtype out.")
        _by_hand(f, where, as_json)
        return
    start_tensorflow(quiet)
    from tbgrad.calculus.derivatives import evaluate
    from tbgrad.calculus.pointwise import notes

    seed_tensorflow(seed)
    result = evaluate(f, where, dtype=dtype)
    if not quiet:
        echo_notes(notes(f))
    rows = list(zip(result.position, result.value, result.gradient, result.finite, strict=True))
    if as_json:
        points_found = [_point(p, v, g, finite) for p, v, g, finite in rows]
        echo_json(
            {"function": result.subject.identity, "variables": f.variables, "dtype": dtype, "points": points_found}
        )
        return
    for position, value, gradient, finite in rows:
        names = ", ".join(f"{n} = {_number(x)}" for n, x in zip(f.variables, position, strict=True))
        echo_lines([f"{f.label} at {names}" + ("" if finite else ": undefined")])
        echo_lines([f"  value     {_number(value)}"])
        echo_lines(f"  ∂/∂{n:<6} {_number(g)}" for n, g in zip(f.variables, gradient, strict=True))


def _number(x: Any) -> str:
    return str(x + 0)


def _point(position: Any, value: Any, gradient: Any, finite: bool) -> dict[str, Any]:
    status = "finite" if finite else "undefined"
    return {"position": position, "value": value, "gradient": gradient, "status": status}


def _by_hand(f: Any, points: list[tuple[float, ...]], as_json: bool) -> None:
    from tbgrad.calculus.backward import backward
    from tbgrad.results.handwriting import written

    results = [backward(f, point) for point in points]
    if not as_json:
        for result in results:
            echo_lines(written(result))
        return
    found = []
    for r in results:
        nodes = [vars(node) for node in r.nodes]
        found.append(_point(r.position, r.value, r.gradient, r.status == "finite") | {"nodes": nodes})
    echo_json({"function": f.subject().identity, "variables": f.variables, "dtype": "float64", "points": found})
