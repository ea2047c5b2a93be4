"""Is a gradient right? Reverse mode held against differences, which know nothing of registered gradients.

Forward mode is no witness: it uses the same registered gradients. Where f is analytic, a complex step sharpens the
digits.

Source: Griewank & Walther (2008), Evaluating Derivatives, section 1; Squire & Trapp (1998), SIAM Review 40(1), 110-112.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.calculus.derivatives import as_points, value_and_gradient
from tbgrad.calculus.differences import STEPS, Ladder, Slopes, central_slopes, climb, one_sided_slopes
from tbgrad.calculus.judging import Evidence, Judgement, judge, suspect
from tbgrad.calculus.kinks import Shape, shapes, trend
from tbgrad.calculus.rounding import Rounded, gradient_rounding, rounding_program
from tbgrad.errors import FunctionCallError, GradientError, NoGradientError, RangeError
from tbgrad.functions.function import Function
from tbgrad.functions.resolving import resolve
from tbgrad.results import CheckVerdict, GradientCheck, PointCheck

# Where a function has no domain, random points are drawn so far from zero.
REACH = 3.0
_TRIES = 20
# Numbers of a block's ladders.
_BLOCK = 2**19
_SAMPLES, _LAST_DIGITS = 8, 4
# A float32 value that is farther off than this, relatively, has lost its digits to rounding or underflow.
_SPOILED = 1e-5
_COMPLEX_STEPS = (2.0**-70, 2.0**-100)
_SHOWN = 10
# Differences resolve a gap where rounding is this many times smaller; within that step the gradient is sampled.
_RESOLVED = 10.0
_SHARES = (-1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0)


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
    position = as_points(f, points, dtype)
    if not len(position):
        raise RangeError(f"there is no point to check '{f.label}' at; expected at least one.")
    reverse = _reverse(f, position)
    exact, witness_dtype = reverse, position.dtype.name
    if witness_dtype == "float32" and not reverse.missing:
        # Where f holds float32 numbers of its own, the witnesses are in float32 too.
        with contextlib.suppress(FunctionCallError):
            exact, witness_dtype = _reverse(f, position.astype(np.float64)), "float64"
    inquiry = _Inquiry(f, reverse, exact, _values(f, witness_dtype), witness_dtype)
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
        defined = np.isfinite(_reverse(f, some.astype(dtype)).value)
        kept = np.concatenate([kept, some[defined]])
        if len(kept) >= count:
            return kept[:count], region + ("" if defined.all() else "; those where it is undefined are left out")
    if not len(kept):
        return drawn[0], f"{region}; it is defined at none of {_TRIES * count:,}"
    return kept, f"{region}; it is defined at {len(kept)} of {_TRIES * count:,}"


@dataclass(frozen=True)
class _Reverse:
    """Value and reverse gradient at points, how much rounding moves the gradient, and why it is missing or ""."""

    position: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    wobble: np.ndarray
    missing: str = ""


def _reverse(f: Function, position: np.ndarray) -> _Reverse:
    try:
        kernel = value_and_gradient(f, position.dtype.name)
        value, gradient = (np.asarray(a) for a in kernel(position))
    except NoGradientError as error:
        value = rounding_program(f, position.dtype.name)(position).value
        nothing = np.full(position.shape, np.nan)
        return _Reverse(position, value, nothing, np.zeros(position.shape), str(error))
    random = np.random.default_rng(0)
    low, high = np.full(gradient.shape, np.inf), np.full(gradient.shape, -np.inf)
    with np.errstate(all="ignore"):
        for _ in range(_SAMPLES):
            digits = random.integers(1, _LAST_DIGITS, size=position.shape, endpoint=True)
            digits = digits * random.choice((-1, 1), size=position.shape) * (position != 0)
            beside = (position + digits * np.spacing(np.abs(position))).astype(position.dtype)
            found = np.asarray(kernel(beside)[1], np.float64)
            # Among neighbours, so that a gradient which is wrong at this very point is not excused by itself.
            low, high = np.fmin(low, found), np.fmax(high, found)
        wobble = high - low
        wobble = np.where(np.isfinite(wobble), wobble, 0.0) + gradient_rounding(f, position)
    return _Reverse(position, value, gradient, wobble)


def _witness(e: Evidence) -> float:
    """The slope by differences: central, or of the side that is there."""
    return {Shape.AHEAD_ONLY: e.ahead, Shape.BEHIND_ONLY: e.behind}.get(e.shape, e.slope)


def _values(f: Function, dtype: str) -> Callable[[np.ndarray], Rounded]:
    """The values that differences are made of, from the very kernel whose gradient is judged."""
    program = rounding_program(f, dtype)
    try:
        kernel = value_and_gradient(f, dtype)
    except NoGradientError:
        return program

    def evaluate(position: np.ndarray) -> Rounded:
        rounded = program(position)
        return Rounded(np.asarray(kernel(position)[0], np.float64), rounded.bound, rounded.hidden)

    return evaluate


def _blocks(n: int, d: int) -> Iterator[slice]:
    """Points in blocks whose ladders fit into memory."""
    size = max(1, _BLOCK // (STEPS * (d + 1)))
    return (slice(start, start + size) for start in range(0, n, size))


@dataclass(frozen=True)
class _Inquiry:
    """One function with the gradient that is judged, the same in float64, and where values come from."""

    f: Function
    reverse: _Reverse
    exact: _Reverse
    values: Callable[[np.ndarray], Rounded]
    dtype: str

    def block(self, some: np.ndarray) -> tuple[list[PointCheck], np.ndarray, np.ndarray]:
        """Judges some of the points: what is said of each, and its steps and errors `[n, k]`."""
        position = self.exact.position[some]
        n, d = position.shape
        # A line across all coordinates sees what the axes do not: the kink of sqrt(|x y|) at the origin.
        across = np.ldexp(1.0, -(np.arange(d) % 3))[None] * np.where(np.arange(d) % 2, -1.0, 1.0)
        lines = np.concatenate([np.eye(d), across]) if d > 1 else np.eye(1)
        with np.errstate(all="ignore"):
            ladder = climb(self.values, position, lines)
            form = shapes(ladder)
            shape, bend = form.shape.reshape(n, -1), form.last.reshape(n, -1)
            axes = (np.arange(n)[:, None] * len(lines) + np.arange(d)).ravel()
            kinks = shape[:, d:].any(axis=1)
            ladder = ladder.lines(axes)
            central = ladder.central()
            slopes = central_slopes(ladder)
            evidence = self._evidence(some, ladder, central, slopes, shape[:, :d], bend[:, :d])
        points, steps, errors = [], [], []
        for i, partials in zip(some, evidence, strict=True):
            row = i - some[0]
            point, worst = self._point(i, partials, slopes, row, ladder, bool(kinks[row]))
            line = row * d + worst
            scale = partials[worst].scale or 1.0
            with np.errstate(all="ignore"):
                errors.append(np.abs(central[line] - self.reverse.gradient[i, worst].astype(np.float64)) / scale)
            steps.append(np.where(np.isfinite(errors[-1]), ladder.step[line], np.nan))
            points.append(point)
        return points, np.array(steps), np.array(errors)

    def _evidence(
        self,
        some: np.ndarray,
        ladder: Ladder,
        central: np.ndarray,
        slopes: Slopes,
        shape: np.ndarray,
        bend: np.ndarray,
    ) -> list[list[Evidence]]:
        """What is known of each partial derivative of each point."""
        n, d = shape.shape
        flat = shape.ravel()
        sides, growing = np.full((2, n * d), np.nan), trend(ladder, central)
        error = slopes.error.copy()
        for side, sign, edge in ((0, 1, Shape.AHEAD_ONLY), (1, -1, Shape.BEHIND_ONLY)):
            lines = np.flatnonzero(np.isin(flat, (edge, Shape.KINK)))
            if len(lines):
                part = ladder.lines(lines)
                found = one_sided_slopes(part, sign)
                sides[side, lines] = found.slope
                alone = flat[lines] == edge
                growing.shape[lines[alone]] = trend(part, part.one_sided(sign)).shape[alone]
                error[lines[alone]] = found.error[alone]
        coarse = self._float32_rounding(some, ladder, slopes)
        complexes = self._complex_slopes(self.exact.position[some]).ravel()
        exact, reverse = self.exact.gradient[some].astype(np.float64), self.reverse.gradient[some].astype(np.float64)
        unsteady = self._unsteady(some, slopes)
        sizes = np.abs(np.stack([exact, slopes.slope.reshape(n, d)]))
        scale = np.where(np.isfinite(sizes), sizes, 0.0).max(axis=(0, 2))
        return [
            [
                Evidence(
                    variable=self.f.variables[j],
                    shape=Shape(int(shape[i, j])),
                    reverse=float(reverse[i, j]),
                    exact=float(exact[i, j]),
                    wobble=float(self.exact.wobble[some[i], j]),
                    reverse_wobble=float(self.reverse.wobble[some[i], j]),
                    slope=float(slopes.slope[i * d + j]),
                    error=float(error[i * d + j]),
                    ahead=float(sides[0, i * d + j]),
                    behind=float(sides[1, i * d + j]),
                    trend=Shape(int(growing.shape[i * d + j])),
                    last=float(growing.last[i * d + j] if shape[i, j] == Shape.SMOOTH else bend[i, j]),
                    unsteady=bool(unsteady[i, j]),
                    in_float32=self.exact is not self.reverse,
                    float32_rounding=float(coarse[i * d + j]),
                    complex_slope=float(complexes[i * d + j]),
                    scale=float(scale[i]),
                )
                for j in range(d)
            ]
            for i in range(n)
        ]

    def _unsteady(self, some: np.ndarray, slopes: Slopes) -> np.ndarray:
        """Where the gradient is suspect: whether it changes on the way to the step at which differences could tell.

        Over a step at which rounding is small beside the gap between both, a steady gradient would show in the
        differences; one that changes within it, as a wave below rounding does, may be right. `[n, d]`.
        """
        n, d = len(some), self.f.dimensions
        position, gradient = self.exact.position[some], self.exact.gradient[some].astype(np.float64)
        slope, error = slopes.slope.reshape(n, d), slopes.error.reshape(n, d)
        found = np.zeros((n, d), dtype=bool)
        doubtful = suspect(gradient, slope, error, self.exact.wobble[some]) & np.isfinite(gradient)
        points, variables = np.nonzero(doubtful)
        if not len(points):
            return found
        gap = np.abs(gradient - slope)[points, variables]
        lines = points * d + variables
        reach = _RESOLVED * slopes.rounding[lines] / gap
        kernel = value_and_gradient(self.f, self.dtype)
        around = []
        for share in _SHARES:
            beside = position[points].copy()
            beside[np.arange(len(points)), variables] += share * reach
            around.append(np.asarray(kernel(beside)[1], np.float64)[np.arange(len(points)), variables])
        changes = ~(np.abs(around - gradient[points, variables]) < gap / 4).all(axis=0)
        # Where all of its neighbours bear the differences out, the gradient is wrong at this very point.
        borne_out = (np.abs(around - slope[points, variables]) < gap / 4).all(axis=0)
        found[points, variables] = changes & ~borne_out
        return found

    def _float32_rounding(self, some: np.ndarray, ladder: Ladder, slopes: Slopes) -> np.ndarray:
        """What float32 may do to slopes, from the rounding at the best step; infinite where it spoils the value."""
        best = np.arange(len(slopes.slope)), np.maximum(slopes.index, 0)
        ratio = np.finfo(np.float32).eps / np.finfo(np.float64).eps
        coarse = np.nan_to_num(ratio * ladder.noise[best] / ladder.step[best], nan=np.inf)
        values = self.reverse.value[some].astype(np.float64), self.exact.value[some].astype(np.float64)
        spoiled = ~np.isclose(*values, rtol=_SPOILED, atol=0.0)
        return np.where(np.repeat(spoiled, self.f.dimensions), np.inf, coarse)

    def _complex_slopes(self, position: np.ndarray) -> np.ndarray:
        """Im f(x + i h) / h along each coordinate, where two steps give the same; NaN elsewhere. `[n, d]`."""
        n, d = position.shape
        if not self.f.analytic:
            return np.full((n, d), np.nan)
        found = []
        for h in _COMPLEX_STEPS:
            steps = h * np.maximum(1.0, np.abs(position.astype(np.float64)))
            displaced = position[:, None, :] + 1j * steps[:, None, :] * np.eye(d)
            found.append(self.f.numpy_value(displaced).imag / steps)
        return np.where(np.isclose(*found, rtol=1e-9, atol=0.0), found[1], np.nan)

    def _point(
        self, i: int, partials: Sequence[Evidence], slopes: Slopes, row: int, ladder: Ladder, kink: bool
    ) -> tuple[PointCheck, int]:
        """What is said of a point, and the index of the variable that it is about."""
        d = len(partials)
        judged = [self._judgement(i, e, kink) for e in partials]
        worst = min(range(d), key=lambda j: (judged[j].verdict.rank, judged[j].digits))
        lines, e = slice(row * d, (row + 1) * d), partials[worst]
        index = slopes.index[row * d + worst]
        larger, off = max(abs(e.reverse), abs(_witness(e))), abs(e.reverse - _witness(e))
        relative = off / larger if larger else off
        return PointCheck(
            position=self.reverse.position[i],
            value=float(self.reverse.value[i]),
            verdict=judged[worst].verdict,
            reverse=self.reverse.gradient[i],
            differences=np.array([_witness(e) for e in partials]),
            uncertainty=slopes.error[lines],
            variable=e.variable,
            step=float(ladder.step[row * d + worst, index]) if index >= 0 else float("nan"),
            error=float(relative),
            digits=judged[worst].digits,
            cause=judged[worst].cause,
        ), worst

    def _judgement(self, i: int, e: Evidence, kink: bool) -> Judgement:
        for reverse in (self.reverse, self.exact):
            if not np.isfinite(reverse.value[i]):
                value, dtype = reverse.value[i], reverse.position.dtype.name
                said = "NaN" if np.isnan(value) else "infinite, as at a pole or beyond the floats"
                where = " in float32" if dtype == "float32" else ""
                return Judgement(CheckVerdict.UNDEFINED, 0.0, f"the value is {said}{where}")
        program = rounding_program(self.f, self.dtype)
        found = judge(e, branches=bool(program.kinds & {"Select", "SelectV2"}))
        if self.reverse.missing and found.verdict in (CheckVerdict.DISAGREES, CheckVerdict.AGREES):
            return Judgement(CheckVerdict.DISAGREES, 0.0, self.reverse.missing)
        if found.verdict == CheckVerdict.DISAGREES and kink and not np.isfinite(e.exact):
            return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, "a kink across the coordinates")
        return found
