"""A landscape of a function of many variables, a network's loss say, with a training's path on it, into a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import check_function
from tbgrad.calculus.landscapes import landscape
from tbgrad.errors import UndefinedError
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.experiments.surfaces import describe_surface
from tbgrad.experiments.sweeps import describe_sweep
from tbgrad.functions.function import Function
from tbgrad.functions.restrictions import restrict
from tbgrad.results import Plane, Surface, Sweep
from tbgrad.summaries import summarize

POINTS = 41
_ROWS_AT_ONCE = 64


def log_landscape(
    f: Function,
    plane: Plane,
    place: Place,
    *,
    over: Sequence[tuple[str, float, float]] | None = None,
    points: int = POINTS,
    path: Any = None,
    steps: Any = None,
    gradients: bool = True,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Computes a landscape and logs it; arguments and errors as in `calculus.landscapes.landscape` and `launch`.

    The run is called `<function>/landscape/<coordinates>_<hash>`, for no setting says what a plane is. The same
    function, plane, path and settings again find the complete run.

    Raises:
      UndefinedError: f is defined nowhere on the grid.
    """
    check_function(f)
    asked = {"command": "landscape", **restrict(f, plane).request(), "of": f.request(), "over": over, "points": points}
    asked |= {"path": _content(path), "steps": _content(steps), "gradients": gradients}
    asked |= {"caption": plane.caption, "axes": plane.axes, "dtype": dtype, "seed": seed}
    fixed = f"landscape/{'-'.join(naming.word(name) for name in plane.names)}"
    settings = [("plane", ""), *conditions.common(dtype, seed)]
    name = naming.run_name(f.name, fixed, settings, asked, hashed=True)

    def work() -> Product:
        found = landscape(f, plane, over=over, points=points, path=path, steps=steps, gradients=gradients, dtype=dtype)
        if not np.isfinite(found.value).any():
            raise UndefinedError(f"{f.label} is not defined anywhere on {found.where}: choose other ranges.")
        arrays = _arrays(found)
        report = {"function": f.name, "caption": found.subject.caption, "where": found.where, **arrays}
        report |= {"explained": found.trail.explained} if found.trail is not None else {}
        lines = describe_surface(found) if isinstance(found, Surface) else describe_sweep(found)
        lines = [*lines, *_path_lines(found), found.subject.caption]
        return Product(summarize(found), arrays, report, lines, notes=pointwise.notes(f))

    return launch(place, name, asked, work)


def _arrays(found: Surface | Sweep) -> dict[str, np.ndarray]:
    """The landscape at full precision, and its path."""
    if isinstance(found, Surface):
        names = ["x", "y", "value", *(["gradient"] if found.has_gradients else [])]
    else:
        names = ["coordinate", "value", "slope"]
    arrays = {name: getattr(found, name) for name in names}
    if found.trail is None:
        return arrays
    return arrays | {f"path_{name}": getattr(found.trail, name) for name in ("at", "value", "step", "off")}


def _path_lines(found: Surface | Sweep) -> list[str]:
    trail = found.trail
    if trail is None:
        return []
    ends = f"its own value is {trail.value[0]:.6g} at step {trail.step[0]:,} and {trail.value[-1]:.6g} at the end"
    return [f"path to step {trail.step[-1]:,}: {trail.words}; {ends}"]


def _content(array: Any) -> str | None:
    """What tells one path from another; a memory map is read in parts."""
    if array is None:
        return None
    array = np.asanyarray(array)
    digest = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    for first in range(0, len(array), _ROWS_AT_ONCE):
        digest.update(np.ascontiguousarray(array[first : first + _ROWS_AT_ONCE]).tobytes())
    return digest.hexdigest()[:16]
