"""Is a gradient right? Reverse mode held against differences, which know nothing of registered gradients.

Forward mode is no witness: it uses the same registered gradients. Where f is analytic, a complex step sharpens the
digits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import as_points
from tbgrad.calculus.evidence.inquiries import Inquiry
from tbgrad.calculus.evidence.ladders import STEPS
from tbgrad.calculus.evidence.reverse import reverse_gradient, values_for_differences
from tbgrad.errors import FunctionCallError, GradientError, RangeError
from tbgrad.functions.function import Function
from tbgrad.functions.resolving import resolve
from tbgrad.results import CheckVerdict, GradientCheck

# Where a function has no domain, random points are drawn so far from zero.
REACH = 3.0
_TRIES = 20
# Numbers of a block's ladders.
_BLOCK = 2**19
_SHOWN = 10


def check_gradient(f: Any, points: Any, *, dtype: str | None = None, region: str = "") -> GradientCheck:
    """Holds the reverse gradient against differences at points.

    For each variable: central differences over a ladder of step sizes, extrapolated, with their own uncertainty;
    one-sided slopes; a complex step where f is analytic. In float32 the gradient is held against differences in
    float64 where f can be called so.

    Args:
      f: `Function` of d variables, or what `resolve` takes.
      points: array `[n, d]`, n ≥ 1.
      dtype: `float64` or `float32`; by default that of `points` where it is one of them, else `float64`.
      region: where the points come from, in words, for titles.

    Returns:
      `GradientCheck`. Its verdict is `disagrees` only where the gradient is farther from the differences than
      truncation and rounding explain. A point where no difference has a digit counts as `agrees` with 0 digits, and
      its cause says so. At the edge of the domain the slope of the defined side counts.

    Raises:
      ShapeError: `points` is not `[n, d]`.
      RangeError: there are no points, or dtype is something else.
      FunctionCallError: f raised an error, or gives another shape than it should.
    """
    f = resolve(f)
    # What computes in float32 whatever it is given cannot be held against differences in float64.
    position = as_points(f, points, f.precision or dtype)
    if not len(position):
        raise RangeError(f"there is no point to check '{f.label}' at; expected at least one.")
    reverse = reverse_gradient(f, position)
    exact, witness_dtype = reverse, position.dtype.name
    if witness_dtype == "float32" and not reverse.missing and not f.precision:
        # Where f holds float32 numbers of its own, the witnesses are in float32 too.
        with contextlib.suppress(FunctionCallError):
            exact, witness_dtype = reverse_gradient(f, position.astype(np.float64)), "float64"
    values = values_for_differences(f, witness_dtype, reverse.missing)
    inquiry = Inquiry(f, reverse, exact, values, witness_dtype)
    parts = [inquiry.block(np.arange(len(position))[some]) for some in _blocks(*position.shape)]
    found = [point for block, _, _ in parts for point in block]
    step, error = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    return GradientCheck(f.subject(), position.dtype.name, tuple(found), step, error, region)


def assert_gradient(f: Any, points: Any, *, dtype: str | None = None) -> None:
    """Raises where the gradient of f disagrees with differences: `check_gradient` for a test suite.

    A kink is no wrong gradient, and a point where f is undefined has none: neither raises.

    Args:
      f: `Function`, callable, formula, name or import path.
      points: array `[n, d]`.
      dtype: as in `check_gradient`.

    Raises:
      GradientError: at some point the gradient disagrees; the message lists the worst points with their causes.
    """
    check = check_gradient(f, points, dtype=dtype)
    wrong = [check.points[i] for i in check.worst_first if check.points[i].verdict == CheckVerdict.DISAGREES]
    if not wrong:
        return
    count = f"{len(wrong)} of {len(check.points)} point{'s'[: len(check.points) != 1]}"
    lines = [f"the gradient of '{check.subject.label}' disagrees with differences at {count}:"]
    for point in wrong[:_SHOWN]:
        place = ", ".join(f"{n} = {x:.10g}" for n, x in zip(check.subject.variables, point.position, strict=True))
        lines.append(f"  {place}: {point.cause}")
    if len(wrong) > _SHOWN:
        lines.append(f"  ... and {len(wrong) - _SHOWN} more")
    raise GradientError("\n".join(lines))


def draw_points(f: Function, count: int, seed: int = 0, dtype: str = "float64") -> tuple[np.ndarray, str]:
    """Random points of f's domain, uniformly; without a domain from -3 to 3, where f is defined.

    Args:
      f: `Function` of d variables.
      count: how many, at least 1.
      seed: of the draw.
      dtype: in which f is asked where it is defined.

    Returns:
      float64 `[count, d]`, and the region in words. Where f is defined nowhere among 20 × count draws, the first
      ones.

    Raises:
      RangeError: count is too small.
    """
    if count < 1:
        raise RangeError(f"points is {count}; expected at least 1.")
    random = np.random.default_rng(seed)
    if f.domain is not None:
        low, high = np.array(f.domain, dtype=np.float64).T
        return random.uniform(low, high, size=(count, f.dimensions)), "random points of its domain"
    region = f"random points with every variable from -{REACH:g} to {REACH:g}, as no domain is known"
    drawn = random.uniform(-REACH, REACH, size=(_TRIES, count, f.dimensions))
    kept = np.empty((0, f.dimensions))
    for some in drawn:
        defined = np.isfinite(reverse_gradient(f, some.astype(dtype)).value)
        kept = np.concatenate([kept, some[defined]])
        if len(kept) >= count:
            return kept[:count], region + ("" if defined.all() else "; those where it is undefined are left out")
    if not len(kept):
        return drawn[0], f"{region}; it is defined at none of {_TRIES * count:,}"
    return kept, f"{region}; it is defined at {len(kept)} of {_TRIES * count:,}"


def _blocks(n: int, d: int) -> Iterator[slice]:
    """Points in blocks whose ladders fit into memory."""
    size = max(1, _BLOCK // (STEPS * (d + 1)))
    return (slice(start, start + size) for start in range(0, n, size))
